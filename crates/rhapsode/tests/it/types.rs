//! Types that documents define, through the built program: found, joined to their call, gone from the configuration
//! and still there.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use hep::Outgoing;
use serde_json::{Value, json};
use testkit::recordings::repository;
use testkit::server::{Options, Server, options_packet, post_hep, post_ingest, send_udp};

use crate::configuration::{refusal, serve};
use crate::options;

/// The slides "How to add a new protocol", as the columns of their INSERT; they insert 1086 and send 1087.
const SLIDES: &str = r#"{
    "id": 1, "guid": "b4a1", "profile": "calls", "hepid": [1086, 1087], "hep_alias": "Kamailio CDRs",
    "version": 1, "retention": 10, "partition_step": 3600,
    "correlation_mapping": [{ "source_field": "data_header.callid",
        "lookup_id": 1, "lookup_profile": "call", "lookup_field": "sid", "lookup_range": [ -300, 200 ] }]
}"#;

const TOML: &str = r#"
[[type]]
name = "Kamailio CDRs"
hep_types = [1086, 1087]
profile = "calls"
retention_days = 10
correlation_mapping = [{ source_field = "data_header.callid", lookup_id = 1, lookup_profile = "call", lookup_field = "sid", lookup_range = [-300, 200] }]

[[type.field]]
path = "data_header.from_user"
indexed = true

[[type.field]]
path = "duration"
kind = "float"
unit = "s"
"#;

fn packet(hep_type: u16, payload: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    let outgoing = Outgoing {
        hep_type,
        payload: payload.as_bytes(),
        seconds: u32::try_from(now.as_secs())?,
        ..Outgoing::new("10.0.0.1:5060".parse()?, "10.0.0.2:5060".parse()?)
    };
    outgoing.encode_v3(&mut bytes).map_err(|error| anyhow::anyhow!("{error:?}"))?;
    Ok(bytes)
}

fn record(call_id: &str) -> Result<Vec<u8>> {
    packet(
        1087,
        &format!(r#"{{"callid":"{call_id}","from_user":"gateway","duration":42,"to_user":"caller"}}"#),
    )
}

fn tables(answer: &Value) -> Vec<&str> {
    let messages = answer["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
    messages.iter().filter_map(|message| message["table"].as_str()).collect()
}

/// A folder of types with one document.
fn with_types(options: Options, folder: &Path, name: &str, document: &str) -> Result<Options> {
    let types = folder.join("types");
    std::fs::create_dir_all(&types)?;
    std::fs::write(types.join(name), document)?;
    Ok(options.argument("--types").argument(&types.to_string_lossy()))
}

fn the_record_is_found_and_joined(server: &Server, query: &str) -> Result<()> {
    send_udp(&server.options.hep_udp, &[options_packet("123ABCXYZ"), record("123ABCXYZ")?])?;
    server.wait_for_count("SELECT count(*) AS n FROM kamailio_cdrs", 1)?;
    server.wait_for_count("SELECT count(*) AS n FROM sip", 1)?;
    let found = server.get(&format!("/api/v1/messages?q={query}"))?;
    ensure!(tables(&found) == ["kamailio_cdrs"], "{query}: {found}");
    let call = server.get("/api/v1/call/123ABCXYZ")?;
    let mut joined = tables(&call);
    joined.sort_unstable();
    ensure!(joined == ["kamailio_cdrs", "sip"], "{call}");
    let catalogue = server.get("/api/v1/catalogue")?;
    let table = catalogue["tables"]
        .as_array()
        .context("tables")?
        .iter()
        .find(|table| table["name"] == "kamailio_cdrs");
    let table = table.with_context(|| catalogue.to_string())?;
    ensure!(table["hep_types"] == json!([1086, 1087]), "{table}");
    over_http(server, query)?;
    let completed = server.get("/api/v1/complete?q=kamailio_cdrs.call")?;
    ensure!(completed.to_string().contains("kamailio_cdrs.call_id"), "{completed}");
    Ok(())
}

/// The same by HTTP, where senders that cannot write a type above 255 into a packet say it in JSON, and others post
/// packets.
fn over_http(server: &Server, query: &str) -> Result<()> {
    let item = json!({
        "rcinfo": {"protocolFamily": 2, "protocol": 17, "srcIp": "10.0.0.1", "srcPort": 5060, "dstIp": "10.0.0.2",
            "dstPort": 5060, "payload_type": 1086},
        "payload": {"callid": "456DEF", "from_user": "gateway", "duration": 43, "to_user": "caller"},
    });
    let answer = post_ingest(server, &item.to_string())?;
    ensure!(answer == json!({"accepted": 1, "keepalives": 0, "refused": {}}), "{answer}");
    let (status, answer) = post_hep(server, &[record("456DEF")?, options_packet("456DEF")].concat())?;
    ensure!(status == 200, "{status}: {answer}");
    for hep_type in [1086, 1087] {
        server.wait_for_count(
            &format!(
                "SELECT count(*) AS n FROM kamailio_cdrs WHERE call_id = '456DEF' AND hep_type = {hep_type} AND listener = 'http'"
            ),
            1,
        )?;
    }
    server.wait_for_count("SELECT count(*) AS n FROM sip WHERE call_id = '456DEF'", 1)?;
    let query = query.replace("123ABCXYZ", "456DEF");
    let found = server.get(&format!("/api/v1/messages?q={query}"))?;
    let messages = found["messages"].as_array().context("messages")?;
    let mut types: Vec<&Value> =
        messages.iter().filter(|row| row["call_id"] == "456DEF").map(|row| &row["hep_type"]).collect();
    types.sort_by_key(|hep_type| hep_type.as_u64());
    ensure!(types == [1086, 1087], "{query}: {found}");
    let call = server.get("/api/v1/call/456DEF")?;
    let mut joined = tables(&call);
    joined.sort_unstable();
    ensure!(joined == ["kamailio_cdrs", "kamailio_cdrs", "sip"], "{call}");
    Ok(())
}

#[test]
fn the_slides_on_adding_a_protocol_work_as_written() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(with_types(options(&folder)?, folder.path(), "cdrs.json", SLIDES)?)?;
    the_record_is_found_and_joined(&server, "table%20%3D%20kamailio_cdrs%20and%20call_id%20%3D%20123ABCXYZ")
}

#[test]
fn a_type_of_the_configuration_file_has_fields() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let config = folder.path().join("rhapsode.toml");
    std::fs::write(&config, TOML)?;
    let server = Server::start(options(&folder)?.argument("--config").argument(&config.to_string_lossy()))?;
    the_record_is_found_and_joined(
        &server,
        "duration%20%3E%2040s%20and%20kamailio_cdrs.from_user%20%3D%20gateway",
    )
}

