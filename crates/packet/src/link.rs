use crate::bytes::u16_at;
use crate::layers::Refusal;

/// How the frames of a capture begin: the link types a SIP operator's captures come with.
///
/// Numbers: <https://www.tcpdump.org/linktypes.html>.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Link {
    /// 0 and 108: BSD loopback, four bytes of address family.
    Loopback,
    /// 1: Ethernet, VLAN tags included.
    Ethernet,
    /// 101 (also 12, 14, 228, 229): an IP header at once.
    Raw,
    /// 113: Linux "any" device, version 1.
    LinuxCooked,
    /// 276: Linux "any" device, version 2.
    LinuxCooked2,
    /// Any other number. Frames can be listed, not taken apart.
    Other(u16),
}

impl Link {
    /// The kind behind a LINKTYPE number.
    pub const fn from_number(number: u16) -> Self {
        match number {
            0 | 108 => Self::Loopback,
            1 => Self::Ethernet,
            12 | 14 | 101 | 228 | 229 => Self::Raw,
            113 => Self::LinuxCooked,
            276 => Self::LinuxCooked2,
            other => Self::Other(other),
        }
    }

    /// The number written into capture files.
    pub const fn number(self) -> u16 {
        match self {
            Self::Loopback => 0,
            Self::Ethernet => 1,
            Self::Raw => 101,
            Self::LinuxCooked => 113,
            Self::LinuxCooked2 => 276,
            Self::Other(number) => number,
        }
    }

    /// The IP packet inside a frame.
    pub(crate) fn network(self, frame: &[u8]) -> Result<&[u8], Refusal> {
        let (header, kind) = match self {
            Self::Raw => return Ok(frame),
            // The family number differs between systems and byte orders; the IP version nibble does not.
            Self::Loopback => return frame.get(4..).ok_or(Refusal::TooShort),
            Self::Ethernet => return ethernet(frame),
            Self::LinuxCooked => (16, u16_at(frame, 14)),
            Self::LinuxCooked2 => (20, u16_at(frame, 0)),
            Self::Other(number) => return Err(Refusal::UnknownLink(number)),
        };
        behind(frame, header, kind.ok_or(Refusal::TooShort)?)
    }
}

/// Tags in one frame: 802.1ad carries two; more than this is garbage.
const VLAN_TAGS_MAX: usize = 4;

fn ethernet(frame: &[u8]) -> Result<&[u8], Refusal> {
    let kind = u16_at(frame, 12).ok_or(Refusal::TooShort)?;
    behind(frame, 14, kind)
}

/// What follows a header whose protocol field said `kind`: an IP packet, perhaps behind VLAN tags (802.1Q, 802.1ad).
fn behind(frame: &[u8], mut offset: usize, mut kind: u16) -> Result<&[u8], Refusal> {
    for _ in 0..=VLAN_TAGS_MAX {
        match kind {
            0x0800 | 0x86dd => return frame.get(offset..).ok_or(Refusal::TooShort),
            0x8100 | 0x88a8 | 0x9100 => {
                kind = u16_at(frame, offset + 2).ok_or(Refusal::TooShort)?;
                offset += 4;
            }
            _ => break,
        }
    }
    Err(Refusal::NotIp(kind))
}
