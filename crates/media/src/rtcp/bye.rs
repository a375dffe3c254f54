use super::{Body, COUNT_MAX, ProblemKind};
use crate::bytes::{u8_at, u32_at};

/// Sources leave (RFC 3550 section 6.6).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bye<'a> {
    /// Who.
    pub sources: Vec<u32>,
    /// Why, in words.
    pub reason: Option<&'a [u8]>,
}

impl<'a> Bye<'a> {
    pub(super) fn read(count: u8, body: &mut Body<'a, '_>) -> Self {
        let mut sources = Vec::new();
        while sources.len() < usize::from(count) {
            let Some(ssrc) = u32_at(body.bytes, 0) else {
                body.problem(ProblemKind::Count { announced: count, found: sources.len() as u8 });
                return Self { sources, reason: None };
            };
            body.take(4);
            sources.push(ssrc);
        }
        let length = u8_at(body.bytes, 0).map(usize::from);
        let reason = length.and_then(|length| body.bytes.get(1..1 + length));
        if length.is_some() && reason.is_none() {
            body.problem(ProblemKind::Truncated);
        }
        Self { sources, reason }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) -> u8 {
        let count = self.sources.len().min(COUNT_MAX);
        self.sources.iter().take(count).for_each(|ssrc| out.extend_from_slice(&ssrc.to_be_bytes()));
        if let Some(reason) = self.reason {
            let reason = reason.get(..usize::from(u8::MAX)).unwrap_or(reason);
            out.push(reason.len() as u8);
            out.extend_from_slice(reason);
        }
        count as u8
    }
}
