use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::iter::FusedIterator;

use crate::inflate::{
    self, Format, GZIP_TRAILER_BYTES, GzipHeader, INFLATED_BYTES_MAX, Inflater, Input, Progress, RATIO_MAX,
};
use crate::resync::{self, Candidate};
use crate::{Packet, Refusal, decode, v3};

/// Walks the packets of one datagram (or of one HTTP body, WebSocket message or stream frame).
///
/// One packet is the rule, but heplify replays its disk buffer as one write, so several may follow each other,
/// with NUL padding or blank lines between them. Each packet comes with its exact bytes. What is no packet comes
/// as one [`Refusal`] per run of such bytes, and the search goes on behind it: a broken packet never takes its
/// neighbours along. Gzip-wrapped packets must be unwrapped by [`ungzip`] first.
///
/// An empty or blank datagram gives one refusal, so every datagram gives at least one item.
#[must_use]
pub fn packets(datagram: &[u8], received_seconds: u32) -> Packets<'_> {
    Packets { datagram, offset: 0, received_seconds, started: false }
}

/// Iterator over a datagram; see [`packets`].
#[derive(Clone, Debug)]
pub struct Packets<'a> {
    datagram: &'a [u8],
    offset: usize,
    received_seconds: u32,
    started: bool,
}

impl<'a> Iterator for Packets<'a> {
    type Item = Result<(Packet<'a>, &'a [u8]), Refusal>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let first = !self.started;
        self.started = true;
        let rest = self.datagram.get(self.offset..).unwrap_or_default();
        let rest = rest.get(filling(rest)..).unwrap_or_default();
        if rest.is_empty() {
            self.offset = self.datagram.len();
            let refusal = if self.datagram.is_empty() { Refusal::Empty } else { Refusal::Keepalive };
            return first.then_some(Err(refusal));
        }
        self.offset = self.datagram.len().saturating_sub(rest.len());
        // All but HEPv3 take the whole datagram; behind a packet, 1, 2 and 8 are just bytes.
        let decoded = if first || resync::has_magic(rest) {
            decode(rest, self.received_seconds)
        } else if inflate::is_gzip_prefix(rest) {
            Err(Refusal::Gzip)
        } else {
            Err(Refusal::Garbage)
        };
        match decoded {
            Ok((packet, consumed)) => {
                self.offset = self.offset.saturating_add(consumed);
                Some(Ok((packet, rest.get(..consumed).unwrap_or(rest))))
            }
            Err(refusal) => {
                let next = resync::find(rest, 1).filter(|&(_, candidate)| candidate == Candidate::Yes);
                self.offset = next.map_or(self.datagram.len(), |(at, _)| self.offset.saturating_add(at));
                let probe = first && next.is_none() && rest.trim_ascii() == b"HELLO HFP";
                Some(Err(if probe { Refusal::Keepalive } else { refusal }))
            }
        }
    }
}

impl FusedIterator for Packets<'_> {}

/// How many bytes in front are padding: NULs, or the blank lines of keep-alives.
pub(crate) fn filling(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| !matches!(byte, 0 | b'\r' | b'\n')).unwrap_or(bytes.len())
}

/// Replaces every gzip member that stands where a packet should start by what it contains (heplify with
/// `payload_zip` wraps whole packets so). Without one, and that is nearly always, the datagram is returned as it
/// is and nothing is copied.
///
/// A member that is corrupt, cut off, nested, or beyond the limits of [`inflate`] stays as it is, for
/// [`packets`] to refuse.
#[must_use]
pub fn ungzip(datagram: &[u8]) -> Cow<'_, [u8]> {
    let mut unwrapped = Vec::new();
    let mut inflated_bytes = 0_usize;
    // Up to here the datagram is in `unwrapped`; up to `offset` it is understood.
    let mut copied = 0_usize;
    let mut offset = 0_usize;
    loop {
        let rest = datagram.get(offset..).unwrap_or_default();
        let rest = rest.get(filling(rest)..).unwrap_or_default();
        offset = datagram.len().saturating_sub(rest.len());
        if inflate::is_gzip_prefix(rest) {
            let room = INFLATED_BYTES_MAX.saturating_sub(inflated_bytes);
            let Some((output, consumed)) = gzip_member(rest, room) else {
                break;
            };
            unwrapped.extend_from_slice(datagram.get(copied..offset).unwrap_or_default());
            unwrapped.extend_from_slice(&output);
            inflated_bytes = inflated_bytes.saturating_add(output.len());
            offset = offset.saturating_add(consumed);
            copied = offset;
        } else if resync::has_magic(rest)
            && let Some(end) = v3::end(rest)
        {
            offset = offset.saturating_add(end);
        } else {
            break;
        }
    }
    if copied == 0 {
        return Cow::Borrowed(datagram);
    }
    unwrapped.extend_from_slice(datagram.get(copied..).unwrap_or_default());
    Cow::Owned(unwrapped)
}

/// Inflates the whole gzip member in front; returns its content and its length.
fn gzip_member(bytes: &[u8], limit: usize) -> Option<(Vec<u8>, usize)> {
    let GzipHeader::Whole(header) = inflate::gzip_header(bytes) else {
        return None;
    };
    let deflated = bytes.get(header..)?;
    let limit = limit.min(deflated.len().saturating_mul(RATIO_MAX));
    let mut inflater = Inflater::new(Format::Gzip, limit, deflated.len());
    let (consumed, progress) = inflater.feed(deflated, Input::Complete);
    let trailer = deflated.get(consumed..)?.first_chunk::<GZIP_TRAILER_BYTES>()?;
    let whole = progress == Progress::Done && inflate::gzip_trailer_fits(*trailer, inflater.output());
    let length = header.saturating_add(consumed).saturating_add(GZIP_TRAILER_BYTES);
    whole.then(|| (inflater.into_output(), length))
}
