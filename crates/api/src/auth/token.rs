//! Opaque tokens: random, shown once, kept as SHA-256. A copy of the settings file opens nothing.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// Lets people and secret scanners see what they found.
const PREFIX: &str = "rhapsode_";

const RANDOM_BYTES: usize = 32;

/// The SHA-256 of a token. The token is random, so no salt and no slow hash is needed.
pub(crate) type TokenHash = [u8; 32];

pub(crate) fn random() -> Result<String, getrandom::Error> {
    let mut bytes = [0_u8; RANDOM_BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes)))
}

/// `None` for what cannot be one of our tokens: saves the look-up.
pub(crate) fn hash(token: &str) -> Option<TokenHash> {
    let random = token.strip_prefix(PREFIX)?;
    (random.len() == RANDOM_BYTES * 4 / 3 + 1).then(|| Sha256::digest(token.as_bytes()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_tokens_are_looked_up() {
        let token = random().expect("random");
        assert!(hash(&token).is_some(), "{token}");
        assert!(hash(&token[1..]).is_none());
        assert!(hash(&format!("{token}x")).is_none());
        assert!(hash("").is_none());
        assert_ne!(hash(&token), hash(&random().expect("random")));
    }
}
