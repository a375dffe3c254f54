use super::Body;

/// A packet defined by an application (RFC 3550 section 6.7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct App<'a> {
    /// The application's own five bits.
    pub subtype: u8,
    /// Who sent it.
    pub ssrc: u32,
    /// Four ASCII letters.
    pub name: [u8; 4],
    /// The application's bytes.
    pub data: &'a [u8],
}

impl<'a> App<'a> {
    pub(super) fn read(subtype: u8, body: &mut Body<'a, '_>) -> Self {
        Self { subtype, ssrc: body.word(), name: body.word().to_be_bytes(), data: body.bytes }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) -> u8 {
        out.extend_from_slice(&self.ssrc.to_be_bytes());
        out.extend_from_slice(&self.name);
        out.extend_from_slice(self.data);
        self.subtype
    }
}
