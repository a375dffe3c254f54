//! Keys of users: Ed25519, written in base 32 with a letter for what they are and a checksum (github.com/nats-io/nkeys).

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// `S`: a seed; its second letter says of what.
const SEED: u8 = 18 << 3;

/// `U`: of a user.
const USER: u8 = 20 << 3;

/// RFC 4648 section 6.
const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The key of a user. Its secret half is never shown.
pub struct Nkey {
    pair: Ed25519KeyPair,
    public: String,
}

impl Nkey {
    /// Of a seed as `nk -gen user` prints it.
    pub fn from_seed(text: &str) -> Result<Self, String> {
        let wrong = || "this is no seed of a user's nkey (SU...)".to_owned();
        let bytes = from_base32(text.trim()).ok_or_else(wrong)?;
        // Two bytes hold what it is and of what, in five bits each; then the seed and its checksum.
        let [first, second, rest @ ..] = bytes.as_slice() else { return Err(wrong()) };
        let (seed, sum) = rest.split_at_checked(32).ok_or_else(wrong)?;
        let of = (first & 0b111) << 5 | second >> 3;
        let sum_is_right = sum == crc16(bytes.get(..34).unwrap_or_default()).to_le_bytes();
        if first & 0b1111_1000 != SEED || of != USER || !sum_is_right {
            return Err(wrong());
        }
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| wrong())?;
        let mut public = vec![USER];
        public.extend_from_slice(pair.public_key().as_ref());
        public.extend(crc16(&public).to_le_bytes());
        Ok(Self { pair, public: to_base32(&public) })
    }

    /// By which the server knows the user.
    pub fn public(&self) -> &str {
        &self.public
    }

    /// What proves that we have the secret half.
    pub fn sign(&self, nonce: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.pair.sign(nonce.as_bytes()))
    }
}

impl std::fmt::Debug for Nkey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Nkey").field(&self.public).finish()
    }
}

fn from_base32(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for letter in text.bytes() {
        let value = LETTERS.iter().position(|known| *known == letter)?;
        bits = (bits << 5 | u32::try_from(value).ok()?) & 0xffff;
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 0xff) as u8);
        }
    }
    Some(bytes)
}

fn to_base32(bytes: &[u8]) -> String {
    let (mut text, mut bits, mut count) = (String::new(), 0_u32, 0);
    let letter = |bits: u32| char::from(LETTERS[(bits & 31) as usize]);
    for byte in bytes {
        bits = (bits << 8 | u32::from(*byte)) & 0xffff;
        count += 8;
        while count >= 5 {
            count -= 5;
            text.push(letter(bits >> count));
        }
    }
    if count > 0 {
        text.push(letter(bits << (5 - count)));
    }
    text
}

/// CRC-16 of XMODEM: polynomial 0x1021, begun with zero.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |sum, byte| {
        (0..8).fold(
            sum ^ u16::from(*byte) << 8,
            |sum, _| {
                if sum & 0x8000 == 0 { sum << 1 } else { sum << 1 ^ 0x1021 }
            },
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the documentation of NATS.
    const SEED_TEXT: &str = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY";
    const PUBLIC: &str = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4";

    #[test]
    fn a_seed_gives_the_public_key_that_the_documentation_names() {
        let key = Nkey::from_seed(&format!("  {SEED_TEXT}\n")).expect("a seed");
        assert_eq!(key.public(), PUBLIC);
        assert!(!format!("{key:?}").contains(SEED_TEXT));
        assert_eq!(URL_SAFE_NO_PAD.decode(key.sign("nonce")).expect("base64").len(), 64);
    }

    #[test]
    fn what_is_no_seed_is_told() {
        for text in ["", "SU", PUBLIC, &SEED_TEXT.replace('Z', "Y"), &SEED_TEXT.to_lowercase(), "SUACSSL3!"] {
            assert!(Nkey::from_seed(text).is_err(), "{text}");
        }
    }
}
