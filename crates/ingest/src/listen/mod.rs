//! The doors: datagrams, connections and the web. Arrival time enters here, once.

mod accept;
mod carrier;
mod described;
mod http;
mod input;
mod json;
mod places;
mod proxy;
mod receive;
mod sctp;
mod socket;
mod stream;
mod udp;
mod web;
mod websocket;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use model::Micros;
use store::log::BlockBuilder;

use crate::admit::{Admission, Admitted, Outcome, Shared};
use crate::counters::{Dropped, Listener, Refused};
use crate::pipeline::{Batch, Queue, Rejected, Spares};

pub(crate) use accept::AcceptDoor;
pub use described::openapi;
pub(crate) use input::{Away, InputDoor};
pub(crate) use places::Places;
pub(crate) use sctp::Associations;
pub(crate) use socket::{bind_sctp, bind_tcp, bind_udp};
pub(crate) use stream::Streams;
pub(crate) use udp::UdpDoor;
pub(crate) use web::{WebDoor, pages};

/// What every door works with.
#[derive(Clone)]
pub(crate) struct Hall {
    pub(crate) shared: Arc<Shared>,
    pub(crate) queue: Arc<Queue>,
    pub(crate) spares: Spares,
    pub(crate) stop: Arc<Stop>,
}

/// Tells the doors to close, and by when.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    told: AtomicBool,
    deadline: std::sync::OnceLock<Instant>,
}

impl Stop {
    /// What has arrived may still be taken for this long.
    pub(crate) fn tell(&self, drain_time_max: Duration) {
        let _ = self.deadline.set(Instant::now() + drain_time_max);
        self.told.store(true, Ordering::Release);
    }

    pub(crate) fn is_told(&self) -> bool {
        self.told.load(Ordering::Acquire)
    }

    /// Whether even what has already arrived must be left.
    pub(crate) fn is_over(&self) -> bool {
        self.is_told() && self.deadline.get().is_some_and(|deadline| Instant::now() >= *deadline)
    }
}

/// One thread's way through admission to the queue.
pub(crate) struct Way {
    hall: Hall,
    listener: Listener,
    admission: Admission,
    admitted: Admitted,
}

impl Way {
    pub(crate) fn new(hall: Hall, listener: Listener) -> Self {
        let admission = Admission::new(Arc::clone(&hall.shared), listener);
        let admitted = Admitted { full: Vec::new(), current: hall.spares.take() };
        Self { hall, listener, admission, admitted }
    }

    pub(crate) fn take(&mut self, bytes: &[u8], received: Micros, sender: SocketAddr) -> Outcome {
        self.admission.take(bytes, received, sender, &mut self.admitted)
    }

    pub(crate) fn refuse(&mut self, refused: Refused, sender: SocketAddr, now: Micros) {
        self.admission.refuse(refused, sender, now);
    }

    /// What was admitted and not passed on yet takes this much.
    pub(crate) fn bytes(&self) -> usize {
        self.admitted.full.iter().chain([&self.admitted.current]).map(BlockBuilder::bytes).sum()
    }

    /// Tells the counters and passes on what was admitted, waiting for room no longer than `time_max` at a time and
    /// as often as `patient` says. What finds no room is dropped and counted.
    pub(crate) fn pass(&mut self, now: Micros, time_max: Duration, mut patient: impl FnMut() -> bool) {
        self.admission.tell(now, false);
        let fresh = if self.admitted.current.is_empty() { None } else { Some(self.hall.spares.take()) };
        let full = self.admitted.full.drain(..);
        let current = fresh.map(|fresh| std::mem::replace(&mut self.admitted.current, fresh));
        for packets in full.chain(current) {
            let mut batch = Batch { packets, listener: self.listener, stored: None };
            loop {
                match self.hall.queue.put(batch, time_max) {
                    Ok(()) => break,
                    Err(Rejected::Full(again)) if patient() => batch = again,
                    Err(Rejected::Full(lost)) => {
                        give_up(&self.hall, self.listener, Dropped::QueueFull, lost.packets);
                        break;
                    }
                    Err(Rejected::Closed(lost)) => {
                        give_up(&self.hall, self.listener, Dropped::Stopping, lost.packets);
                        break;
                    }
                }
            }
        }
    }

    /// Tells what was counted while nothing more came.
    pub(crate) fn tell(&mut self, now: Micros) {
        self.admission.tell(now, false);
    }

    /// The last words of a thread.
    pub(crate) fn end(&mut self, now: Micros) {
        self.admission.tell(now, true);
    }
}

fn give_up(hall: &Hall, listener: Listener, dropped: Dropped, packets: BlockBuilder) {
    hall.shared.board.give_up(listener, dropped, packets.len() as u64);
    hall.spares.give(packets);
}
