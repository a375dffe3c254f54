//! Sets of messages that questions are asked about and that are weighed: made by the generator in accelerated time,
//! sent over TCP, which loses nothing, as fast as the server takes them.
//!
//! `BENCH_DATA` names a folder in which they stay for the next time; without it they go when the bench ends.

use std::fs::{self, File};
use std::io::Write as _;
use std::net::{Shutdown, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;
use testkit::server::{Options, Server};
use traffic::{Generator, Rate, Settings};

use crate::BINARY;
use crate::disk;
use crate::facts::{Facts, MINUTE, Observer};
use crate::rest::wait_until_at_rest;

/// Bytes handed to the connection at a time.
const WRITE_BYTES: usize = 256 * 1024;

/// What a message takes on disk while the set is made: itself settled, and once more where files were just replaced
/// by others and stay for readers that still hold them.
const DISK_BYTES_PER_MESSAGE: u64 = 200;

/// The log, what the server leaves free by its own rule, and spilling.
const DISK_BYTES_BESIDE: u64 = 4 << 30;

/// Event times end about this long before now when a set is begun: the generator's rate is a mean, which a small set is
/// a percent off, and what is ahead of the clock would not be found by a question that ends now.
const MARGIN: Duration = Duration::from_secs(3_600);

/// What a server that is sent a day in minutes keeps in memory before it settles: about as many rows as come in 45
/// seconds of a day of 100 million. Larger files would be merged in another way than those of a real day.
const SETTINGS: &str = "[storage]\nhot_bytes_max = \"76 MB\"\n";

pub(crate) struct Set {
    pub(crate) facts: Facts,
    folder: PathBuf,
    _temporary: Option<TempDir>,
}

/// A set as a server may use it: what that changes does not change the set.
pub(crate) struct Copy {
    pub(crate) data: PathBuf,
    _folder: TempDir,
}

impl Set {
    /// So many messages over this span of event time, made now if they are not there yet.
    pub(crate) fn obtain(messages: u64, span: Duration) -> Result<Self> {
        let (root, temporary) = match std::env::var_os("BENCH_DATA") {
            Some(folder) => (PathBuf::from(folder), None),
            None => {
                let folder = tempfile::tempdir()?;
                (folder.path().to_owned(), Some(folder))
            }
        };
        let folder = root.join(format!("{messages}-messages-in-{}-seconds", span.as_secs()));
        let known = folder.join("facts.json");
        let facts = if known.exists() {
            println!("the set in {} is used again", folder.display());
            serde_json::from_reader(File::open(&known)?)?
        } else {
            if folder.exists() {
                fs::remove_dir_all(&folder).context("cannot remove a set that was not finished")?;
            }
            fs::create_dir_all(&folder)?;
            let facts = build(&folder.join("data"), messages, span)?;
            // Last, so that a set that has it is whole.
            serde_json::to_writer(File::create(&known)?, &facts)?;
            facts
        };
        Ok(Self { facts, folder, _temporary: temporary })
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    pub(crate) fn copy(&self) -> Result<Copy> {
        let folder = tempfile::Builder::new().prefix("copy-").tempdir_in(&self.folder)?;
        let data = folder.path().join("data");
        disk::copy_data(&self.data(), &data)?;
        Ok(Copy { data, _folder: folder })
    }
}

fn build(data: &Path, messages: u64, span: Duration) -> Result<Facts> {
    fs::create_dir_all(data)?;
    let (free, needed) = (disk::free_bytes(data)?, messages * DISK_BYTES_PER_MESSAGE + DISK_BYTES_BESIDE);
    println!(
        "making {messages} messages over {} minutes of event time in {}; up to {} GB of disk, {} GB are free",
        span.as_secs() / 60,
        data.display(),
        gigabytes(needed),
        gigabytes(free)
    );
    ensure!(free >= needed, "not enough room in {}: set BENCH_DATA or BENCH_MESSAGES", data.display());

    let begun = Instant::now();
    let settings = data.with_file_name("settings.toml");
    fs::write(&settings, SETTINGS)?;
    let settings = settings.to_str().context("the path of the set is not UTF-8")?;
    let server = Server::start(Options::new(BINARY, data)?.argument("--config").argument(settings))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let start = i64::try_from((now - span - MARGIN).as_micros())? / MINUTE * MINUTE;
    let rate = messages as f64 / span.as_secs_f64();
    let mut generator = Generator::new(&Settings::new(1, start, Rate::Messages(rate)));
    let mut observer = Observer::new(messages, start, i64::try_from(span.as_micros())?);
    let mut connection = TcpStream::connect(&server.options.hep_tcp)?;
    let mut packets = Vec::with_capacity(WRITE_BYTES + 65_536);
    let mut reported = Instant::now();
    for number in 0..messages {
        let start = packets.len();
        let about = generator.append(&mut packets);
        observer.note(&about, &packets[start..])?;
        if packets.len() >= WRITE_BYTES {
            connection.write_all(&packets)?;
            packets.clear();
            if reported.elapsed() > Duration::from_secs(15) {
                reported = Instant::now();
                println!(
                    "  {:.1} million sent, {:.0}/s, {} GB on disk",
                    number as f64 / 1e6,
                    number as f64 / begun.elapsed().as_secs_f64(),
                    gigabytes(disk::bytes(data)?)
                );
            }
        }
    }
    connection.write_all(&packets)?;
    connection.shutdown(Shutdown::Write)?;
    let totals = server.wait_for_received(messages)?;
    ensure!(totals.stored == messages, "of {messages} {} were stored: {:?}", totals.stored, totals.causes);
    wait_until_at_rest(&server)?;
    server.terminate()?;
    println!(
        "  made in {:.0} s, {} GB on disk",
        begun.elapsed().as_secs_f64(),
        gigabytes(disk::bytes(data)?)
    );
    Ok(observer.finish())
}

fn gigabytes(bytes: u64) -> String {
    format!("{:.2}", bytes as f64 / 1e9)
}
