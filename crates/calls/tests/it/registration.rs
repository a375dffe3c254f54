//! Rules and facts about registrations and subscriptions.

use calls::{Blame, Severity};

use crate::scenario::{found, session, silent};

/// Granted for a minute, renewed at `again` seconds.
fn renewed(again: f64, cseq: i64) -> String {
    format!(
        "
        0   a>p REGISTER 1 | Contact: <sip:u@192.0.2.1>;expires=60
        0.1 p>a 200 REGISTER 1 to=p | Contact: <sip:u@192.0.2.1>;expires=60
        {again} a>p REGISTER {cseq} | Contact: <sip:u@192.0.2.1>;expires=60
        {} p>a 200 REGISTER {cseq} to=p | Contact: <sip:u@192.0.2.1>;expires=60",
        again + 0.1
    )
}

#[test]
fn reg_expired() {
    let finding = found("REG_EXPIRED", &renewed(75.1, 2));
    assert_eq!((finding.severity, finding.blame), (Severity::Warning, Blame::Host("192.0.2.1:5060".into())));
    assert_eq!(finding.proof, [1, 2, 3]);
    assert!(finding.text.contains("after 75 s: for 15 s nobody"), "{}", finding.text);
    // Challenged first, and the time is that of the whole reply.
    found(
        "REG_EXPIRED",
        "
        0   a>p REGISTER 7 | Contact: <sip:u@192.0.2.1>
        0.1 p>a 200 REGISTER 7 to=p | Contact: <sip:u@192.0.2.1> | Expires: 120
        300 a>p REGISTER 8 | Contact: <sip:u@192.0.2.1>
        300.1 p>a 401 REGISTER 8 to=p
        300.2 a>p REGISTER 9 | Contact: <sip:u@192.0.2.1>
        300.3 p>a 200 REGISTER 9 to=p",
    );
    silent("REG_EXPIRED", &renewed(30.0, 2));
    // Others may have been between, and were not captured.
    silent("REG_EXPIRED", &renewed(75.0, 4));
    // It went, and came back.
    silent(
        "REG_EXPIRED",
        "
        0   a>p REGISTER 1 | Contact: <sip:u@192.0.2.1>;expires=0
        0.1 p>a 200 REGISTER 1 to=p | Expires: 0
        900 a>p REGISTER 2 | Contact: <sip:u@192.0.2.1>;expires=60
        900.1 p>a 200 REGISTER 2 to=p | Contact: <sip:u@192.0.2.1>;expires=60",
    );
}

/// The phone says 10.0.0.9:5060, the registrar sees the port of the NAT.
fn behind_nat(first: u16, second: u16, via: &str, after: i64) -> String {
    format!(
        "
        0   a>p REGISTER 1 via={via} port={first} | Contact: <sip:u@10.0.0.9>;expires=600
        0.1 p>a 200 REGISTER 1 to=p | Contact: <sip:u@10.0.0.9>;expires=600
        {after} a>p REGISTER 2 via={via} port={second} | Contact: <sip:u@10.0.0.9>;expires=600
        {after}.1 p>a 200 REGISTER 2 to=p | Contact: <sip:u@10.0.0.9>;expires=600"
    )
}

#[test]
fn reg_nat_short() {
    let finding = found("REG_NAT_SHORT", &behind_nat(40_001, 40_002, "UDP/10.0.0.9:5060", 300));
    assert_eq!((finding.severity, finding.proof), (Severity::Warning, vec![1, 3]));
    assert!(
        finding.text.contains("within 5 min 0 s: the registration came from port 40001"),
        "{}",
        finding.text
    );
    found("REG_NAT_SHORT", &behind_nat(1_024, 61_000, "UDP/192.168.1.2:5061", 60));
    silent("REG_NAT_SHORT", &behind_nat(40_001, 40_001, "UDP/10.0.0.9:5060", 300));
    // A connection has a new port each time.
    silent("REG_NAT_SHORT", &behind_nat(40_001, 40_002, "TCP/10.0.0.9:5060", 300));
    // No NAT: the phone uses another port itself.
    silent("REG_NAT_SHORT", &behind_nat(40_001, 40_002, "UDP/192.0.2.1", 300));
    silent("REG_NAT_SHORT", &behind_nat(40_001, 40_002, "UDP/10.0.0.9:5060", 5));
    // A name says nothing about the address.
    silent("REG_NAT_SHORT", &behind_nat(40_001, 40_002, "UDP/pbx.example.com:5060", 300));
}