/// `status` is a number of SIP, `start_time` a time of quality reports, `answers` a list of DNS.
#[test]
fn names_that_built_in_tables_use_otherwise_disturb_nobody() -> Result<()> {
    const CLASHING: &str = r#"
[[type]]
name = "record"
hep_types = [1087]
[[type.field]]
path = "status"
[[type.field]]
path = "start_time"
[[type.field]]
path = "answers"
kind = "int"
"#;
    let folder = tempfile::tempdir()?;
    let server = Server::start(with_types(options(&folder)?, folder.path(), "record.toml", CLASHING)?)?;
    let mut datagrams = vec![packet(1087, r#"{"status":"ANSWERED","start_time":"noon","answers":3}"#)?];
    let fixtures = repository().join("crates/protocols/fixtures");
    for protocol in ["dns", "rtcp", "sip", "vq_rtcpxr"] {
        let folder = fixtures.join(protocol);
        for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            datagrams.push(std::fs::read(entry?.path())?);
        }
    }
    send_udp(&server.options.hep_udp, &datagrams)?;
    server.wait_for_count("SELECT count(*) AS n FROM messages", datagrams.len() as u64)?;
    let all = server.get("/api/v1/messages?from=2000-01-01T00:00:00Z")?;
    ensure!(tables(&all).len() == datagrams.len(), "{all}");
    for (query, expected) in [
        ("status%20%3D%20401", "sip"),
        ("record.status%20%3D%20ANSWERED", "record"),
        ("exists%20start_time", "report"),
    ] {
        let found = server.get(&format!("/api/v1/messages?from=2000-01-01T00:00:00Z&q={query}"))?;
        let tables = tables(&found);
        ensure!(!tables.is_empty() && tables.iter().all(|table| *table == expected), "{query}: {found}");
    }
    let message = server
        .get("/api/v1/messages?from=2000-01-01T00:00:00Z&q=table%20%3D%20report%20and%20exists%20start_time&limit=1")?;
    let id = message["messages"][0]["id"].as_str().context("an id")?;
    let whole = server.get(&format!("/api/v1/messages/{id}"))?.to_string();
    ensure!(whole.contains("\"start_time\":\"20"), "{whole}");
    Ok(())
}

#[test]
fn types_come_and_go_and_no_row_is_lost_or_doubled() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let count = |server: &Server, table: &str| server.count(&format!("SELECT count(*) AS n FROM {table}"));
    let server = Server::start(options(&folder)?)?;
    send_udp(&server.options.hep_udp, &[record("one")?])?;
    server.wait_for_count("SELECT count(*) AS n FROM other", 1)?;

    // Killed before anything has settled; the packet was accepted when there was no such type.
    let bare = server.kill()?;
    let server = Server::start(with_types(bare.clone(), folder.path(), "cdrs.toml", TOML)?)?;
    ensure!(
        (count(&server, "other")?, count(&server, "kamailio_cdrs")?) == (1, 0),
        "the first start with types"
    );
    send_udp(&server.options.hep_udp, &[record("two")?])?;
    server.wait_for_count("SELECT count(*) AS n FROM kamailio_cdrs", 1)?;

    let typed = server.kill()?;
    let server = Server::start(typed)?;
    ensure!((count(&server, "other")?, count(&server, "kamailio_cdrs")?) == (1, 1), "the same types");
    server.kill()?;

    // Without the type: its table is still there to be read, what comes now is opaque.
    let server = Server::start(bare)?;
    ensure!((count(&server, "other")?, count(&server, "kamailio_cdrs")?) == (1, 1), "without the type");
    send_udp(&server.options.hep_udp, &[record("three")?])?;
    server.wait_for_count("SELECT count(*) AS n FROM other", 2)?;
    let found = server.get("/api/v1/messages?q=kamailio_cdrs.duration%20%3D%2042s")?;
    ensure!(tables(&found) == ["kamailio_cdrs"], "{found}");
    ensure!(server.count("SELECT count(*) AS n FROM messages")? == 3, "three packets");
    Ok(())
}

