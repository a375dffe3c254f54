//! Packets of lifelike traffic: what is counted against what went in.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use model::Micros;
use outputs::metrics::Targets;
use protocols::{Arrival, Corrections, Protocols};
use store::TableBatch;
use traffic::{Generator, Rate, Settings};

use crate::page::{Counting, Page};

const NOW_SECONDS: u32 = 1_790_000_000;
const PACKETS: usize = 3_000;

/// What went in, counted by what the wire rooms read.
#[derive(Default)]
struct Sent {
    requests: BTreeMap<String, u64>,
    responses: BTreeMap<(String, u16), u64>,
    types: BTreeMap<u16, u64>,
    payload_bytes: u64,
    bye_requests_to: BTreeMap<IpAddr, u64>,
}

fn counted(heplify: Option<Targets>) -> (Page, Sent) {
    let counting = Counting::new(heplify);
    let protocols = Protocols::built_in();
    let start = i64::from(NOW_SECONDS) * Micros::SECOND;
    let mut generator = Generator::new(&Settings::new(7, start, Rate::Messages(200.0)));
    let mut batches: Vec<TableBatch> =
        protocols.tables().iter().map(|table| TableBatch::new(table)).collect();
    let mut sent = Sent::default();
    for _ in 0..PACKETS {
        let mut bytes = Vec::new();
        generator.append(&mut bytes);
        let (packet, _) = hep::decode(&bytes, NOW_SECONDS).expect("a packet");
        *sent.types.entry(packet.hep_type.unwrap_or_default()).or_default() += 1;
        sent.payload_bytes += packet.payload.len() as u64;
        let arrival = Arrival {
            id: 1,
            received: Micros(start),
            sender: Ipv4Addr::LOCALHOST.into(),
            listener: "udp",
            corrections: Corrections::default(),
        };
        let record = protocols.understand(&packet, &arrival);
        let message = sip::parse(&packet.payload);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if record.table.name == "sip" {
            match message.status() {
                None => {
                    let method = text(message.method().expect("a request"));
                    if let Some(to) = packet.dst_ip.filter(|_| method == "BYE") {
                        *sent.bye_requests_to.entry(to).or_default() += 1;
                    }
                    *sent.requests.entry(method).or_default() += 1;
                }
                Some(status) => {
                    let method = text(message.cseq().expect("a CSeq").method);
                    *sent.responses.entry((method, status)).or_default() += 1;
                }
            }
        }
        let batch = batches.iter_mut().find(|batch| std::ptr::eq(batch.table(), record.table));
        batch.expect("its table").push(&record);
    }
    // In two parts: counts add up.
    for batch in batches.iter_mut().filter(|batch| !batch.is_empty()) {
        let table = batch.table();
        let rows = batch.finish();
        let half = rows.num_rows() / 2;
        counting.metrics.published(&[(table, rows.slice(0, half))]);
        counting.metrics.published(&[(table, rows.slice(half, rows.num_rows() - half))]);
    }
    (counting.page(), sent)
}

#[test]
fn messages_are_counted_by_method_status_type_and_agent() {
    let (page, sent) = counted(None);
    assert!(sent.requests.len() >= 5 && sent.responses.len() >= 5, "lifelike");
    for (method, count) in &sent.requests {
        let series = format!("rhapsode_sip_requests_total{{method=\"{method}\"}}");
        assert_eq!(page.value(&series), *count as f64, "{series}");
    }
    for ((method, status), count) in &sent.responses {
        let class = status / 100;
        let series = format!(
            "rhapsode_sip_responses_total{{method=\"{method}\",class=\"{class}xx\",status=\"{status}\"}}"
        );
        assert_eq!(page.value(&series), *count as f64, "{series}");
    }
    assert_eq!(page.sum("rhapsode_sip_requests_total"), sent.requests.values().sum::<u64>() as f64);
    assert_eq!(page.sum("rhapsode_sip_responses_total"), sent.responses.values().sum::<u64>() as f64);
    assert_eq!(page.sum("rhapsode_hep_packets_total"), PACKETS as f64);
    assert_eq!(page.sum("rhapsode_hep_payload_bytes_total"), sent.payload_bytes as f64);
    assert_eq!(page.sum("rhapsode_agent_packets_total"), PACKETS as f64);
    for (kind, count) in &sent.types {
        let prefix = format!("rhapsode_hep_packets_total{{hep_type=\"{kind}\",");
        let line = page.0.lines().find(|line| line.starts_with(&prefix)).expect("the type is there");
        assert!(line.ends_with(&format!(" {count}")), "{line}");
    }
    assert!(page.value(r#"rhapsode_media_loss_ratio_count{source="rtcp"}"#) > 0.0);
    let bucket = page
        .0
        .lines()
        .find(|line| line.starts_with("rhapsode_media_loss_ratio_bucket") && line.contains(" # {"));
    assert!(bucket.expect("a bucket has a call").contains("# {call_id=\""));
    assert_eq!(page.value("rhapsode_metrics_skipped_rows_total"), 0.0);
}

#[test]
fn heplify_names_count_a_message_of_a_call_once_or_each_by_target() {
    let (page, sent) = counted(Some(Targets::default()));
    assert_eq!(page.sum("heplify_packets_total"), PACKETS as f64);
    let all = sent.requests.values().chain(sent.responses.values()).sum::<u64>() as f64;
    let counted_once = page.sum("heplify_method_response");
    assert!(counted_once > 0.0 && counted_once < all, "{counted_once} of {all}: several hops, sent again");

    let (address, byes) = sent.bye_requests_to.iter().max_by_key(|(_, count)| **count).expect("some BYE");
    let (page, _) = counted(Some(Targets::new([("proxy".to_owned(), *address)])));
    let of_proxy: f64 = page
        .0
        .lines()
        .filter(|line| line.starts_with(r#"heplify_method_response{target_name="proxy",direction="dst""#))
        .filter(|line| line.contains(r#"response="BYE",method="BYE""#))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum();
    assert_eq!(of_proxy, *byes as f64);
}
