//! The HEP relay while all goes well.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, UdpSocket};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use testkit::programs::{find, find_hepjs};
use testkit::recordings::recording;
use testkit::server::{Server, free_tcp_port, options_packet, send_udp};

use super::{server, settled};

/// Every HEP version, several packets of real senders.
const RECORDINGS: [&str; 4] =
    ["kamailio-hep1-udp.pcap", "kamailio-hep2-udp.pcap", "kamailio-hep3-udp.pcap", "sngrep-hep3-udp.pcap"];

/// Of each: a socket that nobody has given more room keeps a hundred.
const DATAGRAMS_OF_EACH: usize = 15;

pub(super) fn recorded() -> Result<Vec<Vec<u8>>> {
    let mut datagrams = Vec::new();
    for name in RECORDINGS {
        datagrams.extend(recording(name)?.context(name)?.pieces.into_iter().take(DATAGRAMS_OF_EACH));
    }
    // A key is blanked when it arrives: those packets are a matter of their own.
    datagrams.retain(|datagram| hep::decode(datagram, 0).is_ok_and(|(packet, _)| packet.key.is_none()));
    Ok(datagrams)
}

#[test]
fn packets_are_passed_through_byte_for_byte_over_udp_tcp_and_tls() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let datagrams = recorded()?;
    ensure!(datagrams.len() > 20, "{} datagrams", datagrams.len());
    let udp = UdpSocket::bind("127.0.0.1:0")?;
    udp.set_read_timeout(Some(Duration::from_secs(60)))?;
    let udp_address = udp.local_addr()?;
    // Read as they come: the kernel keeps few.
    let expected = datagrams.len();
    let reader = std::thread::spawn(move || -> Result<Vec<Vec<u8>>> {
        let mut buffer = [0; 65_536];
        let mut received = Vec::new();
        while received.len() < expected {
            let length = udp.recv(&mut buffer)?;
            received.push(buffer[..length].to_vec());
        }
        Ok(received)
    });
    let tcp = TcpListener::bind("127.0.0.1:0")?;
    let tcp_address = tcp.local_addr()?;
    let stream = std::thread::spawn(move || -> Result<Vec<u8>> {
        let (mut connection, _) = tcp.accept()?;
        let mut bytes = Vec::new();
        connection.read_to_end(&mut bytes)?;
        Ok(bytes)
    });
    let (collector, certificate) = encrypted_collector(folder.path())?;
    let from = server(
        folder.path(),
        "from",
        &format!(
            "[[output]]\nname = \"udp\"\nkind = \"hep\"\ntargets = [\"{}\"]\n\
             [[output]]\nname = \"tcp\"\nkind = \"hep\"\ntargets = [\"tcp://{tcp_address}\"]\n\
             [[output]]\nname = \"tls\"\nkind = \"hep\"\ntargets = [\"tls://localhost:{}\"]\ntls_ca = {certificate:?}\n",
            udp_address, collector.1,
        ),
    )?;
    send_udp(&from.options.hep_udp, &datagrams)?;
    let count = datagrams.len() as u64;
    for name in ["udp", "tcp", "tls"] {
        let output = settled(&from, name, count)?;
        ensure!(output["sent"] == count, "{output}");
    }
    // The order is kept among those of one table.
    let received = reader.join().expect("the thread does not panic")?;
    ensure!(sorted(received) == sorted(datagrams.clone()), "datagrams are what was sent");
    // What does not say its length becomes version 3 on a stream; all else is as it was.
    let (collector, _) = collector;
    collector.wait_for_count("SELECT count(*) AS n FROM messages WHERE hep_version = 3", count)?;
    let rows = |server: &Server| {
        let columns = "hep_type, src_ip, src_port, dst_ip, dst_port, call_id, raw";
        server.sql(&format!("SELECT {columns} FROM messages ORDER BY {columns}"))
    };
    ensure!(rows(&from)? == rows(&collector)?, "both understand the same");
    from.terminate()?;
    let bytes = stream.join().expect("the thread does not panic")?;
    let mut framer = hep::Framer::new();
    framer.push(&bytes, 0);
    let mut received = Vec::new();
    while let Some(frame) = framer.next_frame() {
        received.push(frame.context("a refusal")?.to_vec());
    }
    ensure!(framer.finish().is_none(), "the stream ends within a packet");
    ensure!(received.len() == datagrams.len(), "{} of {}", received.len(), datagrams.len());
    let (of_version_3, older): (Vec<_>, Vec<_>) =
        datagrams.into_iter().partition(|frame| frame.starts_with(b"HEP3"));
    ensure!(!of_version_3.is_empty() && !older.is_empty());
    for frame in &of_version_3 {
        let place =
            received.iter().position(|other| other == frame).context("a packet of version 3 was changed")?;
        received.remove(place);
    }
    let payloads = |frames: &[Vec<u8>]| -> Result<Vec<Vec<u8>>> {
        let payloads: Result<Vec<_>, hep::Refusal> =
            frames.iter().map(|frame| Ok(hep::decode(frame, 0)?.0.payload.into_owned())).collect();
        Ok(sorted(payloads?))
    };
    ensure!(payloads(&received)? == payloads(&older)?, "older ones say the same");
    Ok(())
}

