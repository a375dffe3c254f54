use std::net::IpAddr;

use model::Micros;

use crate::corrections::Corrections;

/// What is known of a packet besides its bytes.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// Number of the row to be.
    pub id: i64,
    pub received: Micros,
    /// Address the HEP packet came from.
    pub sender: IpAddr,
    /// Name of the listener that took it.
    pub listener: &'static str,
    /// The rules that are on for this sender.
    pub corrections: Corrections,
}
