//! Real ones take the figures of minutes: what InfluxDB and VictoriaMetrics answer is what the rows say, of InfluxDB also
//! when a minute has been made again.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use testkit::programs::{Program, find};
use testkit::server::{Server, free_tcp_port, send_udp, wait};

use crate::options;
use crate::outputs::influxdb::{PATIENCE, an_hour_ago, calls};

const LATEST: &str =
    "(SELECT *, max(received) OVER (PARTITION BY ts) AS latest FROM kpi_1m) WHERE received = latest";

#[test]
fn live_influxdb_and_victoriametrics_have_the_figures_of_the_rows() -> Result<()> {
    let (Some(influxd), Some(victoria)) = (find("influxd")?, find("victoria-metrics")?) else {
        return Ok(());
    };
    let folder = tempfile::tempdir()?;
    let influx = InfluxDb::start(&influxd, folder.path())?;
    let victoria = VictoriaMetrics::start(&victoria, folder.path())?;
    let config = folder.path().join("rhapsode.toml");
    std::fs::write(
        &config,
        format!(
            "[calls]\nminute_after_seconds = 1\n\
             [[output]]\nname = \"influx\"\nkind = \"influxdb\"\nurl = \"http://127.0.0.1:{}\"\n\
             database = \"voip\"\nuser = \"rhapsode\"\npassword = \"secret\"\nretry_seconds_max = 1\n\
             [[output]]\nname = \"victoria\"\nkind = \"influxdb\"\nurl = \"http://127.0.0.1:{}\"\n\
             database = \"voip\"\ngroups = [\"all\", \"trunk\", \"prefix\", \"status\"]\n",
            influx.port, victoria.port
        ),
    )?;
    let server = Server::start(options(&folder)?.argument("--config").argument(&config.to_string_lossy()))?;
    let begin = an_hour_ago()?;
    send_udp(&server.options.hep_udp, &calls(begin, 0..12)?)?;

    // Nothing is lost of what comes before the database is there.
    let mut last = Value::Null;
    let is_failing = wait(PATIENCE, || {
        last = output(&server, "influx")?;
        Ok(last["state"] == "failing")
    })?;
    let problem = last["problem"].as_str().unwrap_or_default();
    ensure!(is_failing && problem.contains("database not found"), "{last}");
    influx.ask("CREATE DATABASE voip")?;
    check(&server, &influx, &victoria, 12)?;

    // Minutes that are made again take the place of those before.
    send_udp(&server.options.hep_udp, &calls(begin, 12..15)?)?;
    check(&server, &influx, &victoria, 15)?;
    for name in ["influx", "victoria"] {
        let output = output(&server, name)?;
        ensure!(output["state"] == "working" && output["dropped"] == serde_json::json!({}), "{output}");
        ensure!(output["taken"] == output["sent"] && output["unseen"] == 0, "{output}");
    }
    Ok(())
}

/// Waits until so many calls are there, and what InfluxDB has is what the latest versions of the rows say.
fn check(server: &Server, influx: &InfluxDb, victoria: &VictoriaMetrics, calls: u64) -> Result<()> {
    let mut last = None;
    let is_alike = wait(PATIENCE, || {
        last = difference(server, influx, victoria, calls)?;
        Ok(last.is_none())
    })?;
    ensure!(is_alike, "with {calls} calls, {}", last.unwrap_or_default());
    // A sketch is within one percent of the second that it took.
    let pdd =
        influx.value("SELECT max(failed_pdd_p95_seconds) FROM rhapsode_kpi_1m WHERE grouped_by = 'all'")?;
    ensure!((0.99..=1.01).contains(&pdd), "{pdd}");
    Ok(())
}

fn difference(
    server: &Server,
    influx: &InfluxDb,
    victoria: &VictoriaMetrics,
    calls: u64,
) -> Result<Option<String>> {
    let attempts = influx.sum("attempts", "grouped_by", "all")?;
    if attempts != calls as f64 {
        return Ok(Some(format!("InfluxDB has {attempts}")));
    }
    for (field, sql) in [
        ("attempts", "sum(attempts)"),
        ("answered_calls", "sum(answered_calls)"),
        ("effective", "sum(effective)"),
        ("messages", "sum(messages)"),
        ("talk_seconds", "CAST(sum(talk) / 1000000 AS BIGINT)"),
    ] {
        for (tag, value) in
            [("grouped_by", "all"), ("src_ip", "192.0.2.1"), ("src_ip", "192.0.2.2"), ("group_key", "486")]
        {
            let rows =
                server.count(&format!("SELECT {sql} AS n FROM {LATEST} AND {tag} = '{value}'"))? as f64;
            let told = (influx.sum(field, tag, value)?, victoria.sum(field, tag, value)?);
            // VictoriaMetrics may keep an older version of a minute, which has less.
            let is_some_version = told.1 <= rows && (told.1 > 0.0) == (rows > 0.0);
            if told.0 != rows || !is_some_version {
                return Ok(Some(format!("{field} of {tag} {value} is {told:?}, and {rows} by the rows")));
            }
        }
    }
    Ok(None)
}

