//! A message with where it goes, as one item of the queue and of the spool.

/// One message. Written as the lengths of topic and id, in two bytes each, both, and the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parcel<'a> {
    pub(super) topic: &'a str,
    /// The same whenever this record is sent.
    pub(super) id: &'a str,
    pub(super) payload: &'a [u8],
}

impl<'a> Parcel<'a> {
    /// `None` if topic or id are too long to be said; neither is, as they are made.
    pub(super) fn write(&self) -> Option<Vec<u8>> {
        let Self { topic, id, payload } = self;
        let mut bytes = Vec::with_capacity(4 + topic.len() + id.len() + payload.len());
        for text in [topic, id] {
            bytes.extend(u16::try_from(text.len()).ok()?.to_be_bytes());
        }
        for part in [topic.as_bytes(), id.as_bytes(), payload] {
            bytes.extend_from_slice(part);
        }
        Some(bytes)
    }

    /// `None` if it is none: a spool holds what another kind of output of this name has left.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let (lengths, rest) = bytes.split_at_checked(4)?;
        let length =
            |place: usize| Some(usize::from(u16::from_be_bytes(*lengths.get(place..)?.first_chunk()?)));
        let (topic, rest) = rest.split_at_checked(length(0)?)?;
        let (id, payload) = rest.split_at_checked(length(2)?)?;
        Some(Self { topic: std::str::from_utf8(topic).ok()?, id: std::str::from_utf8(id).ok()?, payload })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_again(topic in ".{0,40}", id in ".{0,40}", payload in proptest::collection::vec(any::<u8>(), 0..80)) {
            let parcel = Parcel { topic: &topic, id: &id, payload: &payload };
            let bytes = parcel.write().expect("short");
            prop_assert_eq!(Parcel::read(&bytes), Some(parcel));
        }

        #[test]
        fn whatever_lies_in_a_spool_is_a_parcel_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = Parcel::read(&bytes);
        }
    }
}
