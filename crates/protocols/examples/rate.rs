//! How long one record takes: decodes the packets of fixtures/ once and understands each of them many times. Shows
//! the best of many rounds, which is what the machine can do when nothing else asks for it.
//!
//!     cargo run --release -p protocols --example rate

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use model::Micros;
use protocols::{Arrival, Corrections, Protocols, registry};

const ROUNDS: u32 = 200;
const RECORDS_PER_ROUND: u32 = 1_000;

fn main() -> std::io::Result<()> {
    let received = Micros(1_795_237_200_000_000);
    let sender = std::net::Ipv4Addr::LOCALHOST.into();
    let arrival = Arrival { id: 1, received, sender, listener: "udp", corrections: Corrections::default() };
    let protocols = Protocols::built_in();
    for protocol in registry() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(protocol.name);
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            let bytes = std::fs::read(&path)?;
            let Ok((packet, _)) = hep::decode(&bytes, 1_795_237_200) else { continue };
            let round = |_| {
                let start = Instant::now();
                for _ in 0..RECORDS_PER_ROUND {
                    black_box(protocols.understand(black_box(&packet), &arrival));
                }
                start.elapsed().as_nanos() / u128::from(RECORDS_PER_ROUND)
            };
            let nanoseconds = (0..ROUNDS).map(round).min().unwrap_or(0);
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            println!("{nanoseconds:>6} ns  {:>5} bytes  {}/{name}", packet.payload.len(), protocol.name);
        }
    }
    Ok(())
}
