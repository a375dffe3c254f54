//! What we write, other programs read: pcap in tshark.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use testkit::programs;
use testkit::recordings::recording;
use testkit::server::{Server, send_udp};

use crate::options;

/// UDP, TCP and IPv6 calls exported as pcap and dissected by tshark: addresses, ports, times and SIP are those of
/// the expectations.
#[test]
fn pcap_export_opens_in_tshark_with_the_right_addresses_ports_and_times() -> Result<()> {
    let Some(tshark) = programs::find("tshark")? else { return Ok(()) };
    let folder = tempfile::tempdir()?;
    let server = Server::start(options(&folder)?)?;
    let mut sent = 0;
    let mut calls = Vec::new();
    for (name, user) in [
        ("kamailio-hep3-udp.pcap", "call"),
        ("kamailio-hep3-udp.pcap", "tcp"),
        ("kamailio-hep3-ipv6.pcap", "call"),
    ] {
        let recording = recording(name)?.with_context(|| format!("{name} is a fixture"))?;
        if !calls.iter().any(|(known, _, _): &(String, String, Vec<String>)| known == name) {
            send_udp(&server.options.hep_udp, &recording.pieces)?;
            sent += recording.pieces.len() as u64;
        }
        // SIPp names its Call-IDs after the scenario.
        let call_id = recording
            .expected
            .packets
            .iter()
            .filter_map(|packet| packet.sip.as_ref()?.call_id.clone())
            .find(|id| id.starts_with(&format!("1-{user}-")))
            .with_context(|| format!("{name} has no call {user}"))?;
        let wanted = recording
            .expected
            .packets
            .iter()
            .filter(|packet| packet.sip.as_ref().is_some_and(|sip| sip.call_id.as_ref() == Some(&call_id)))
            .map(|packet| {
                format!(
                    "{}.{:06}|{}|{}|{}|{}",
                    packet.sec.unwrap_or(0),
                    packet.usec.unwrap_or(0),
                    packet.src.clone().unwrap_or_default(),
                    packet.sport.unwrap_or(0),
                    packet.dst.clone().unwrap_or_default(),
                    packet.dport.unwrap_or(0)
                )
            })
            .collect::<Vec<_>>();
        calls.push((name.to_owned(), call_id, wanted));
    }
    server.wait_for_received(sent)?;
    server.wait_for_count("SELECT count(*) AS n FROM messages", sent)?;

    for (name, call_id, mut wanted) in calls {
        let path = format!("/api/v1/export?format=pcap&call_id={}", call_id.replace('@', "%40"));
        let file = folder.path().join("call.pcap");
        std::fs::write(&file, server.get_bytes(&path)?)?;
        let output = Command::new(&tshark)
            .args(["-r", &file.to_string_lossy(), "-T", "fields", "-E", "separator=|"])
            .args(["-Y", "sip || sip.msg_hdr || tcp.len > 0"])
            .args([
                "-e",
                "frame.time_epoch",
                "-e",
                "ip.src",
                "-e",
                "ipv6.src",
                "-e",
                "udp.srcport",
                "-e",
                "tcp.srcport",
            ])
            .args([
                "-e",
                "ip.dst",
                "-e",
                "ipv6.dst",
                "-e",
                "udp.dstport",
                "-e",
                "tcp.dstport",
                "-e",
                "sip.Call-ID",
            ])
            .output()?;
        ensure!(output.status.success(), "tshark: {}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8_lossy(&output.stdout);
        let mut seen = Vec::new();
        for line in text.lines() {
            let fields: Vec<&str> = line.split('|').collect();
            ensure!(fields.len() == 10, "{line}");
            let either = |a: usize, b: usize| if fields[a].is_empty() { fields[b] } else { fields[a] };
            let time = fields[0].get(..17).unwrap_or(fields[0]);
            seen.push(format!("{time}|{}|{}|{}|{}", either(1, 2), either(3, 4), either(5, 6), either(7, 8)));
            ensure!(fields[9].is_empty() || fields[9] == call_id, "{line}");
        }
        wanted.sort();
        seen.sort();
        ensure!(seen == wanted, "{name} {call_id}:\ntshark saw {seen:#?}\nexpected {wanted:#?}");
    }
    Ok(())
}
