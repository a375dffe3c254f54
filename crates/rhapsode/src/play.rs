//! Plays the traffic generator against a collector: the clock and the sockets that the generator does without.

use std::io::Write;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs, UdpSocket};
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow, bail};
use traffic::{Generator, Settings};

/// Bytes collected before one write to a stream, or one HTTP request.
const STREAM_BATCH_BYTES: usize = 256 * 1024;
/// A stream's batch does not wait longer than this for more.
const STREAM_WAIT: Duration = Duration::from_millis(50);
/// History is sent at this pace, which no receiver on the same machine drops.
const CATCH_UP_MESSAGES_PER_SECOND: u64 = 20_000;
/// Looking at the clock and reporting once in so many messages is often enough.
const REPORT_EVERY: u64 = 64;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Udp(SocketAddr),
    Tcp(SocketAddr),
    /// URL of `POST /hep`.
    Http(String),
}

/// When a message is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// When its time comes.
    Live,
    /// At once.
    Fast,
    /// What lies in the past quickly, then live.
    CatchUp,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    pub(crate) messages: Option<u64>,
    /// Of the traffic's own time.
    pub(crate) traffic_micros: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
    /// Messages the kernel or the receiver refused.
    pub(crate) failed: u64,
}

/// Sends until the limit is reached or `stop` is set; `progress` hears the number of messages now and then.
pub(crate) fn play(
    settings: &Settings,
    target: &Target,
    pace: Pace,
    limit: Option<Limit>,
    stop: &AtomicBool,
    mut progress: impl FnMut(u64),
) -> Result<Sent> {
    let mut door = Door::open(target)?;
    let mut generator = Generator::new(settings);
    let mut sent = Sent::default();
    let mut packet = Vec::with_capacity(4096);
    let messages_max = limit.and_then(|limit| limit.messages).unwrap_or(u64::MAX);
    let micros_max = limit
        .and_then(|limit| limit.traffic_micros)
        .map(|micros| settings.start_micros.saturating_add_unsigned(micros));
    let clock = Clock::start();
    while sent.messages < messages_max && !stop.load(Ordering::Relaxed) {
        packet.clear();
        let about = generator.append(&mut packet);
        if micros_max.is_some_and(|end| about.at_micros >= end) {
            break;
        }
        match pace {
            Pace::Live => clock.wait_for(about.at_micros, &mut door, stop, &mut sent)?,
            Pace::CatchUp if about.at_micros > clock.micros() => {
                clock.wait_for(about.at_micros, &mut door, stop, &mut sent)?;
            }
            Pace::CatchUp => clock.hold(sent.messages),
            Pace::Fast => {}
        }
        sent.messages += 1;
        sent.bytes += packet.len() as u64;
        sent.failed += door.send(&packet)?;
        if sent.messages.is_multiple_of(REPORT_EVERY) {
            progress(sent.messages);
        }
    }
    sent.failed += door.flush()?;
    progress(sent.messages);
    Ok(sent)
}

/// Sends one packet. Over HTTP and TCP it has left once this returns; over UDP nobody knows.
pub(crate) fn send(target: &Target, packet: &[u8]) -> Result<()> {
    let mut door = Door::open(target)?;
    if door.send(packet)? + door.flush()? > 0 {
        bail!("it could not be sent: is something listening there?");
    }
    Ok(())
}

pub(crate) fn now_micros() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// The wall clock at the start, moved on by the steady one: a clock that is set in between makes no burst.
struct Clock {
    started: Instant,
    start_micros: i64,
}

impl Clock {
    fn start() -> Self {
        Self { started: Instant::now(), start_micros: now_micros() }
    }

    fn micros(&self) -> i64 {
        let elapsed = i64::try_from(self.started.elapsed().as_micros()).unwrap_or(i64::MAX);
        self.start_micros.saturating_add(elapsed)
    }

    /// Sleeps until the time comes, sending first what a stream still holds back.
    fn wait_for(&self, micros: i64, door: &mut Door, stop: &AtomicBool, sent: &mut Sent) -> Result<()> {
        loop {
            let ahead = micros - self.micros();
            if ahead <= 0 || stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            let ahead = Duration::from_micros(ahead.unsigned_abs());
            if ahead >= STREAM_WAIT {
                sent.failed += door.flush()?;
            }
            std::thread::sleep(ahead.min(Duration::from_millis(200)));
        }
    }

    /// Holds a catch-up to its pace.
    fn hold(&self, messages: u64) {
        let due = Duration::from_micros(messages * 1_000_000 / CATCH_UP_MESSAGES_PER_SECOND);
        let ahead = due.saturating_sub(self.started.elapsed());
        if ahead > Duration::from_millis(2) {
            std::thread::sleep(ahead);
        }
    }
}