#[test]
fn contact_limit() {
    let finding = found(
        "CONTACT_LIMIT",
        "0 a>p REGISTER 1\n 0.1 p>a 503 REGISTER 1 to=p | P-Registrar-Error: Too many registered contacts",
    );
    assert_eq!((finding.severity, finding.proof), (Severity::Error, vec![1, 2]));
    found(
        "CONTACT_LIMIT",
        "0 a>p REGISTER 1\n 0.1 p>a 403 REGISTER 1 to=p phrase=Maximum~registrations~reached",
    );
    silent("CONTACT_LIMIT", "0 a>p REGISTER 1\n 0.1 p>a 403 REGISTER 1 to=p phrase=Forbidden");
    silent("CONTACT_LIMIT", "0 a>p REGISTER 1\n 0.1 p>a 200 REGISTER 1 to=p");
    silent(
        "CONTACT_LIMIT",
        "0 a>p REGISTER 1\n 0.1 p>a 503 REGISTER 1 to=p phrase=Registration~rate~limit~exceeded",
    );
    silent("CONTACT_LIMIT", "0 a>p INVITE 1\n 0.1 p>a 503 INVITE 1 to=p phrase=Too~many~contacts");
}

#[test]
fn a_registration_as_facts() {
    let facts = session(
        "
        0   a>p REGISTER 1 | Contact: <sip:u@192.0.2.1>;expires=3600 | User-Agent: Acme 1
        0.1 p>a 401 REGISTER 1 to=p
        0.2 a>p REGISTER 2 | Contact: <sip:u@192.0.2.1>;expires=3600 | User-Agent: Acme 1
        0.3 p>a 200 REGISTER 2 to=p | Contact: <sip:v@192.0.2.7>;expires=9, <sip:u@192.0.2.1>;expires=300",
    );
    let registration = facts.registration.expect("a registration");
    assert_eq!(registration.address_of_record, "sip:4930123@example.com");
    assert_eq!((registration.expires_asked, registration.expires_granted), (Some(3600), Some(300)));
    let contacts: Vec<_> = registration.contacts.iter().map(|it| (it.uri.as_str(), it.expires)).collect();
    assert_eq!(contacts, [("sip:v@192.0.2.7", Some(9)), ("sip:u@192.0.2.1", Some(300))]);
    assert_eq!((registration.user_agent.as_deref(), registration.renewals), (Some("Acme 1"), 1));
    assert_eq!(session("0 a>b INVITE 1").registration, None);
    let refused = session("0 a>p REGISTER 1 | Contact: *\n 0.1 p>a 403 REGISTER 1 to=p").registration;
    assert_eq!(refused.map(|it| (it.contacts.len(), it.expires_granted, it.renewals)), Some((0, None, 0)));
}

#[test]
fn subscriptions_as_facts() {
    let facts = session(
        "
        0   a>p SUBSCRIBE 1 | Event: Presence;id=7 | Expires: 3600
        0.1 p>a 202 SUBSCRIBE 1 to=p | Expires: 600
        0.2 p>a NOTIFY 1 from=p to=a | Event: presence;id=7 | Subscription-State: active;expires=599
        0.3 a>p 200 NOTIFY 1
        9   p>a NOTIFY 2 from=p to=a | Event: presence;id=7 | Subscription-State: terminated;reason=timeout",
    );
    let [presence] = facts.subscriptions.as_slice() else { panic!("{:?}", facts.subscriptions) };
    assert_eq!((presence.event.as_str(), presence.state.as_deref()), ("presence", Some("terminated")));
    assert_eq!(
        (presence.reason.as_deref(), presence.expires, presence.status),
        (Some("timeout"), Some(599), Some(202))
    );
    assert_eq!(presence.notifications, 2);
    let refer = session("0 a>b REFER 2 to=b\n 0.1 b>a 603 REFER 2").subscriptions;
    assert_eq!((refer[0].event.as_str(), refer[0].status), ("refer", Some(603)));
}
