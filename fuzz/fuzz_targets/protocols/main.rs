//! The parsers of `protocols`.
#![no_main]

mod cdr;
mod corrections;
mod mapped;
mod mapping;
mod posted;
mod secrets;
mod understand;

use model::Micros;
use protocols::{Arrival, Corrections};

/// When everything arrives.
const SECONDS: u32 = 1_592_975_787;

fn arrival(corrections: Corrections) -> Arrival {
    Arrival {
        id: 1,
        received: Micros(i64::from(SECONDS) * Micros::SECOND),
        sender: [127, 0, 0, 1].into(),
        listener: "udp",
        corrections,
    }
}

fuzz::room!(cdr corrections mapped mapping posted secrets understand);
