use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::SocketAddr;

use fastrand::Rng;

use crate::fault::Fault;
use crate::scenario::Scenario;
use crate::script::{Act, Beat, Form, Gap, Leg, Scripts, Start};
use crate::session::{Parties, REPORT_EVERY_MICROS, Session, TALK_MEAN_SECONDS};
use crate::settings::{Rate, Settings};
use crate::wire::{self, Seen};
use crate::world::{Transport, World};
use crate::{report, sip};

/// Most users of a world: more would not make traffic more lifelike, only memory.
const USERS_MAX: u32 = 1_000_000;
/// Longest key sent: with it every packet still fits the 65,535 bytes of HEP.
const KEY_BYTES_MAX: usize = 1_024;
/// A network without traffic would never yield an event.
const SESSIONS_PER_SECOND_MIN: f64 = 1e-6;
/// Sessions whose scenario measures the mix, to turn a rate of messages into a rate of sessions.
const MEASURED_SESSIONS: u64 = 4_000;

/// A lifelike network: an endless iterator of events in the order of time.
#[derive(Clone, Debug)]
pub struct Generator {
    settings: Settings,
    world: World,
    scripts: Scripts,
    random: Rng,
    sessions_per_second: f64,
    next_session_micros: f64,
    sessions: Vec<Session>,
    free: Vec<u32>,
    /// Time, order of planning, session.
    due: BinaryHeap<Reverse<(i64, u64, u32)>>,
    planned: u64,
    /// The fault that begins next where faults take turns.
    turn: usize,
    payload: Vec<u8>,
    call_id: Vec<u8>,
}

/// One HEP packet and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The packet as a capture agent would send it.
    pub hep: Vec<u8>,
    /// What is in it.
    pub about: About,
}

/// What a packet is, known without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    /// When it happens, in microseconds since 1970; never before the event before it.
    pub at_micros: i64,
    /// The kind of message.
    pub kind: Kind,
    /// The scenario it belongs to.
    pub scenario: Scenario,
    /// Bytes of the message inside the packet.
    pub payload_bytes: usize,
}

/// The kind of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A SIP request with its method.
    Request(&'static str),
    /// A SIP reply with its status.
    Reply(u16),
    /// An RTCP report as JSON.
    Rtcp,
    /// A log line.
    Log,
}

impl Generator {
    /// A network at its beginning.
    pub fn new(settings: &Settings) -> Self {
        let users = settings.users.clamp(2, USERS_MAX);
        let mut generator = Self {
            world: World::new(settings.seed, users),
            scripts: Scripts::new(),
            random: Rng::with_seed(settings.seed),
            sessions_per_second: 1.0,
            next_session_micros: settings.start_micros as f64,
            sessions: Vec::new(),
            free: Vec::new(),
            due: BinaryHeap::new(),
            planned: 0,
            turn: 0,
            payload: Vec::with_capacity(2_048),
            call_id: Vec::with_capacity(64),
            settings: settings.clone(),
        };
        if let Some(key) = &mut generator.settings.key {
            key.truncate(KEY_BYTES_MAX);
        }
        generator.sessions_per_second = generator.rate_of_sessions().max(SESSIONS_PER_SECOND_MIN);
        generator.plan_next_session();
        if settings.midstream {
            generator.join_calls_going_on();
        }
        generator
    }

    /// Appends the next packet to `out` and says what it is.
    pub fn append(&mut self, out: &mut Vec<u8>) -> About {
        loop {
            let due = self.due.peek().map_or(i64::MAX, |Reverse((at, _, _))| *at);
            if self.next_session_micros as i64 <= due {
                self.begin_session();
                continue;
            }
            if let Some(Reverse((at_micros, _, index))) = self.due.pop() {
                return self.happen(at_micros, index, out);
            }
        }
    }

    fn begin_session(&mut self) {
        let at_micros = self.next_session_micros as i64;
        let place = self.random.u64(0..self.settings.mix.total());
        let scenario = self.settings.mix.at(place).unwrap_or_else(|| self.take_turn());
        let session = self.session(scenario);
        let index = self.keep(session);
        self.plan(at_micros, index);
        self.plan_next_session();
    }

    fn take_turn(&mut self) -> Scenario {
        self.turn += 1;
        Scenario::Fault(Fault::in_turn(self.turn - 1))
    }

    /// Sessions begin independently of each other: exponential gaps.
    fn plan_next_session(&mut self) {
        let gap_seconds = -(1.0 - self.random.f64()).max(f64::MIN_POSITIVE).ln() / self.sessions_per_second;
        self.next_session_micros += gap_seconds * 1e6;
    }

    fn session(&mut self, scenario: Scenario) -> Session {
        let caller = self.user();
        let mut callee = self.user();
        if callee == caller {
            callee = (callee + 1) % self.world.users.len() as u32;
        }
        Session {
            identity: self.random.u64(..),
            scenario,
            caller,
            callee,
            beat: 0,
            reports: 0,
            talk_micros: Session::talk_micros(self.random.f64()),
            answered_micros: 0,
        }
    }

