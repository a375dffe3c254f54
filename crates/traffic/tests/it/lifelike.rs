//! Order, repeatability, and messages that readers of others' traffic understand.

use std::collections::{BTreeSet, HashMap, HashSet};

use proptest::prelude::*;
use traffic::{Fault, Generator, Kind, Mix, Rate, Scenario, Settings};

const START: i64 = 1_790_000_000_000_000;

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let bytes = |seed| -> Vec<u8> {
        Generator::new(&Settings::new(seed, START, Rate::Calls(20.0)))
            .take(3_000)
            .flat_map(|event| event.hep)
            .collect()
    };
    assert_eq!(bytes(7), bytes(7));
    assert_ne!(bytes(7), bytes(8));
}

#[test]
fn events_come_in_the_order_of_time_and_hep_says_the_same_time() {
    let mut last = START;
    let calm = Generator::new(&Settings::new(2, START, Rate::Calls(50.0))).take(50_000);
    let demo = Settings { mix: Mix::demo(), ..Settings::new(2, START + 10_000_000_000, Rate::Calls(50.0)) };
    for event in calm.chain(Generator::new(&demo).take(50_000)) {
        assert!(event.about.at_micros >= last);
        last = event.about.at_micros;
        let (packet, used) =
            hep::decode(&event.hep, (last / 1_000_000) as u32).expect("our own packet decodes");
        assert_eq!(used, event.hep.len());
        let time = i64::from(packet.seconds.expect("seconds")) * 1_000_000
            + i64::from(packet.micros.expect("micros"));
        assert_eq!(time, last);
        assert_eq!(packet.payload.len(), event.about.payload_bytes);
        assert_eq!(packet.flags.names().count(), 0, "nothing odd about our own packets");
    }
}

#[test]
fn every_message_reads_as_the_sip_it_claims_to_be() {
    for event in Generator::new(&Settings::new(4, START, Rate::Calls(50.0))).take(30_000) {
        let (packet, _) = hep::decode(&event.hep, (START / 1_000_000) as u32).expect("decodes");
        let message = sip::parse(&packet.payload);
        let text = String::from_utf8_lossy(&packet.payload);
        match event.about.kind {
            Kind::Request(method) => assert_eq!(message.method(), Some(method.as_bytes()), "{text}"),
            Kind::Reply(status) => assert_eq!(message.status(), Some(status), "{text}"),
            Kind::Rtcp => {
                assert!(text.starts_with("{\"sender_information\"") && text.ends_with("]}"), "{text}");
                continue;
            }
            Kind::Log => continue,
        }
        assert!(message.problems().is_empty(), "{:?} in\n{text}", message.problems());
        assert!(message.call_id().is_some() && message.via_branch().is_some(), "{text}");
    }
}

/// Faults are of the network, not of the spelling: but for the one that is about the length of a body.
#[test]
fn faults_are_written_as_well() {
    let mut settings = Settings::new(12, START, Rate::Calls(50.0));
    settings.mix = Mix::demo();
    let mut faults = BTreeSet::new();
    for event in Generator::new(&settings).take(60_000) {
        let Scenario::Fault(fault) = event.about.scenario else { continue };
        faults.insert(fault);
        let (packet, _) = hep::decode(&event.hep, (START / 1_000_000) as u32).expect("decodes");
        let (message, text) = (sip::parse(&packet.payload), String::from_utf8_lossy(&packet.payload));
        match event.about.kind {
            Kind::Request(method) => assert_eq!(message.method(), Some(method.as_bytes()), "{text}"),
            Kind::Reply(status) => assert_eq!(message.status(), Some(status), "{text}"),
            Kind::Rtcp | Kind::Log => continue,
        }
        assert!(!text.contains(['~', '{']), "{text}");
        assert!(!message.reason_phrase().is_some_and(<[u8]>::is_empty), "{text}");
        let is_cut = fault.name() == "alg_rewrite";
        assert!(is_cut || message.problems().is_empty(), "{:?} in\n{text}", message.problems());
    }
    assert_eq!(faults.len(), Fault::all().count(), "each had its turn");
}

#[test]
fn faults_have_names_of_their_own() {
    let names: HashSet<&str> = Scenario::all().map(Scenario::name).collect();
    assert_eq!(names.len(), Scenario::all().count());
    for fault in Fault::all() {
        assert_eq!(Fault::named(fault.name()), Some(fault));
        assert!(!fault.about().is_empty());
    }
    assert_eq!(Fault::named("good"), None);
}

/// Each scenario leaves what its name says, and nothing of it is left over.
#[test]
fn every_scenario_runs_to_its_end() {
    let ends: [(Scenario, Kind); 11] = [
        (Scenario::Good, Kind::Request("BYE")),
        (Scenario::Busy, Kind::Reply(486)),
        (Scenario::Cancel, Kind::Reply(487)),
        (Scenario::NoAnswer, Kind::Reply(408)),
        (Scenario::NoAnswer, Kind::Reply(480)),
        (Scenario::NotFound, Kind::Reply(404)),
        (Scenario::NotFound, Kind::Log),
        (Scenario::ServerError, Kind::Log),
        (Scenario::PoorMedia, Kind::Rtcp),
        (Scenario::Register, Kind::Reply(401)),
        (Scenario::Options, Kind::Reply(200)),
    ];
    for (scenario, end) in ends {
        let mut settings = Settings::new(5, START, Rate::Calls(5.0));
        settings.mix = Mix::of(&[(scenario, 1)]).expect("one scenario is a mix");
        let mut kinds = BTreeSet::new();
        for event in Generator::new(&settings).take(3_000) {
            assert_eq!(event.about.scenario, scenario);
            kinds.insert(event.about.kind);
        }
        assert!(kinds.contains(&end), "{scenario:?}: {kinds:?}");
    }
}

