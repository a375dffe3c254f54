use super::{Body, COUNT_MAX, ProblemKind};
use crate::bytes::{u8_at, u32_at};

/// Names of sources (RFC 3550 section 6.5).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceDescription<'a> {
    /// One for each source.
    pub chunks: Vec<Chunk<'a>>,
}

/// What is said about one source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// The source.
    pub ssrc: u32,
    /// In order.
    pub items: Vec<Item<'a>>,
}

/// One name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item<'a> {
    /// 1 CNAME, 2 NAME, 3 EMAIL, 4 PHONE, 5 LOC, 6 TOOL, 7 NOTE, 8 PRIV.
    pub kind: u8,
    /// UTF-8, supposedly.
    pub text: &'a [u8],
}

impl<'a> Chunk<'a> {
    /// The name that stays the same when the SSRC changes.
    pub fn cname(&self) -> Option<&'a [u8]> {
        self.items.iter().find(|item| item.kind == 1).map(|item| item.text)
    }
}

impl<'a> SourceDescription<'a> {
    pub(super) fn read(count: u8, body: &mut Body<'a, '_>) -> Self {
        let mut chunks = Vec::new();
        while chunks.len() < usize::from(count) && !body.bytes.is_empty() {
            let ssrc = u32_at(body.bytes, 0);
            let Some(ssrc) = ssrc else { break };
            body.take(4);
            chunks.push(Chunk { ssrc, items: read_items(body) });
        }
        if chunks.len() < usize::from(count) {
            body.problem(ProblemKind::Count { announced: count, found: chunks.len() as u8 });
        }
        Self { chunks }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) -> u8 {
        let count = self.chunks.len().min(COUNT_MAX);
        for chunk in self.chunks.iter().take(count) {
            out.extend_from_slice(&chunk.ssrc.to_be_bytes());
            let start = out.len();
            for item in &chunk.items {
                let text = item.text.get(..usize::from(u8::MAX)).unwrap_or(item.text);
                out.extend_from_slice(&[item.kind, text.len() as u8]);
                out.extend_from_slice(text);
            }
            // At least one zero ends the list, then zeros up to the next word.
            out.push(0);
            out.resize(start + (out.len() - start).next_multiple_of(4), 0);
        }
        count as u8
    }
}

/// Items up to the zero that ends a chunk, and the zeros that fill its last word.
fn read_items<'a>(body: &mut Body<'a, '_>) -> Vec<Item<'a>> {
    let start = body.at;
    let mut items = Vec::new();
    loop {
        let kind = u8_at(body.bytes, 0);
        match kind {
            Some(0) => {
                let used = body.at - start;
                let fill = (used + 1).next_multiple_of(4) - used;
                // A packet whose last fill is missing still said all it had to say.
                body.take(fill.min(body.bytes.len()));
                return items;
            }
            Some(kind) => {
                let length = u8_at(body.bytes, 1).map_or(0, usize::from);
                let Some(item) = body.take(2 + length) else {
                    body.problem(ProblemKind::Truncated);
                    body.bytes = &[];
                    return items;
                };
                items.push(Item { kind, text: item.get(2..).unwrap_or_default() });
            }
            None => {
                body.problem(ProblemKind::Truncated);
                return items;
            }
        }
    }
}
