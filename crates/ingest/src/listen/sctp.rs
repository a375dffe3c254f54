//! HEP over SCTP (RFC 9260), through the kernel's one-to-one sockets (RFC 6458, section 4): one message is one
//! datagram's worth of packets.

use std::io::ErrorKind;
use std::mem::MaybeUninit;
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use socket2::{MaybeUninitSlice, Socket};

use super::accept::{PUSHBACK_TIME, READ_TIME, Serve, Visit};
use super::{Hall, Way};
use crate::clock;
use crate::counters::Refused;

/// The largest message taken: that of the largest UDP datagram.
const MESSAGE_BYTES_MAX: usize = 65_536;

/// How the associations of one listener are read.
pub(crate) struct Associations {
    pub(crate) packet_time_max: Duration,
}

impl Serve for Associations {
    fn serve(&self, visit: Visit) {
        if let Err(error) = visit.socket.set_read_timeout(Some(READ_TIME.min(self.packet_time_max / 4))) {
            tracing::debug!(%error, "cannot set a timeout on an SCTP association");
        }
        let association = Association {
            socket: visit.socket,
            sender: visit.peer,
            hall: visit.hall,
            way: visit.way,
            packet_time_max: self.packet_time_max,
            piece: Box::new_uninit_slice(MESSAGE_BYTES_MAX),
            message: Vec::new(),
            begun: None,
        };
        association.run();
        // Only now: it bounds the threads.
        drop(visit.place);
    }
}

struct Association {
    socket: Arc<Socket>,
    sender: SocketAddr,
    hall: Hall,
    way: Way,
    packet_time_max: Duration,
    piece: Box<[MaybeUninit<u8>]>,
    /// What has come of a message that comes in pieces.
    message: Vec<u8>,
    /// Since when.
    begun: Option<Instant>,
}

impl Association {
    fn run(mut self) {
        loop {
            match self.receive() {
                Ok((0, _)) => break,
                Ok((_, true)) => {
                    self.way.take(&self.message, clock::now(), self.sender);
                    self.pass();
                    self.message.clear();
                    self.begun = None;
                }
                Ok((_, false)) => {
                    self.begun.get_or_insert_with(Instant::now);
                }
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted => {}
                    ErrorKind::WouldBlock | ErrorKind::TimedOut => self.way.tell(clock::now()),
                    _ => break,
                },
            }
            let late = self.begun.is_some_and(|begun| begun.elapsed() > self.packet_time_max);
            if late || self.message.len() > MESSAGE_BYTES_MAX {
                let refused = if late { Refused::Slow } else { Refused::TooLarge };
                self.way.refuse(refused, self.sender, clock::now());
                self.message.clear();
                break;
            }
            if self.hall.stop.is_over() {
                break;
            }
        }
        if !self.message.is_empty() {
            self.way.refuse(Refused::Hep(hep::Refusal::Partial), self.sender, clock::now());
        }
        self.pass();
        self.way.end(clock::now());
        let _ = self.socket.shutdown(Shutdown::Both);
    }

    /// Adds to the message; how many bytes, and whether its end was among them (`MSG_EOR`; RFC 6458, section 3.1.4).
    #[allow(unsafe_code, reason = "socket2 says how many bytes it has written, not which slice they are")]
    fn receive(&mut self) -> std::io::Result<(usize, bool)> {
        let (count, flags) = self.socket.recv_vectored(&mut [MaybeUninitSlice::new(&mut self.piece)])?;
        // SAFETY: the call has written the first `count` bytes.
        let piece = unsafe { self.piece[..count].assume_init_ref() };
        self.message.extend_from_slice(piece);
        Ok((count, flags.is_end_of_record()))
    }

    fn pass(&mut self) {
        let stop = Arc::clone(&self.hall.stop);
        self.way.pass(clock::now(), PUSHBACK_TIME, || !stop.is_over());
    }
}
