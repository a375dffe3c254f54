use std::time::{Duration, Instant};

use crate::alarms::Alarms;
use crate::counters::{Board, Dropped};

/// The alarm that is up while packets are lost for want of room.
pub(crate) const LOSS_ALARM: &str = "packets_lost";

/// Without a loss for this long the alarm goes down.
const QUIET: Duration = Duration::from_secs(60);

/// Watches the counters of lost packets: a number that grows in a status page is easily overlooked.
#[derive(Default)]
pub(crate) struct LossWatch {
    lost: u64,
    last: Option<Instant>,
}

impl LossWatch {
    /// To be called now and then.
    pub(crate) fn look(&mut self, board: &Board, alarms: &Alarms, now: Instant) {
        let (kernel, queue) = (board.dropped(Dropped::Kernel), board.dropped(Dropped::QueueFull));
        if kernel + queue > self.lost {
            self.lost = kernel + queue;
            self.last = Some(now);
            let message = format!(
                "packets are being lost for want of room: {kernel} in the kernel's receive buffer, {queue} on the \
                 way to the log, since the start"
            );
            alarms.raise(LOSS_ALARM, message);
        } else if self.last.is_some_and(|last| now.saturating_duration_since(last) >= QUIET) {
            self.last = None;
            alarms.clear(LOSS_ALARM);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counters::Listener;
    use crate::transport::Transport;

    #[test]
    fn the_alarm_is_up_while_packets_are_lost_and_a_minute_longer() {
        let board = ["udp", "tcp"].map(|name| (name.to_owned(), "127.0.0.1:9060".to_owned()));
        let board = Board::new(board);
        let udp = Listener { transport: Transport::Udp, place: 0 };
        let tcp = Listener { transport: Transport::Tcp, place: 1 };
        let alarms = Alarms::default();
        let mut watch = LossWatch::default();
        let start = Instant::now();
        watch.look(&board, &alarms, start);
        assert!(alarms.list().is_empty());
        board.miss(udp, Dropped::Kernel, 3);
        watch.look(&board, &alarms, start);
        board.give_up(tcp, Dropped::QueueFull, 2);
        watch.look(&board, &alarms, start + Duration::from_secs(30));
        watch.look(&board, &alarms, start + Duration::from_secs(80));
        let list = alarms.list();
        assert!(
            list[0].message.contains(": 3 in the kernel's receive buffer, 2 on the way"),
            "{}",
            list[0].message
        );
        watch.look(&board, &alarms, start + Duration::from_secs(91));
        assert!(alarms.list().is_empty());
    }
}
