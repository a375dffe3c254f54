//! The messages of an open call in few bytes.
//!
//! A call in conversation may wait for hours for its next message, and there may be hundreds of thousands of them. So
//! what is known of a message is written down one after the other, and compressed when the call falls quiet: the
//! messages of a dialog resemble each other.

use super::Sighting;
use crate::message::{End, Message};

/// Messages of one call that are kept. What decides about a call comes early, or is one of few methods.
pub(super) const KEPT_MAX: usize = 1_000;

/// The same for the methods that begin and end a call.
pub(super) const DECIDING_KEPT_MAX: usize = 1_200;

/// Bytes of one call, uncompressed: a thousand ordinary messages. Twice as many for what decides.
const BYTES_MAX: usize = 1 << 20;

/// Less is not worth compressing.
const PACK_BYTES_MIN: usize = 1_024;

/// Written for a number that is missing: none that a message can say.
const NONE: i64 = i64::MIN;

#[derive(Debug, Default)]
pub(super) struct Kept {
    /// Compressed, and how long it is when it is not.
    packed: Box<[u8]>,
    packed_len: usize,
    /// What came since.
    bytes: Vec<u8>,
    count: usize,
}

/// What is known of one message, read back.
pub(super) struct Read<'a> {
    pub(super) message: Message<'a>,
    pub(super) point: u64,
    pub(super) is_udp: bool,
}

impl Kept {
    /// Whether there was room for it.
    pub(super) fn add(&mut self, seen: &Sighting<'_>) -> bool {
        let message = &seen.message;
        let decides = matches!(message.method, Some("INVITE" | "ACK" | "BYE" | "CANCEL"));
        let (count_max, bytes_max) =
            if decides { (DECIDING_KEPT_MAX, 2 * BYTES_MAX) } else { (KEPT_MAX, BYTES_MAX) };
        if self.count >= count_max || self.len() + message.raw.len() > bytes_max {
            return false;
        }
        self.count += 1;
        for number in [
            message.id,
            message.at,
            seen.point.cast_signed(),
            message.status.unwrap_or(NONE),
            message.cseq.unwrap_or(NONE),
            message.src.port.map_or(NONE, i64::from),
            message.dst.port.map_or(NONE, i64::from),
            i64::from(seen.transport == "udp"),
        ] {
            self.bytes.extend_from_slice(&number.to_le_bytes());
        }
        for text in [
            message.src.ip,
            message.dst.ip,
            message.method,
            message.from_tag,
            message.to_tag,
            message.via_branch,
        ] {
            self.put(text.map(str::as_bytes));
        }
        // 100 says that it was said, and nothing else (RFC 3261 21.1.1).
        self.put(Some(message.raw.bytes()).filter(|_| message.status != Some(100)));
        true
    }

