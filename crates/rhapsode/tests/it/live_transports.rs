//! Real programs send over every transport they have: Kamailio, rtpengine, sngrep, sipgrep; and stunnel and HAProxy in
//! front. Fixed ports, so one after another (the `live` group).

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use testkit::programs::find;
use testkit::server::{Server, free_tcp_port, options_packet, wait};

use crate::commands::rhapsode;
use crate::stage::{Stage, ng};

/// What makes Kamailio send which way: its variant, then the row's `listener` and `hep_version`.
const KAMAILIO: &[(&str, &[&str], &str, u8)] = &[
    ("udp1", &["-A", "HEPV=1"], "udp", 1),
    ("udp2", &["-A", "HEPV=2"], "udp", 2),
    ("udp3", &["-A", "HEPV=3"], "udp", 3),
    ("tcp3", &["-A", r#"DUPURI="sip:127.0.0.1:9060;transport=tcp""#], "tcp", 3),
    ("tls3", &["-A", r#"DUPURI="sip:127.0.0.1:9061;transport=tls""#], "tls", 3),
];

#[test]
fn live_kamailio_sends_every_version_and_over_tcp_and_tls() -> Result<()> {
    let (Some(kamailio), Some(sipp)) = (find("kamailio")?, find("sipp")?) else { return Ok(()) };
    let stage = Stage::new("live-kamailio-transports")?;
    let server = stage.server_with(&tls_listener(&stage))?;
    for (name, variant, listener, version) in KAMAILIO {
        let proxy = stage.kamailio(&kamailio, variant)?;
        stage.sipp(&sipp, name, "uac_options", "ping", &[])?;
        stage.sipp(&sipp, name, "uac_fail404", "nf", &[])?;
        server.wait_for_count(
            &format!(
                "SELECT count(*) AS n FROM sip WHERE call_id LIKE '%-{name}-%' AND listener = '{listener}' \
                 AND hep_version = {version} AND status IN (200, 404)"
            ),
            2,
        )?;
        drop(proxy);
    }
    // What ended when a Kamailio was stopped was between two packets.
    let totals = server.totals()?;
    ensure!(totals.refused == 0 && totals.dropped == 0, "{totals:?}");
    Ok(())
}

#[test]
fn live_rtpengine_reports_over_udp_and_tcp() -> Result<()> {
    let Some(rtpengine) = find("rtpengine")? else { return Ok(()) };
    let stage = Stage::new("live-rtpengine-transports")?;
    let server = stage.server()?;
    for protocol in ["udp", "tcp"] {
        let _relay = stage.rtpengine(&rtpengine, protocol)?;
        reported_by_rtpengine(&server, protocol)?;
    }
    nothing_refused(&server)
}

/// A phone's report goes through the relay, and what the relay tells of it is found in its call.
fn reported_by_rtpengine(server: &Server, protocol: &str) -> Result<()> {
    // A call as a proxy would set it up, and RTCP as a phone would send it.
    let phone = UdpSocket::bind("127.0.0.1:0")?;
    let port = phone.local_addr()?.port();
    let sdp = format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
         m=audio {port} RTP/AVP 0\r\na=rtcp:{port}\r\n"
    );
    let answer = |command: &str, more: &str| {
        let request = format!(
            "d7:call-id8:over-{protocol}7:command{}:{command}8:from-tag1:a{more}3:sdp{}:{sdp}e",
            command.len(),
            sdp.len()
        );
        let answer = ng(&request)?;
        ensure!(answer.contains("6:result2:ok"), "rtpengine answered {answer:?} to {request:?}");
        anyhow::Ok(answer)
    };
    let offered = answer("offer", "")?;
    answer("answer", "6:to-tag1:b")?;
    let relayed: u16 = offered
        .split("m=audio ")
        .nth(1)
        .and_then(|rest| rest.split(' ').next()?.parse().ok())
        .with_context(|| format!("no port in {offered:?}"))?;
    // The offer's answer names the port that faces the callee; either side's reports are told.
    let sender_report = [
        0x80, 200, 0, 6, 0x11, 0x22, 0x33, 0x44, 0xE6, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 50, 0,
        0, 0x1F, 0x40,
    ];
    let reported = wait(Duration::from_secs(20), || {
        phone.send_to(&sender_report, (Ipv4Addr::LOCALHOST, relayed + 1))?;
        std::thread::sleep(Duration::from_millis(300));
        Ok(server.count(&format!(
            "SELECT count(*) AS n FROM rtcp WHERE call_id = 'over-{protocol}' AND listener = '{protocol}' AND capture_id = 2002 \
             AND hep_type = 5 AND ssrc = 287454020 AND packets = 50 AND octets = 8000"
        ))? > 0)
    })?;
    ensure!(reported, "no report came: {:?}", server.totals()?);
    Ok(())
}

#[test]
fn live_sngrep_and_sipgrep_replay_a_capture() -> Result<()> {
    let (Some(kamailio), Some(sipp)) = (find("kamailio")?, find("sipp")?) else { return Ok(()) };
    let (Some(sngrep), Some(sipgrep)) = (find("sngrep")?, find("sipgrep")?) else { return Ok(()) };
    let stage = Stage::new("live-grep")?;
    let server = stage.server()?;
    let proxy = stage.kamailio(&kamailio, &[])?;
    stage.sipp(&sipp, "captured", "uac_fail404", "nf", &[])?;
    server.wait_for_count("SELECT count(*) AS n FROM sip WHERE status = 404", 1)?;
    drop(proxy);
    let call_id = server.sql("SELECT call_id FROM sip WHERE status = 404 LIMIT 1")?;
    let call_id = call_id[0]["call_id"].as_str().context("no Call-ID")?;
    let capture = stage.folder.path().join("captured.pcap");
    let capture = capture.to_string_lossy();
    rhapsode(&server, &["export", "--format", "pcap", "--output", &capture, call_id])?;

    // Their capture ids, as they are and shifted by 16 bits as both have it in version 3.
    let replayed = |id: u32, version: u8, at_least: u64| {
        let shifted = id << 16;
        server.wait_for_count(
            &format!(
                "SELECT count(*) AS n FROM sip WHERE capture_id IN ({id}, {shifted}) AND hep_version = {version} \
                 AND call_id LIKE '%-captured-%'"
            ),
            at_least,
        )
    };
    for version in [3, 2] {
        let mut command = Command::new(&sngrep);
        command.current_dir(stage.folder.path()).env("TERM", "xterm");
        command.args(["-F", "-f", &format!("sngreprc-v{version}"), "-N", "-q", "-H", "udp:127.0.0.1:9060"]);
        command.args(["-I", &capture]);
        let _replay = stage.start(&format!("sngrep-v{version}"), command)?;
        replayed(3003, version, 2)?;
    }
    let mut command = Command::new(&sipgrep);
    command.current_dir(stage.folder.path());
    command.args(["-R", "-P", "5060-5199", "-H", "udp:127.0.0.1:9060", "-I", &capture]);
    let _replay = stage.start("sipgrep", command)?;
    replayed(101, 3, 2)?;
    Ok(())
}

#[test]
fn live_stunnel_brings_tls_to_agents_without_it_and_says_who_they_are() -> Result<()> {
    let Some(stunnel) = find("stunnel")? else { return Ok(()) };
    let stage = Stage::new("live-stunnel")?;
    let [near, far, far_client, behind] = free_ports()?;
    let server = stage.server_with(&format!(
        "{}[[listener]]\nkind = \"tcp\"\naddress = \"127.0.0.1:{behind}\"\nname = \"behind stunnel\"\n\
         proxy_protocol_from = [\"127.0.0.1\"]\n",
        tls_listener(&stage)
    ))?;
    let folder = stage.folder.path();
    // Beside the agent, where the collector speaks TLS; then in front of a collector that does not.
    let config = format!(
        "foreground = yes\npid =\n\
         [beside the agent]\nclient = yes\naccept = 127.0.0.1:{near}\nconnect = 127.0.0.1:9061\n\
         [in front]\naccept = 127.0.0.1:{far}\nconnect = 127.0.0.1:{behind}\nprotocol = proxy\n\
         cert = {}/tls/cert.pem\nkey = {}/tls/key.pem\n\
         [beside another agent]\nclient = yes\naccept = 127.0.0.1:{far_client}\nconnect = 127.0.0.1:{far}\n\
         local = 127.0.0.2\n",
        folder.display(),
        folder.display()
    );
    std::fs::write(folder.join("stunnel.conf"), config)?;
    let mut command = Command::new(stunnel);
    command.arg(folder.join("stunnel.conf"));
    let _stunnel = stage.start("stunnel", command)?;
    for (port, name) in [(near, "to-tls"), (far_client, "to-proxy")] {
        connect_from("127.0.0.1", port)?.write_all(&options_packet(name))?;
    }
    let found = |what: &str| server.wait_for_count(&format!("SELECT count(*) AS n FROM sip WHERE {what}"), 1);
    found("call_id LIKE '%to-tls%' AND listener = 'tls'")?;
    // Whom stunnel was connected from, not stunnel.
    found("call_id LIKE '%to-proxy%' AND listener = 'tcp' AND sender = '127.0.0.2'")?;
    nothing_refused(&server)
}

#[test]
fn live_haproxy_in_front_says_who_sends() -> Result<()> {
    let Some(haproxy) = find("haproxy")? else { return Ok(()) };
    let stage = Stage::new("live-haproxy")?;
    let [first, second, encrypted, web, behind, web_behind] = free_ports()?;
    let listener = |kind: &str, port: u16| {
        format!(
            "[[listener]]\nkind = \"{kind}\"\naddress = \"127.0.0.1:{port}\"\nproxy_protocol_from = [\"127.0.0.1/32\"]\n"
        )
    };
    let server =
        stage.server_with(&format!("{}{}", listener("tcp", behind), listener("http", web_behind)))?;
    let folder = stage.folder.path();
    let pem =
        [std::fs::read(folder.join("tls/cert.pem"))?, std::fs::read(folder.join("tls/key.pem"))?].concat();
    std::fs::write(folder.join("haproxy.pem"), pem)?;
    // The health checks, many times a second, must count as nothing.
    let config = format!(
        "defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n\
         listen v1\n  bind 127.0.0.1:{first}\n  server s 127.0.0.1:{behind} send-proxy check inter 100ms\n\
         listen v2\n  bind 127.0.0.1:{second}\n  server s 127.0.0.1:{behind} send-proxy-v2 check inter 100ms\n\
         listen tls\n  bind 127.0.0.1:{encrypted} ssl crt {}/haproxy.pem\n  server s 127.0.0.1:{behind} send-proxy-v2\n\
         listen web\n  bind 127.0.0.1:{web}\n  server s 127.0.0.1:{web_behind} send-proxy-v2\n",
        folder.display()
    );
    std::fs::write(folder.join("haproxy.cfg"), config)?;
    let mut command = Command::new(haproxy);
    command.arg("-f").arg(folder.join("haproxy.cfg"));
    let _haproxy = stage.start("haproxy", command)?;

    for (port, name) in [(first, "by-v1"), (second, "by-v2")] {
        connect_from("127.0.0.2", port)?.write_all(&options_packet(name))?;
    }
    let body = options_packet("by-web");
    let mut stream = connect_from("127.0.0.2", web)?;
    let head = format!(
        "POST /hep HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), &body].concat())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    ensure!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    if let Some(openssl) = find("openssl")? {
        let packet = folder.join("packet");
        std::fs::write(&packet, options_packet("by-tls"))?;
        let status = Command::new(openssl)
            .args(["s_client", "-quiet", "-no_ign_eof", "-bind", "127.0.0.2:0", "-connect"])
            .arg(format!("127.0.0.1:{encrypted}"))
            .stdin(std::fs::File::open(&packet)?)
            .output()?;
        ensure!(status.status.success(), "{}", String::from_utf8_lossy(&status.stderr));
        server.wait_for_count("SELECT count(*) AS n FROM sip WHERE call_id LIKE '%by-tls%'", 1)?;
    }
    for name in ["by-v1", "by-v2", "by-web"] {
        server.wait_for_count(
            &format!("SELECT count(*) AS n FROM sip WHERE call_id LIKE '%{name}%' AND sender = '127.0.0.2'"),
            1,
        )?;
    }
    nothing_refused(&server)
}

/// `--hep-tls` on 9061 with the stage's certificate, as TOML.
fn tls_listener(stage: &Stage) -> String {
    let folder = stage.folder.path().join("tls");
    format!(
        "[listen]\nhep_tls = \"127.0.0.1:9061\"\n[tls]\ncertificate = \"{0}/cert.pem\"\nkey = \"{0}/key.pem\"\n",
        folder.display()
    )
}

fn nothing_refused(server: &Server) -> Result<()> {
    let totals = server.totals()?;
    ensure!(totals.refused == 0 && totals.dropped == 0, "{totals:?}");
    Ok(())
}

fn free_ports<const N: usize>() -> Result<[u16; N]> {
    let mut ports = [0; N];
    for place in 0..N {
        // The kernel may offer the same one twice.
        while ports[place] == 0 || ports[..place].contains(&ports[place]) {
            ports[place] = free_tcp_port()?;
        }
    }
    Ok(ports)
}

/// A connection from another address of loopback, once something listens.
fn connect_from(from: &str, port: u16) -> Result<TcpStream> {
    let mut connected = None;
    wait(Duration::from_secs(10), || {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
        socket.bind(&SocketAddr::new(from.parse()?, 0).into())?;
        if socket.connect(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into()).is_ok() {
            connected = Some(TcpStream::from(socket));
        }
        Ok(connected.is_some())
    })?;
    connected.with_context(|| format!("nothing listens on port {port}"))
}
