use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use arc_swap::ArcSwap;
use model::Micros;
use protocols::{Arrival, Corrections, Protocols, Redactions};
use scripts::{Outcome as Scripted, Scripts};
use store::log::{BlockBuilder, Entry, PushError};
use subtle::{Choice, ConstantTimeEq};

use crate::clock;
use crate::config::IngestConfig;
use crate::counters::{Board, Dropped, Listener, Refused, Tally};
use crate::duplicates::Duplicates;
use crate::network::Network;
use crate::pace::Pace;
use crate::rules::SenderRules;
use crate::senders::{Gathering, Senders};

/// The HEP keys that are accepted.
pub(crate) struct Keys(Vec<Vec<u8>>);

impl Keys {
    /// Whether any packet is accepted.
    pub(crate) fn are_none(&self) -> bool {
        self.0.is_empty()
    }

    /// How long a comparison takes tells nothing of the keys but their lengths.
    fn check(&self, key: Option<&[u8]>) -> Result<(), Refused> {
        if self.0.is_empty() {
            return Ok(());
        }
        let key = key.ok_or(Refused::KeyMissing)?;
        let known = self.0.iter().fold(Choice::from(0), |known, ours| known | ours.ct_eq(key));
        if known.into() { Ok(()) } else { Err(Refused::KeyWrong) }
    }
}

/// Decides what of the bytes that arrived is taken. One per listening thread.
pub(crate) struct Admission {
    shared: Arc<Shared>,
    listener: Listener,
    tally: Tally,
    gathering: Gathering,
}

/// What the admissions of all threads share.
pub(crate) struct Shared {
    /// By the listeners' places, and behind them those of the inputs; none: anybody may send.
    pub(crate) allow: Vec<Vec<Network>>,
    /// How fast one sender may send, if that is limited.
    pub(crate) pace: Option<Pace>,
    /// What must not be kept, beside keys.
    pub(crate) redactions: Redactions,
    pub(crate) protocols: &'static Protocols,
    pub(crate) board: Board,
    pub(crate) senders: Senders,
    /// As they are now; replaced as a whole, without a lock on the way of packets.
    pub(crate) orders: ArcSwap<Orders>,
}

/// What the operator may change while packets come.
pub(crate) struct Orders {
    /// By the listeners' places, and behind them those of the inputs.
    keys: Vec<Keys>,
    pub(crate) rules: SenderRules,
    /// Kept only if a rule asks for it.
    duplicates: Option<Arc<Duplicates>>,
    pub(crate) scripts: Option<Arc<Scripts>>,
}

impl Orders {
    /// Of a configuration. `earlier` ones have messages to remember.
    pub(crate) fn new(config: &IngestConfig, earlier: Option<&Self>) -> Self {
        let keys = |own: Option<&Vec<Vec<u8>>>| Keys(own.unwrap_or(&config.keys).clone());
        let inputs = config.inputs.iter().map(|input| keys(input.keys.as_ref()));
        let remembered = earlier.and_then(|earlier| earlier.duplicates.clone());
        let duplicates = || remembered.unwrap_or_else(|| Arc::new(Duplicates::new(config.recent_max)));
        Self {
            keys: config
                .listeners
                .iter()
                .map(|listener| keys(listener.keys.as_ref()))
                .chain(inputs)
                .collect(),
            duplicates: config.senders.drop_any().then(duplicates),
            rules: config.senders.clone(),
            scripts: config.scripts.clone(),
        }
    }

    /// Those of a listener.
    pub(crate) fn keys(&self, listener: Listener) -> &Keys {
        &self.keys[usize::from(listener.place)]
    }
}

/// Accepted packets on their way to the queue. Nearly always one builder; more when packets are so small that
/// their number fills a block before their bytes do.
#[derive(Default)]
pub(crate) struct Admitted {
    pub(crate) full: Vec<BlockBuilder>,
    pub(crate) current: BlockBuilder,
}

