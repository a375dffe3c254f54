//! Passwords are kept as Argon2id hashes (RFC 9106), never as text.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};

/// 32 letters and digits that nobody mistakes for one another.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// 26 characters of 5 bits each: 130 bits.
const RANDOM_LENGTH: usize = 26;

/// A password nobody can guess.
pub(crate) fn random() -> Result<String, getrandom::Error> {
    let mut bytes = [0_u8; RANDOM_LENGTH];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect())
}

/// Takes some 20 ms and 19 MiB: only on a blocking thread.
pub(crate) fn hash(password: &str) -> Result<String, argon2::password_hash::Error> {
    Ok(Argon2::default().hash_password(password.as_bytes())?.to_string())
}

/// Takes as long as [`hash`]. A stored hash that cannot be read matches nothing.
pub(crate) fn matches(password: &str, stored: &str) -> bool {
    PasswordHash::new(stored)
        .is_ok_and(|stored| Argon2::default().verify_password(password.as_bytes(), &stored).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_matches_its_password_only() {
        let stored = hash("correct horse").expect("hashed");
        assert!(stored.starts_with("$argon2id$"), "{stored}");
        assert!(matches("correct horse", &stored));
        assert!(!matches("correct horsf", &stored));
        assert!(!matches("correct horse", "plain text"));
        assert_ne!(stored, hash("correct horse").expect("hashed"), "salted");
    }

    #[test]
    fn random_passwords_differ() {
        let (one, two) = (random().expect("random"), random().expect("random"));
        assert_eq!(one.len(), RANDOM_LENGTH);
        assert_ne!(one, two);
        assert!(one.bytes().all(|byte| ALPHABET.contains(&byte)));
    }
}