#[test]
fn calls_keep_their_call_id_and_never_share_it() {
    let mut settings = Settings::new(6, START, Rate::Calls(20.0));
    settings.mix = Mix::of(&[(Scenario::Busy, 1)]).expect("a mix");
    let mut invites: HashMap<Vec<u8>, usize> = HashMap::new();
    let mut branches = HashSet::new();
    for event in Generator::new(&settings).take(20_000) {
        let (packet, _) = hep::decode(&event.hep, 0).expect("decodes");
        let message = sip::parse(&packet.payload);
        if event.about.kind == Kind::Request("INVITE") {
            *invites.entry(message.call_id().expect("a Call-ID").to_vec()).or_default() += 1;
            branches.insert(message.via_branch().expect("a branch").to_vec());
        }
    }
    // First without credentials, then with, then on to the callee: three different transactions.
    let whole = invites.values().filter(|count| **count == 3).count();
    assert!(whole * 100 / invites.len() > 95, "{whole} of {}", invites.len());
    assert_eq!(branches.len(), invites.values().sum::<usize>());
}

/// Either side hangs up, and its BYE belongs to the same dialog (RFC 3261 section 12).
#[test]
fn whoever_hangs_up_stays_in_the_dialog() {
    struct Dialog {
        caller_tag: Vec<u8>,
        callee_tag: Vec<u8>,
    }
    let mut settings = Settings::new(9, START, Rate::Calls(20.0));
    settings.mix = Mix::of(&[(Scenario::Good, 1)]).expect("a mix");
    let mut dialogs: HashMap<Vec<u8>, Dialog> = HashMap::new();
    let mut hung_up = [0_u32; 2];
    for event in Generator::new(&settings).take(60_000) {
        let (packet, _) = hep::decode(&event.hep, 0).expect("decodes");
        let message = sip::parse(&packet.payload);
        let from = message.from().and_then(|from| from.tag()).map(<[u8]>::to_vec);
        let to = message.to().and_then(|to| to.tag()).map(<[u8]>::to_vec);
        let call_id = message.call_id().unwrap_or_default().to_vec();
        match (event.about.kind, message.method()) {
            (Kind::Reply(200), Some(b"INVITE")) => {
                let (caller_tag, callee_tag) = (from.expect("a tag"), to.expect("a tag"));
                dialogs.insert(call_id, Dialog { caller_tag, callee_tag });
            }
            (Kind::Request("BYE"), _) => {
                let dialog = &dialogs[&call_id];
                let (from, to) = (from.expect("a tag"), to.expect("a tag"));
                let by_callee = from == dialog.callee_tag;
                let expected = if by_callee { &dialog.caller_tag } else { &dialog.callee_tag };
                assert_eq!(&to, expected);
                assert!(by_callee || from == dialog.caller_tag);
                hung_up[usize::from(by_callee)] += 1;
            }
            _ => {}
        }
    }
    let [by_caller, by_callee] = hung_up.map(f64::from);
    assert!((0.4..0.6).contains(&(by_callee / (by_caller + by_callee))), "{hung_up:?}");
}

/// The count of lost packets of a stream only grows, whatever each report says about its own interval.
#[test]
fn lost_packets_are_never_found_again() {
    let mut settings = Settings::new(10, START, Rate::Calls(20.0));
    settings.mix = Mix::of(&[(Scenario::PoorMedia, 1)]).expect("a mix");
    let mut lost: HashMap<String, u64> = HashMap::new();
    let mut lossy = 0;
    for event in Generator::new(&settings).take(30_000).filter(|event| event.about.kind == Kind::Rtcp) {
        let (packet, _) = hep::decode(&event.hep, 0).expect("decodes");
        let text = String::from_utf8_lossy(&packet.payload).into_owned();
        let number = |name: &str| {
            let (_, rest) = text.split_once(&format!("\"{name}\":")).expect("rtpengine's key");
            let digits = rest.find(|letter: char| !letter.is_ascii_digit()).expect("something follows");
            rest[..digits].to_owned()
        };
        let now: u64 = number("packets_lost").parse().expect("a number");
        let before = lost.insert(number("ssrc"), now).unwrap_or(0);
        assert!(now >= before, "{before} then {text}");
        lossy += u32::from(number("fraction_lost") != "0");
    }
    assert!(lossy > 1_000, "poor media lose packets");
}

#[test]
fn a_key_of_any_length_is_sent_as_far_as_it_fits() {
    let mut settings = Settings::new(11, START, Rate::Calls(20.0));
    settings.key = Some(vec![b'k'; 100_000]);
    let event = Generator::new(&settings).next().expect("traffic never ends");
    let (packet, _) = hep::decode(&event.hep, 0).expect("decodes");
    assert_eq!(packet.key.map(<[u8]>::len), Some(1_024));
}

proptest! {
    /// Whatever is asked for: events come, in order, and decode.
    #[test]
    fn any_settings_give_traffic(seed: u64, rate in 0.01f64..100_000.0, users in 0u32..5_000, messages: bool) {
        let rate = if messages { Rate::Messages(rate.min(20_000.0)) } else { Rate::Calls(rate.min(5_000.0)) };
        let mut settings = Settings::new(seed, START, rate);
        settings.users = users;
        settings.key = Some(b"secret".to_vec());
        let mut last = START;
        for event in Generator::new(&settings).take(200) {
            prop_assert!(event.about.at_micros >= last);
            last = event.about.at_micros;
            let (packet, _) = hep::decode(&event.hep, 0).expect("decodes");
            prop_assert_eq!(packet.key, Some(&b"secret"[..]));
        }
    }
}
