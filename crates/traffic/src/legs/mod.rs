//! Calls over several legs, with the truth beside them: what a server that joins legs must find out.
//!
//! A made-up network of carriers, border elements, telephone systems, proxies and phones; the same seed gives the same
//! bytes. B2BUAs rewrite everything: Call-ID, tags, numbers in part, session descriptions. Calls overlap as they do in
//! life: people try again, companies show one number, and some numbers are called all the time.

mod dialog;
mod network;
mod outline;
mod shapes;

use std::net::Ipv4Addr;

use network::Network;

/// What is generated.
#[derive(Clone, Copy, Debug)]
pub struct LegSettings {
    /// The same seed gives the same calls.
    pub seed: u64,
    /// When the first call begins, in microseconds since 1970.
    pub start_micros: i64,
    /// Calls begun per second.
    pub calls_per_second: f64,
    /// What legs tell about each other.
    pub links: Links,
    /// Only calls of this shape; all in their usual proportions if `None`.
    pub shape: Option<Shape>,
}

/// What legs tell about each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Links {
    /// Each B2BUA says in its way which leg it comes from: X-CID, Session-ID, icid-value, Cisco-Guid, an ending of the
    /// Call-ID.
    Headers,
    /// Nothing but what a service is made of: REFER, Replaces, the mark of a conference.
    Services,
    /// Nothing at all: services are done by codes that the telephone system understands.
    Nothing,
}

/// Which way a call goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shape {
    /// Through a proxy, which keeps the Call-ID: one leg.
    Proxy,
    /// Through one B2BUA.
    B2bua,
    /// Through two.
    Chain,
    /// The called number is another one behind the B2BUA, and sometimes the calling one too.
    Translation,
    /// The first way out fails, the second is taken.
    Failover,
    /// Several phones of other numbers ring.
    RingGroup,
    /// Several phones of one number ring.
    Fork,
    /// Who was called sends the caller on.
    BlindTransfer,
    /// So, after having talked to who comes next.
    AttendedTransfer,
    /// Somebody else takes the call while it rings.
    Pickup,
    /// Three call one room.
    Conference,
}

impl Shape {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Proxy,
        Self::B2bua,
        Self::Chain,
        Self::Translation,
        Self::Failover,
        Self::RingGroup,
        Self::Fork,
        Self::BlindTransfer,
        Self::AttendedTransfer,
        Self::Pickup,
        Self::Conference,
    ];

    /// As tables call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Proxy => "proxy",
            Self::B2bua => "b2bua",
            Self::Chain => "two b2buas",
            Self::Translation => "number translation",
            Self::Failover => "failover",
            Self::RingGroup => "ring group",
            Self::Fork => "parallel fork",
            Self::BlindTransfer => "blind transfer",
            Self::AttendedTransfer => "attended transfer",
            Self::Pickup => "pickup",
            Self::Conference => "conference",
        }
    }

    /// Of a hundred calls.
    const fn share(self) -> u32 {
        match self {
            Self::Proxy => 24,
            Self::B2bua => 32,
            Self::Chain => 14,
            Self::Translation => 10,
            Self::Failover => 4,
            Self::RingGroup | Self::Fork => 4,
            Self::BlindTransfer | Self::AttendedTransfer | Self::Pickup | Self::Conference => 2,
        }
    }
}

/// A call as it was: all its legs.
#[derive(Clone, Debug)]
pub struct TrueCall {
    /// Which way it went.
    pub shape: Shape,
    /// One for each Call-ID.
    pub legs: Vec<TrueLeg>,
}

/// One Call-ID of a call.
#[derive(Clone, Debug)]
pub struct TrueLeg {
    /// The Call-ID.
    pub call_id: String,
    /// What capture agents saw of it, in the order of time.
    pub sent: Vec<Sent>,
}

/// A message on one hop; all hosts use port 5060.
#[derive(Clone, Debug)]
pub struct Sent {
    /// Microseconds since 1970, by the clock of the capture agent.
    pub at_micros: i64,
    /// Where it comes from.
    pub src: Ipv4Addr,
    /// Where it goes to.
    pub dst: Ipv4Addr,
    /// The message.
    pub raw: Vec<u8>,
}

/// Calls for ever, in the order of their beginning.
pub fn legs(settings: &LegSettings) -> impl Iterator<Item = TrueCall> + use<> {
    let mut network = Network::new(*settings);
    std::iter::from_fn(move || {
        let plan = network.next_plan();
        Some(shapes::play(&mut network, &plan))
    })
}

/// The machines that have several addresses, as an operator would declare them.
pub fn machines() -> Vec<Vec<String>> {
    let border = network::MULTI_HOMED;
    border.iter().map(|addresses| addresses.iter().map(ToString::to_string).collect()).collect()
}
