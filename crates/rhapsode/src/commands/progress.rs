//! How far long work is, for whoever waits for it.

use std::io::IsTerminal as _;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use store::check::Progress;

/// How often a line says how far it is, where nobody watches.
const SAY_EVERY: Duration = Duration::from_secs(10);

/// How often the bar moves.
const MOVE_EVERY: Duration = Duration::from_millis(100);

/// Does the work and says meanwhile on standard error how far it is.
pub(crate) fn watched<T>(progress: &Progress, what: &str, work: impl FnOnce() -> T) -> T {
    let (end, ended) = sync_channel::<()>(0);
    thread::scope(|scope| {
        scope.spawn(move || say_how_far(progress, what, &ended));
        let done = work();
        drop(end);
        done
    })
}

fn say_how_far(progress: &Progress, what: &str, ended: &Receiver<()>) {
    if !std::io::stderr().is_terminal() {
        while ended.recv_timeout(SAY_EVERY) == Err(RecvTimeoutError::Timeout) {
            eprintln!("{what} {} of {}", size(progress.done()), size(progress.all()));
        }
        return;
    }
    let style = ProgressStyle::with_template("{bar:40} {binary_bytes} of {binary_total_bytes}, {eta} left");
    let bar = ProgressBar::no_length().with_style(style.expect("a valid template"));
    while ended.recv_timeout(MOVE_EVERY) == Err(RecvTimeoutError::Timeout) {
        bar.set_length(progress.all());
        bar.set_position(progress.done());
    }
    bar.finish_and_clear();
}

pub(crate) fn size(bytes: u64) -> String {
    indicatif::BinaryBytes(bytes).to_string()
}
