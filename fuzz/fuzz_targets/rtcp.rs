//! RTP and RTCP: reading never fails, and what is written again reads the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use media::rtcp::Compound;

fuzz_target!(|bytes: &[u8]| {
    let _ = media::rtp::is_rtcp(bytes);
    if let Ok(packet) = media::rtp::Packet::parse(bytes) {
        assert!(packet.contributors().count() <= 15);
    }
    let compound = Compound::read(bytes);
    assert!(compound.reports.len() <= bytes.len() / 4 + 1);
    assert!(compound.problems.iter().all(|problem| problem.at <= bytes.len()));
    let written = compound.to_bytes();
    // What was cut off is padded when written, and may then pass for more than could be read before.
    if compound.problems.is_empty() {
        assert_eq!(Compound::read(&written).to_bytes(), written);
    }
});
