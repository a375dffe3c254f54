//! Who calls, as networks signed it, and what a call says of itself beside: Session-ID, cause, media addresses.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use calls::{Blame, Severity};

use crate::scenario::{found, session, silent};

const HEADER: &str = r#"{"alg":"ES256","ppt":"shaken","typ":"passport","x5u":"https://cert.example/a.pem"}"#;
const CLAIMS: &str = r#"{"attest":"A","dest":{"tn":["4930123"]},"iat":1289690940,"orig":{"tn":"12155551212"},"origid":"123e4567-e89b-12d3-a456-426655440000"}"#;
const SHOWN: &str = "From: <sip:+12155551212@example.com>;tag=a | Date: Sat, 13 Nov 2010 23:29:00 GMT";

fn identity(header: &str, claims: &str, ppt: &str) -> String {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    format!(
        "Identity: {}.{}.c2ln;info=<https://cert.example/a.pem>;alg=ES256;ppt={ppt}",
        part(header),
        part(claims)
    )
}

/// An INVITE with these claims; the number dialled is 4930123.
fn signed(claims: &str) -> String {
    format!("0 a>b INVITE 1 uri=sip:4930123@b | {SHOWN} | {}\n", identity(HEADER, claims, "shaken"))
}

#[test]
fn a_passport_as_facts() {
    let facts = session(&signed(CLAIMS)).identity;
    let [passport] = facts.as_slice() else { panic!("{facts:?}") };
    assert_eq!((passport.attest.as_deref(), passport.orig.as_deref()), (Some("A"), Some("12155551212")));
    assert_eq!((passport.dest.as_slice(), passport.iat), (&["4930123".to_owned()][..], Some(1_289_690_940)));
    assert_eq!((passport.typ.as_deref(), passport.ppt.as_deref()), (Some("passport"), Some("shaken")));
    assert_eq!(passport.x5u.as_deref(), Some("https://cert.example/a.pem"));
    assert_eq!(passport.origid.as_deref(), Some("123e4567-e89b-12d3-a456-426655440000"));
    let checks: Vec<_> = passport.checks.iter().map(|check| (check.name, check.passed)).collect();
    assert_eq!(
        checks,
        [("form", Some(true)), ("time", Some(true)), ("orig", Some(true)), ("dest", Some(true))]
    );
    // Compact: the claims are those of the message.
    let compact =
        format!("0 a>b INVITE 1 | {SHOWN} | Identity: ..c2ln;info=<https://c>;alg=ES256;ppt=shaken");
    let facts = session(&compact).identity;
    assert!(facts[0].is_compact && facts[0].checks.iter().all(|check| check.passed.is_none()), "{facts:?}");
    assert!(session("0 a>b INVITE 1").identity.is_empty());
}

#[test]
fn shaken_invalid() {
    let finding = found("SHAKEN_INVALID", &signed(&CLAIMS.replace("\"A\"", "\"D\"")));
    assert_eq!(
        (finding.severity, finding.blame, finding.proof),
        (Severity::Warning, Blame::Unknown, vec![1])
    );
    let broken =
        format!("0 a>b INVITE 1 | {SHOWN} | Identity: e30.%%%.c2ln;info=<https://c>;alg=ES256;ppt=shaken");
    assert!(found("SHAKEN_INVALID", &broken).text.ends_with("no JSON in base64url"));
    let other = identity(&HEADER.replace("ES256", "none"), CLAIMS, "shaken");
    found("SHAKEN_INVALID", &format!("0 a>b INVITE 1 | {SHOWN} | {other}"));
    let moved = identity(&HEADER.replace("a.pem", "b.pem"), CLAIMS, "shaken");
    assert!(found("SHAKEN_INVALID", &format!("0 a>b INVITE 1 | {SHOWN} | {moved}")).text.contains("x5u"));
    silent("SHAKEN_INVALID", &signed(CLAIMS));
    silent(
        "SHAKEN_INVALID",
        &format!("0 a>b INVITE 1 | {SHOWN} | Identity: ..c2ln;info=<https://c>;alg=ES256"),
    );
    silent("SHAKEN_INVALID", "0 a>b INVITE 1");
}

#[test]
fn shaken_stale() {
    let finding = found("SHAKEN_STALE", &signed(&CLAIMS.replace("1289690940", "1289690800")));
    assert!(finding.text.contains("signed 140 s before the time of Date"), "{}", finding.text);
    assert_eq!(finding.severity, Severity::Warning);
    found("SHAKEN_STALE", &signed(&CLAIMS.replace("1289690940", "1289691001")));
    silent("SHAKEN_STALE", &signed(CLAIMS));
    silent("SHAKEN_STALE", &signed(&CLAIMS.replace("1289690940", "1289690880")));
}

