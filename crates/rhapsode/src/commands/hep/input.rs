//! HEP in whatever form a person has it: bytes, a capture file, or hex as tools print it.

use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, bail};

/// One input of this size at most: it is shown to a person.
const INPUT_BYTES_MAX: u64 = 256 << 20;

/// What was given: a file, `-`, or hex text.
pub(super) fn read(given: &str) -> Result<Vec<u8>> {
    if given != "-" && !Path::new(given).exists() {
        return match hex(given) {
            Some(bytes) => Ok(bytes),
            None => bail!("{given:?} is neither a file nor hex"),
        };
    }
    let bytes = read_file(given)?;
    // No version of HEP and no capture file begins with printable hex digits only.
    Ok(std::str::from_utf8(&bytes).ok().and_then(hex).unwrap_or(bytes))
}

/// The bytes of a file, or of standard input for `-`.
pub(super) fn read_file(given: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut read = |from: &mut dyn Read| from.take(INPUT_BYTES_MAX).read_to_end(&mut bytes);
    if given == "-" {
        read(&mut std::io::stdin()).context("cannot read standard input")?;
    } else {
        let file = std::fs::File::open(given).and_then(|mut file| read(&mut file));
        file.with_context(|| format!("cannot read {given}"))?;
    }
    Ok(bytes)
}

/// Hex as people paste it: `48 45 50 33`, `48:45`, `0x4845`, and the dumps of xxd and `hexdump -C` with offsets in
/// front and text behind. `None` if it is anything else.
fn hex(text: &str) -> Option<Vec<u8>> {
    let mut digits = Vec::new();
    for line in text.lines() {
        let line = hex_column(line);
        for word in line.split(|c: char| c.is_whitespace() || c == ':' || c == ',') {
            let word = word.strip_prefix("0x").or_else(|| word.strip_prefix("\\x")).unwrap_or(word);
            for digit in word.bytes() {
                digits.push(char::from(digit).to_digit(16)? as u8);
            }
        }
    }
    if digits.is_empty() || digits.len() % 2 == 1 {
        return None;
    }
    Some(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

/// The hex of a line of a dump; any other line as it is.
fn hex_column(line: &str) -> &str {
    let Some((offset, rest)) = line.split_at_checked(8) else { return line };
    if !offset.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return line;
    }
    if let Some(rest) = rest.strip_prefix(": ") {
        // xxd: sixteen bytes in pairs take 39 cells, and the text behind may look like hex too.
        return rest.get(..39).unwrap_or(rest);
    }
    match rest.strip_prefix("  ") {
        // hexdump -C has the text between bars.
        Some(rest) => rest.split('|').next().unwrap_or(rest),
        // Its last line is the length alone.
        None if rest.is_empty() && offset.starts_with("0000") => "",
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_is_read_as_people_paste_it() {
        let packet = b"HEP3\0\x0d\0\0\0\x0b\0\x07\x01".to_vec();
        for text in [
            "48455033000d0000000b000701",
            "48 45 50 33 00 0d 00 00 00 0b 00 07 01\n",
            "48:45:50:33:00:0D:00:00:00:0B:00:07:01",
            "0x48455033000d 0x0000000b000701",
            "48455033\n000d0000\n000b000701",
            "00000000: 4845 5033 000d 0000 000b 0007 01         HEP3.........\n",
            "00000000  48 45 50 33 00 0d 00 00  00 0b 00 07 01           |HEP3.........|\n0000000d\n",
        ] {
            assert_eq!(hex(text).as_deref(), Some(&packet[..]), "{text}");
        }
        for text in ["", "HEP3", "484", "48 4g", "INVITE sip:a@b SIP/2.0\r\n"] {
            assert_eq!(hex(text), None, "{text:?}");
        }
    }

    #[test]
    fn long_dumps_keep_every_byte() {
        let bytes: Vec<u8> = (0..100).map(|n| b'a' + n % 6).collect();
        let xxd: String = bytes
            .chunks(16)
            .enumerate()
            .map(|(row, bytes)| {
                let pairs: Vec<String> = bytes
                    .chunks(2)
                    .map(|pair| pair.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
                    .collect();
                format!("{:08x}: {:<39}  {}\n", row * 16, pairs.join(" "), String::from_utf8_lossy(bytes))
            })
            .collect();
        assert_eq!(hex(&xxd), Some(bytes), "even where the text looks like hex");
    }
}
