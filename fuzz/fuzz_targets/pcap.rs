//! Capture files and the layers of their frames.
#![no_main]

use libfuzzer_sys::fuzz_target;
use packet::{Layers, Link, pcap};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(reader) = pcap::Reader::new(bytes) {
        let mut held_bytes = 0;
        for frame in reader.flatten() {
            held_bytes += frame.bytes.len();
            if let Ok(layers) = Layers::parse(frame.link, frame.bytes) {
                let _ = (layers.source(), layers.destination(), format!("{:?}", layers.transport));
            }
        }
        assert!(held_bytes <= bytes.len());
    }
    if let Some((&link, frame)) = bytes.split_first() {
        let _ = Layers::parse(Link::from_number(link.into()), frame);
    }
});
