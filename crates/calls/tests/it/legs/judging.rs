//! What joins, what stays possible, and what comes undone.

use calls::legs::{Edge, Judge, Leg, Rule, Rules, Standing, judge};
use calls::{End, Message, Raw};
use proptest::prelude::*;

const SECOND: i64 = 1_000_000;

/// A leg as a few messages: who, by which way, when, and headers.
#[derive(Clone, Debug)]
struct Story {
    call_id: String,
    at: i64,
    from: &'static str,
    to: &'static str,
    src: &'static str,
    dst: &'static str,
    headers: String,
    /// Ringing, answer, BYE, after the beginning.
    times: Vec<(i64, &'static str)>,
}

fn story(call_id: &str, at: i64, way: (&'static str, &'static str)) -> Story {
    Story {
        call_id: call_id.to_owned(),
        at,
        from: "+49305000487",
        to: "+49305550199",
        src: way.0,
        dst: way.1,
        headers: String::new(),
        times: Vec::new(),
    }
}

impl Story {
    fn between(mut self, from: &'static str, to: &'static str) -> Self {
        (self.from, self.to) = (from, to);
        self
    }

    fn header(mut self, header: &str) -> Self {
        self.headers.push_str(header);
        self.headers.push_str("\r\n");
        self
    }

    fn then(mut self, after: i64, what: &'static str) -> Self {
        self.times.push((after, what));
        self
    }

    fn leg(&self) -> Leg {
        self.leg_with(&Rules::default())
    }

    fn leg_with(&self, rules: &Rules) -> Leg {
        let raw = |start: &str| {
            format!(
                "{start}\r\nFrom: <sip:{}@x>;tag=a\r\nTo: <sip:{}@x>\r\nCall-ID: {}\r\n{}\r\n",
                self.from, self.to, self.call_id, self.headers
            )
            .into_bytes()
        };
        let invite = raw(&format!("INVITE sip:{}@x SIP/2.0", self.to));
        let refer = raw("REFER sip:x@x SIP/2.0");
        let end = |ip| End { ip: Some(ip), port: Some(5060) };
        let first = Message {
            id: self.at,
            at: self.at,
            src: end(self.src),
            dst: end(self.dst),
            call_id: Some(&self.call_id),
            method: Some("INVITE"),
            raw: invite.as_slice().into(),
            ..Message::default()
        };
        let mut messages = vec![first.clone()];
        for (after, what) in &self.times {
            let (method, status) = match what.parse() {
                Ok(status) => ("INVITE", Some(status)),
                Err(_) => (*what, None),
            };
            let at = self.at + after;
            let is_back = status.is_some() || *what == "REFER";
            let (src, dst) = if is_back { (first.dst, first.src) } else { (first.src, first.dst) };
            let raw = if *what == "REFER" { refer.as_slice().into() } else { Raw::default() };
            let to_tag = (*what != "CANCEL").then_some("b");
            messages.push(Message {
                id: at,
                at,
                src,
                dst,
                method: Some(method),
                status,
                to_tag,
                raw,
                ..first.clone()
            });
        }
        Leg::read(&messages, rules).expect("a call")
    }
}

fn between<'e>(edges: &'e [Edge], one: &str, other: &str) -> Vec<&'e Edge> {
    edges.iter().filter(|edge| [&*edge.from, &*edge.to] == [one, other]).collect()
}

const IN: (&str, &str) = ("192.0.2.1", "203.0.113.5");
const OUT: (&str, &str) = ("203.0.113.5", "198.51.100.2");

#[test]
fn a_leg_follows_another_by_numbers_way_and_time() {
    let judge = judge([story("a", 0, IN).leg(), story("b", 50_000, OUT).leg()], Rules::default());
    assert_eq!(judge.group("b"), ["b", "a"]);
    let edges = judge.edges();
    let edge = between(&edges, "a", "b")[0];
    assert_eq!(
        (edge.rule, edge.standing, &edge.evidence[..]),
        (Rule::Numbers, Standing::Certain, &[0, 50_000][..])
    );
    assert!((0.6..0.85).contains(&edge.score), "{edge:?}");
}

#[test]
fn another_way_another_number_or_another_time_do_not_join() {
    let alone = |other: Story| {
        let judge = judge([story("a", 0, IN).leg(), other.leg()], Rules::default());
        assert_eq!(judge.group("a"), ["a"], "{:?}", judge.edges());
    };
    alone(story("b", 50_000, ("203.0.113.9", "198.51.100.2")));
    alone(story("b", 50_000, OUT).between("+49301111111", "+49302222222"));
    alone(story("b", -SECOND, OUT));
    alone(story("b", 400 * SECOND, OUT));
}