fn output(server: &Server, name: &str) -> Result<Value> {
    let status = server.get("/api/v1/status")?;
    let outputs = status["outputs"].as_array().context("outputs")?;
    outputs.iter().find(|output| output["name"] == name).cloned().context("the output")
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).build().into()
}

/// An InfluxDB 1.x that asks who comes, without a database. Ended when dropped.
struct InfluxDb {
    program: Program,
    port: u16,
}

impl InfluxDb {
    fn start(program: &Path, folder: &Path) -> Result<Self> {
        let (port, backup) = (free_tcp_port()?, free_tcp_port()?);
        let data = folder.join("influxdb");
        let mut command = Command::new(program);
        command.args(["run", "-config", "/dev/null"]);
        for (name, value) in [
            ("HTTP_BIND_ADDRESS", format!("127.0.0.1:{port}")),
            ("HTTP_AUTH_ENABLED", "true".to_owned()),
            ("BIND_ADDRESS", format!("127.0.0.1:{backup}")),
            ("META_DIR", data.join("meta").display().to_string()),
            ("DATA_DIR", data.join("data").display().to_string()),
            ("DATA_WAL_DIR", data.join("wal").display().to_string()),
            ("MONITOR_STORE_ENABLED", "false".to_owned()),
            ("REPORTING_DISABLED", "true".to_owned()),
        ] {
            command.env(format!("INFLUXDB_{name}"), value);
        }
        let influx = Self { program: Program::start("influxd", command, folder)?, port };
        let create = "CREATE USER rhapsode WITH PASSWORD 'secret' WITH ALL PRIVILEGES";
        let is_there = wait(Duration::from_secs(60), || Ok(influx.ask(create).is_ok()))?;
        ensure!(is_there, "{}", influx.program.printed());
        Ok(influx)
    }

    fn ask(&self, query: &str) -> Result<Value> {
        let request = agent().post(format!("http://127.0.0.1:{}/query", self.port));
        let request = request.query("u", "rhapsode").query("p", "secret").query("db", "voip");
        let answer: Value = request.query("q", query).send_empty()?.body_mut().read_json()?;
        ensure!(answer["error"].is_null() && answer["results"][0]["error"].is_null(), "{query}: {answer}");
        Ok(answer)
    }

    /// Zero, if there is nothing.
    fn value(&self, query: &str) -> Result<f64> {
        let answer = self.ask(query)?;
        let value = &answer["results"][0]["series"][0]["values"][0][1];
        if value.is_null() { Ok(0.0) } else { value.as_f64().with_context(|| format!("{answer}")) }
    }

    fn sum(&self, field: &str, tag: &str, value: &str) -> Result<f64> {
        self.value(&format!("SELECT sum({field}) FROM rhapsode_kpi_1m WHERE {tag} = '{value}'"))
    }
}

/// A VictoriaMetrics that keeps one sample of a time, as docs/outputs.md advises. Ended when dropped.
struct VictoriaMetrics {
    program: Program,
    port: u16,
}

impl VictoriaMetrics {
    fn start(program: &Path, folder: &Path) -> Result<Self> {
        let port = free_tcp_port()?;
        let mut command = Command::new(program);
        command
            .arg(format!("-storageDataPath={}", folder.join("victoria").display()))
            .arg(format!("-httpListenAddr=127.0.0.1:{port}"))
            .arg("-dedup.minScrapeInterval=1ms");
        let victoria = Self { program: Program::start("victoria-metrics", command, folder)?, port };
        let is_there = wait(Duration::from_secs(60), || Ok(victoria.sum("attempts", "db", "voip").is_ok()))?;
        ensure!(is_there, "VictoriaMetrics does not answer: {}", victoria.program.printed());
        Ok(victoria)
    }

    /// Of all samples of the series with this label.
    fn sum(&self, field: &str, label: &str, value: &str) -> Result<f64> {
        let series = format!("rhapsode_kpi_1m_{field}{{db=\"voip\",{label}=\"{value}\"}}");
        let request = agent().get(format!("http://127.0.0.1:{}/api/v1/export", self.port));
        let mut answer = request.query("match[]", &series).call()?;
        ensure!(answer.status() == 200, "{}", answer.status());
        let mut sum = 0.0;
        for line in answer.body_mut().read_to_string()?.lines() {
            let series: Value = serde_json::from_str(line)?;
            let values = series["values"].as_array().with_context(|| format!("values in {series}"))?;
            sum += values.iter().filter_map(Value::as_f64).sum::<f64>();
        }
        Ok(sum)
    }
}