#[test]
fn large_records_are_kept_and_large_documents_refused() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(with_types(options(&folder)?, folder.path(), "cdrs.toml", TOML)?)?;
    let members: Vec<String> = (0..2_000).map(|place| format!("\"field{place}\":\"{place:>16}\"")).collect();
    let payload = format!("{{{},\"callid\":\"large\",\"duration\":7}}", members.join(","));
    ensure!(payload.len() > 60_000, "{} bytes", payload.len());
    send_udp(&server.options.hep_udp, &[packet(1086, &payload)?])?;
    let exact = format!(
        "SELECT count(*) AS n FROM kamailio_cdrs WHERE call_id = 'large' AND duration = 7 AND size = {}",
        payload.len()
    );
    server.wait_for_count(&exact, 1)?;
    drop(server);

    let fields: String = (0..2_000).map(|place| format!("[[type.field]]\npath = \"f{place}\"\n")).collect();
    let types = folder.path().join("types");
    let document = format!("[[type]]\nname = \"wide\"\nhep_types = [1090]\n{fields}");
    std::fs::write(types.join("wide.toml"), document)?;
    let line = refusal(&serve(&["--types", &types.to_string_lossy()])?)?;
    ensure!(line.contains("wide.toml:4: type[0].field: 2000 are more than the 200 allowed"), "{line}");
    Ok(())
}

#[test]
fn mistakes_in_documents_name_file_line_and_key() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let types = folder.path().join("types");
    std::fs::create_dir_all(&types)?;
    for (name, document, expected) in [
        (
            "a.toml",
            TOML.replace("kind = \"float\"", "kind = \"itn\""),
            "a.toml:15: type[0].field[1].kind: \"itn\" is none of",
        ),
        (
            "a.toml",
            TOML.replace("indexed = true", "idnexed = true"),
            "a.toml:11: unknown key \"idnexed\"; did you mean indexed?",
        ),
        ("a.toml", TOML.replace("1086", "70000"), "a.toml:4: "),
        (
            "a.toml",
            TOML.replace("1086", "100"),
            "a.toml:4: type[0].hep_types: HEP type 100 is built in, in table log",
        ),
        (
            "b.json",
            SLIDES.replace("retention", "retension"),
            "b.json: row.retension: mapping_schema has no such column; did you mean retention?",
        ),
    ] {
        std::fs::write(types.join(name), document)?;
        let line = refusal(&serve(&["--types", &types.to_string_lossy()])?)?;
        ensure!(line.contains(expected), "{line}\nexpected {expected}");
        std::fs::remove_file(types.join(name))?;
    }
    Ok(())
}