#[test]
fn machines_with_several_addresses_are_one_if_said_so() {
    let legs = || [story("a", 0, IN).leg(), story("b", 50_000, ("10.0.0.5", "198.51.100.2")).leg()];
    assert_eq!(judge(legs(), Rules::default()).group("a"), ["a"]);
    let machine = vec!["10.0.0.5".to_owned(), "203.0.113.5".to_owned()];
    assert_eq!(judge(legs(), Rules::default().with_hosts(&[machine])).group("a"), ["a", "b"]);
}

/// A dialler calls twice at once: which leg follows which cannot be said, until something differs.
#[test]
fn two_equal_candidates_stay_possible_until_what_happens_tells() {
    let calls = ["a", "b"].map(|id| story(id, 0, IN));
    let behind = ["c", "d"].map(|id| story(id, 30_000, OUT));
    let mut judge = Judge::new(Rules::default());
    for story in calls.iter().chain(&behind) {
        judge.put(story.leg());
    }
    assert_eq!(judge.group("a"), ["a"]);
    let edges = judge.edges();
    assert_eq!(edges.len(), 4, "{edges:?}");
    assert!(edges.iter().all(|edge| edge.standing == Standing::Possible), "{edges:?}");

    let told = |story: &Story, rings: i64, answers: i64| {
        story.clone().then(rings, "180").then(answers, "200").then(answers + 9 * SECOND, "BYE").leg()
    };
    let [a, b] = &calls;
    let [c, d] = &behind;
    judge.put(told(c, SECOND, 4 * SECOND));
    judge.put(told(a, SECOND + 40_000, 4 * SECOND + 40_000));
    judge.put(told(d, 2 * SECOND, 8 * SECOND));
    judge.put(told(b, 2 * SECOND + 40_000, 8 * SECOND + 40_000));
    assert_eq!(
        (judge.group("a"), judge.group("b")),
        (vec!["a", "c"], vec!["b", "d"]),
        "{:#?}",
        judge.edges()
    );
}

#[test]
fn a_name_that_comes_later_undoes_what_seemed_so() {
    let mut judge = Judge::new(Rules::default());
    judge.put(story("seems", 0, IN).leg());
    judge.put(story("b", 30_000, OUT).leg());
    assert_eq!(judge.group("b"), ["b", "seems"]);
    judge.put(story("true", 10_000, IN).between("+49301111111", "+49302222222").leg());
    judge.put(story("b", 30_000, OUT).header("X-CID: true").leg());
    assert_eq!(judge.group("b"), ["b", "true"]);
    let edges = judge.edges();
    assert_eq!(between(&edges, "seems", "b")[0].standing, Standing::Withdrawn, "{edges:?}");
}

#[test]
fn names_join_whatever_else() {
    let uuid = "0123456789abcdef0123456789abcdef";
    let nil = "0".repeat(32);
    let pairs = [
        ("X-CID: one-call", "", Rule::Header),
        ("X-Correlation-ID: 77-88", "X-Correlation-ID: 77-88", Rule::Header),
        (
            &format!("Session-ID: {uuid};remote={nil}"),
            &format!("Session-ID: {nil};remote={uuid}"),
            Rule::SessionId,
        ),
        ("P-Charging-Vector: icid-value=\"ab-cd\"", "P-Charging-Vector: icid-value=ab-cd", Rule::Icid),
        ("Cisco-Guid: 1-2-3-4", "Cisco-Guid: 1-2-3-4", Rule::CiscoGuid),
        ("Replaces: one-call;to-tag=1;from-tag=2", "", Rule::Replaces),
    ];
    for (there, here, rule) in pairs {
        let other = story("other", 900 * SECOND, ("10.0.0.1", "10.0.0.2")).between("x", "y").header(there);
        let one = story("one-call", 0, IN).header(here);
        let judge = judge([one.leg(), other.leg()], Rules::default());
        let edges = judge.edges();
        assert_eq!(edges.len(), 1, "{there}: {edges:?}");
        assert_eq!((edges[0].rule, edges[0].score, edges[0].standing), (rule, 1.0, Standing::Certain));
        assert_eq!(edges[0].evidence.len(), 2);
    }
    let suffix = story("one-call_b2b-1", 900 * SECOND, OUT).between("x", "y");
    let suffixed = judge([story("one-call", 0, IN).leg(), suffix.leg()], Rules::default());
    assert_eq!(suffixed.edges()[0].rule, Rule::CallIdSuffix);
    let mut named = story("other", 900 * SECOND, OUT).between("x", "y").leg();
    named.correlate("one-call", 9);
    let correlated = judge([story("one-call", 0, IN).leg(), named], Rules::default());
    assert_eq!(correlated.edges()[0].rule, Rule::Correlation);
}

