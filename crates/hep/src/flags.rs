use core::fmt;
use core::ops::{BitOr, BitOrAssign};

/// What was odd about a packet that was decoded all the same.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Flags(u32);

macro_rules! flags {
    ($($constant:ident $bit:literal $name:literal $doc:literal)*) => {
        impl Flags {
            $(#[doc = $doc] pub const $constant: Self = Self(1 << $bit);)*

            /// Every flag: itself, its stable name, and one line for the person who reads it.
            pub const ALL: &'static [(Self, &'static str, &'static str)] =
                &[$((Self::$constant, $name, $doc)),*];
        }
    };
}

flags! {
    ODD_CHUNK 0 "odd_chunk" "a chunk does not have the size its type asks for"
    DUPLICATE_CHUNK 1 "duplicate_chunk" "a chunk that should be there once came several times; the last one counts"
    BAD_CHUNK 2 "bad_chunk" "a chunk header that cannot be true; what follows it may be lost"
    TRUNCATED 3 "truncated" "the packet ends before its own length says so"
    NO_TYPE 4 "no_type" "the payload type is missing; it was guessed from the payload where possible"
    NO_ADDRESS 5 "no_address" "source or destination address is missing"
    NO_TIME 6 "no_time" "the sender gave no time"
    BAD_TIME 7 "bad_time" "the sender's time makes no sense in either byte order, or has a million microseconds or more"
    FAMILY_MISMATCH 8 "family_mismatch" "the address family octet contradicts the addresses, which are believed"
    MIXED_FAMILIES 9 "mixed_families" "IPv4 and IPv6 addresses in one packet"
    PORTS_IN_ADDRESSES 10 "ports_in_addresses" "the ports came in the chunks meant for IPv6 addresses"
    TWO_PAYLOADS 11 "two_payloads" "a plain and a compressed payload; the plain one counts"
    INFLATE_FAILED 12 "inflate_failed" "the compressed payload is broken; kept as far as it could be inflated, else as sent"
    INFLATE_LIMIT 13 "inflate_limit" "the compressed payload would inflate beyond the limits and is kept as sent"
    ODD_HEADER_LENGTH 14 "odd_header_length" "the length octet of a HEPv1/v2 header has none of the values known senders use"
    BIG_ENDIAN_CLOCK 15 "big_endian_clock" "the clock of the HEPv2 header makes sense as big-endian numbers only, and is read so"
}

impl Flags {
    /// No flag at all.
    pub const NONE: Self = Self(0);

    /// True if nothing was odd.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// True if every flag of `other` is set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The set as a number, one bit a flag. Bits keep their meaning across versions of this crate.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Stable names of the flags that are set.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::ALL.iter().filter(move |(flag, ..)| self.contains(*flag)).map(|(_, name, _)| *name)
    }

    pub(crate) fn set_if(&mut self, condition: bool, flag: Self) {
        if condition {
            *self |= flag;
        }
    }
}

impl BitOr for Flags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Flags {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.names()).finish()
    }
}