    /// Few users make most of the calls.
    fn user(&mut self) -> u32 {
        let chance = self.random.f64();
        (chance * chance * self.world.users.len() as f64) as u32
    }

    fn keep(&mut self, session: Session) -> u32 {
        if let Some(index) = self.free.pop() {
            self.sessions[index as usize] = session;
            return index;
        }
        self.sessions.push(session);
        self.sessions.len() as u32 - 1
    }

    fn plan(&mut self, at_micros: i64, index: u32) {
        self.planned += 1;
        self.due.push(Reverse((at_micros, self.planned, index)));
    }

    /// Writes the message that is due and plans the one after it.
    fn happen(&mut self, at_micros: i64, index: u32, out: &mut Vec<u8>) -> About {
        let session = self.sessions[index as usize];
        let beat = self.scripts.of(&session)[usize::from(session.beat)];
        let about = self.write(&session, beat.act, at_micros, out);
        self.advance(index, at_micros);
        about
    }

    fn advance(&mut self, index: u32, at_micros: i64) {
        let mut session = self.sessions[index as usize];
        let beats = self.scripts.of(&session);
        let act = beats[usize::from(session.beat)].act;
        if act == Act::Reports {
            session.reports += 1;
        } else {
            session.beat += 1;
        }
        let next = beats.get(usize::from(session.beat)).copied();
        let due = match next {
            None => None,
            Some(Beat { act: Act::Reports, .. }) => {
                if act != Act::Reports {
                    session.answered_micros = at_micros;
                }
                let report = session.report_due_micros(session.reports);
                if report < session.talk_micros && session.reports < u16::MAX {
                    Some((session.answered_micros + report).max(at_micros))
                } else {
                    // The talk is over: on to what follows it.
                    session.beat += 1;
                    Some((session.answered_micros + session.talk_micros).max(at_micros))
                }
            }
            Some(beat) => {
                // Packets are counted from here on.
                if matches!(beat.act, Act::Heard(_)) && session.answered_micros == 0 {
                    session.answered_micros = at_micros;
                }
                Some(at_micros + self.gap_micros(beat.after))
            }
        };
        self.sessions[index as usize] = session;
        match due {
            Some(due) => self.plan(due, index),
            None => self.free.push(index),
        }
    }

    fn gap_micros(&mut self, gap: Gap) -> i64 {
        let mut between = |low: i64, high: i64| self.random.i64(low..high);
        match gap {
            Gap::None => 0,
            Gap::Inside => between(120, 900),
            Gap::Network => between(2_000, 45_000),
            Gap::Route => between(80_000, 900_000),
            Gap::Ring => between(1_500_000, 14_000_000),
            Gap::LongRing => between(15_000_000, 24_000_000),
            Gap::Timer(milliseconds) => i64::from(milliseconds) * 1_000 + between(0, 900),
        }
    }

    fn write(&mut self, session: &Session, act: Act, at_micros: i64, out: &mut Vec<u8>) -> About {
        let parties = session.parties(&self.world);
        self.payload.clear();
        self.call_id.clear();
        let kind = match act {
            Act::Sip(form) => {
                sip::append(session, parties, &form, at_micros, &mut self.payload);
                match form.start {
                    Start::Request => Kind::Request(form.method),
                    Start::Reply(status, _) => Kind::Reply(status),
                }
            }
            Act::Reports => {
                report::append_rtcp(session, session.reports, at_micros, &mut self.payload);
                Kind::Rtcp
            }
            Act::Heard(heard) => {
                heard.append(session, at_micros, &mut self.payload);
                Kind::Rtcp
            }
            Act::Log(line) => {
                report::append_log(line, parties, &mut self.payload);
                Kind::Log
            }
        };
        let place = place(session, parties, act);
        // As agents do it: reports and logs say which call they belong to, SIP says it itself.
        if kind == Kind::Rtcp || kind == Kind::Log {
            sip::append_call_id(session, parties, &mut self.call_id);
        }
        let proxy = parties.proxy;
        let seen = Seen {
            at_micros,
            src: place.src,
            dst: place.dst,
            ip_protocol: place.ip_protocol,
            hep_type: place.hep_type,
            capture_id: 2001 + parties.caller.proxy as u32,
            node: proxy.node,
            correlation_id: (!self.call_id.is_empty()).then_some(self.call_id.as_slice()),
            key: self.settings.key.as_deref(),
            payload: &self.payload,
        };
        wire::append(&seen, out);
        About { at_micros, kind, scenario: session.scenario, payload_bytes: self.payload.len() }
    }

