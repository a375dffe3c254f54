//! A real Prometheus scrapes the built server while lifelike traffic comes in: the page is one that it takes, in both
//! formats; its figures are those of the rows; and every question of the boards for Grafana has an answer.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use testkit::programs::{Program, find};
use testkit::recordings::repository;
use testkit::server::{Server, free_tcp_port, post_ingest, send_udp, wait};

use crate::{BINARY, options};

const BOARDS: [&str; 2] = ["ingest.json", "calls.json"];

/// The last message of a call without an answer, and the 64*T1 until it counts, and scrapes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(150);

#[test]
fn live_prometheus_scrapes_and_every_board_has_data() -> Result<()> {
    let (Some(prometheus), Some(promtool)) = (find("prometheus")?, find("promtool")?) else { return Ok(()) };
    let folder = tempfile::tempdir()?;
    let config = folder.path().join("rhapsode.toml");
    std::fs::write(&config, "[storage]\nsettle_seconds = 1\n[metrics]\nheplify_names = true\n")?;
    let options = options(&folder)?.argument("--config").argument(&config.to_string_lossy());
    let server = Server::start(options)?;
    let prometheus = Prometheus::start(&prometheus, &server, folder.path())?;
    // It has seen zero before anything is counted.
    prometheus.wait_for("rhapsode_calls_attempted_total == 0")?;

    generate(&server, 6_000, 1)?;
    send_report(&server)?;
    // A series begins with its first value: only what comes after it is an increase.
    prometheus.wait_for("rhapsode_media_mos_count > 0 and rhapsode_media_jitter_seconds_count > 0")?;
    prometheus.wait_for("rhapsode_media_loss_ratio_count{source=\"rtcp\"} > 0")?;
    generate(&server, 2_000, 2)?;
    send_report(&server)?;
    // Neither is kept, and both are counted: no HEP, and a sign of life.
    send_udp(&server.options.hep_udp, &[b"not HEP at all".to_vec(), b"\r\n\r\n".to_vec()])?;
    server.get("/api/v1/messages?from=-1h")?;
    server.count("SELECT count(*) AS n FROM messages")?;

    check_questions(&prometheus)?;
    check_page(&promtool, &server, folder.path())?;
    check_figures(&prometheus, &server)?;
    check_exemplars(&prometheus, &server)
}

/// A whole day's kinds of calls, as fast as they are taken.
fn generate(server: &Server, messages: u64, seed: u64) -> Result<()> {
    let before = server.totals()?.received;
    let status = Command::new(BINARY)
        .args(["generate", "--fast", "--messages", &messages.to_string(), "--rate", "20"])
        .args(["--seed", &seed.to_string()])
        .args(["--to", &format!("http://{}", server.options.http)])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    ensure!(status.success(), "generate ended with {status}");
    server.wait_for_received(before + messages)?;
    Ok(())
}

/// An RTP agent's report, which has the jitter as a time.
fn send_report(server: &Server) -> Result<()> {
    let report = json!({"CORRELATION_ID": "r1@example.org", "MEAN_JITTER": 12.5, "MEAN_MOS": 4.1, "PACKET_LOSS": 3,
        "TOTAL_PK": 1500, "EXPECTED_PK": 1503, "RTD": 80, "TYPE": "PERIODIC"});
    let rcinfo = json!({"type": "HEP", "version": 3, "payload_type": 34, "captureId": 7, "protocol": 17,
        "protocolFamily": 2, "srcIp": "192.0.2.1", "dstIp": "192.0.2.2", "srcPort": 4000, "dstPort": 4000,
        "correlation_id": "r1@example.org"});
    let answer = post_ingest(server, &json!({"rcinfo": rcinfo, "payload": report.to_string()}).to_string())?;
    ensure!(answer["accepted"] == 1, "{answer}");
    Ok(())
}

/// Each expression of each board, over a stretch that holds the whole test.
fn check_questions(prometheus: &Prometheus) -> Result<()> {
    let mut questions = Vec::new();
    for board in BOARDS {
        let path = repository().join("docs/grafana").join(board);
        let board_json: Value = serde_json::from_slice(&std::fs::read(&path)?)?;
        for panel in board_json["panels"].as_array().context("panels")? {
            for target in panel["targets"].as_array().context("targets")? {
                let expression = target["expr"].as_str().context("an expression")?;
                let expression = expression.replace("$__rate_interval", "10m").replace("$instance", ".*");
                questions.push((format!("{board}: {}", panel["title"]), expression));
            }
        }
    }
    ensure!(questions.len() > 40, "{} questions", questions.len());
    let mut silent = questions;
    let answered = wait(PATIENCE, || {
        let mut left = Vec::new();
        for (title, expression) in silent.drain(..) {
            if !prometheus.has_data(&expression)? {
                left.push((title, expression));
            }
        }
        silent = left;
        Ok(silent.is_empty())
    })?;
    ensure!(answered, "no data for {silent:#?}");
    Ok(())
}

/// What Prometheus' own tool says of the page.
fn check_page(promtool: &Path, server: &Server, folder: &Path) -> Result<()> {
    let page = server.get_bytes("/metrics")?;
    let text = String::from_utf8(page)?;
    ensure!(
        text.contains("# TYPE rhapsode_packets_received_total counter"),
        "format 0.0.4 for who asks nothing"
    );
    // The names of others are not all as they should be.
    let own: Vec<&str> = text.lines().filter(|line| !line.contains("heplify_")).collect();
    let path = folder.join("page.txt");
    std::fs::write(&path, own.join("\n") + "\n")?;
    let output =
        Command::new(promtool).args(["check", "metrics"]).stdin(std::fs::File::open(&path)?).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "promtool check metrics: {said}");
    Ok(())
}

