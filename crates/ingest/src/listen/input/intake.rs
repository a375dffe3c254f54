use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{oneshot, watch};

use crate::admit::{Admission, Admitted};
use crate::clock;
use crate::counters::{Listener, Refused};
use crate::listen::http::put;
use crate::listen::web::told;
use crate::listen::{Hall, give_up};
use crate::pipeline::Batch;

/// How long the log has for what is on its way to it when the server stops; what is later is stored and not acknowledged.
const STOP_TIME_MAX: Duration = Duration::from_secs(2);

/// An input's way through admission to the log.
pub(super) struct Intake {
    hall: Hall,
    listener: Listener,
    admission: Admission,
    admitted: Admitted,
    stop: watch::Receiver<bool>,
}

/// The packets are not in the log, or it is not known whether they are.
pub(super) struct NotStored;

impl Intake {
    pub(super) fn new(hall: Hall, listener: Listener, stop: watch::Receiver<bool>) -> Self {
        let admission = Admission::new(Arc::clone(&hall.shared), listener);
        let admitted = Admitted { full: Vec::new(), current: hall.spares.take() };
        Self { hall, listener, admission, admitted, stop }
    }

    /// Takes the packets of one message. What is none is counted, and done with.
    pub(super) fn take(&mut self, bytes: &[u8], sender: SocketAddr) {
        drop(self.admission.take(bytes, clock::now(), sender, &mut self.admitted));
    }

    pub(super) fn refuse(&mut self, refused: Refused, sender: SocketAddr) {
        self.admission.refuse(refused, sender, clock::now());
    }

    /// Passes on what was taken; waits for room as long as the program runs, and if `is_awaited` until it is in the log.
    pub(super) async fn store(&mut self, is_awaited: bool) -> Result<(), NotStored> {
        self.tell();
        let mut builders = std::mem::take(&mut self.admitted.full);
        if !self.admitted.current.is_empty() {
            builders.push(std::mem::replace(&mut self.admitted.current, self.hall.spares.take()));
        }
        let mut waiting = Vec::new();
        let mut builders = builders.into_iter();
        while let Some(packets) = builders.next() {
            let (stored, is_stored) = oneshot::channel();
            let batch = Batch { packets, listener: self.listener, stored: is_awaited.then_some(stored) };
            let stop = &self.stop;
            if let Err((lost, dropped)) = put(&self.hall, batch, || !*stop.borrow()).await {
                for packets in std::iter::once(lost.packets).chain(builders) {
                    give_up(&self.hall, self.listener, dropped, packets);
                }
                return Err(NotStored);
            }
            if is_awaited {
                waiting.push(is_stored);
            }
        }
        let mut stop = self.stop.clone();
        let late = async {
            told(&mut stop).await;
            tokio::time::sleep(STOP_TIME_MAX).await;
        };
        tokio::select! {
            stored = futures::future::try_join_all(waiting) => stored.map(drop).map_err(|_| NotStored),
            () = late => Err(NotStored),
        }
    }

    /// Tells the counters, always before the packets themselves go on.
    pub(super) fn tell(&mut self) {
        self.admission.tell(clock::now(), true);
    }

    /// The last words of an input.
    pub(super) fn end(mut self) {
        self.tell();
    }
}