    /// Calls in the middle of their talk, as many as the rate keeps going on.
    fn join_calls_going_on(&mut self) {
        let start = self.settings.start_micros;
        let total = self.settings.mix.total() as f64;
        for scenario in [Scenario::Good, Scenario::PoorMedia] {
            let share = f64::from(self.settings.mix.weight(scenario)) / total;
            // Little's law: those under way are those that begin in the mean time of a talk.
            let going_on = (self.sessions_per_second * share * TALK_MEAN_SECONDS) as u64;
            for _ in 0..going_on {
                let mut session = self.session(scenario);
                let talk_beat = self.scripts.of(&session).iter().position(|beat| beat.act == Act::Reports);
                let talk_beat = talk_beat.expect("calls with media have a talk in their script");
                // What is left of an exponential talk is as long as a whole one; what is behind it too.
                let behind = Session::talk_micros(self.random.f64());
                session.answered_micros = start - behind;
                session.talk_micros += behind;
                session.beat = talk_beat as u16;
                session.reports = (behind / REPORT_EVERY_MICROS * 2) as u16;
                while session.report_due_micros(session.reports) < behind {
                    session.reports += 1;
                }
                let due = session.report_due_micros(session.reports);
                let at_micros = if due < session.talk_micros {
                    due
                } else {
                    session.beat += 1;
                    session.talk_micros
                };
                let at_micros = session.answered_micros + at_micros;
                let index = self.keep(session);
                self.plan(at_micros, index);
            }
        }
    }

    fn rate_of_sessions(&mut self) -> f64 {
        let mix = &self.settings.mix;
        match self.settings.rate {
            Rate::Calls(rate) if mix.calls() > 0 => rate * mix.total() as f64 / mix.calls() as f64,
            Rate::Calls(rate) => rate,
            Rate::Messages(rate) => rate / self.messages_per_session(),
        }
    }

    /// The expected number of messages of a session in this mix.
    fn messages_per_session(&self) -> f64 {
        let mix = &self.settings.mix;
        let reports: u64 = (0..MEASURED_SESSIONS)
            .map(|number| {
                // Evenly spaced chances: the mean of the distribution without its noise.
                let chance = (number as f64 + 0.5) / MEASURED_SESSIONS as f64;
                (Session::talk_micros(chance) / REPORT_EVERY_MICROS * 2 + 1) as u64
            })
            .sum();
        let reports = reports as f64 / MEASURED_SESSIONS as f64;
        let in_turn = f64::from(mix.faults_in_turn()) / Fault::all().count() as f64;
        let messages = Scenario::all().map(|scenario| {
            let turns = if matches!(scenario, Scenario::Fault(_)) { in_turn } else { 0.0 };
            let variants = self.scripts.variants(scenario);
            let counts = variants.iter().map(|beats| {
                let talks = beats.iter().any(|beat| beat.act == Act::Reports);
                beats.len() as f64 + if talks { reports - 1.0 } else { 0.0 }
            });
            (f64::from(mix.weight(scenario)) + turns) * counts.sum::<f64>() / variants.len() as f64
        });
        (messages.sum::<f64>() / mix.total() as f64).max(1.0)
    }
}

impl Iterator for Generator {
    type Item = Event;

    /// Never `None`.
    fn next(&mut self) -> Option<Event> {
        let mut hep = Vec::with_capacity(1_024);
        let about = self.append(&mut hep);
        Some(Event { hep, about })
    }
}

/// Between whom a message is seen, and as what.
struct Place {
    src: SocketAddr,
    dst: SocketAddr,
    ip_protocol: u8,
    hep_type: u16,
}

/// IP protocol number of UDP, which carries RTCP.
const UDP: u8 = 17;

fn place(session: &Session, parties: Parties<'_>, act: Act) -> Place {
    match act {
        Act::Sip(form) => sip_place(&form, parties),
        Act::Reports => report_place(session, parties, session.report_is_callers(session.reports), true),
        Act::Heard(heard) => report_place(session, parties, heard.at_caller, !heard.by_relay),
        Act::Log(_) => {
            Place { src: parties.near.sip(), dst: parties.near.sip(), ip_protocol: UDP, hep_type: wire::LOG }
        }
    }
}

/// Between a party and the relay, on the ports above those of their media (RFC 3550 section 11).
fn report_place(session: &Session, parties: Parties<'_>, at_caller: bool, from_party: bool) -> Place {
    let (user, relay) =
        if at_caller { (parties.caller, parties.near) } else { (parties.callee, parties.far) };
    let party = SocketAddr::new(user.address.ip(), sip::audio_port(session, at_caller) + 1);
    let relay = SocketAddr::new(relay.ip, sip::relay_port(session, at_caller) + 1);
    let (src, dst) = if from_party { (party, relay) } else { (relay, party) };
    Place { src, dst, ip_protocol: UDP, hep_type: wire::RTCP_JSON }
}

fn sip_place(form: &Form, parties: Parties<'_>) -> Place {
    let parties = if form.by_callee { parties.swapped() } else { parties };
    let (from, to, transport) = match form.leg {
        Leg::Access => (parties.caller.address, parties.near.sip(), parties.caller.transport),
        Leg::Far => (parties.far.sip(), parties.callee.address, parties.callee.transport),
        Leg::Loop => (parties.near.sip(), parties.near.sip(), Transport::Udp),
    };
    let (mut src, dst) = if form.onward { (from, to) } else { (to, from) };
    src.set_port(src.port().saturating_add(form.twist.port_shift));
    Place { src, dst, ip_protocol: transport.ip_protocol(), hep_type: wire::SIP }
}