/// What Prometheus has when all is quiet is what the rows say.
fn check_figures(prometheus: &Prometheus, server: &Server) -> Result<()> {
    for (expression, sql) in [
        ("sum(rhapsode_hep_packets_total)", "SELECT count(*) AS n FROM messages"),
        (
            "rhapsode_sip_requests_total{method=\"INVITE\"}",
            "SELECT count(*) AS n FROM sip WHERE method = 'INVITE' AND status IS NULL",
        ),
        (
            "sum(rhapsode_sip_responses_total{class=\"4xx\"})",
            "SELECT count(*) AS n FROM sip WHERE status BETWEEN 400 AND 499",
        ),
        ("sum(heplify_packets_total{type=\"sip\"})", "SELECT count(*) AS n FROM sip"),
        (
            "rhapsode_media_loss_ratio_count{source=\"rtcp\"}",
            "SELECT count(*) AS n FROM rtcp WHERE fraction_lost IS NOT NULL",
        ),
        ("rhapsode_calls_answered_total", "SELECT count(*) AS n FROM calls WHERE answered IS NOT NULL"),
        (
            "rhapsode_calls_failed_total{status=\"486\"}",
            "SELECT count(*) AS n FROM calls WHERE status = 486 AND answered IS NULL AND NOT is_open",
        ),
    ] {
        prometheus.wait_for_value(expression, || server.count(sql))?;
    }
    prometheus.wait_for_value("sum(rhapsode_packets_received_total)", || Ok(server.totals()?.received))?;
    prometheus.wait_for_value("sum(rhapsode_packets_stored_total)", || Ok(server.totals()?.stored))?;
    prometheus.wait_for_value("sum(rhapsode_packets_refused_total)", || Ok(server.totals()?.refused))?;
    prometheus.wait_for_value("sum(rhapsode_packets_dropped_total)", || Ok(server.totals()?.dropped))
}

/// From a stretch of the post-dial delay to the call that shows it.
fn check_exemplars(prometheus: &Prometheus, server: &Server) -> Result<()> {
    let answer = prometheus.ask(
        "/api/v1/query_exemplars",
        &[("query", "rhapsode_call_request_delay_seconds_bucket"), ("start", "0"), ("end", "4000000000")],
    )?;
    let call_id = answer["data"][0]["exemplars"][0]["labels"]["call_id"].as_str();
    let call_id = call_id.with_context(|| format!("no exemplar: {answer}"))?;
    let rows = server.count(&format!("SELECT count(*) AS n FROM calls WHERE call_id = '{call_id}'"))?;
    ensure!(rows == 1, "{call_id} has {rows} rows");
    Ok(())
}

/// A Prometheus that scrapes the server every second, with a token. Ended when dropped.
struct Prometheus {
    program: Program,
    port: u16,
}

impl Prometheus {
    fn start(program: &Path, server: &Server, folder: &Path) -> Result<Self> {
        let port = free_tcp_port()?;
        let config = folder.join("prometheus.yml");
        let text = format!(
            "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\n\
             scrape_configs:\n\
             - job_name: rhapsode\n  authorization: {{credentials: '{}'}}\n  static_configs: [{{targets: ['{}']}}]\n",
            server.token(),
            server.options.http
        );
        std::fs::write(&config, text)?;
        let mut command = Command::new(program);
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("prometheus").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--enable-feature=exemplar-storage");
        let prometheus = Self { program: Program::start("prometheus", command, folder)?, port };
        prometheus.wait_for("up == 1")?;
        Ok(prometheus)
    }

    fn wait_for(&self, expression: &str) -> Result<()> {
        let mut last = None;
        let there = wait(Duration::from_secs(60), || {
            match self.has_data(expression) {
                Ok(true) => return Ok(true),
                Ok(false) => last = self.ask("/api/v1/targets", &[]).ok(),
                // It is starting.
                Err(error) => last = Some(Value::from(error.to_string())),
            }
            Ok(false)
        })?;
        ensure!(there, "not seen: {expression}; {last:?}\n{}", self.program.printed());
        Ok(())
    }

    /// Waits until the expression has the value that is expected, which is more than nothing.
    fn wait_for_value(&self, expression: &str, expected: impl Fn() -> Result<u64>) -> Result<()> {
        let mut last = (None, 0);
        let is_equal = wait(Duration::from_secs(60), || {
            last = (self.value(expression)?, expected()?);
            Ok(last.1 > 0 && last.0 == Some(last.1 as f64))
        })?;
        ensure!(is_equal, "{expression} is {:?}, {} is expected", last.0, last.1);
        Ok(())
    }

    /// Whether there is a number: a ratio over nothing is none.
    fn has_data(&self, expression: &str) -> Result<bool> {
        let answer = self.query(expression)?;
        let results =
            answer["data"]["result"].as_array().with_context(|| format!("{expression}: {answer}"))?;
        Ok(results.iter().any(|series| series["value"][1].as_str().is_some_and(|value| value != "NaN")))
    }

    fn value(&self, expression: &str) -> Result<Option<f64>> {
        let answer = self.query(expression)?;
        let value = answer["data"]["result"][0]["value"][1].as_str();
        value.map(|value| value.parse().context("a number")).transpose()
    }

    fn query(&self, expression: &str) -> Result<Value> {
        self.ask("/api/v1/query", &[("query", expression)])
    }

    fn ask(&self, path: &str, parameters: &[(&str, &str)]) -> Result<Value> {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let request = agent.get(format!("http://127.0.0.1:{}{path}", self.port));
        let request = parameters.iter().fold(request, |request, (key, value)| request.query(*key, *value));
        Ok(request.call()?.body_mut().read_json()?)
    }
}