#[test]
fn shaken_mismatch() {
    let caller = found("SHAKEN_MISMATCH", &signed(&CLAIMS.replace("12155551212", "12155559999")));
    assert!(caller.text.starts_with("the calling number"), "{}", caller.text);
    let called = found("SHAKEN_MISMATCH", &signed(&CLAIMS.replace("4930123", "493055555")));
    assert!(called.text.contains("signed 493055555, shown 4930123"), "{}", called.text);
    silent("SHAKEN_MISMATCH", &signed(CLAIMS));
    // The same number with and without what stands for the country.
    silent("SHAKEN_MISMATCH", &signed(&CLAIMS.replace("12155551212", "2155551212")));
    // The network asserts another number than the phone shows, and signs that one.
    let asserted = signed(&CLAIMS.replace("12155551212", "13105550000"));
    silent(
        "SHAKEN_MISMATCH",
        &asserted.replace(" | Date", " | P-Asserted-Identity: <tel:+13105550000> | Date"),
    );
    // Diverted, and signed again by who diverts it.
    let div = r#"{"dest":{"tn":["4930123"]},"div":{"tn":"493055555"},"iat":1289690940,"orig":{"tn":"12155551212"}}"#;
    let diverted = format!(
        "{} | {}",
        signed(&CLAIMS.replace("4930123", "493055555")).trim(),
        identity(&HEADER.replace("shaken", "div"), div, "div")
    );
    silent("SHAKEN_MISMATCH", &diverted);
    // A caller who does not want to be known.
    silent(
        "SHAKEN_MISMATCH",
        &signed(CLAIMS).replace("+12155551212@example.com", "anonymous@anonymous.invalid"),
    );
}

#[test]
fn shaken_attest_c() {
    let gateway = CLAIMS.replace("\"A\"", "\"C\"");
    let finding = found("SHAKEN_ATTEST_C", &signed(&gateway));
    assert_eq!((finding.severity, finding.blame, finding.proof), (Severity::Info, Blame::Nobody, vec![1]));
    let through = signed(&gateway).replace("a>b", "p>b");
    found("SHAKEN_ATTEST_C", &format!("0 a>p INVITE 1\n {through}"));
    silent("SHAKEN_ATTEST_C", &signed(CLAIMS));
    silent("SHAKEN_ATTEST_C", &signed(&CLAIMS.replace("\"A\"", "\"B\"")));
    // Beside a better one.
    let both = format!("{} | {}", signed(&gateway).trim(), identity(HEADER, CLAIMS, "shaken"));
    silent("SHAKEN_ATTEST_C", &both);
}

#[test]
fn shaken_refused() {
    let missing = "0 a>b INVITE 1\n 0.1 b>a 428 INVITE 1 to=b phrase=Use~Identity~Header";
    let finding = found("SHAKEN_REFUSED", missing);
    assert_eq!((finding.severity, finding.proof), (Severity::Error, vec![1, 2]));
    assert!(finding.text.contains("it wants the caller's identity signed"), "{}", finding.text);
    let wrong = format!("{} 0.1 b>a 438 INVITE 1 to=b", signed(CLAIMS));
    assert!(found("SHAKEN_REFUSED", &wrong).ruled_out[0].starts_with("a call without identity"));
    found("SHAKEN_REFUSED", &format!("{} 0.1 b>a 403 INVITE 1 to=b phrase=Stale~Date", signed(CLAIMS)));
    silent("SHAKEN_REFUSED", &format!("{} 0.1 b>a 403 INVITE 1 to=b phrase=Forbidden", signed(CLAIMS)));
    silent("SHAKEN_REFUSED", &format!("{} 1 b>a 200 INVITE 1 to=b", signed(CLAIMS)));
    // Signed at the second try.
    silent("SHAKEN_REFUSED", &format!("{missing}\n 1 a>b INVITE 2\n 1.1 b>a 200 INVITE 2 to=b"));
}

#[test]
fn session_id_cause_and_media() {
    let facts = session(
        "
        0   a>b INVITE 1 sdp=PCMA@192.0.2.77 | Session-ID: AB30317F1A784DC48FF824D0D3715D86;remote=00000000000000000000000000000000
        1   b>a 200 INVITE 1 to=b sdp=PCMA | Session-ID: 47755a9de7794ba387653f2099600ef2;remote=ab30317f1a784dc48ff824d0d3715d86
        1.1 a>b ACK 1 to=b
        9   a>b BYE 2 to=b | Reason: SIP;cause=200, Q.850;cause=16",
    );
    assert_eq!(facts.session_id, ["47755a9de7794ba387653f2099600ef2", "ab30317f1a784dc48ff824d0d3715d86"]);
    assert_eq!(facts.cause, Some(16));
    let media = |of: &[calls::MediaAddress]| -> Vec<String> {
        of.iter().map(|it| format!("{} {}:{}", it.kind, it.address, it.port)).collect()
    };
    assert_eq!(media(&facts.media_offered), ["audio 192.0.2.77:4000"]);
    assert_eq!(media(&facts.media_agreed), ["audio 198.51.100.2:4000"]);
    let refused = session("0 a>b INVITE 1\n 1 b>a 480 INVITE 1 to=b | Reason: Q.850;cause=20");
    assert_eq!((refused.cause, refused.media_offered.len(), refused.session_id.len()), (Some(20), 0, 0));
}