/// The way out. `send` and `flush` answer how many messages were refused.
enum Door {
    Udp(UdpSocket),
    Tcp { stream: TcpStream, batch: Vec<u8> },
    Http { agent: ureq::Agent, url: String, batch: Vec<u8>, messages: u64 },
}

impl Door {
    fn open(target: &Target) -> Result<Self> {
        Ok(match target {
            Target::Udp(address) => {
                let any: SocketAddr =
                    if address.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0u16; 8], 0).into() };
                let socket = UdpSocket::bind(any).context("cannot open a UDP socket")?;
                socket.connect(address).with_context(|| format!("cannot send to {address}"))?;
                Self::Udp(socket)
            }
            Target::Tcp(address) => {
                let stream =
                    TcpStream::connect(address).with_context(|| format!("cannot connect to {address}"))?;
                stream.set_nodelay(true)?;
                Self::Tcp { stream, batch: Vec::new() }
            }
            Target::Http(url) => {
                let agent = ureq::Agent::config_builder()
                    .timeout_global(Some(Duration::from_secs(60)))
                    .build()
                    .into();
                Self::Http { agent, url: url.clone(), batch: Vec::new(), messages: 0 }
            }
        })
    }

    fn send(&mut self, packet: &[u8]) -> Result<u64> {
        match self {
            // A refused datagram (nobody listens, yet or any more) is counted, not fatal.
            Self::Udp(socket) => Ok(u64::from(socket.send(packet).is_err())),
            Self::Tcp { batch, .. } => {
                batch.extend_from_slice(packet);
                if batch.len() >= STREAM_BATCH_BYTES { self.flush() } else { Ok(0) }
            }
            Self::Http { batch, messages, .. } => {
                batch.extend_from_slice(packet);
                *messages += 1;
                if batch.len() >= STREAM_BATCH_BYTES { self.flush() } else { Ok(0) }
            }
        }
    }

    fn flush(&mut self) -> Result<u64> {
        match self {
            Self::Udp(_) => {}
            Self::Tcp { stream, batch } => {
                stream.write_all(batch).context("the collector closed the connection")?;
                batch.clear();
            }
            Self::Http { agent, url, batch, messages } if *messages > 0 => {
                agent
                    .post(url.as_str())
                    .header("Content-Type", "application/octet-stream")
                    .send(batch.as_slice())
                    .with_context(|| format!("POST {url}"))?;
                batch.clear();
                *messages = 0;
            }
            Self::Http { .. } => {}
        }
        Ok(0)
    }
}

impl FromStr for Target {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        if text.starts_with("http://") {
            let url = text.trim_end_matches('/');
            return Ok(Self::Http(if url.ends_with("/hep") { url.to_owned() } else { format!("{url}/hep") }));
        }
        let Some((kind, address)) = text.split_once(':') else {
            bail!("{text:?} is not a target; write udp:HOST:PORT, tcp:HOST:PORT or http://HOST:PORT");
        };
        let resolve = || {
            let mut found =
                address.to_socket_addrs().with_context(|| format!("cannot resolve {address:?}"))?;
            found.next().ok_or_else(|| anyhow!("{address:?} has no address"))
        };
        match kind {
            "udp" => Ok(Self::Udp(resolve()?)),
            "tcp" => Ok(Self::Tcp(resolve()?)),
            _ => bail!("{text:?} is not a target; write udp:HOST:PORT, tcp:HOST:PORT or http://HOST:PORT"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_as_written_in_the_help() {
        let address: SocketAddr = "127.0.0.1:9060".parse().expect("an address");
        assert_eq!("udp:127.0.0.1:9060".parse::<Target>().expect("udp"), Target::Udp(address));
        assert_eq!("tcp:127.0.0.1:9060".parse::<Target>().expect("tcp"), Target::Tcp(address));
        assert_eq!(
            "udp:[::1]:9060".parse::<Target>().expect("ipv6"),
            Target::Udp("[::1]:9060".parse().expect("an address"))
        );
        let http = Target::Http("http://localhost:9080/hep".into());
        assert_eq!("http://localhost:9080".parse::<Target>().expect("http"), http);
        assert_eq!("http://localhost:9080/hep".parse::<Target>().expect("http"), http);
        assert!("127.0.0.1:9060".parse::<Target>().is_err());
        assert!("sctp:127.0.0.1:9060".parse::<Target>().is_err());
    }
}
