//! The Identity header (RFC 8224): a PASSporT with the numbers of the call. Nobody's certificate signs it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// What is wrong with a token, written behind the attestation as in `A,stale`.
const STALE: &str = "stale";
const OTHER: &str = "other";
const BROKEN: &str = "broken";

/// Seconds that a stale one is too old.
const STALE_SECONDS: i64 = 600;

/// The value of the header, for a word such as `A`, `C` or `A,stale`.
pub(crate) fn identity(word: &str, caller: &str, callee: &str, at_micros: i64) -> String {
    let (attest, fault) = word.split_once(',').unwrap_or((word, ""));
    let digits = |number: &str| number.trim_start_matches('+').to_owned();
    let age_seconds = if fault == STALE { STALE_SECONDS } else { 0 };
    let orig = if fault == OTHER { "493022222222".to_owned() } else { digits(caller) };
    let header =
        r#"{"alg":"ES256","ppt":"shaken","typ":"passport","x5u":"https://cert.example.net/shaken.pem"}"#;
    let claims = format!(
        r#"{{"attest":"{attest}","dest":{{"tn":["{}"]}},"iat":{},"orig":{{"tn":"{orig}"}},"origid":"0f4c9e1a-6b1d-4f0e-9a55-1c2d3e4f5a6b"}}"#,
        digits(callee),
        at_micros / 1_000_000 - age_seconds,
    );
    // Cut in the middle, as by a server that allows no line so long.
    let claims = if fault == BROKEN { &claims[..claims.len() / 2] } else { &claims };
    format!(
        "{}.{}.{};info=<https://cert.example.net/shaken.pem>;alg=ES256;ppt=\"shaken\"",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(claims),
        URL_SAFE_NO_PAD.encode([0x5a; 64]),
    )
}
