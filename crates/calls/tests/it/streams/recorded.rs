//! Streams of real programs, by what they send as RTCP: rtpengine, RTPProxy, Asterisk.

use std::collections::{BTreeMap, BTreeSet};

use calls::media::{Agreed, Problem, Report, Source, Stream, streams};
use calls::{Call, Finding};
use testkit::recordings::{FIXTURES, recording};
use traffic::{Generator, Mix, Rate, Settings};

use super::rows::{Row, reported};
use super::{SECOND, rounded};
use crate::captured::{Calls, LATER, add, fold, messages};

/// Further ones that are read where they are at hand.
const SHARED: &[&str] =
    &["kamailio-rtpproxy-hep3-udp.pcap", "asterisk-hep3-udp.pcap", "captagent-hep3-udp-compressed.pcap"];

const MEDIA_RULES: [&str; 8] = [
    "ONE_WAY_AUDIO",
    "NO_AUDIO",
    "LOSS_NETWORK",
    "LOSS_BURST",
    "JITTER_HIGH",
    "DELAY_HIGH",
    "ECHO_LEVEL",
    "QUALITY_LOW",
];

/// What is known of calls by their SIP and RTCP.
#[derive(Default)]
struct Known {
    calls: Calls,
    rows: BTreeMap<String, Vec<Row>>,
}

impl Known {
    fn add(&mut self, id: i64, packet: &hep::Packet<'_>) {
        add(&mut self.calls, packet);
        if let Some((call_id, row)) = reported(id, packet) {
            self.rows.entry(call_id).or_default().push(row);
        }
    }

    /// The streams of each call that has RTCP, and the findings of the call with them.
    fn judged(mut self) -> Vec<(Vec<Stream>, Vec<Finding>)> {
        fold(&mut self.calls);
        let judge = |(call_id, rows): (&String, &Vec<Row>)| {
            let seized = self.calls.get(call_id).map(|seized| messages(seized)).unwrap_or_default();
            let reports: Vec<Report<'_>> = rows.iter().flat_map(Row::reports).collect();
            let streams = streams(&reports, &Agreed::of(&seized));
            let findings = Call::read(&seized, LATER).with_streams(&streams).findings();
            (streams, findings)
        };
        self.rows.iter().map(judge).collect()
    }
}

/// Good calls on one machine: nothing lost, no time lost, and no rule has anything to say.
#[test]
fn what_relays_and_servers_tell() {
    let mut count = 0;
    for name in FIXTURES.iter().chain(SHARED) {
        let mut known = Known::default();
        let Some(recording) = recording(name).expect("a readable recording") else { continue };
        for (id, piece) in (1..).zip(&recording.pieces) {
            hep::packets(piece, 0).flatten().for_each(|(packet, _)| known.add(id, &packet));
        }
        for (streams, findings) in known.judged() {
            let of_media = findings.iter().filter(|finding| MEDIA_RULES.contains(&finding.id));
            assert_eq!(of_media.collect::<Vec<_>>(), Vec::<&Finding>::new(), "{name}");
            // Others send a report or two that were made up.
            let is_real = name.contains("rtpengine") || SHARED.contains(name);
            for stream in streams.into_iter().filter(|_| is_real) {
                count += 1;
                assert_eq!(
                    (stream.packets_lost, stream.loss_percent),
                    (Some(0), Some(0.0)),
                    "{name}: {stream:#?}"
                );
                let codec = stream.codec.as_ref().expect("the answer names it");
                assert_eq!((codec.name.as_str(), stream.media.as_deref()), ("PCMA", Some("audio")), "{name}");
                // What was sent and what was expected go together, but for the last interval and the first.
                let (sent, expected) = stream.packets_sent.zip(stream.packets_expected).expect("both tell");
                assert!((sent - expected).abs() <= 251, "{name}: {sent} sent, {expected} expected");
                assert!(stream.jitter_max_ms.is_some_and(|jitter| jitter < 5.0), "{name}: {stream:#?}");
                assert!(stream.round_trip_max_ms.is_some_and(|millis| millis < 5.0), "{name}: {stream:#?}");
                let score = stream.score().expect("PCMA has a score");
                assert_eq!(
                    (score.source, rounded(Some(score.mos_min))),
                    (Source::FromRtcp, Some(4.41)),
                    "{name}"
                );
                let known = [Problem::RoundTripByClocks];
                assert!(
                    stream.problems.iter().all(|problem| known.contains(problem)),
                    "{name}: {:?}",
                    stream.problems
                );
            }
        }
    }
    // Two calls of rtpengine are at hand always.
    assert!(count >= 4, "{count} streams");
    println!("{count} recorded streams");
}

/// The calls that the demo plays: what is bad in them is found, and nothing in the good ones.
#[test]
fn what_the_demo_plays() {
    for (scenario, is_poor) in [(traffic::Scenario::Good, false), (traffic::Scenario::PoorMedia, true)] {
        let mix = Mix::of(&[(scenario, 1)]).expect("a mix");
        let mut generator = Generator::new(&Settings { mix, ..Settings::new(5, 0, Rate::Calls(0.5)) });
        let mut known = Known::default();
        for id in 1.. {
            let event = generator.next().expect("traffic never ends");
            if event.about.at_micros > 600 * SECOND {
                break;
            }
            hep::packets(&event.hep, 0).flatten().for_each(|(packet, _)| known.add(id, &packet));
        }
        let judged = known.judged();
        let found: Vec<&str> = judged
            .iter()
            .flat_map(|(_, findings)| findings)
            .map(|finding| finding.id)
            .filter(|id| MEDIA_RULES.contains(id))
            .collect();
        assert!(judged.len() > 100, "{} calls", judged.len());
        if is_poor {
            assert!(found.contains(&"QUALITY_LOW") && found.contains(&"JITTER_HIGH"), "{found:?}");
        } else {
            assert_eq!(found, Vec::<&str>::new());
        }
        let wanted: BTreeSet<&str> = BTreeSet::from(["QUALITY_LOW", "JITTER_HIGH"]);
        assert!(found.iter().all(|id| wanted.contains(id)), "{found:?}");
    }
}
