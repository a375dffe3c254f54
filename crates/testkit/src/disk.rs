//! What stands in the files of a folder, also inside their compressed parts.

use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result};

/// How every zstd frame begins (RFC 8878 section 3.1.1): a block of the log, a page of a Parquet file.
const ZSTD_MAGIC: [u8; 4] = 0xFD2F_B528_u32.to_le_bytes();

/// Bytes taken from one frame: a false beginning must not fill memory, and no block or page is so large.
const FRAME_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Which of the texts stand in any file of the folder or of those inside, as they are or compressed by zstd.
pub fn found<'a>(folder: &Path, texts: &[&'a str]) -> Result<Vec<&'a str>> {
    let mut found = Vec::new();
    let mut look = |bytes: &[u8]| {
        for text in texts {
            if !found.contains(text) && bytes.windows(text.len()).any(|window| window == text.as_bytes()) {
                found.push(*text);
            }
        }
    };
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).with_context(|| path.display().to_string())?;
            look(&bytes);
            for at in 0..bytes.len() {
                if bytes[at..].starts_with(&ZSTD_MAGIC) {
                    look(&inflated(&bytes[at..]));
                }
            }
        }
    }
    Ok(found)
}

/// As far as it can be read.
fn inflated(frame: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    if let Ok(decoder) = zstd::stream::read::Decoder::with_buffer(frame) {
        decoder.single_frame().take(FRAME_BYTES_MAX).read_to_end(&mut plain).ok();
    }
    plain
}
