//! Messages of calls with the time they arrived, as a tracker takes them.

use calls::{End, Message, Sighting};

/// A message and when it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    pub(crate) id: i64,
    pub(crate) at: i64,
    pub(crate) received: i64,
    pub(crate) call_id: String,
    pub(crate) fields: [Option<String>; 6],
    pub(crate) ports: (Option<i32>, Option<i32>),
    pub(crate) status: Option<i64>,
    pub(crate) cseq: Option<i64>,
    pub(crate) point: u64,
    pub(crate) raw: Vec<u8>,
}

impl Arrival {
    pub(crate) fn of(message: &Message<'_>, received: i64) -> Self {
        let text = |text: Option<&str>| text.map(str::to_owned);
        Self {
            id: message.id,
            at: message.at,
            received,
            call_id: message.call_id.unwrap_or_default().to_owned(),
            fields: [
                text(message.src.ip),
                text(message.dst.ip),
                text(message.method),
                text(message.from_tag),
                text(message.to_tag),
                text(message.via_branch),
            ],
            ports: (message.src.port, message.dst.port),
            status: message.status,
            cseq: message.cseq,
            point: 1,
            raw: message.raw.to_vec(),
        }
    }

    pub(crate) fn sighting(&self) -> Sighting<'_> {
        let [src, dst, method, from_tag, to_tag, via_branch] = self.fields.each_ref().map(Option::as_deref);
        Sighting {
            message: Message {
                id: self.id,
                at: self.at,
                src: End { ip: src, port: self.ports.0 },
                dst: End { ip: dst, port: self.ports.1 },
                call_id: Some(&self.call_id),
                method,
                status: self.status,
                cseq: self.cseq,
                from_tag,
                to_tag,
                via_branch,
                raw: self.raw.as_slice().into(),
            },
            received: self.received,
            point: self.point,
            sender: "192.0.2.9",
            listener: "udp",
            transport: "udp",
            hep_version: 3,
            hep_type: 1,
            ..Sighting::default()
        }
    }
}
