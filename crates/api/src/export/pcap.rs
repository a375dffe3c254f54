use std::borrow::Cow;

use packet::pcap::{Export, Record};

use super::Writer;
use crate::ask::Partial;
use crate::row::Row;

/// A capture file that Wireshark opens with the addresses, ports and times of the captured traffic.
#[derive(Default)]
pub(super) struct Pcap {
    file: Export,
}

impl Writer for Pcap {
    fn row(&mut self, row: &Row) {
        // There is no packet any more; the header of the answer has their number.
        if row.payload_gone {
            return;
        }
        let ip = |text: &Option<String>| text.as_ref().and_then(|text| text.parse().ok());
        let port = |port: Option<i32>| port.and_then(|port| u16::try_from(port).ok());
        // Wireshark reads SIP, not JSON around it. What is not SIP inside stays as it came.
        let payload = row.shown().filter(|_| row.table.name == "sip" && row.raw.starts_with(b"{"));
        let payload = payload.unwrap_or(Cow::Borrowed(&row.raw));
        self.file.push(&Record {
            micros: row.ts.0,
            src_ip: ip(&row.src_ip),
            src_port: port(row.src_port),
            dst_ip: ip(&row.dst_ip),
            dst_port: port(row.dst_port),
            transport: row.transport.as_deref().unwrap_or("unknown"),
            payload: &payload,
        });
    }

    fn take(&mut self) -> Vec<u8> {
        self.file.take()
    }

    fn end(&mut self, _partial: Option<&Partial>) {}
}
