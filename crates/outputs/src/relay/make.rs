//! From row ids to packets.

use std::sync::Arc;

use arrow::array::RecordBatch;
use hep::{Chunk, Edits};
use model::Micros;

use super::{ChunkValue, Form, Relay};
use crate::gather::{Made, arrivals, unreadable};
use crate::queue::{Item, cause};
use crate::window::{Frames, Window};

/// Finds the packets that rows were made of, and gives them the form they are sent in.
pub(crate) struct Packets {
    window: Arc<Window>,
    form: Form,
    /// Packets that do not say their length are written as version 3.
    to_stream: bool,
    /// Of the block that the last row was of.
    frames: Option<Arc<Frames>>,
}

impl Packets {
    pub(crate) fn new(window: Arc<Window>, form: Form, to_stream: bool) -> Self {
        Self { window, form, to_stream, frames: None }
    }

    /// The packet as it is sent, or the cause why there is none.
    pub(crate) fn of(&mut self, id: i64, received: Micros) -> Result<Vec<u8>, &'static str> {
        if self.frames.as_ref().is_none_or(|frames| !frames.holds(id)) {
            self.frames = self.window.frames(id);
        }
        let frame = self.frames.as_ref().and_then(|frames| frames.of(id)).ok_or(cause::FRAME_GONE)?;
        packet(frame, received, &self.form, self.to_stream).ok_or(cause::UNSENDABLE)
    }

    /// All rows of a batch were looked at: what they were made of need not be kept for this.
    pub(crate) fn rest(&mut self) {
        self.frames = None;
    }
}

pub(crate) struct RelayMaker(Packets);

impl RelayMaker {
    pub(crate) fn new(relay: &Relay, window: Arc<Window>) -> Self {
        let to_stream = relay.targets.iter().any(super::Target::is_stream);
        Self(Packets::new(window, relay.form.clone(), to_stream))
    }

    pub(crate) fn make(&mut self, rows: &RecordBatch) -> Made {
        let Some(arrivals) = arrivals(rows) else { return unreadable(rows) };
        let mut made = Made::default();
        for (id, received) in arrivals {
            match self.0.of(id, received) {
                Ok(bytes) => made.items.push(Item { received, bytes: bytes.into() }),
                Err(cause) => made.lose(cause),
            }
        }
        self.0.rest();
        made
    }
}

/// The packet as it is sent; `None` if it cannot be.
fn packet(frame: &[u8], received: Micros, form: &Form, to_stream: bool) -> Option<Vec<u8>> {
    let (delete, set): (&[_], &[ChunkValue]) = match form {
        // HEP3, EEP3, EEP1.
        Form::AsReceived if !to_stream || says_its_length(frame) => return Some(frame.to_vec()),
        Form::AsReceived => (&[], &[]),
        Form::Hep3 { delete, set } => (delete, set),
    };
    let seconds = u32::try_from(received.0.div_euclid(Micros::SECOND)).unwrap_or(0);
    let set: Vec<Chunk<'_>> = set.iter().map(ChunkValue::chunk).collect();
    hep::edited(frame, seconds, Edits { delete, set: &set }).ok()
}

fn says_its_length(frame: &[u8]) -> bool {
    hep::decode(frame, 0)
        .is_ok_and(|(packet, taken)| packet.version == hep::Version::V3 && taken == frame.len())
}

#[cfg(test)]
mod tests {
    use hep::Outgoing;

    use super::*;

    const RECEIVED: Micros = Micros(1_592_975_787_000_000);

    fn outgoing() -> Outgoing<'static> {
        let ends = ["10.0.0.1:5060", "10.0.0.2:5060"].map(|end| end.parse().expect("an address"));
        Outgoing { seconds: 1_592_975_786, capture_id: 5, payload: b"x", ..Outgoing::new(ends[0], ends[1]) }
    }

    #[test]
    fn as_received_is_every_byte_but_older_versions_on_a_stream() {
        let (mut v2, mut v3) = (Vec::new(), Vec::new());
        outgoing().encode_v2(&mut v2).expect("fits");
        outgoing().encode_v3(&mut v3).expect("fits");
        for to_stream in [false, true] {
            assert_eq!(packet(&v3, RECEIVED, &Form::AsReceived, to_stream), Some(v3.clone()));
        }
        assert_eq!(packet(&v2, RECEIVED, &Form::AsReceived, false), Some(v2.clone()));
        let upgraded = packet(&v2, RECEIVED, &Form::AsReceived, true).expect("a packet");
        assert!(says_its_length(&upgraded) && !says_its_length(&v2));
    }

    #[test]
    fn edits_are_made_and_what_grows_too_long_is_not_sent() {
        let mut frame = Vec::new();
        outgoing().encode_v3(&mut frame).expect("fits");
        let node = ChunkValue::new("node", None, "edge").expect("a chunk");
        let form = Form::Hep3 { delete: Vec::new(), set: vec![node] };
        let sent = packet(&frame, RECEIVED, &form, false).expect("a packet");
        assert_eq!(hep::decode(&sent, 0).expect("HEP").0.node, Some(&b"edge"[..]));
        let long = ChunkValue::new("node", None, &"n".repeat(65_500)).expect("a chunk");
        let form = Form::Hep3 { delete: Vec::new(), set: vec![long] };
        assert_eq!(packet(&frame, RECEIVED, &form, false), None);
    }
}