#[test]
fn a_transfer_is_followed() {
    let first = story("first", 0, ("203.0.113.5", "198.51.100.2"))
        .header("Refer-To: <sip:+49307777777@x>")
        .then(SECOND, "200")
        .then(5 * SECOND, "REFER");
    let next = story("next", 5 * SECOND + 80_000, ("203.0.113.5", "198.51.100.3"))
        .between("+49305000487", "+49307777777");
    let judge = judge([first.leg(), next.leg()], Rules::default());
    let edges = judge.edges();
    assert_eq!((edges[0].rule, edges[0].standing), (Rule::Refer, Standing::Certain), "{edges:?}");
}

#[test]
fn what_everybody_says_joins_nobody() {
    let legs = (0..200).map(|number| {
        story(&format!("call-{number}"), number * 100 * SECOND, IN).header("X-CID: constant").leg()
    });
    let judge = judge(legs, Rules::default());
    assert!(judge.groups().iter().all(|group| group.len() == 1));
}

#[test]
fn legs_are_forgotten_with_what_joined_them() {
    let mut judge = judge([story("a", 0, IN).leg(), story("b", 50_000, OUT).leg()], Rules::default());
    judge.expire(20_000);
    assert_eq!((judge.len(), judge.group("b")), (1, vec!["b"]));
    assert!(judge.edges().is_empty());
    judge.expire(SECOND);
    assert!(judge.is_empty() && judge.groups().is_empty());
}

#[test]
fn exchanges_that_are_no_call_are_no_leg() {
    let options = Message { call_id: Some("x"), method: Some("OPTIONS"), ..Message::default() };
    assert_eq!(Leg::read(&[options], &Rules::default()), None);
    assert_eq!(Leg::read(&[], &Rules::default()), None);
}

fn stories() -> impl Strategy<Value = Vec<Story>> {
    let host = || prop::sample::select(vec!["192.0.2.1", "203.0.113.5", "198.51.100.2"]);
    let user = || prop::sample::select(vec!["+49305000487", "487", "alice", "*8487", ""]);
    let header = prop::sample::select(vec![
        "",
        "X-CID: call-1",
        "X-CID: call-2",
        "Replaces: call-3",
        "Cisco-Guid: 1-2",
    ]);
    let what = prop::sample::select(vec!["180", "200", "486", "487", "BYE", "CANCEL", "REFER"]);
    let times = prop::collection::vec((0..20 * SECOND, what), 0..5);
    let parts = (0..6_u8, 0..10 * SECOND, host(), host(), user(), user(), header, times);
    let story = parts.prop_map(|(id, at, src, dst, from, to, header, mut times)| {
        times.sort();
        Story { times, ..story(&format!("call-{id}"), at, (src, dst)).between(from, to).header(header) }
    });
    prop::collection::vec(story, 0..14)
}

proptest! {
    /// Whatever the bytes say, a leg is read and judged.
    #[test]
    fn any_bytes_are_read(raw in prop::collection::vec(any::<u8>(), 0..200), tail in prop::sample::select(vec![
        "Session-ID: ;remote=\r\n", "Refer-To: <sip:?Replaces=%>\r\n", "Replaces: ;\r\n", "Contact: ;isfocus\r\n",
        "P-Charging-Vector: icid-value\r\n", "Content-Type: application/sdp\r\n\r\no=\r\nm=audio 1\r\n",
    ])) {
        let raw = [b"INVITE sip:x SIP/2.0\r\n", &raw[..], b"\r\n", tail.as_bytes()].concat();
        let own = |id, method| Message {
            id,
            call_id: Some("call"),
            method: Some(method),
            raw: raw.as_slice().into(),
            ..Message::default()
        };
        let messages = [own(1, "INVITE"), own(2, "REFER"), own(3, "BYE")];
        let leg = Leg::read(&messages, &Rules::default()).expect("a call");
        let judged = judge([leg], Rules::default());
        prop_assert_eq!(judged.group("call"), vec!["call"]);
    }

    /// However legs come and change, groups are what certain edges say, and going they leave nothing behind.
    #[test]
    fn groups_are_what_edges_say(stories in stories()) {
        let mut judge = Judge::new(Rules::default());
        for story in &stories {
            judge.put(story.leg());
        }
        let groups: Vec<Vec<&str>> = judge.groups();
        prop_assert_eq!(groups.iter().map(Vec::len).sum::<usize>(), judge.len());
        for edge in judge.edges() {
            prop_assert!((0.0..=1.0).contains(&edge.score) && edge.from != edge.to);
            let is_joined = groups.iter().any(|group| group.contains(&&*edge.from) && group.contains(&&*edge.to));
            prop_assert!(is_joined || edge.standing != Standing::Certain);
        }
        for group in &groups {
            for call_id in group {
                let mut reached = judge.group(call_id);
                let mut group = group.clone();
                reached.sort_unstable();
                group.sort_unstable();
                prop_assert_eq!(reached, group);
            }
        }
        judge.expire(i64::MAX);
        prop_assert!(judge.is_empty() && judge.edges().is_empty());
    }
}
