use alloc::borrow::Cow;

use crate::bytes::{number_u32, split_once, split_word, trim};

use super::params::Params;

/// CSeq (RFC 3261 20.16).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CSeq<'a> {
    /// The sequence number; `None` when it is no 32-bit number.
    pub number: Option<u32>,
    /// The method; empty when missing.
    pub method: &'a [u8],
}

impl<'a> CSeq<'a> {
    /// Reads a CSeq value.
    #[inline]
    pub fn parse(value: &'a [u8]) -> Self {
        let (number, method) = split_word(value);
        Self { number: number_u32(number), method }
    }
}

/// RAck (RFC 3262 7.2): what a PRACK acknowledges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RAck<'a> {
    /// The RSeq of the provisional response.
    pub response_number: Option<u32>,
    /// Its CSeq.
    pub cseq: CSeq<'a>,
}

impl<'a> RAck<'a> {
    /// Reads a RAck value.
    pub fn parse(value: &'a [u8]) -> Self {
        let (number, cseq) = split_word(value);
        Self { response_number: number_u32(number), cseq: CSeq::parse(cseq) }
    }
}

/// A dialog named by another one: Replaces (RFC 3891), Join (RFC 3911), Target-Dialog (RFC 4538).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialogId<'a> {
    /// The Call-ID.
    pub call_id: Cow<'a, [u8]>,
    /// `to-tag`, or the `remote-tag` of Target-Dialog.
    pub to_tag: Option<Cow<'a, [u8]>>,
    /// `from-tag`, or the `local-tag` of Target-Dialog.
    pub from_tag: Option<Cow<'a, [u8]>>,
    /// `early-only` of Replaces.
    pub early_only: bool,
}

impl<'a> DialogId<'a> {
    /// Reads a header value.
    pub fn parse(value: &'a [u8]) -> Self {
        let (call_id, params) = split_once(value, b';');
        let params = Params::parse(params.unwrap_or_default());
        let tag =
            |name: &[u8], other: &[u8]| params.value(name).or_else(|| params.value(other)).map(Cow::Borrowed);
        Self {
            call_id: Cow::Borrowed(trim(call_id)),
            to_tag: tag(b"to-tag", b"remote-tag"),
            from_tag: tag(b"from-tag", b"local-tag"),
            early_only: params.has(b"early-only"),
        }
    }

    /// Reads a value that was escaped inside a URI, as Replaces in Refer-To is.
    pub fn from_escaped(value: Cow<'a, [u8]>) -> DialogId<'a> {
        match value {
            Cow::Borrowed(value) => Self::parse(value),
            Cow::Owned(value) => {
                let id = DialogId::parse(&value);
                let own = |part: Cow<'_, [u8]>| Cow::Owned(part.into_owned());
                DialogId {
                    call_id: own(id.call_id),
                    to_tag: id.to_tag.map(own),
                    from_tag: id.from_tag.map(own),
                    early_only: id.early_only,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_methods() {
        assert_eq!(CSeq::parse(b"4711 INVITE"), CSeq { number: Some(4711), method: b"INVITE" });
        assert_eq!(CSeq::parse(b"0009\t\r\n INVITE"), CSeq { number: Some(9), method: b"INVITE" });
        assert_eq!(CSeq::parse(b"36893488147419103232 REGISTER"), CSeq { number: None, method: b"REGISTER" });
        assert_eq!(CSeq::parse(b"8"), CSeq { number: Some(8), method: b"" });
        let rack = RAck::parse(b"776656 1 INVITE");
        assert_eq!(
            (rack.response_number, rack.cseq.number, rack.cseq.method),
            (Some(776_656), Some(1), &b"INVITE"[..])
        );
    }

    #[test]
    fn dialogs_of_replaces_and_target_dialog() {
        let id = DialogId::parse(b"98732@sip.example.com ;from-tag=r33th4x0r ;to-tag=ff87ff;early-only");
        assert_eq!(
            (&*id.call_id, id.from_tag.as_deref(), id.to_tag.as_deref()),
            (&b"98732@sip.example.com"[..], Some(&b"r33th4x0r"[..]), Some(&b"ff87ff"[..]))
        );
        assert!(id.early_only);
        let target = DialogId::parse(b"fa77as7dad8;local-tag=1;remote-tag=2");
        assert_eq!(
            (target.from_tag.as_deref(), target.to_tag.as_deref()),
            (Some(&b"1"[..]), Some(&b"2"[..]))
        );
        assert_eq!(&*DialogId::parse(b"").call_id, b"");
    }
}
