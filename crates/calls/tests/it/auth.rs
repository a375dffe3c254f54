//! Rules about credentials and registration.

use calls::{Blame, Severity};

use crate::scenario::{found, silent};

const ASK: &str = "| WWW-Authenticate: Digest realm=\"r\", nonce=";
const GIVE: &str = "| Authorization: Digest username=\"u\", realm=\"r\", nonce=\"x\", response=\"y\"";

fn register(tries: i64, last: &str) -> String {
    let mut script = format!("0 a>p REGISTER 1\n 0.1 p>a 401 REGISTER 1 to=p {ASK}\"0\"\n");
    for number in 1..tries {
        script.push_str(&format!(
            "{number} a>p REGISTER {cseq} {GIVE}\n {number}.1 p>a 401 REGISTER {cseq} to=p {ASK}\"{number}\"\n",
            cseq = number + 1
        ));
    }
    script + last
}

#[test]
fn auth_loop() {
    let finding = found("AUTH_LOOP", &register(4, ""));
    assert_eq!(finding.proof, [2, 4, 6, 8]);
    assert_eq!(finding.blame, Blame::Unknown);
    assert!(finding.text.contains("of realm \"r\""), "{}", finding.text);
    let bare = "
        0 a>p REGISTER 1
        1 p>a 401 REGISTER 1 to=p
        2 a>p REGISTER 2
        3 p>a 401 REGISTER 2 to=p
        4 a>p REGISTER 3
        5 p>a 401 REGISTER 3 to=p";
    let finding = found("AUTH_LOOP", bare);
    assert!(finding.text.ends_with("sends REGISTER without any"), "{}", finding.text);
    assert_eq!(finding.blame, Blame::Host("192.0.2.1:5060".into()));
    silent("AUTH_LOOP", &register(2, ""));
    // Three servers on the way, each with a realm of its own.
    let chain = register(3, "").replacen("realm=\"r\"", "realm=\"1\"", 1);
    silent("AUTH_LOOP", &chain);
    silent("AUTH_LOOP", &register(4, "9 a>p REGISTER 9\n 9.1 p>a 200 REGISTER 9 to=p"));
}

#[test]
fn stale_nonce() {
    let stale = "
        0   a>p REGISTER 1 | Authorization: Digest username=\"u\", nonce=\"old\"
        0.1 p>a 401 REGISTER 1 to=p | WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", stale=true
        0.2 a>p REGISTER 2 | Authorization: Digest username=\"u\", nonce=\"n\"";
    let went_on = format!("{stale}\n 0.3 p>a 200 REGISTER 2 to=p");
    let finding = found("STALE_NONCE", &went_on);
    assert_eq!((finding.severity, finding.blame, finding.proof), (Severity::Info, Blame::Nobody, vec![2, 4]));
    found("STALE_NONCE", &went_on.replace("REGISTER", "OPTIONS"));
    silent("STALE_NONCE", &format!("{stale}\n 0.3 p>a 403 REGISTER 2 to=p"));
    silent("STALE_NONCE", &register(1, "1 a>p REGISTER 2\n 1.1 p>a 200 REGISTER 2 to=p"));
}

#[test]
fn auth_no_retry() {
    let asked =
        "0 a>p INVITE 1\n 0.1 p>a 407 INVITE 1 to=p | Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\"";
    let finding = found("AUTH_NO_RETRY", asked);
    assert_eq!((finding.blame, finding.proof), (Blame::Host("192.0.2.1:5060".into()), vec![1, 2]));
    let sha = "0 a>p REGISTER 1\n 0.1 p>a 401 REGISTER 1 to=p | WWW-Authenticate: Digest realm=\"r\", algorithm=SHA-256, nonce=\"n\"";
    assert!(found("AUTH_NO_RETRY", sha).next.contains("SHA-256"));
    silent("AUTH_NO_RETRY", &format!("{asked}\n 1 a>p INVITE 2"));
    silent("AUTH_NO_RETRY", &format!("{asked}\n until 5"));
    silent("AUTH_NO_RETRY", &register(4, ""));
}

#[test]
fn forbidden_403() {
    let with = format!("0 a>p INVITE 2 {GIVE}\n 0.1 p>a 403 INVITE 2 to=p");
    assert_eq!(found("FORBIDDEN_403", &with).ruled_out.len(), 1);
    let without = "0 a>p REGISTER 1\n 0.1 p>a 403 REGISTER 1 to=p | Warning: 399 p \"blocked\"";
    let finding = found("FORBIDDEN_403", without);
    assert!(finding.ruled_out.is_empty() && finding.text.contains("blocked"), "{finding:?}");
    silent("FORBIDDEN_403", &register(1, ""));
    silent(
        "FORBIDDEN_403",
        "0 a>p INVITE 1\n 0.1 p>a 403 INVITE 1 to=p\n 1 a>p INVITE 2\n 1.1 p>a 200 INVITE 2 to=p",
    );
}

#[test]
fn reg_423() {
    let short = "
        0   a>p REGISTER 1 | Expires: 30
        0.1 p>a 423 REGISTER 1 to=p | Min-Expires: 60";
    assert!(found("REG_423", short).text.ends_with("does not try again"));
    assert_eq!(found("REG_423", &format!("{short}\n 1 a>p REGISTER 2 | Expires: 45")).proof, [1, 2, 3]);
    silent("REG_423", &format!("{short}\n 1 a>p REGISTER 2 | Expires: 60"));
    silent("REG_423", &format!("{short}\n 1 a>p REGISTER 2 | Contact: <sip:x@192.0.2.1>;expires=120"));
    silent("REG_423", &format!("{short}\n until 2"));
}