    fn put(&mut self, bytes: Option<&[u8]>) {
        // A payload is far below 4 GiB.
        let length = bytes.map_or(u32::MAX, |bytes| u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        self.bytes.extend_from_slice(&length.to_le_bytes());
        if length != u32::MAX {
            self.bytes.extend_from_slice(bytes.unwrap_or_default());
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn len(&self) -> usize {
        self.packed_len + self.bytes.len()
    }

    /// What it takes.
    pub(super) fn size(&self) -> usize {
        self.packed.len() + self.bytes.capacity()
    }

    /// Empty, in a buffer that another call has left.
    pub(super) fn reusing(mut bytes: Vec<u8>) -> Self {
        bytes.clear();
        Self { bytes, ..Self::default() }
    }

    /// The buffer, for another call.
    pub(super) fn into_buffer(self) -> Vec<u8> {
        self.bytes
    }

    /// Makes it small, until the next message; gives back the buffer that is not needed now.
    pub(super) fn pack(&mut self, room: &mut Vec<u8>) -> Option<Vec<u8>> {
        if self.bytes.len() < PACK_BYTES_MIN {
            self.bytes.shrink_to_fit();
            return None;
        }
        let whole = self.unpacked(room);
        let (packed, packed_len) = (lz4_flex::block::compress(whole), whole.len());
        (self.packed, self.packed_len) = (packed.into_boxed_slice(), packed_len);
        Some(std::mem::take(&mut self.bytes))
    }

    /// All bytes, in `room` if some of them are packed.
    fn unpacked<'a>(&'a self, room: &'a mut Vec<u8>) -> &'a [u8] {
        if self.packed_len == 0 {
            return &self.bytes;
        }
        let all = self.packed_len + self.bytes.len();
        if room.len() < all {
            room.resize(all, 0);
        }
        let written = lz4_flex::block::decompress_into(&self.packed, room).unwrap_or(0);
        let all = &mut room[..written + self.bytes.len()];
        all[written..].copy_from_slice(&self.bytes);
        all
    }

    /// In the order they were added.
    pub(super) fn read<'a>(&'a self, call_id: &'a str, room: &'a mut Vec<u8>) -> Vec<Read<'a>> {
        let mut left = Bytes(self.unpacked(room));
        let mut all = Vec::with_capacity(self.count);
        while let Some(read) = left.message(call_id) {
            all.push(read);
        }
        all
    }
}

/// Bytes that [`Kept::add`] wrote.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn message(&mut self, call_id: &'a str) -> Option<Read<'a>> {
        let id = self.number()?;
        let at = self.number()?;
        let point = self.number()?.cast_unsigned();
        let known = |number: i64| (number != NONE).then_some(number);
        let port = |number: i64| known(number).and_then(|port| i32::try_from(port).ok());
        let status = known(self.number()?);
        let cseq = known(self.number()?);
        let (src_port, dst_port) = (port(self.number()?), port(self.number()?));
        let is_udp = self.number()? != 0;
        let src = End { ip: self.text()?, port: src_port };
        let dst = End { ip: self.text()?, port: dst_port };
        let (method, from_tag, to_tag, via_branch) = (self.text()?, self.text()?, self.text()?, self.text()?);
        let raw = self.bytes()?.unwrap_or_default();
        let message = Message {
            id,
            at,
            src,
            dst,
            call_id: Some(call_id),
            method,
            status,
            cseq,
            from_tag,
            to_tag,
            via_branch,
            raw: raw.into(),
        };
        Some(Read { message, point, is_udp })
    }

    fn number(&mut self) -> Option<i64> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(i64::from_le_bytes(*number))
    }

    #[expect(clippy::option_option, reason = "nothing left, and no text there, are two things")]
    fn text(&mut self) -> Option<Option<&'a str>> {
        Some(self.bytes()?.and_then(|bytes| std::str::from_utf8(bytes).ok()))
    }

    #[expect(clippy::option_option, reason = "as above")]
    fn bytes(&mut self) -> Option<Option<&'a [u8]>> {
        let (length, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        let length = u32::from_le_bytes(*length);
        if length == u32::MAX {
            return Some(None);
        }
        let (bytes, rest) = self.0.split_at_checked(length as usize)?;
        self.0 = rest;
        Some(Some(bytes))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text() -> impl Strategy<Value = Option<String>> {
        prop::option::of(".{0,20}")
    }

    prop_compose! {
        fn told()(
            numbers in (any::<i64>(), any::<i64>(), any::<u64>(), prop::option::of(101..700_i64)),
            cseq in prop::option::of(0..i64::MAX),
            ports in (prop::option::of(any::<i32>()), prop::option::of(any::<i32>())),
            texts in prop::array::uniform6(text()),
            raw in prop::collection::vec(any::<u8>(), 0..600),
            is_udp in any::<bool>(),
        ) -> Told {
            Told { numbers, cseq, ports, texts, raw, is_udp }
        }
    }

    #[derive(Clone, Debug)]
    struct Told {
        numbers: (i64, i64, u64, Option<i64>),
        cseq: Option<i64>,
        ports: (Option<i32>, Option<i32>),
        texts: [Option<String>; 6],
        raw: Vec<u8>,
        is_udp: bool,
    }

    impl Told {
        fn sighting(&self) -> Sighting<'_> {
            let [src, dst, method, from_tag, to_tag, via_branch] =
                self.texts.each_ref().map(Option::as_deref);
            Sighting {
                message: Message {
                    id: self.numbers.0,
                    at: self.numbers.1,
                    src: End { ip: src, port: self.ports.0 },
                    dst: End { ip: dst, port: self.ports.1 },
                    call_id: Some("call"),
                    method,
                    status: self.numbers.3,
                    cseq: self.cseq,
                    from_tag,
                    to_tag,
                    via_branch,
                    raw: self.raw.as_slice().into(),
                },
                point: self.numbers.2,
                transport: if self.is_udp { "udp" } else { "tcp" },
                ..Sighting::default()
            }
        }
    }

    proptest! {
        #[test]
        fn what_was_added_is_read_back(all in prop::collection::vec((told(), any::<bool>()), 0..12)) {
            let mut kept = Kept::default();
            let mut room = Vec::new();
            for (told, pack) in &all {
                prop_assert!(kept.add(&told.sighting()));
                if *pack {
                    kept.pack(&mut room);
                }
            }
            let read = kept.read("call", &mut room);
            prop_assert_eq!(read.len(), all.len());
            for (read, (told, _)) in read.iter().zip(&all) {
                let seen = told.sighting();
                prop_assert_eq!(format!("{:?}", read.message), format!("{:?}", seen.message));
                prop_assert_eq!((read.point, read.is_udp), (seen.point, told.is_udp));
            }
        }
    }
}