fn sorted(mut frames: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    frames.sort();
    frames
}

/// A server that takes HEP over TLS, its port, and the certificate that vouches for it.
fn encrypted_collector(folder: &std::path::Path) -> Result<((Server, u16), std::path::PathBuf)> {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()])?;
    let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    std::fs::write(&certificate, made.cert.pem())?;
    std::fs::write(&key, made.signing_key.serialize_pem())?;
    let port = free_tcp_port()?;
    let toml = format!(
        "[listen]\nhep_tls = \"127.0.0.1:{port}\"\n[tls]\ncertificate = {certificate:?}\nkey = {key:?}\n"
    );
    Ok(((server(folder, "to", &toml)?, port), certificate))
}

#[test]
fn routes_are_chosen_by_filter_and_chunks_are_edited() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let to = server(folder.path(), "to", "[hep]\nkeys = [\"their secret\"]\n")?;
    let from = server(
        folder.path(),
        "from",
        &format!(
            "[[output]]\nname = \"wanted\"\nkind = \"hep\"\ntargets = [\"tcp://{0}\"]\nfilter = \"call_id = \\\"wanted-*\\\"\"\n\
             delete = [\"correlation_id\"]\nset = [{{ chunk = \"node\", value = \"relay-1\" }},\n\
             {{ chunk = \"capture_id\", value = 4711 }}, {{ chunk = \"key\", value = \"their secret\" }}]\n\
             [[output]]\nname = \"keyless\"\nkind = \"hep\"\ntargets = [\"tcp://{0}\"]\nfilter = \"call_id = \\\"other-0\\\"\"\n",
            to.options.hep_tcp
        ),
    )?;
    let packets: Vec<Vec<u8>> = (0..20)
        .flat_map(|n| [options_packet(&format!("wanted-{n}")), options_packet(&format!("other-{n}"))])
        .collect();
    send_udp(&from.options.hep_udp, &packets)?;
    settled(&from, "wanted", 20)?;
    settled(&from, "keyless", 1)?;
    let edited = "SELECT count(*) AS n FROM sip WHERE node = 'relay-1' AND capture_id = 4711 AND correlation_id IS NULL";
    to.wait_for_count(edited, 20)?;
    let totals = to.wait_for_received(21)?;
    ensure!(totals.stored == 20 && totals.refused == 1, "only what has the key: {totals:?}");
    ensure!(to.count("SELECT count(*) AS n FROM sip WHERE call_id LIKE 'wanted-%'")? == 20);
    Ok(())
}

#[test]
fn the_real_hepjs_reads_what_the_relay_sends() -> Result<()> {
    let (Some(node), Some(hepjs)) = (find("node")?, find_hepjs()?) else { return Ok(()) };
    let folder = tempfile::tempdir()?;
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_read_timeout(Some(Duration::from_secs(20)))?;
    let from = server(
        folder.path(),
        "from",
        &format!(
            "[[output]]\nname = \"out\"\nkind = \"hep\"\ntargets = [\"{}\"]\n\
             set = [{{ chunk = \"node\", value = \"relay-1\" }}, {{ chunk = \"capture_id\", value = 4711 }}]\n",
            socket.local_addr()?
        ),
    )?;
    send_udp(&from.options.hep_udp, &[options_packet("judged")])?;
    let mut buffer = [0; 65_536];
    let length = socket.recv(&mut buffer)?;
    let mut child = Command::new(node)
        .arg(hepjs.join("exchange.js"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let hex: String = buffer[..length].iter().map(|byte| format!("{byte:02x}")).collect();
    writeln!(child.stdin.take().context("a pipe")?, "{}", json!({"decapsulate": hex}))?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().context("a pipe")?).read_line(&mut line)?;
    child.wait()?;
    let read: Value = serde_json::from_str(&line).with_context(|| line.clone())?;
    ensure!(read["rcinfo"]["captureId"] == 4711, "{read}");
    ensure!(line.contains("relay-1"), "{read}");
    ensure!(read["payload"].as_str().is_some_and(|payload| payload.contains("Call-ID: judged")), "{read}");
    Ok(())
}
