//! The Internet checksum (RFC 1071) and the CRC32c of SCTP (RFC 9260 appendix A).

use core::net::IpAddr;

/// A running ones'-complement sum.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Internet(u64);

impl Internet {
    /// Adds bytes as 16-bit words, the last odd byte padded with zero: only the last call may be of odd length.
    pub(crate) fn add(mut self, bytes: &[u8]) -> Self {
        let (words, rest) = bytes.as_chunks::<2>();
        for word in words {
            self.0 += u64::from(u16::from_be_bytes(*word));
        }
        if let [last] = rest {
            self.0 += u64::from(*last) << 8;
        }
        self
    }

    /// The pseudo-header of RFC 9293 section 3.1 (IPv4) and RFC 8200 section 8.1 (IPv6).
    pub(crate) fn pseudo_header(source: IpAddr, destination: IpAddr, protocol: u8, length: usize) -> Self {
        let sum = match (source, destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                Self::default().add(&source.octets()).add(&destination.octets())
            }
            (source, destination) => {
                Self::default().add(&as_ipv6(source).octets()).add(&as_ipv6(destination).octets())
            }
        };
        Self(sum.0 + u64::from(protocol) + length as u64)
    }

    pub(crate) fn finish(self) -> u16 {
        let mut sum = self.0;
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        !(sum as u16)
    }
}

/// IPv4 written into IPv6 (RFC 4291 section 2.5.5.2), so that two families can share one packet.
pub(crate) fn as_ipv6(address: IpAddr) -> core::net::Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}

pub(crate) fn crc32c(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        let index = (crc as u8) ^ byte;
        crc = (crc >> 8) ^ CRC32C.get(usize::from(index)).copied().unwrap_or_default();
    }
    !crc
}

/// One step of the reflected polynomial for every value of a byte.
static CRC32C: [u32; 256] = {
    let mut table = [0; 256];
    let mut rest: &mut [u32] = &mut table;
    let mut value: u32 = 0;
    while let [slot, tail @ ..] = rest {
        let mut crc = value;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 };
            bit += 1;
        }
        *slot = crc;
        value += 1;
        rest = tail;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_the_published_check_values() {
        // RFC 1071 section 3: the words 0001 f203 f4f5 f6f7 sum to ddf2.
        let sum = Internet::default().add(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]).finish();
        assert_eq!(sum, !0xddf2);
        // RFC 3720 appendix B.4 and the usual check string.
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
    }

    #[test]
    fn pads_an_odd_byte_with_zero() {
        assert_eq!(Internet::default().add(&[0x12]).finish(), Internet::default().add(&[0x12, 0]).finish());
    }
}
