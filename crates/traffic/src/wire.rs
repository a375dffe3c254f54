//! The only place that knows how messages are wrapped into HEP.

use std::net::SocketAddr;

/// What a capture agent saw.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) at_micros: i64,
    pub(crate) src: SocketAddr,
    pub(crate) dst: SocketAddr,
    pub(crate) ip_protocol: u8,
    pub(crate) hep_type: u16,
    pub(crate) capture_id: u32,
    pub(crate) node: &'a str,
    pub(crate) correlation_id: Option<&'a [u8]>,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) payload: &'a [u8],
}

/// HEP payload types this room sends.
pub(crate) const SIP: u16 = 1;
pub(crate) const RTCP_JSON: u16 = 5;
pub(crate) const LOG: u16 = 100;

/// Appends the HEPv3 packet.
pub(crate) fn append(seen: &Seen<'_>, out: &mut Vec<u8>) {
    let outgoing = hep::Outgoing {
        ip_protocol: seen.ip_protocol,
        seconds: seen.at_micros.div_euclid(1_000_000) as u32,
        micros: seen.at_micros.rem_euclid(1_000_000) as u32,
        hep_type: seen.hep_type,
        capture_id: seen.capture_id,
        key: seen.key,
        correlation_id: seen.correlation_id,
        node: Some(seen.node.as_bytes()),
        payload: seen.payload,
        ..hep::Outgoing::new(seen.src, seen.dst)
    };
    outgoing.encode_v3(out).expect("messages of this room are far below the 65,535 bytes of a HEP packet");
}
