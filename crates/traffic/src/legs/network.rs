//! Who is there, who calls whom, and when.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::{LegSettings, Shape};

pub(super) const MILLISECOND: i64 = 1_000;
pub(super) const SECOND: i64 = 1_000_000;

/// Outside and inside address of a border element.
pub(super) const MULTI_HOMED: [[Ipv4Addr; 2]; 1] =
    [[Ipv4Addr::new(203, 0, 113, 2), Ipv4Addr::new(10, 1, 0, 2)]];
const CARRIERS: u8 = 6;
const SYSTEMS: u8 = 3;
const PROXIES: u8 = 2;
/// Subscribers; each has a phone.
const SUBSCRIBERS: u32 = 20_000;
/// Numbers that are called all the time, and companies that show one number for all their people.
const HOT_NUMBERS: u32 = 8;
const COMPANIES: u32 = 20;

/// One call to come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) at: i64,
    pub(super) caller: u64,
    pub(super) callee: u64,
    pub(super) shape: Shape,
}

pub(super) struct Network {
    pub(super) settings: LegSettings,
    pub(super) random: fastrand::Rng,
    next_at: i64,
    /// Those who try again.
    again: BTreeMap<(i64, u64), Plan>,
    identity: u64,
    port: u64,
}

/// A border element by the addresses it has on both sides.
#[derive(Clone, Copy, Debug)]
pub(super) struct Machine {
    pub(super) outside: Ipv4Addr,
    pub(super) inside: Ipv4Addr,
}

impl Network {
    pub(super) fn new(settings: LegSettings) -> Self {
        Self {
            settings,
            random: fastrand::Rng::with_seed(settings.seed),
            next_at: settings.start_micros,
            again: BTreeMap::new(),
            identity: 0,
            port: 0,
        }
    }

    pub(super) fn next_plan(&mut self) -> Plan {
        if let Some((key, plan)) = self.again.first_key_value().map(|(key, plan)| (*key, *plan))
            && key.0 <= self.next_at
        {
            self.again.remove(&key);
            return plan;
        }
        let plan = Plan {
            at: self.next_at,
            caller: if self.chance(0.1) { company(self.random.u32(..COMPANIES)) } else { self.subscriber() },
            callee: if self.chance(0.1) { hot(self.random.u32(..HOT_NUMBERS)) } else { self.subscriber() },
            shape: self.shape(),
        };
        self.next_at += self.exponential(1.0 / self.settings.calls_per_second);
        let after = match self.random.f64() {
            // Impatient, or a dialler that tries twice.
            ..0.02 => Some(self.between(20 * MILLISECOND, 600 * MILLISECOND)),
            ..0.08 => Some(self.between(SECOND, 10 * SECOND)),
            _ => None,
        };
        if let Some(after) = after {
            let at = plan.at + after;
            let identity = self.identity();
            self.again.insert((at, identity), Plan { at, ..plan });
        }
        plan
    }

    fn shape(&mut self) -> Shape {
        if let Some(shape) = self.settings.shape {
            return shape;
        }
        let mut place = self.random.u32(..100);
        for shape in Shape::ALL {
            if place < shape.share() {
                return shape;
            }
            place -= shape.share();
        }
        Shape::B2bua
    }

    pub(super) fn subscriber(&mut self) -> u64 {
        49_305_000_000_u64 + u64::from(self.random.u32(..SUBSCRIBERS)) * 487
    }

    /// A number of its own for whatever needs one.
    pub(super) fn identity(&mut self) -> u64 {
        self.identity += 1;
        crate::identity::derived(self.settings.seed ^ 0x6c65_6773, self.identity)
    }

    /// Gateways count through their ports.
    pub(super) fn port(&mut self) -> u64 {
        self.port = (self.port + 2) % 50_000;
        10_000 + self.port
    }

    pub(super) fn chance(&mut self, chance: f64) -> bool {
        self.random.f64() < chance
    }

    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        self.random.i64(low..high)
    }

    pub(super) fn exponential(&mut self, mean_seconds: f64) -> i64 {
        let chance = 1.0 - self.random.f64();
        (-chance.max(f64::MIN_POSITIVE).ln() * mean_seconds * SECOND as f64) as i64
    }

    /// How long a B2BUA thinks before it sends the call on: a few milliseconds, sometimes a look-up, rarely a slow one.
    pub(super) fn thinking(&mut self) -> i64 {
        match self.random.f64() {
            ..0.88 => self.between(4 * MILLISECOND, 80 * MILLISECOND),
            ..0.98 => self.between(100 * MILLISECOND, 900 * MILLISECOND),
            _ => self.between(SECOND, 3 * SECOND),
        }
    }

    /// How long it takes to hand on what is said inside a call.
    pub(super) fn relay(&mut self) -> i64 {
        match self.random.f64() {
            ..0.97 => self.between(MILLISECOND, 15 * MILLISECOND),
            _ => self.between(50 * MILLISECOND, 300 * MILLISECOND),
        }
    }
}

fn company(number: u32) -> u64 {
    49_306_800_000 + u64::from(number) * 1_000
}

fn hot(number: u32) -> u64 {
    49_800_330_000 + u64::from(number) * 11
}

/// The same caller comes in by the same carrier.
pub(super) fn carrier(number: u64) -> Ipv4Addr {
    Ipv4Addr::new(198, 51, 100, 1 + (mixed(number) % u64::from(CARRIERS)) as u8)
}

pub(super) fn other_carrier(number: u64) -> Ipv4Addr {
    Ipv4Addr::new(198, 51, 100, 1 + ((mixed(number) + 1) % u64::from(CARRIERS)) as u8)
}

/// Each number is served by the same machines.
pub(super) fn border(number: u64) -> Machine {
    match mixed(number) % 2 {
        0 => Machine { outside: Ipv4Addr::new(203, 0, 113, 1), inside: Ipv4Addr::new(203, 0, 113, 1) },
        _ => Machine { outside: MULTI_HOMED[0][0], inside: MULTI_HOMED[0][1] },
    }
}

pub(super) fn system(number: u64) -> Ipv4Addr {
    Ipv4Addr::new(203, 0, 113, 10 + (mixed(number) % u64::from(SYSTEMS)) as u8)
}

pub(super) fn proxy(number: u64) -> Ipv4Addr {
    Ipv4Addr::new(203, 0, 113, 20 + (mixed(number) % u64::from(PROXIES)) as u8)
}

pub(super) fn phone(number: u64) -> Ipv4Addr {
    let place = mixed(number) % 65_000;
    Ipv4Addr::new(10, 20, (place / 250) as u8, 2 + (place % 250) as u8)
}

pub(super) const BRIDGE: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 30);

/// How a host writes numbers.
pub(super) fn written(number: u64, host: Ipv4Addr) -> String {
    match host.octets()[3] % 4 {
        0 => format!("+{number}"),
        1 => format!("00{number}"),
        2 => format!("0{}", number % 10_000_000_000),
        _ => number.to_string(),
    }
}

/// The clock of the agent beside a host is off by some milliseconds.
pub(super) fn clock_error(host: Ipv4Addr) -> i64 {
    (mixed(u64::from(u32::from(host))) % 10) as i64 * MILLISECOND - 5 * MILLISECOND
}

fn mixed(number: u64) -> u64 {
    crate::identity::derived(number, 7)
}
