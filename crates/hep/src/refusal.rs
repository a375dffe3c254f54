use core::fmt;

/// Why bytes were not accepted as a HEP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// No bytes at all.
    Empty,
    /// Starts like a HEP packet but ends before its fixed header does.
    TooShort,
    /// The first bytes are those of no HEP version.
    NotHep,
    /// HEPv3 header whose length field is below the six bytes of the header itself.
    BadLength,
    /// HEPv3 header without a single chunk.
    NoChunks,
    /// HEPv1/v2 header of an unknown address family, and no SIP where the payload of a known one would start.
    BadFamily,
    /// A gzip member that could not be inflated: corrupt, cut off, beyond the limits, or inside another member.
    Gzip,
    /// Starts like the protocol-buffer form of old heplify versions but cannot be read on.
    Protobuf,
    /// Bytes between or after packets that belong to none.
    Garbage,
    /// A sign of life that carries nothing: blank lines, or the text probe of the HFP proxy.
    Keepalive,
    /// HEPv1 or HEPv2 on a byte stream: neither states the packet's length, so no packet can be cut out.
    Unframeable,
    /// The stream ended inside a packet.
    Partial,
    /// More garbage on a stream than [`crate::frame::SKIPPED_BYTES_MAX`] without finding a packet again.
    TooMuchGarbage,
    /// The stream lost its frame boundaries more often than [`crate::frame::RESYNCS_PER_MINUTE_MAX`].
    TooManyResyncs,
    /// A TLS handshake on a listener that speaks plain HEP.
    Tls,
    /// An HTTP request on a listener that speaks plain HEP.
    Http,
}

impl Refusal {
    /// Every refusal, for catalogues and counters.
    pub const ALL: [Self; 16] = [
        Self::Empty,
        Self::TooShort,
        Self::NotHep,
        Self::BadLength,
        Self::NoChunks,
        Self::BadFamily,
        Self::Gzip,
        Self::Protobuf,
        Self::Garbage,
        Self::Keepalive,
        Self::Unframeable,
        Self::Partial,
        Self::TooMuchGarbage,
        Self::TooManyResyncs,
        Self::Tls,
        Self::Http,
    ];

    /// Stable name of the cause, meant for counters.
    #[must_use]
    pub const fn cause(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooShort => "too_short",
            Self::NotHep => "not_hep",
            Self::BadLength => "bad_length",
            Self::NoChunks => "no_chunks",
            Self::BadFamily => "bad_family",
            Self::Gzip => "gzip",
            Self::Protobuf => "protobuf",
            Self::Garbage => "garbage",
            Self::Keepalive => "keepalive",
            Self::Unframeable => "unframeable",
            Self::Partial => "partial",
            Self::TooMuchGarbage => "too_much_garbage",
            Self::TooManyResyncs => "too_many_resyncs",
            Self::Tls => "tls",
            Self::Http => "http",
        }
    }

    /// One sentence for the person who reads the counter.
    #[must_use]
    pub const fn doc(self) -> &'static str {
        match self {
            Self::Empty => "no bytes at all",
            Self::TooShort => "starts like HEP but ends inside the fixed header",
            Self::NotHep => "the first bytes are those of no HEP version",
            Self::BadLength => "HEPv3 header with a length below six",
            Self::NoChunks => "HEPv3 header without a single chunk",
            Self::BadFamily => "HEPv1/v2 header with an unknown address family",
            Self::Gzip => "gzip data that is corrupt, cut off, too large or nested",
            Self::Protobuf => {
                "starts like the protocol-buffer form of old heplify versions but cannot be read on"
            }
            Self::Garbage => "bytes that belong to no packet",
            Self::Keepalive => "sign of life without content",
            Self::Unframeable => "HEPv1/v2 on a stream has no packet length: use UDP or HEPv3",
            Self::Partial => "the stream ended inside a packet",
            Self::TooMuchGarbage => "the stream carried too many bytes that are not HEP",
            Self::TooManyResyncs => "the stream lost its packet boundaries too often",
            Self::Tls => "TLS handshake on a plain HEP port",
            Self::Http => "HTTP request on a plain HEP port",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.doc())
    }
}

impl core::error::Error for Refusal {}
