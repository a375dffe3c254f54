//! Figures of minutes, to a stand-in that answers as InfluxDB 2 is documented to.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use hep::Outgoing;
use serde_json::Value;
use testkit::server::{send_udp, wait};
use testkit::stand_in::{Response, serve};

use super::{dropped, number, output, server};

/// A minute of an hour ago is made 24 s after the first of its calls was told, which is half a minute after it came.
pub(crate) const PATIENCE: Duration = Duration::from_secs(150);

/// When the minute began that was an hour ago, in seconds.
pub(crate) fn an_hour_ago() -> Result<u32> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    Ok(u32::try_from(now - now % 60 - 3_600)?)
}

/// Calls of two minutes, from three hosts in turn: the even ones busy, the odd ones a conversation of 20 s.
pub(crate) fn calls(begin: u32, calls: std::ops::Range<u32>) -> Result<Vec<Vec<u8>>> {
    let packets = calls.map(|call| packets(call, begin + call % 2 * 60 + call));
    Ok(packets.collect::<Result<Vec<_>>>()?.concat())
}

fn packets(call: u32, begin: u32) -> Result<Vec<Vec<u8>>> {
    let caller = format!("192.0.2.{}", call % 3);
    let packet = |after: u32, start: &str, cseq: &str, to_tag: &str| {
        let text = format!(
            "{start}\r\nVia: SIP/2.0/UDP {caller};branch=z9hG4bK{call}{branch}\r\nCall-ID: {call}@example.org\r\n\
             CSeq: {cseq}\r\nFrom: <sip:a@example.com>;tag=1\r\nTo: <sip:+4930{call}@example.com>{to_tag}\r\n\
             Content-Length: 0\r\n\r\n",
            branch = cseq.replace(' ', ""),
        );
        let (caller, callee) = (format!("{caller}:5060").parse()?, "198.51.100.1:5060".parse()?);
        let is_reply = start.starts_with("SIP/2.0");
        let (src, dst) = if is_reply { (callee, caller) } else { (caller, callee) };
        let mut bytes = Vec::new();
        let outgoing =
            Outgoing { payload: text.as_bytes(), seconds: begin + after, ..Outgoing::new(src, dst) };
        outgoing.encode_v3(&mut bytes)?;
        Ok(bytes)
    };
    let (uri, tag) = (format!("sip:+4930{call}@example.com"), ";tag=2");
    let invite = packet(0, &format!("INVITE {uri} SIP/2.0"), "1 INVITE", "");
    let ack = packet(1, &format!("ACK {uri} SIP/2.0"), "1 ACK", tag);
    let messages = if call.is_multiple_of(2) {
        vec![invite, packet(1, "SIP/2.0 486 Busy Here", "1 INVITE", tag), ack]
    } else {
        vec![
            invite,
            packet(1, "SIP/2.0 200 OK", "1 INVITE", tag),
            ack,
            packet(21, &format!("BYE {uri} SIP/2.0"), "2 BYE", tag),
            packet(21, "SIP/2.0 200 OK", "2 BYE", tag),
        ]
    };
    messages.into_iter().collect()
}

/// Fields by series and time: a point that comes again takes the place of the one before.
type Points = BTreeMap<(String, i64), BTreeMap<String, f64>>;

/// Reads <https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/>.
fn written(body: &str) -> Result<Points> {
    let mut points = Points::new();
    for line in body.lines() {
        let parts: Vec<&str> = line.split(' ').collect();
        let [series, fields, time] = parts[..] else { anyhow::bail!("no point: {line}") };
        let fields = fields.split(',').map(|field| {
            let (name, value) = field.split_once('=').context("a field")?;
            Ok((name.to_owned(), value.trim_end_matches('i').parse()?))
        });
        points.insert((series.to_owned(), time.parse()?), fields.collect::<Result<_>>()?);
    }
    Ok(points)
}

/// Of all series with these tags, over all minutes.
fn sum(points: &Points, tags: &str, field: &str) -> f64 {
    let own = points.iter().filter(|((series, _), _)| series.contains(tags));
    own.filter_map(|(_, fields)| fields.get(field)).sum()
}

