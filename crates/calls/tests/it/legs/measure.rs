//! Precision and recall over pairs of legs: of the pairs that were joined, how many are of one call; of those that are of
//! one call, how many were joined. Used by the tests and by the bench.

use std::collections::{BTreeMap, HashMap};

use calls::legs::{Edge, Judge, Leg, Rules, Standing};
use calls::{End, Message};
use traffic::legs::{LegSettings, Sent, Shape, TrueCall, TrueLeg};

/// Legs, and which call each is of.
#[derive(Default)]
pub(crate) struct Corpus {
    pub(crate) legs: Vec<Leg>,
    /// By Call-ID.
    truth: HashMap<String, (usize, Shape)>,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Score {
    pub(crate) calls: usize,
    pub(crate) legs: usize,
    pub(crate) right: usize,
    pub(crate) wrong: usize,
    pub(crate) missed: usize,
    /// Of those missed, pairs with an edge that says they may be of one call.
    pub(crate) possible: usize,
}

impl Score {
    pub(crate) fn precision(&self) -> f64 {
        share(self.right, self.right + self.wrong)
    }

    pub(crate) fn recall(&self) -> f64 {
        share(self.right, self.right + self.missed)
    }
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
}

pub(crate) fn rules() -> Rules {
    Rules::default().with_hosts(&traffic::legs::machines())
}

impl Corpus {
    /// The calls that begin in the first `seconds`.
    pub(crate) fn new(settings: &LegSettings, seconds: f64) -> Self {
        let mut corpus = Self::default();
        let rules = rules();
        let amount = (seconds * settings.calls_per_second) as usize;
        for (place, call) in traffic::legs::legs(settings).take(amount).enumerate() {
            corpus.add(place, &call, &rules);
        }
        corpus
    }

    fn add(&mut self, place: usize, call: &TrueCall, rules: &Rules) {
        for leg in &call.legs {
            self.legs.extend(read(leg, rules));
            self.truth.insert(leg.call_id.clone(), (place, call.shape));
        }
    }

    pub(crate) fn score(&self, judge: &Judge) -> BTreeMap<Option<Shape>, Score> {
        let mut scores: BTreeMap<Option<Shape>, Score> = BTreeMap::new();
        let mut sizes: HashMap<usize, (usize, Shape)> = HashMap::new();
        for leg in &self.legs {
            let Some((call, shape)) = self.truth.get(&leg.call_id) else { continue };
            sizes.entry(*call).or_insert((0, *shape)).0 += 1;
        }
        for (size, shape) in sizes.values() {
            for of in [None, Some(*shape)] {
                let score = scores.entry(of).or_default();
                score.calls += 1;
                score.legs += size;
                score.missed += size * (size - 1) / 2;
            }
        }
        for group in judge.groups() {
            let known: Vec<&(usize, Shape)> = group.iter().filter_map(|id| self.truth.get(*id)).collect();
            for (place, (one, shape)) in known.iter().enumerate() {
                for (other, other_shape) in known.iter().skip(place + 1) {
                    let of: &[Option<Shape>] = match one == other || shape == other_shape {
                        true => &[None, Some(*shape)],
                        false => &[None, Some(*shape), Some(*other_shape)],
                    };
                    for of in of {
                        let score = scores.entry(*of).or_default();
                        if one == other {
                            score.right += 1;
                            score.missed -= 1;
                        } else {
                            score.wrong += 1;
                        }
                    }
                }
            }
        }
        for edge in judge.edges() {
            if let Some(shape) = self.only_possible(&edge, judge) {
                for of in [None, Some(shape)] {
                    scores.entry(of).or_default().possible += 1;
                }
            }
        }
        scores
    }

    fn only_possible(&self, edge: &Edge, judge: &Judge) -> Option<Shape> {
        let (one, shape) = self.truth.get(&edge.from)?;
        let (other, _) = self.truth.get(&edge.to)?;
        let is_open = edge.standing == Standing::Possible && one == other;
        (is_open && !judge.group(&edge.from).contains(&edge.to.as_str())).then_some(*shape)
    }

    /// Edges between legs of different calls that are held to be certain, and pairs that were missed.
    #[allow(dead_code, reason = "for whoever changes weights")]
    pub(crate) fn faults(&self, judge: &Judge) -> Vec<Edge> {
        let is_wrong = |edge: &Edge| {
            let (one, other) = (self.truth.get(&edge.from), self.truth.get(&edge.to));
            edge.standing == Standing::Certain && one.map(|one| one.0) != other.map(|other| other.0)
        };
        judge.edges().into_iter().filter(is_wrong).collect()
    }
}

fn read(leg: &TrueLeg, rules: &Rules) -> Option<Leg> {
    let addresses: Vec<(String, String)> =
        leg.sent.iter().map(|sent| (sent.src.to_string(), sent.dst.to_string())).collect();
    let heads: Vec<Head> = leg.sent.iter().map(Head::of).collect();
    let messages: Vec<Message<'_>> = leg
        .sent
        .iter()
        .zip(&addresses)
        .zip(&heads)
        .enumerate()
        .map(|(place, ((sent, (src, dst)), head))| Message {
            id: place as i64,
            at: sent.at_micros,
            src: End { ip: Some(src), port: Some(5060) },
            dst: End { ip: Some(dst), port: Some(5060) },
            call_id: Some(&leg.call_id),
            method: head.method.as_deref(),
            status: head.status,
            cseq: head.cseq,
            from_tag: head.from_tag.as_deref(),
            to_tag: head.to_tag.as_deref(),
            via_branch: head.via_branch.as_deref(),
            raw: sent.raw.as_slice().into(),
        })
        .collect();
    Leg::read(&messages, rules)
}

struct Head {
    method: Option<String>,
    status: Option<i64>,
    cseq: Option<i64>,
    from_tag: Option<String>,
    to_tag: Option<String>,
    via_branch: Option<String>,
}

impl Head {
    fn of(sent: &Sent) -> Self {
        let sip = sip::parse(&sent.raw);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            method: sip.method().or_else(|| sip.cseq().map(|cseq| cseq.method)).map(text),
            status: sip.status().map(i64::from),
            cseq: sip.cseq().and_then(|cseq| cseq.number).map(i64::from),
            from_tag: sip.from().and_then(|from| from.tag()).map(text),
            to_tag: sip.to().and_then(|to| to.tag()).map(text),
            via_branch: sip.via_branch().map(text),
        }
    }
}