impl Admitted {
    /// Adds an entry without its secrets: the key has done its work, and none must reach the disk.
    fn push_blanked(
        &mut self,
        entry: &Entry<'_>,
        packet: &hep::Packet<'_>,
        redactions: Redactions,
    ) -> Result<(), NoRoom> {
        // Nearly every packet is blanked where it lies in the block, without another copy.
        if !protocols::may_need_another_frame(packet, redactions) {
            let logged = self.push(entry).map_err(|_| NoRoom)?;
            protocols::blank_secrets(packet, entry.frame, logged, redactions).map_err(|_| NoRoom)?;
            return Ok(());
        }
        let mut frame = entry.frame.to_vec();
        let replaced = protocols::blank_secrets(packet, entry.frame, &mut frame, redactions);
        let replaced = replaced.map_err(|_| NoRoom)?;
        let frame = replaced.as_deref().unwrap_or(&frame);
        self.push(&Entry { frame, ..*entry }).map(|_| ()).map_err(|_| NoRoom)
    }

    /// Adds an entry and gives its frame.
    fn push(&mut self, entry: &Entry<'_>) -> Result<&mut [u8], PushError> {
        if self.current.check(entry) == Err(PushError::Full) {
            self.full.push(std::mem::take(&mut self.current));
        }
        self.current.push(entry)
    }
}

/// No block takes the packet.
struct NoRoom;

impl Admission {
    pub(crate) fn new(shared: Arc<Shared>, listener: Listener) -> Self {
        Self { shared, listener, tally: Tally::default(), gathering: Gathering::default() }
    }

    /// Whether this address may send here.
    pub(crate) fn may_send(&self, sender: IpAddr) -> bool {
        let allow = &self.shared.allow[usize::from(self.listener.place)];
        allow.is_empty() || allow.iter().any(|network| network.contains(sender.to_canonical()))
    }

    /// Takes the packets of one datagram, stream frame or request body.
    pub(crate) fn take(
        &mut self,
        bytes: &[u8],
        received: Micros,
        sender: SocketAddr,
        admitted: &mut Admitted,
    ) -> Outcome {
        self.tally.bytes += bytes.len() as u64;
        let sender = SocketAddr::new(sender.ip().to_canonical(), sender.port());
        let orders = self.shared.orders.load();
        let mut outcome = Outcome::default();
        // Before anything is read or inflated for somebody who may not send.
        if !self.may_send(sender.ip()) {
            self.refuse(Refused::SenderNotAllowed, sender, received);
            outcome.refused.push(Refused::SenderNotAllowed);
            return outcome;
        }
        let unwrapped = hep::ungzip(bytes);
        for found in hep::packets(&unwrapped, clock::hep_seconds(received)) {
            let decided = found
                .map_err(|refusal| match refusal {
                    hep::Refusal::Keepalive => Verdict::Drop(Dropped::Keepalive),
                    other => Verdict::Refuse(Refused::Hep(other)),
                })
                .and_then(|(packet, frame)| self.decide(&orders, &packet, frame, received, sender, admitted));
            match decided {
                Ok(()) => {
                    self.tally.received += 1;
                    outcome.accepted += 1;
                }
                Err(Verdict::Duplicate) => {
                    self.tally.duplicate();
                    outcome.duplicates += 1;
                }
                Err(Verdict::Drop(dropped)) => {
                    self.tally.drop(dropped);
                    outcome.dropped += 1;
                }
                Err(Verdict::Refuse(refused)) => {
                    self.refuse(refused, sender, received);
                    outcome.refused.push(refused);
                }
            }
        }
        outcome
    }

    /// Counts what could not even be brought here as bytes of a packet.
    pub(crate) fn refuse(&mut self, refused: Refused, sender: SocketAddr, now: Micros) {
        self.tally.refuse(refused);
        self.gathering.refusal(sender.ip().to_canonical(), self.listener.transport, refused, now);
    }

