use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use ingest::Transport;
use traffic::{Mix, Rate, Settings};

use super::serve::{self, Server};
use crate::config::ServeArguments;
use crate::play::{self, Pace, Target};

/// How far back the demo's calls begin, so that lists and charts are not empty at first sight.
const PAST_SECONDS: i64 = 20 * 60;

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    settings: ServeArguments,
    /// Calls begun each second
    #[arg(long, default_value_t = 0.5)]
    calls: f64,
    /// The same seed makes the same calls
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

const EXAMPLES: &str = "\
Examples:
  rhapsode demo                       on the usual ports, data in ./rhapsode-demo
  rhapsode demo --http 127.0.0.1:8080 --calls 5

Log in as admin with the password it prints, or set RHAPSODE_ADMIN_PASSWORD before.";

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let mut typed = arguments.settings.clone();
    // Never mixed with real traffic unasked.
    typed.data = typed.data.or_else(|| typed.config.is_none().then(|| PathBuf::from("rhapsode-demo")));
    let settings = crate::config::resolve(&typed)?;
    let logging = serve::Logging::start(&settings)?;
    let server = Server::start(&settings)?;
    let to = server.hep_udp().context("the demo sends over UDP: do not turn --hep-udp off")?;

    let mut traffic = Settings::new(
        arguments.seed,
        play::now_micros() - PAST_SECONDS * 1_000_000,
        Rate::Calls(arguments.calls),
    );
    traffic.mix = Mix::demo();
    let own_keys = settings.listeners.iter().find(|listener| listener.transport == Transport::Udp);
    traffic.key = match own_keys.and_then(|listener| listener.keys.as_ref()) {
        Some(keys) => keys.first().cloned(),
        None => settings.hep_keys.first().map(|key| key.clone().into_bytes()),
    };
    let stop = Arc::new(AtomicBool::new(false));
    let player = {
        let stop = Arc::clone(&stop);
        std::thread::Builder::new().name("demo traffic".into()).spawn(move || {
            if let Err(error) = play::play(&traffic, &Target::Udp(to), Pace::CatchUp, None, &stop, |_| ()) {
                tracing::error!(%error, "the demo's traffic ended");
            }
        })?
    };
    if let Some(url) = server.url() {
        println!(
            "\nOpen {url} and log in as admin. Calls of the last 20 minutes are there, new ones come in. Ctrl-C ends it."
        );
    }
    let reload = serve::Reload::new(typed, logging, settings);
    server.run_until_signal(reload, move || {
        stop.store(true, Ordering::Relaxed);
        // It looks at the flag between packets; its end is not worth waiting for longer.
        let deadline = std::time::Instant::now() + Duration::from_secs(2);
        while !player.is_finished() && std::time::Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
        }
    })
}
