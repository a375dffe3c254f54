//! Kamailio and SIPp play the calls that every network knows; each ends in the right state, with the right finding.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use testkit::programs::find;
use testkit::server::{Server, wait};

use crate::stage::{Stage, call_id};

/// How a call is played, and how it must end.
struct Scenario {
    name: &'static str,
    caller: &'static str,
    user: &'static str,
    /// Answering scenario and port.
    callees: &'static [(&'static str, u16)],
    state: &'static str,
    status: u16,
    /// Found besides what is only good to know.
    found: &'static [&'static str],
}

/// The redirection first: only after half a minute is it sure that nobody follows it.
const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "redirect",
        caller: "uac_redirect",
        user: "busy",
        callees: &[("uas_redirect", 5071)],
        state: "redirected",
        status: 302,
        found: &["REDIRECT_UNFOLLOWED"],
    },
    Scenario {
        name: "lostack",
        caller: "uac_noack",
        user: "bob5070",
        callees: &[("uas_noack", 5070)],
        state: "ended",
        status: 200,
        found: &["ACK_MISSING"],
    },
    Scenario {
        name: "busy",
        caller: "uac_fail486",
        user: "busy",
        callees: &[("uas_fail486", 5071)],
        state: "failed",
        status: 486,
        found: &[],
    },
    Scenario {
        name: "cancel",
        caller: "uac_cancel",
        user: "slow",
        callees: &[("uas_slow", 5070)],
        state: "cancelled",
        status: 487,
        found: &[],
    },
    Scenario {
        name: "fork",
        caller: "uac_call",
        user: "fork",
        callees: &[("uas_slow", 5070), ("uas_call", 5071)],
        state: "ended",
        status: 200,
        found: &[],
    },
    Scenario {
        name: "notfound",
        caller: "uac_fail404",
        user: "nf",
        callees: &[],
        state: "failed",
        status: 404,
        found: &["NO_ROUTE_404"],
    },
    Scenario {
        name: "reinvite",
        caller: "uac_reinvite",
        user: "bob5070",
        callees: &[("uas_call", 5070)],
        state: "ended",
        status: 200,
        found: &[],
    },
];

#[test]
fn live_calls_end_in_the_right_state_with_the_right_finding() -> Result<()> {
    let (Some(kamailio), Some(sipp)) = (find("kamailio")?, find("sipp")?) else { return Ok(()) };
    let stage = Stage::new("live-calls")?;
    let server = stage.server()?;
    let _proxy = stage.kamailio(&kamailio, &[])?;
    for Scenario { name, caller, user, callees, .. } in SCENARIOS {
        stage.sipp(&sipp, name, caller, user, callees)?;
    }
    stage.sipp(&sipp, "register", "uac_register", "alice", &[])?;
    for scenario in SCENARIOS.iter().rev() {
        is_told(&server, scenario)?;
    }

    // Challenged, granted, and challenged again for a wrong password.
    server.wait_for_count(
        "SELECT count(*) AS n FROM registrations WHERE call_id LIKE '%-register-%' AND to_user = 'alice' \
         AND expires = 60 AND challenges = 2",
        1,
    )?;
    let fork = server.get(&format!("/api/v1/call/{}", call_id(&server, "fork")?))?;
    ensure!(fork["sessions"][0]["forks"] == 2, "{}", fork["sessions"]);

    // What lists say is what the page says, once the call is over.
    for Scenario { name, state, status, .. } in SCENARIOS {
        server.wait_for_count(
            &format!(
                "SELECT count(*) AS n FROM calls WHERE call_id LIKE '%-{name}-%' AND state = '{state}' AND status = {status}"
            ),
            1,
        )?;
    }
    Ok(())
}

/// Waits until the call's page says what it should.
fn is_told(server: &Server, scenario: &Scenario) -> Result<()> {
    let call_id = call_id(server, scenario.name)?;
    let mut told = Value::Null;
    let is_right = wait(Duration::from_secs(60), || {
        let page = server.get(&format!("/api/v1/call/{call_id}"))?;
        let found: Vec<&str> = page["findings"]
            .as_array()
            .context("findings")?
            .iter()
            .filter(|finding| finding["severity"] != "info")
            .filter_map(|finding| finding["id"].as_str())
            .collect();
        let session = &page["sessions"][0];
        let is_right = session["state"] == scenario.state
            && session["status"] == scenario.status
            && found == scenario.found;
        told = serde_json::json!({ "session": session, "findings": page["findings"] });
        Ok(is_right)
    })?;
    ensure!(
        is_right,
        "{}: not {} with {} and {:?}, but {told:#}",
        scenario.name,
        scenario.state,
        scenario.status,
        scenario.found
    );
    Ok(())
}
