//! Steps of the hottest path, one at a time, for counting their instructions: `cargo xtask test instructions` runs this
//! under callgrind, which counts the same on a busy machine. Argument: decode, sip or batch.

use std::hint::black_box;
use std::net::Ipv4Addr;

use anyhow::{Context, Result, bail};
use hep::Packet;
use model::{Micros, Record};
use protocols::{Arrival, Corrections, Protocols};
use store::TableBatch;
use traffic::{Generator, Rate, Settings};

/// Enough of every kind of message in the mix; callgrind needs a second for it.
const MESSAGES: usize = 20_000;

const NOW_SECONDS: u32 = 1_790_000_000;

fn main() -> Result<()> {
    let step = std::env::args().nth(1).context("which step: decode, sip or batch")?;
    let packets = packets();
    let decoded = || packets.iter().filter_map(|bytes| Some(hep::decode(bytes, NOW_SECONDS).ok()?.0));
    let protocols = Protocols::built_in();
    match step.as_str() {
        "decode" => {
            packets.iter().for_each(|bytes| counted_decode(bytes));
            println!("{}", packets.len());
        }
        "sip" => {
            let sip: Vec<Packet<'_>> =
                decoded().filter(|packet| understood(protocols, packet).table.name == "sip").collect();
            sip.iter().for_each(|packet| counted_sip(protocols, packet));
            println!("{}", sip.len());
        }
        "batch" => {
            let packets: Vec<Packet<'_>> = decoded().collect();
            let records: Vec<Record<'_>> =
                packets.iter().map(|packet| understood(protocols, packet)).collect();
            let mut batches: Vec<TableBatch> =
                protocols.tables().iter().map(|table| TableBatch::new(table)).collect();
            for records in records.chunks(8_192) {
                counted_batch(&mut batches, records);
            }
            println!("{}", records.len());
        }
        other => bail!("no step {other}"),
    }
    Ok(())
}

fn packets() -> Vec<Vec<u8>> {
    let start = i64::from(NOW_SECONDS) * Micros::SECOND;
    let mut generator = Generator::new(&Settings::new(1, start, Rate::Messages(40_000.0)));
    (0..MESSAGES)
        .map(|_| {
            let mut bytes = Vec::new();
            generator.append(&mut bytes);
            bytes
        })
        .collect()
}

fn understood<'p>(protocols: &Protocols, packet: &'p Packet<'p>) -> Record<'p> {
    let received = Micros(i64::from(NOW_SECONDS) * Micros::SECOND);
    let sender = Ipv4Addr::LOCALHOST.into();
    protocols.understand(
        packet,
        &Arrival { id: 1 << 16, received, sender, listener: "udp", corrections: Corrections::default() },
    )
}

// What is counted is counted between entering and leaving these.

#[inline(never)]
fn counted_decode(bytes: &[u8]) {
    let _ = black_box(hep::decode(black_box(bytes), NOW_SECONDS));
}

#[inline(never)]
fn counted_sip(protocols: &Protocols, packet: &Packet<'_>) {
    black_box(understood(protocols, black_box(packet)));
}

#[inline(never)]
fn counted_batch(batches: &mut [TableBatch], records: &[Record<'_>]) {
    for record in records {
        let batch = batches.iter_mut().find(|batch| std::ptr::eq(batch.table(), record.table));
        batch.expect("every record is of a table").push(record);
    }
    for batch in batches.iter_mut().filter(|batch| !batch.is_empty()) {
        black_box(batch.finish());
    }
}