    /// Tells the counters, always before the packets themselves go on: `stored` never runs ahead of `received`.
    pub(crate) fn tell(&mut self, now: Micros, all: bool) {
        self.shared.board.add(self.listener, &mut self.tally);
        self.gathering.tell(&self.shared.senders, now, all);
    }

    fn decide(
        &mut self,
        orders: &Orders,
        packet: &hep::Packet<'_>,
        frame: &[u8],
        received: Micros,
        sender: SocketAddr,
        admitted: &mut Admitted,
    ) -> Result<(), Verdict> {
        // Before the key: agents send their signs of life without one.
        if packet.is_keepalive() {
            return Err(Verdict::Drop(Dropped::Keepalive));
        }
        orders.keys(self.listener).check(packet.key).map_err(Verdict::Refuse)?;
        // After the key: who does not have one uses up nobody's pace.
        if let Some(pace) = &self.shared.pace
            && !pace.takes(sender.ip(), received)
        {
            return Err(Verdict::Refuse(Refused::TooFast));
        }
        let transport = self.listener.transport;
        let treatment = orders.rules.of(sender.ip(), packet.node);
        // Every message is remembered, whoever sends it: the copy may come from somebody else.
        if let Some(duplicates) = &orders.duplicates
            && duplicates.has_just_been_seen(packet, sender.ip(), treatment.corrections, received)
            && treatment.drops_duplicates
        {
            self.gathering.duplicate(sender.ip(), transport, packet, received);
            return Err(Verdict::Duplicate);
        }
        let entry = Entry { received, sender, listener: transport as u8, frame };
        let corrections = treatment.corrections;
        let kept = match &orders.scripts {
            None => self.keep(&entry, packet, admitted),
            Some(scripts) => self.script(scripts, &entry, packet, corrections, admitted),
        };
        // A sender whose packets scripts drop is heard all the same.
        if matches!(kept, Ok(()) | Err(Verdict::Drop(Dropped::Script))) {
            self.gathering.packet(sender.ip(), transport, packet, corrections, frame.len(), received);
        }
        kept
    }

    fn keep(
        &self,
        entry: &Entry<'_>,
        packet: &hep::Packet<'_>,
        admitted: &mut Admitted,
    ) -> Result<(), Verdict> {
        let redactions = self.shared.redactions;
        admitted.push_blanked(entry, packet, redactions).map_err(|_| Verdict::Refuse(Refused::TooLarge))
    }

    /// Here and nowhere else: what scripts make of a packet is what is logged, so that a replay need not ask them. A
    /// payload that they wrote has its secrets blanked like what was received.
    #[cold]
    fn script(
        &self,
        scripts: &Scripts,
        entry: &Entry<'_>,
        packet: &hep::Packet<'_>,
        corrections: Corrections,
        admitted: &mut Admitted,
    ) -> Result<(), Verdict> {
        let arrival = Arrival {
            // It gets its number in the log.
            id: 0,
            received: entry.received,
            sender: entry.sender.ip(),
            listener: self.listener.transport.name(),
            corrections,
        };
        match scripts.run(packet, entry.frame, &arrival, self.shared.protocols) {
            Scripted::Unchanged => self.keep(entry, packet, admitted),
            Scripted::Dropped => Err(Verdict::Drop(Dropped::Script)),
            Scripted::Changed(frame) => {
                let refuse = |refusal| Verdict::Refuse(Refused::Hep(refusal));
                let (changed, _) = hep::decode(&frame, clock::hep_seconds(entry.received)).map_err(refuse)?;
                self.keep(&Entry { frame: &frame, ..*entry }, &changed, admitted)
            }
        }
    }
}

enum Verdict {
    /// Another capture point has just told of it, and its sender's copies are not wanted.
    Duplicate,
    Refuse(Refused),
    Drop(Dropped),
}

/// What became of the packets of one piece.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) accepted: u64,
    pub(crate) dropped: u64,
    pub(crate) duplicates: u64,
    pub(crate) refused: Vec<Refused>,
}
