use std::fmt;

/// Something in a datagram that is not as the RFCs say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Position in the datagram.
    pub at: usize,
    /// What it is.
    pub kind: ProblemKind,
}

/// What can be wrong with RTCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProblemKind {
    /// The header announces more entries than the packet holds.
    Count {
        /// In the header.
        announced: u8,
        /// Found.
        found: u8,
    },
    /// The padding count is zero or above the packet's length.
    Padding(u8),
    /// A packet, block or item ends before it should.
    Truncated,
    /// Not version 2; nothing behind it was read.
    Version(u8),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.at;
        match self.kind {
            ProblemKind::Count { announced, found } => {
                write!(f, "byte {at}: {announced} entries announced, {found} found")
            }
            ProblemKind::Padding(count) => {
                write!(f, "byte {at}: padding of {count} bytes does not fit the packet")
            }
            ProblemKind::Truncated => write!(f, "byte {at}: ends too early"),
            ProblemKind::Version(version) => write!(f, "byte {at}: version {version} is not 2"),
        }
    }
}
