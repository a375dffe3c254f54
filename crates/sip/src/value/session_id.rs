use crate::bytes::{split_once, trim};

use super::params::Params;

/// Session-ID: one name for a call across B2BUAs (RFC 7989), or its forerunner (RFC 7329).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionId<'a> {
    /// The UUID of the side that sent the message.
    pub local: &'a [u8],
    /// The UUID of the other side; `None` in the forerunner's form, which has one UUID for the whole session.
    pub remote: Option<&'a [u8]>,
}

/// The UUID of a side that is not yet known (RFC 7989 5).
const NIL: [u8; 32] = [b'0'; 32];

impl<'a> SessionId<'a> {
    /// Reads a value.
    #[inline]
    pub fn parse(value: &'a [u8]) -> Self {
        let (local, params) = split_once(value, b';');
        Self { local: trim(local), remote: params.and_then(|params| Params::parse(params).value(b"remote")) }
    }

    /// The form of RFC 7329, or of a sender that knows no remote.
    pub fn is_legacy(&self) -> bool {
        self.remote.is_none()
    }

    /// The halves that name a side: 32 hexadecimal digits and not nil. What joins the legs of a call.
    pub fn halves(&self) -> impl Iterator<Item = &'a [u8]> {
        [Some(self.local), self.remote].into_iter().flatten().filter(|half| is_uuid(half) && **half != NIL)
    }

    /// Whether each half is 32 lower-case hexadecimal digits, as RFC 7989 5 demands.
    pub fn is_valid(&self) -> bool {
        is_uuid(self.local) && self.remote.is_none_or(is_uuid)
    }
}

fn is_uuid(half: &[u8]) -> bool {
    half.len() == 32 && half.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms() {
        let id =
            SessionId::parse(b"ab30317f1a784dc48ff824d0d3715d86; remote=00000000000000000000000000000000");
        assert!(id.is_valid() && !id.is_legacy());
        assert_eq!(id.halves().count(), 1, "nil names nobody");
        let legacy = SessionId::parse(b"0123456789ABCDEF0123456789abcdef");
        assert!(legacy.is_legacy() && !legacy.is_valid());
    }
}
