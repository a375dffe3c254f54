//! Scripts in a server: what is stored, counted and shown, reloading, replay after a crash; and trying one out.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use testkit::server::{Server, options_packet, post_hep, wait};

use crate::{BINARY, options};

const PATIENCE: Duration = Duration::from_secs(20);

const TAGGING: &str = "\
function packet(p)
  local call_id = p:header('Call-ID')
  if call_id:find('^drop') then p:drop('not wanted') return end
  if call_id:find('^fail') then p:tag('lost') error('as asked') end
  if call_id:find('^plain') then return end
  p:tag('seen')
  p.node = 'edge'
  p.payload = p.payload:gsub('sip:probe@', 'sip:hidden@')
end
function record(r)
  if r.from_user == 'hidden' then r:set('user_agent', 'scripted agent') end
end
";

/// As the script of heplify-server's own repository does it.
const HEPLIFY: &str = "\
function correlate()
  if GetHEPProtoType() ~= 1 then return end
  local sip = GetSIPStruct()
  if sip == nil or sip == '' then return end
  SetHEPField('CID', HashString('md5', sip.CallID))
  SetCustomSIPHeader({ ['X-Seen'] = sip.FirstMethod })
end
";

#[test]
fn scripts_change_drop_and_tag_what_is_stored_and_a_broken_one_changes_nothing() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let scripts = folder.path().join("scripts");
    std::fs::create_dir(&scripts)?;
    std::fs::write(scripts.join("10-tag.lua"), TAGGING)?;
    std::fs::write(scripts.join("20-heplify.lua"), HEPLIFY)?;
    let config = folder.path().join("rhapsode.toml");
    std::fs::write(&config, format!("[scripts]\nfolder = {scripts:?}\n"))?;
    let server = Server::start(options(&folder)?.argument("--config").argument(&config.to_string_lossy()))?;

    for call_id in ["seen-1", "drop-1", "drop-2", "fail-1", "plain-1"] {
        let (status, answer) = post_hep(&server, &options_packet(call_id))?;
        ensure!(status == 200, "{status}: {answer}");
    }
    let totals = server.wait_for_received(5)?;
    ensure!(totals.is_conserved() && totals.stored == 3 && totals.dropped == 2, "{totals:?}");
    ensure!(totals.causes["dropped"]["script"] == 2, "{totals:?}");
    server.wait_for_count("SELECT count(*) AS n FROM sip", 3)?;

    let row = row(&server, "seen-1")?;
    ensure!(row["node"] == "edge" && row["from_user"] == "hidden", "{row}");
    ensure!(row["user_agent"] == "scripted agent", "{row}");
    ensure!(row["flags"].to_string().contains("scripted"), "{row}");
    // printf %s seen-1 | md5sum
    ensure!(row["correlation_id"] == "b6301bf1b103bd6631e7f6440dd39f2f", "{row}");
    let extra = row["extra"].to_string();
    for part in ["10-tag.lua", "20-heplify.lua", "seen", "X-Seen", "OPTIONS", "seen-1"] {
        ensure!(extra.contains(part), "{part} in {extra}");
    }
    // What failed did not leave half of its work, and the next script ran.
    let failed = self::row(&server, "fail-1")?["extra"].to_string();
    ensure!(!failed.contains("lost") && failed.contains("20-heplify.lua"), "{failed}");

    let status = server.get("/api/v1/status")?;
    let tag = &status["scripts"][0];
    ensure!(tag["name"] == "10-tag.lua" && tag["state"] == "running", "{tag}");
    ensure!(tag["dropped"] == 2 && tag["errors"] == 1, "{tag}");
    let error = tag["last_error"].as_str().context("no last_error")?;
    ensure!(error.contains("10-tag.lua:4: as asked"), "{error}");
    let page = String::from_utf8(server.get_bytes("/metrics")?)?;
    for line in [
        "rhapsode_script_dropped_total{script=\"10-tag.lua\"} 2",
        "rhapsode_script_errors_total{script=\"10-tag.lua\"} 1",
        "rhapsode_packets_dropped_total{listener=\"http\",cause=\"script\"} 2",
    ] {
        ensure!(page.contains(line), "{line} is not in {page}");
    }

    // A broken file is told with its line, and what was loaded goes on.
    std::fs::write(scripts.join("10-tag.lua"), "function packet(p)\n  if p then\nend\n")?;
    let told = hang_up(&server)?;
    ensure!(told.contains("not taken over") && told.contains("10-tag.lua:4: 'end' expected"), "{told}");
    post_hep(&server, &options_packet("drop-3"))?;
    let still = wait(PATIENCE, || Ok(server.totals()?.causes["dropped"]["script"] == 3))?;
    ensure!(still, "{:?}", server.totals()?);

    // One that is right is taken over without a restart, and the counters go on.
    std::fs::write(scripts.join("10-tag.lua"), "function packet(p) p:tag('second') end")?;
    let told = hang_up(&server)?;
    ensure!(told.contains("taken over: scripts"), "{told}");
    post_hep(&server, &options_packet("drop-4"))?;
    server.wait_for_count("SELECT count(*) AS n FROM sip WHERE call_id = 'drop-4'", 1)?;
    ensure!(self::row(&server, "drop-4")?["extra"].to_string().contains("second"));
    let tag = &server.get("/api/v1/status")?["scripts"][0];
    ensure!(tag["dropped"] == 3, "{tag}");

    // After a crash the log makes the same rows, whatever the scripts would say now.
    let before = table(&server)?;
    std::fs::write(scripts.join("10-tag.lua"), "function packet(p) p:drop() end")?;
    let server = Server::start(server.kill()?)?;
    server.wait_for_count("SELECT count(*) AS n FROM sip", 4)?;
    ensure!(table(&server)? == before, "{before}");
    Ok(())
}

