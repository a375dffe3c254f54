//! Outputs that are down, slow or silent: each loses at most its own packets, and says how many.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use anyhow::{Result, ensure};
use socket2::{Domain, Socket, Type};
use testkit::server::{Options, Server, free_tcp_port, options_packet, send_tcp, wait};

use super::{dropped, number, output, server, settled, with};

const COUNT: u64 = 4_000;

fn packets(name: &str) -> Vec<u8> {
    packets_of(name, COUNT)
}

fn packets_of(name: &str, count: u64) -> Vec<u8> {
    (0..count).flat_map(|n| options_packet(&format!("{name}-{n}"))).collect()
}

/// So few that none is dropped for want of room.
const TRICKLE: u64 = 200;

#[test]
fn one_that_is_down_and_one_that_never_reads_take_nothing_from_the_others() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let to = server(folder.path(), "to", "")?;
    let closed = free_tcp_port()?;
    // Connections are made by the kernel, which keeps little; nobody reads.
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_recv_buffer_size(4_096)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    socket.listen(16)?;
    let silent = TcpListener::from(socket);
    let from = server(
        folder.path(),
        "from",
        &format!(
            "[[output]]\nname = \"down\"\nkind = \"hep\"\ntargets = [\"tcp://127.0.0.1:{closed}\"]\nqueue_bytes_max = \"200 kB\"\n\
             [[output]]\nname = \"silent\"\nkind = \"hep\"\ntargets = [\"tcp://{}\"]\nqueue_bytes_max = \"200 kB\"\nattempt_seconds_max = 2\n\
             [[output]]\nname = \"second\"\nkind = \"hep\"\ntargets = [\"tcp://127.0.0.1:{closed}\", \"tcp://{}\"]\n",
            silent.local_addr()?,
            to.options.hep_tcp
        ),
    )?;
    let mut sent = 0;
    for round in 0..5 {
        send_tcp(&from.options.hep_tcp, &packets(&format!("round-{round}")), &[])?;
        sent += COUNT;
        let totals = from.wait_for_received(sent)?;
        ensure!(totals.stored == sent && totals.dropped == 0, "receiving goes on: {totals:?}");
    }
    // What the kernel takes for somebody who never reads is some megabytes.
    for round in 0..200 {
        if output(&from, "silent")?["state"] == "failing" {
            break;
        }
        send_tcp(&from.options.hep_tcp, &packets_of(&format!("trickle-{round}"), TRICKLE), &[])?;
        sent += TRICKLE;
        from.wait_for_received(sent)?;
        wait(Duration::from_secs(10), || {
            let silent = output(&from, "silent")?;
            Ok(silent["state"] == "failing" || number(&silent, "waiting") == 0)
        })?;
    }
    let second = settled(&from, "second", sent)?;
    ensure!(second["sent"] == sent && second["state"] == "working", "the second target has all: {second}");
    to.wait_for_count("SELECT count(DISTINCT call_id) AS n FROM sip", sent)?;
    for name in ["down", "silent"] {
        let mut last = serde_json::Value::Null;
        let failing = wait(Duration::from_secs(20), || {
            last = output(&from, name)?;
            Ok(last["state"] == "failing" && number(&last, "taken") == sent)
        })?;
        ensure!(failing, "{last}");
        let accounted = number(&last, "sent") + dropped(&last) + number(&last, "waiting");
        ensure!(accounted == sent && number(&last["dropped"], "queue_full") > 0, "{last}");
        ensure!(number(&last, "waiting_bytes") <= 200_000 && last["problem"].is_string(), "{last}");
    }
    let status = from.get("/api/v1/status")?;
    let alarms = status["alarms"].to_string();
    ensure!(alarms.contains("output_down") && alarms.contains("output_silent"), "{alarms}");
    ensure!(!alarms.contains("output_second"), "{alarms}");
    let (code, _, printed) = from.terminate()?;
    ensure!(code == Some(0), "{printed}");
    let told =
        printed.lines().filter(|line| line.contains("does not get through") && line.contains("down")).count();
    ensure!(told == 1, "a change is told once, not {told} times:\n{printed}");
    Ok(())
}

#[test]
fn what_waits_on_disk_is_sent_by_the_next_run_once() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let to = with(folder.path(), "to", "")?;
    let toml = format!(
        "[[output]]\nname = \"out\"\nkind = \"hep\"\ntargets = [\"tcp://{}\"]\nqueue_bytes_max = \"100 kB\"\n\
         spool_bytes_max = \"100 MB\"\nretry_seconds_max = 1\n",
        to.hep_tcp
    );
    let from = server(folder.path(), "from", &toml)?;
    send_tcp(&from.options.hep_tcp, &packets("spooled"), &[])?;
    from.wait_for_received(COUNT)?;
    let mut last = serde_json::Value::Null;
    let all = wait(Duration::from_secs(20), || {
        last = output(&from, "out")?;
        Ok(number(&last, "waiting") == COUNT)
    })?;
    ensure!(all && dropped(&last) == 0 && number(&last, "spool_bytes") > 100_000, "{last}");
    let options: Options = from.options.clone();
    let (code, _, printed) = from.terminate()?;
    ensure!(code == Some(0), "{printed}");

    let to = Server::start(to)?;
    let from = Server::start(options)?;
    let output = settled(&from, "out", COUNT)?;
    ensure!(output["sent"] == COUNT && number(&output, "spool_bytes") == 0, "{output}");
    let totals = to.wait_for_received(COUNT)?;
    ensure!(totals.stored == COUNT, "each once: {totals:?}");
    to.wait_for_count("SELECT count(DISTINCT call_id) AS n FROM sip", COUNT)?;
    Ok(())
}

#[test]
fn a_collector_that_comes_back_is_found_again() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let to = server(folder.path(), "to", "")?;
    let toml = format!(
        "[[output]]\nname = \"out\"\nkind = \"hep\"\ntargets = [\"tcp://{}\"]\nretry_seconds_max = 1\n",
        to.options.hep_tcp
    );
    let from = server(folder.path(), "from", &toml)?;
    send_tcp(&from.options.hep_tcp, &options_packet("before"), &[])?;
    settled(&from, "out", 1)?;
    to.wait_for_count("SELECT count(*) AS n FROM sip", 1)?;
    let options = to.options.clone();
    to.terminate()?;
    send_tcp(&from.options.hep_tcp, &options_packet("meanwhile"), &[])?;
    let failing = wait(Duration::from_secs(20), || Ok(output(&from, "out")?["state"] == "failing"))?;
    ensure!(failing, "{}", output(&from, "out")?);
    let to = Server::start(options)?;
    let output = settled(&from, "out", 2)?;
    ensure!(output["sent"] == 2 && output["state"] == "working", "{output}");
    to.wait_for_count("SELECT count(*) AS n FROM sip WHERE call_id = 'meanwhile'", 1)?;
    Ok(())
}
