//! Calls through real B2BUAs: Kamailio with a B2BUA behind it, and Asterisk. Neither names the other leg.

use std::collections::BTreeSet;

use calls::legs::{Leg, Rules, Standing, judge};

use crate::captured::messages;
use crate::recordings::calls;

/// The legs of a recording, and the pairs of them that are of one call.
#[track_caller]
fn check(name: &str, wanted: &[[&str; 2]]) {
    let calls = calls(name);
    if calls.is_empty() {
        return;
    }
    let rules = Rules::default();
    let legs: Vec<Leg> = calls.values().filter_map(|seized| Leg::read(&messages(seized), &rules)).collect();
    let judge = judge(legs, rules);
    let joined: BTreeSet<BTreeSet<&str>> = judge
        .groups()
        .into_iter()
        .filter(|group| group.len() > 1)
        .map(|group| group.into_iter().collect())
        .collect();
    let wanted: BTreeSet<BTreeSet<&str>> = wanted.iter().map(|pair| pair.iter().copied().collect()).collect();
    assert_eq!(joined, wanted, "{:#?}", judge.edges());
    assert!(judge.edges().iter().all(|edge| edge.standing != Standing::Certain || !edge.evidence.is_empty()));
    println!("{name}: {} legs, {} pairs, all found and no other", judge.len(), wanted.len());
}

#[test]
fn a_b2bua_behind_kamailio() {
    check("kamailio-b2bua-rtpengine-hep3-udp.pcap", &[["bfba6094b26cba3a", "5483aad0bdc14599"]]);
}

#[test]
fn asterisk() {
    check(
        "asterisk-hep3-udp.pcap",
        &[
            ["bb9e60b3a7a91bda", "06ee04d9-5010-4dbe-8a71-e69725fcce47"],
            ["1-29834@127.0.0.1", "29bba8bf-cefe-4b42-b113-4f8df6455876"],
        ],
    );
}

/// Through proxies only: none belongs to another.
#[test]
fn proxies_keep_the_call_id() {
    for name in [
        "kamailio-hep3-udp.pcap",
        "kamailio-hep3-load.pcap",
        "opensips-hep3-udp.pcap",
        "sngrep-hep3-udp.pcap",
    ] {
        check(name, &[]);
    }
}
