use crate::bytes::number_u32;

use super::address::NameAddr;

/// One Diversion element (RFC 5806): who sent the call on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Diversion<'a> {
    /// Who diverted.
    pub address: NameAddr<'a>,
}

impl<'a> Diversion<'a> {
    /// Reads one element.
    pub fn parse(element: &'a [u8]) -> Self {
        Self { address: NameAddr::parse(element) }
    }

    /// `user-busy`, `no-answer`, `unconditional` and so on.
    pub fn reason(&self) -> Option<&'a [u8]> {
        self.address.params().value(b"reason")
    }

    /// How many diversions this element stands for.
    pub fn counter(&self) -> Option<u32> {
        self.address.params().value(b"counter").and_then(number_u32)
    }

    /// The most diversions allowed.
    pub fn limit(&self) -> Option<u32> {
        self.address.params().value(b"limit").and_then(number_u32)
    }

    /// `full`, `name`, `uri` or `off`.
    pub fn privacy(&self) -> Option<&'a [u8]> {
        self.address.params().value(b"privacy")
    }
}

/// One History-Info element (RFC 7044): a target the request was tried at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryEntry<'a> {
    /// The target. Its URI may embed `Reason` and `Privacy` headers: see [`super::Uri::header`].
    pub address: NameAddr<'a>,
}

impl<'a> HistoryEntry<'a> {
    /// Reads one element.
    pub fn parse(element: &'a [u8]) -> Self {
        Self { address: NameAddr::parse(element) }
    }

    /// The place in the tree, `1.2.1` being the first child of `1.2`; empty when missing.
    pub fn index(&self) -> &'a [u8] {
        self.address.params().value(b"index").unwrap_or_default()
    }

    /// The index of the entry this one was derived from; `None` at the root.
    pub fn parent(&self) -> Option<&'a [u8]> {
        let index = self.index();
        memchr::memrchr(b'.', index).and_then(|dot| index.get(..dot))
    }

    /// How deep in the tree: 1 at the root, 0 without an index.
    pub fn depth(&self) -> usize {
        match self.index() {
            [] => 0,
            index => index.split(|&byte| byte == b'.').count(),
        }
    }

    /// How this target was derived (RFC 7044 10.1): the parameter `rc`, `mp` or `np`, and the index it names.
    pub fn derived(&self) -> Option<(&'static str, &'a [u8])> {
        ["rc", "mp", "np"]
            .into_iter()
            .find_map(|name| self.address.params().value(name.as_bytes()).map(|from| (name, from)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn diversions() {
        let value = b"<sip:+15551112@a>;reason=user-busy;counter=2;limit=5;privacy=\"off\", <tel:+15553334>;reason=\"no-answer\"";
        let list: Vec<_> = crate::value::list(value).map(Diversion::parse).collect();
        assert_eq!(list.len(), 2);
        assert_eq!(
            (list[0].reason(), list[0].counter(), list[0].limit(), list[0].privacy()),
            (Some(&b"user-busy"[..]), Some(2), Some(5), Some(&b"off"[..]))
        );
        assert_eq!(
            (list[1].reason(), list[1].address.uri.user),
            (Some(&b"no-answer"[..]), Some(&b"+15553334"[..]))
        );
    }

    #[test]
    fn history_is_a_tree() {
        let value = b"<sip:bob@a>;index=1,<sip:bob@b?Reason=SIP%3Bcause%3D302>;index=1.1;np=1,<sip:carol@c>;index=1.1.2;mp=1.1";
        let list: Vec<_> = crate::value::list(value).map(HistoryEntry::parse).collect();
        assert_eq!(list.iter().map(HistoryEntry::index).collect::<Vec<_>>(), [&b"1"[..], b"1.1", b"1.1.2"]);
        assert_eq!((list[0].parent(), list[0].depth(), list[0].derived()), (None, 1, None));
        assert_eq!(
            (list[2].parent(), list[2].depth(), list[2].derived()),
            (Some(&b"1.1"[..]), 3, Some(("mp", &b"1.1"[..])))
        );
        assert_eq!(list[1].address.uri.header(b"Reason").as_deref(), Some(&b"SIP;cause=302"[..]));
        let none = HistoryEntry::parse(b"<sip:a>");
        assert_eq!((none.index(), none.depth(), none.parent()), (&b""[..], 0, None));
    }
}
