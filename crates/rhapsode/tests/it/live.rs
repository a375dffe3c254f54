//! Real programs send to the built binary: Kamailio and SIPp, rtpengine and baresip; what they sent is found by
//! search, drawn in the terminal and opened in a browser. Fixed ports, so one after another (the `live` group).

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use testkit::programs::find;
use testkit::recordings::repository;
use testkit::server::{PASSWORD, Server};

use crate::commands::rhapsode;
use crate::stage::{Stage, call_id};

/// Answering scenario and its port.
type Callee = (&'static str, u16);

/// A call, a busy callee, a cancelled one, an unknown number, a registration and a ping: user agent scenario,
/// dialled user, and the answering scenario with its port.
const SCENARIOS: &[(&str, &str, &str, &[Callee])] = &[
    ("call", "uac_call", "bob5070", &[("uas_call", 5070)]),
    ("busy", "uac_fail486", "busy", &[("uas_fail486", 5071)]),
    ("cancel", "uac_cancel", "slow", &[("uas_slow", 5070)]),
    ("notfound", "uac_fail404", "nf", &[]),
    ("register", "uac_register", "alice", &[]),
    ("options", "uac_options", "ping", &[]),
];

#[test]
fn live_kamailio_and_sipp_are_found_drawn_and_opened_in_a_browser() -> Result<()> {
    let (Some(kamailio), Some(sipp)) = (find("kamailio")?, find("sipp")?) else { return Ok(()) };
    let stage = Stage::new("live-kamailio")?;
    let server = stage.server()?;
    let _proxy = stage.kamailio(&kamailio, &[])?;
    for (name, caller, user, callees) in SCENARIOS {
        stage.sipp(&sipp, name, caller, user, callees)?;
    }

    // What each scenario must have left, seen at the proxy: its final reply to the caller.
    for (name, cseq_method, status) in [
        ("call", "INVITE", 200),
        ("call", "BYE", 200),
        ("busy", "INVITE", 486),
        ("cancel", "INVITE", 487),
        ("notfound", "INVITE", 404),
        ("register", "REGISTER", 200),
        ("options", "OPTIONS", 200),
    ] {
        server.wait_for_count(
            &format!("SELECT count(*) AS n FROM sip WHERE call_id LIKE '%-{name}-%' AND cseq_method = '{cseq_method}' AND status = {status}"),
            1,
        )?;
    }
    let totals = server.totals()?;
    ensure!(totals.refused == 0 && totals.dropped == 0, "{totals:?}");

    server.wait_for_count(
        "SELECT count(*) AS n FROM calls WHERE call_id LIKE '%-busy-%' AND status = 486",
        1,
    )?;
    let found = rhapsode(&server, &["search", "status = 486"])?;
    ensure!(found.contains("-busy-"), "{found}");
    let call_id = call_id(&server, "call")?;
    let ladder = rhapsode(&server, &["call", &call_id])?;
    std::fs::write(stage.output.join("call.txt"), &ladder)?;
    for label in ["INVITE", "100", "180", "200", "ACK", "BYE", "127.0.0.1:5060", "127.0.0.1:5070"] {
        ensure!(ladder.contains(label), "no {label} in\n{ladder}");
    }
    browser(&server, &stage.output, "")
}

#[test]
fn live_rtpengine_and_baresip_bring_media_reports_and_logs_into_the_call() -> Result<()> {
    let (Some(kamailio), Some(rtpengine), Some(baresip)) =
        (find("kamailio")?, find("rtpengine")?, find("baresip")?)
    else {
        return Ok(());
    };
    let stage = Stage::new("live-rtpengine")?;
    let server = stage.server()?;
    let relay = stage.rtpengine(&rtpengine, "udp")?;
    let proxy = stage.kamailio(&kamailio, &["-A", "WITH_RTPENGINE", "-A", "WITH_HLOG"])?;

    let agent = |name: &str, seconds: &str, dial: Option<&str>| {
        let mut command = Command::new(&baresip);
        command.current_dir(stage.folder.path().join("baresip")).args(["-f", name, "-t", seconds]);
        if let Some(command_line) = dial {
            command.args(["-e", command_line]);
        }
        stage.start(&format!("baresip-{name}"), command)
    };
    let callee = agent("b", "26", None)?;
    server.wait_for_count(
        "SELECT count(*) AS n FROM sip WHERE cseq_method = 'REGISTER' AND status = 200 AND to_user = 'bob'",
        1,
    )?;
    // Long enough for two rounds of RTCP, which come every five seconds.
    let caller = agent("a", "17", Some("d sip:bob@kamailio.test"))?;
    caller.wait_for_success(Duration::from_secs(40)).ok();
    drop(callee);

    // The end of the call is the last thing that comes.
    server.wait_for_count("SELECT count(*) AS n FROM sip WHERE cseq_method = 'BYE' AND status = 200", 1)?;
    let told_by = |table: &str, capture_id: u32, count: u64| {
        server.wait_for_count(
            &format!(
                "SELECT count(*) AS n FROM {table} WHERE capture_id = {capture_id} AND listener = 'udp'"
            ),
            count,
        )
    };
    told_by("rtcp", 2002, 2).with_context(|| {
        format!("Kamailio printed:\n{}\nrtpengine printed:\n{}", proxy.printed(), relay.printed())
    })?;
    told_by("log", 2001, 1)?;
    let rows = server.sql(
        "SELECT s.call_id, count(*) AS n FROM rtcp r JOIN (SELECT DISTINCT call_id FROM sip WHERE method = 'INVITE') s \
         ON r.call_id = s.call_id GROUP BY 1 ORDER BY 2 DESC",
    )?;
    let call_id = rows.first().and_then(|row| row["call_id"].as_str()).context("no RTCP joins an INVITE")?;
    let found = rhapsode(&server, &["search", "-m", "exists rtcp.ssrc"])?;
    ensure!(found.contains("RTCP"), "{found}");
    let ladder = rhapsode(&server, &["call", call_id])?;
    std::fs::write(stage.output.join("call.txt"), &ladder)?;
    for label in ["INVITE", "RTCP", "BYE", "new call from"] {
        ensure!(ladder.contains(label), "no {label} in\n{ladder}");
    }
    browser(&server, &stage.output, "rtcp,log")
}

/// Chromium opens every screen, and an answered call that must also hold records of the tables `with`; screenshots
/// stay with the test's output.
fn browser(server: &Server, output: &Path, with: &str) -> Result<()> {
    if find("chromium")?.is_none() {
        return Ok(());
    }
    let run = Command::new("node")
        .arg(repository().join("web/e2e/run.mjs"))
        .current_dir(repository().join("web"))
        .env("BASE_URL", server.url(""))
        .env("USER", "admin")
        .env("PASSWORD", PASSWORD)
        .env("WITH", with)
        .env("OUT_DIR", output)
        .output()
        .context("cannot start node")?;
    let printed = format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    ensure!(run.status.success(), "the browser run failed ({}):\n{printed}", run.status);
    Ok(())
}
