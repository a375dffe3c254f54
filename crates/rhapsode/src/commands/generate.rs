use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Args;
use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};
use traffic::{Mix, Rate, Settings};

use crate::play::{self, Limit, Pace, Target};

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Where to: udp:HOST:PORT, tcp:HOST:PORT or http://HOST:PORT (its /hep)
    #[arg(long, default_value = "udp:127.0.0.1:9060", value_name = "TARGET")]
    to: String,
    /// Messages each second on average
    #[arg(long, value_name = "MESSAGES", conflicts_with = "calls")]
    rate: Option<f64>,
    /// Calls begun each second; registrations and pings come on top
    #[arg(long, value_name = "CALLS")]
    calls: Option<f64>,
    /// Stop after so many messages
    #[arg(long, short = 'n')]
    messages: Option<u64>,
    /// Stop after so many seconds of traffic
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<u64>,
    /// Do not wait for the time of each message: as fast as it goes
    #[arg(long)]
    fast: bool,
    /// What happens how often, as in good=5,busy=1. Scenarios: good busy cancel no_answer not_found server_error
    /// poor_media register options, and faults by the name of what is found in them, as in ack_missing
    #[arg(long, value_name = "MIX")]
    mix: Option<Mix>,
    /// Users to draw from
    #[arg(long, default_value_t = 20_000)]
    users: u32,
    /// The same seed makes the same traffic
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// HEP key to send with every packet
    #[arg(long, env = "RHAPSODE_HEP_KEY", hide_env_values = true)]
    key: Option<String>,
}

const EXAMPLES: &str = "\
Examples:
  rhapsode generate                                        100 messages a second to 127.0.0.1:9060, until Ctrl-C
  rhapsode generate --rate 20000 --seconds 60 --to tcp:192.0.2.10:9060
  rhapsode generate --calls 2 --mix good=4,busy=1,poor_media=1
  rhapsode generate --fast -n 1000000                      a million messages as fast as it goes";

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let rate = match (arguments.rate, arguments.calls) {
        (Some(rate), _) => Rate::Messages(rate),
        (None, Some(calls)) => Rate::Calls(calls),
        (None, None) => Rate::Messages(100.0),
    };
    if let Rate::Messages(value) | Rate::Calls(value) = rate
        && !(value > 0.0 && value <= 10_000_000.0)
    {
        bail!("a rate of {value} is not between 0 and 10,000,000");
    }
    let target: Target = arguments.to.parse()?;
    let mut settings = Settings::new(arguments.seed, play::now_micros(), rate);
    settings.users = arguments.users;
    settings.key = arguments.key.clone().map(String::into_bytes);
    if let Some(mix) = &arguments.mix {
        settings.mix = mix.clone();
    }
    let limit = Limit {
        messages: arguments.messages,
        traffic_micros: arguments.seconds.map(|seconds| seconds * 1_000_000),
    };
    let pace = if arguments.fast { Pace::Fast } else { Pace::Live };

    let bar = match arguments.messages {
        Some(messages) => ProgressBar::new(messages).with_style(ProgressStyle::with_template(
            "{bar:30} {human_pos} of {human_len} messages, {per_sec}, {eta} left",
        )?),
        None => ProgressBar::new_spinner().with_style(ProgressStyle::with_template(
            "{spinner} {human_pos} messages, {per_sec}, {elapsed}",
        )?),
    };
    let stop = Arc::new(AtomicBool::new(false));
    stop_on_interrupt(&stop)?;
    let started = Instant::now();
    let sent =
        play::play(&settings, &target, pace, Some(limit), &stop, |messages| bar.set_position(messages))?;
    bar.finish_and_clear();
    let seconds = started.elapsed().as_secs_f64().max(1e-6);
    eprintln!(
        "sent {} messages, {} of HEP, to {} in {seconds:.1} s: {} messages/s",
        HumanCount(sent.messages),
        HumanBytes(sent.bytes),
        arguments.to,
        HumanCount((sent.messages as f64 / seconds) as u64)
    );
    if sent.failed > 0 {
        bail!("{} of them could not be sent: is something listening there?", sent.failed);
    }
    Ok(())
}

/// Ctrl-C ends the traffic, not the summary.
fn stop_on_interrupt(stop: &Arc<AtomicBool>) -> Result<()> {
    let stop = Arc::clone(stop);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("interrupt".into()).spawn(move || {
        runtime.block_on(async {
            if tokio::signal::ctrl_c().await.is_ok() {
                stop.store(true, Ordering::Relaxed);
            }
        });
        // A second Ctrl-C finds no handler left to wait for: give the sender a moment, then let the process go.
        std::thread::sleep(Duration::from_secs(2));
    })?;
    Ok(())
}
