//! Identifiers out of one number, and numbers as text without the formatting machinery.

/// A number that looks random, fixed for a session and a purpose: identifiers are computed again whenever they are
/// needed instead of being kept.
pub(crate) fn derived(identity: u64, purpose: u64) -> u64 {
    // The finaliser of SplitMix64: every input bit reaches every output bit.
    let mut value = identity.wrapping_add(purpose.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// What identifiers are derived for. Transactions use the numbers from `TRANSACTION` on, two for each.
pub(crate) mod purpose {
    pub(crate) const CALL_ID: u64 = 1;
    pub(crate) const CALL_ID_END: u64 = 2;
    pub(crate) const TAG_CALLER: u64 = 3;
    pub(crate) const TAG_CALLEE: u64 = 4;
    pub(crate) const TAG_PROXY: u64 = 5;
    pub(crate) const NONCE: u64 = 6;
    pub(crate) const NONCE_END: u64 = 7;
    pub(crate) const RESPONSE: u64 = 8;
    pub(crate) const RESPONSE_END: u64 = 9;
    pub(crate) const CLIENT_NONCE: u64 = 10;
    pub(crate) const SEQUENCE: u64 = 11;
    pub(crate) const SDP: u64 = 13;
    pub(crate) const PORTS: u64 = 14;
    pub(crate) const MEDIA: u64 = 15;
    pub(crate) const STREAM_CALLER: u64 = 16;
    pub(crate) const STREAM_CALLEE: u64 = 17;
    pub(crate) const SEQUENCE_CALLEE: u64 = 18;
    pub(crate) const VARIANT: u64 = 19;
    pub(crate) const RELAY_TO_CALLER: u64 = 20;
    pub(crate) const RELAY_TO_CALLEE: u64 = 21;
    pub(crate) const TRANSACTION: u64 = 64;
}

/// Appends `digits` (at most 16) lower-case hexadecimal digits of a number, highest first.
pub(crate) fn push_hex(out: &mut Vec<u8>, number: u64, digits: usize) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [0; 16];
    let mut rest = number;
    for place in text.iter_mut().rev() {
        *place = DIGITS[(rest & 0xf) as usize];
        rest >>= 4;
    }
    out.extend_from_slice(&text[16 - digits.min(16)..]);
}

/// Appends a number in decimal.
pub(crate) fn push_decimal(out: &mut Vec<u8>, number: u64) {
    // 2^64 has 20 digits.
    let mut text = [0; 20];
    let mut start = text.len();
    let mut rest = number;
    loop {
        start -= 1;
        text[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&text[start..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_numbers() {
        let mut out = Vec::new();
        for number in [0, 7, 10, u64::MAX] {
            push_decimal(&mut out, number);
            out.push(b' ');
        }
        push_hex(&mut out, 0x0123_4567_89ab_cdef, 16);
        out.push(b' ');
        push_hex(&mut out, 0xbeef, 3);
        assert_eq!(out, b"0 7 10 18446744073709551615 0123456789abcdef eef");
    }
}