#[test]
fn influxdb_gets_figures_and_its_refusals_cost_only_what_it_refuses() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let kept: Arc<Mutex<Points>> = Arc::default();
    let (asked, keeps) = (Arc::new(AtomicUsize::new(0)), Arc::clone(&kept));
    let address = serve(move |request| {
        if request.path != "/api/v2/write?org=acme&bucket=voip" {
            return Response::new(404, format!("no bucket at {}", request.path));
        }
        if request.header("authorization") != Some("Token t0ken") {
            return Response::new(401, r#"{"code":"unauthorized","message":"unauthorized access"}"#);
        }
        match asked.fetch_add(1, Ordering::SeqCst) {
            0 => return Response { headers: "Retry-After: 1\r\n", ..Response::new(429, "over quota") },
            1 => return Response::new(503, r#"{"code":"unavailable","message":"busy"}"#),
            // Whoever stands in between says yes, and keeps nothing.
            2 => return Response::new(200, "<html>log in</html>"),
            _ => {}
        }
        let points = match written(&request.body) {
            Ok(points) => points,
            Err(error) => return Response::new(400, format!("unable to parse: {error:#}")),
        };
        if points.keys().any(|(series, _)| series.contains("group_key=486")) {
            return Response::new(422, r#"{"code":"unprocessable entity","message":"beyond retention"}"#);
        }
        keeps.lock().unwrap_or_else(PoisonError::into_inner).extend(points);
        Response::new(204, "")
    })?;
    let from = server(
        folder.path(),
        "from",
        &format!(
            "[calls]\nminute_after_seconds = 1\n[[output]]\nname = \"kpi\"\nkind = \"influxdb\"\n\
             url = \"http://{address}\"\norg = \"acme\"\nbucket = \"voip\"\ntoken = \"t0ken\"\n\
             fixed_tags = {{ site = \"pop-3\" }}\nretry_seconds_max = 2\n"
        ),
    )?;
    send_udp(&from.options.hep_udp, &calls(an_hour_ago()?, 0..12)?)?;
    let mut last = Value::Null;
    let done = wait(PATIENCE, || {
        last = output(&from, "kpi")?;
        let (sent, waiting) = (number(&last, "sent"), number(&last, "waiting"));
        ensure!(number(&last, "taken") == sent + waiting + dropped(&last), "not conserved: {last}");
        let kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(waiting == 0 && sum(&kept, "grouped_by=all", "attempts") == 12.0)
    })?;
    let kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    ensure!(done, "{last}\n{kept:?}");
    ensure!(last["state"] == "working" && number(&last, "retries") >= 3, "{last}");
    let refused = number(&last["dropped"], "refused");
    // Calls that were busy are in one of the minutes.
    ensure!(refused >= 1 && refused == dropped(&last), "{last}");
    ensure!(last["last_refusal"].as_str().is_some_and(|text| text.contains("beyond retention")), "{last}");
    for (tags, field, expected) in [
        ("grouped_by=all", "answered_calls", 6.0),
        ("grouped_by=all", "talk_seconds", 120.0),
        ("grouped_by=all", "messages", 48.0),
        ("grouped_by=all", "failed_pdd_count", 6.0),
        ("src_ip=192.0.2.1", "attempts", 4.0),
        ("dst_ip=198.51.100.1", "attempts", 12.0),
        ("group_key=200,grouped_by=status", "attempts", 6.0),
        ("grouped_by=user_agent", "attempts", 0.0),
    ] {
        let told = sum(&kept, tags, field);
        ensure!(told == expected, "{field} of {tags} is {told}, {expected} is expected: {kept:?}");
    }
    let of_ours = |series: &str| series.starts_with("rhapsode_kpi_1m,") && series.contains(",site=pop-3");
    ensure!(kept.keys().all(|(series, _)| of_ours(series) && series.contains(",node_id=")), "{kept:?}");
    ensure!(kept.keys().all(|(_, time)| time % 60_000_000_000 == 0), "{kept:?}");
    Ok(())
}