#[test]
fn a_script_that_meets_its_limits_again_and_again_is_switched_off_with_an_alarm() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let script = folder.path().join("loop.lua");
    std::fs::write(
        &script,
        "function packet(p)\n  if p:header('Call-ID') == 'loop' then while true do end end\nend\n",
    )?;
    let config = folder.path().join("rhapsode.toml");
    std::fs::write(&config, format!("[scripts]\nfiles = [{script:?}]\nlimits_in_a_row_max = 2\n"))?;
    let server = Server::start(options(&folder)?.argument("--config").argument(&config.to_string_lossy()))?;
    for _ in 0..3 {
        post_hep(&server, &options_packet("loop"))?;
    }
    let alarmed =
        wait(PATIENCE, || Ok(server.get("/api/v1/status")?["alarms"].to_string().contains("loop.lua")))?;
    let status = server.get("/api/v1/status")?;
    ensure!(alarmed, "{status}");
    let script = &status["scripts"][0];
    ensure!(script["state"] == "off" && script["runs"] == 2 && script["limits"] == 2, "{script}");
    server.wait_for_count("SELECT count(*) AS n FROM sip", 3)?;
    // Read again, it has another chance.
    hang_up(&server)?;
    let over =
        wait(PATIENCE, || Ok(!server.get("/api/v1/status")?["alarms"].to_string().contains("loop.lua")))?;
    ensure!(over, "{}", server.get("/api/v1/status")?);
    Ok(())
}

#[test]
fn a_script_is_tried_without_a_server() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let script = folder.path().join("try.lua");
    let run = |text: &str, more: &[&str]| -> Result<(bool, String)> {
        std::fs::write(&script, text)?;
        let output = Command::new(BINARY).args(["script", "test"]).arg(&script).args(more).output()?;
        let both = [output.stdout, output.stderr].concat();
        Ok((output.status.success(), String::from_utf8(both)?))
    };
    let (ok, said) = run("function packet(p) print(p.src_ip) p:tag('vip') p.node = 'edge' end", &[])?;
    ensure!(ok, "{said}");
    for part in [
        "192.0.2.1 port 5060",
        "INVITE",
        "print    192.0.2.1",
        "change   tag: vip",
        "node:  -> edge",
        "1 packets: 1 changed",
    ] {
        ensure!(said.contains(part), "{part:?} is not in {said}");
    }
    let message = folder.path().join("message.txt");
    std::fs::write(&message, "BYE sip:a@b SIP/2.0\r\nCall-ID: x\r\nCSeq: 2 BYE\r\n\r\n")?;
    let dropping = "function record(r) if r.method == 'BYE' then r:drop('no ends') end end";
    let (ok, said) = run(dropping, &["--with", &message.to_string_lossy()])?;
    ensure!(ok && said.contains("dropped  no ends"), "{said}");

    let hep = folder.path().join("packets.hep");
    std::fs::write(&hep, [options_packet("one"), options_packet("two")].concat())?;
    let (ok, said) = run("function packet(p) error('every time') end", &["--with", &hep.to_string_lossy()])?;
    ensure!(!ok && said.contains("try.lua:1: every time") && said.contains("2 packets"), "{said}");

    let (ok, said) = run("function packet(p)\n  GetNothing()\nend", &[])?;
    ensure!(!ok && said.contains("try.lua:2: attempt to call global 'GetNothing'"), "{said}");
    Ok(())
}

/// What the server says of it.
fn hang_up(server: &Server) -> Result<String> {
    let before = server.printed().len();
    let status = Command::new("kill").args(["-HUP", &server.process_id().to_string()]).status()?;
    ensure!(status.success(), "kill -HUP failed");
    let mut told = String::new();
    let done = wait(PATIENCE, || {
        told = server.printed()[before..].to_owned();
        Ok(told.contains("configuration not taken over") || told.contains("configuration read again"))
    })?;
    ensure!(done, "nothing was said of the reload: {told}");
    Ok(told)
}

fn row(server: &Server, call_id: &str) -> Result<Value> {
    let columns = "node, from_user, user_agent, flags, correlation_id, extra";
    let rows = server.sql(&format!("SELECT {columns} FROM sip WHERE call_id = '{call_id}'"))?;
    rows.into_iter().next().with_context(|| format!("no row of {call_id}"))
}

fn table(server: &Server) -> Result<String> {
    let rows =
        server.sql("SELECT id, call_id, node, from_user, correlation_id, extra FROM sip ORDER BY id")?;
    Ok(format!("{rows:?}"))
}
