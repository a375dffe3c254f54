//! `import`: recorded traffic into a running server, each packet once.
//!
//! It goes over `POST /hep`, the one way in that says what became of every packet: a busy server makes it wait and
//! loses nothing. Where the import stands is written down before each request and after each answer; if the two do
//! not match when it goes on, the server is asked which packets of that one request it has.

mod post;
pub(super) mod source;
mod state;

use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, ValueEnum};
use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};
use protocols::cdr_csv::Columns;

use crate::client::{Client, ClientArguments};
use crate::play::now_micros;
use post::Post;
use source::{Packet, Source, Survey, Wrapping, set_time};
use state::{Folder, InFlight, State};

/// Bytes of one request: below the server's limit of 4 MiB, and much for one fsync.
const REQUEST_BYTES_MAX: usize = 512 * 1024;

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// pcap, pcapng, HEP packets one after another, or JSON of hep-js; known by content, not by name
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Move all times: `now` lets the last message end now, +2h or -30m add, a time (RFC 3339) is that of the first
    #[arg(long, value_name = "now|+2h|TIME", allow_hyphen_values = true)]
    shift: Option<Shift>,
    /// Import RTP packets too, of calls whose signalling is in the capture
    #[arg(long)]
    rtp: bool,
    /// Name of the capture node, for what is no HEP yet [default: the name of the file]
    #[arg(long, value_name = "NAME")]
    node: Option<String>,
    /// Capture agent id, for what is no HEP yet
    #[arg(long, default_value_t = 0, value_name = "ID")]
    capture_id: u32,
    /// HEP key, for what is no HEP yet
    #[arg(long, env = "RHAPSODE_HEP_KEY", hide_env_values = true)]
    key: Option<String>,
    /// The files are call records with commas between their columns: `asterisk` for its Master.csv
    #[arg(long, value_name = "KIND")]
    cdr: Option<RecordKind>,
    /// Names of the columns, as in src,dst,,duration, or the line of cdr_custom.conf, with --cdr
    #[arg(long, value_name = "NAMES", requires = "cdr")]
    columns: Option<String>,
    /// How far the clock of the call records is ahead of UTC, as in +02:00, with --cdr: they do not say
    #[arg(long, value_name = "OFFSET", requires = "cdr", allow_hyphen_values = true, value_parser = utc_offset)]
    utc_offset: Option<i32>,
    /// Say what is in the files and send nothing
    #[arg(long)]
    dry_run: bool,
    /// Import a file again that was imported before
    #[arg(long)]
    again: bool,
    /// Folder for where imports stand [default: $XDG_STATE_HOME/rhapsode/import or ~/.local/state/rhapsode/import]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    #[command(flatten)]
    client: ClientArguments,
}

const EXAMPLES: &str = "\
Examples:
  rhapsode import capture.pcapng                 SIP and RTCP of a network capture, and HEP captured on its way
  rhapsode import --shift now *.pcap             as if it had just happened
  rhapsode import --rtp --node sbc-1 trunk.pcap
  rhapsode import packets.hep --server http://192.0.2.10:9080 --token ...
  rhapsode import --cdr asterisk Master.csv --utc-offset +02:00
  rhapsode import --dry-run capture.pcap         what is in it

An import that was interrupted goes on where it was when the same command is given again; no packet is stored twice.";

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let wrapping = Wrapping {
        node: arguments.node.clone(),
        capture_id: arguments.capture_id,
        key: arguments.key.clone(),
        rtp: arguments.rtp,
        records: arguments.columns()?,
    };
    if arguments.dry_run {
        for path in &arguments.files {
            let survey = survey(path, &wrapping)?;
            tell_survey(path, &survey);
        }
        return Ok(());
    }
    let client = Client::connect(&arguments.client)?;
    let post = Post::new(&client)?;
    let folder = Folder::open(arguments.state.as_deref())?;
    let mut refused = 0;
    for path in &arguments.files {
        let survey = survey(path, &wrapping)?;
        tell_survey(path, &survey);
        refused += Import { arguments, wrapping: &wrapping, post: &post, folder: &folder, url: client.url() }
            .file(path, &survey)
            .with_context(|| path.display().to_string())?;
    }
    if refused > 0 {
        bail!("{refused} packets were refused; the causes stand above");
    }
    Ok(())
}

/// Whose columns are known.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum RecordKind {
    Asterisk,
}

impl Arguments {
    fn columns(&self) -> Result<Option<Columns>> {
        let columns = match (&self.cdr, &self.columns) {
            (None, _) => return Ok(None),
            (Some(RecordKind::Asterisk), None) => Columns::asterisk(),
            (Some(RecordKind::Asterisk), Some(names)) => Columns::parse(names)?,
        };
        Ok(Some(columns.with_offset_seconds(self.utc_offset.unwrap_or(0))))
    }
}

/// `+02:00`, `-0330` or `2` as seconds.
fn utc_offset(text: &str) -> Result<i32> {
    let wrong = || anyhow!("write hours and minutes, as in +02:00");
    let (sign, digits) = match text.as_bytes() {
        [b'-', ..] => (-1, &text[1..]),
        [b'+', ..] => (1, &text[1..]),
        _ => (1, text),
    };
    let (hours, minutes) = match digits.split_once(':') {
        Some(parts) => parts,
        None if digits.len() == 4 && digits.is_ascii() => digits.split_at(2),
        None => (digits, "0"),
    };
    let (hours, minutes): (i32, i32) =
        (hours.parse().map_err(|_| wrong())?, minutes.parse().map_err(|_| wrong())?);
    // The farthest zones are 14 hours ahead and 12 behind.
    if !(0..=14).contains(&hours) || !(0..60).contains(&minutes) {
        return Err(wrong());
    }
    Ok(sign * (hours * 3_600 + minutes * 60))
}

struct Import<'a> {
    arguments: &'a Arguments,
    wrapping: &'a Wrapping,
    post: &'a Post<'a>,
    folder: &'a Folder,
    url: &'a str,
}

impl Import<'_> {
    /// Imports one file; how many packets the server refused.
    fn file(&self, path: &Path, survey: &Survey) -> Result<u64> {
        let state_path = self.folder.path(&survey.hash, self.url, &self.how());
        let known = if self.arguments.again { None } else { State::load(&state_path)? };
        let mut state = match known {
            Some(state) if state.done => {
                println!("  imported before, with nothing left to do; --again imports it once more");
                return Ok(0);
            }
            Some(state) => {
                eprintln!("  going on after {} packets", HumanCount(state.position));
                state
            }
            None => State {
                file: path.display().to_string(),
                server: self.url.to_owned(),
                shift: self.arguments.shift.map_or(0, |shift| shift.micros(survey)),
                ..State::default()
            },
        };
        let bar = ProgressBar::new(survey.bytes).with_style(ProgressStyle::with_template(
            "  {bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left",
        )?);
        let mut source = Source::open(path, self.wrapping)?;
        for _ in 0..state.position {
            source.next()?.context("the file has become shorter")?;
        }
        if let Some(in_flight) = state.in_flight.clone() {
            let mut packets = Vec::new();
            for _ in 0..in_flight.packets {
                packets.push(self.next(&mut source, &state)?.context("the file has become shorter")?);
            }
            let (stored, missing) = self.post.missing(packets, in_flight.since)?;
            state.totals.stored += stored;
            let totals = self.post.deliver(missing, in_flight.since)?;
            state.totals.add(&totals);
            state.position += in_flight.packets;
            state.in_flight = None;
            state.save(&state_path)?;
        }
        loop {
            let packets = self.request(&mut source, &state)?;
            if packets.is_empty() {
                break;
            }
            let count = packets.len() as u64;
            let since = self.post.server_now();
            state.in_flight = Some(InFlight { packets: count, since });
            state.save(&state_path)?;
            let totals = self.post.deliver(packets, since)?;
            state.totals.add(&totals);
            state.position += count;
            state.in_flight = None;
            state.save(&state_path)?;
            bar.set_position(source.bytes_read());
        }
        bar.finish_and_clear();
        state.done = true;
        state.save(&state_path)?;
        tell_totals(&state);
        Ok(state.totals.refused())
    }

    /// The packets of the next request; none at the end of the file.
    fn request(&self, source: &mut Source, state: &State) -> Result<Vec<Packet>> {
        let mut packets = Vec::new();
        let mut bytes = 0;
        while bytes < REQUEST_BYTES_MAX
            && let Some(packet) = self.next(source, state)?
        {
            bytes += packet.bytes.len();
            packets.push(packet);
        }
        Ok(packets)
    }

    fn next(&self, source: &mut Source, state: &State) -> Result<Option<Packet>> {
        let Some(mut packet) = source.next()? else { return Ok(None) };
        if let Some(micros) = packet.micros.filter(|_| state.shift != 0) {
            let moved = micros.saturating_add(state.shift);
            if !set_time(&mut packet.bytes, moved) {
                bail!(
                    "a message of {} cannot be moved: HEP tells times from 1970 to 2106",
                    timestamp(micros)
                );
            }
            packet.micros = Some(moved);
        }
        Ok(Some(packet))
    }

    /// What makes other packets of the same file.
    fn how(&self) -> String {
        let Wrapping { node, capture_id, key: _, rtp, records } = self.wrapping;
        format!("{node:?} {capture_id} {rtp} {records:?} {:?}", self.arguments.shift)
    }
}

fn survey(path: &Path, wrapping: &Wrapping) -> Result<Survey> {
    let source = Source::open(path, wrapping)?;
    let bytes = std::fs::metadata(path).map_or(0, |file| file.len());
    let bar = ProgressBar::new(bytes)
        .with_style(ProgressStyle::with_template("  {bar:30} reading {bytes} of {total_bytes}")?);
    let survey = source.survey(|bytes| bar.set_position(bytes))?;
    bar.finish_and_clear();
    Ok(survey)
}

fn tell_survey(path: &Path, survey: &Survey) {
    let counts = &survey.counts;
    let kinds: Vec<String> = [
        (counts.hep, "HEP"),
        (counts.sip, "SIP"),
        (counts.rtcp, "RTCP"),
        (counts.rtp, "RTP"),
        (counts.records, "call records"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, name)| format!("{} {name}", HumanCount(count)))
    .collect();
    let what = if kinds.is_empty() { "nothing to import".to_owned() } else { kinds.join(", ") };
    println!("{}: {}, {what}", path.display(), HumanBytes(survey.bytes));
    if let Some((first, last)) = survey.span {
        println!("  from {} to {}", timestamp(first), timestamp(last));
    }
    let note = |count: u64, what: &str| {
        if count > 0 {
            println!("  {} {what}", HumanCount(count));
        }
    };
    note(counts.others, "frames with something else, passed over");
    note(counts.rtp_left_out, "RTP packets left out; --rtp imports them");
    note(counts.broken, "packets that are broken or longer than HEP can carry, passed over");
    for warning in &survey.warnings {
        println!("  {warning}");
    }
}

/// The books: everything read was sent, everything sent has an answer.
fn tell_totals(state: &State) {
    let totals = &state.totals;
    print!("  read {}, stored {}", HumanCount(state.position), HumanCount(totals.stored));
    if totals.keepalives > 0 {
        print!(", {} signs of life with nothing to keep", HumanCount(totals.keepalives));
    }
    if totals.refused() == 0 {
        println!(", none refused");
    } else {
        let causes: Vec<String> =
            totals.refused.iter().map(|(cause, count)| format!("{cause} {count}")).collect();
        println!(", refused {} ({})", HumanCount(totals.refused()), causes.join(", "));
    }
    let unaccounted = state.position.abs_diff(totals.stored + totals.keepalives + totals.refused());
    if unaccounted > 0 {
        println!(
            "  {unaccounted} unaccounted for: the server counts other packets in these bytes than we do"
        );
    }
}

/// How times are moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shift {
    /// The last message ends now.
    Now,
    By(i64),
    /// The first message begins then.
    To(i64),
}

impl Shift {
    /// Microseconds to add.
    fn micros(self, survey: &Survey) -> i64 {
        match (self, survey.span) {
            (Self::By(micros), _) => micros,
            (Self::Now, Some((_, last))) => now_micros() - last,
            (Self::To(micros), Some((first, _))) => micros - first,
            (Self::Now | Self::To(_), None) => 0,
        }
    }
}

impl FromStr for Shift {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        if text.eq_ignore_ascii_case("now") {
            return Ok(Self::Now);
        }
        let wrong = || anyhow!("write now, a span as in +2h or -30m, or a time in RFC 3339");
        let (sign, span) = match text.as_bytes() {
            [b'+', ..] => (1, &text[1..]),
            [b'-', ..] => (-1, &text[1..]),
            _ => {
                let time: jiff::Timestamp = text.parse().map_err(|_| wrong())?;
                return Ok(Self::To(time.as_microsecond()));
            }
        };
        let unit = span.chars().last().ok_or_else(wrong)?;
        let seconds = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'w' => 7 * 86_400,
            _ => return Err(wrong()),
        };
        let number: i64 = span[..span.len() - 1].parse().map_err(|_| wrong())?;
        let micros = number.checked_mul(seconds * 1_000_000).filter(|_| number >= 0).ok_or_else(wrong)?;
        Ok(Self::By(sign * micros))
    }
}

fn timestamp(micros: i64) -> String {
    jiff::Timestamp::from_microsecond(micros).map_or_else(|_| micros.to_string(), |time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_read_as_people_write_them() {
        for (text, seconds) in
            [("+02:00", 7_200), ("-0330", -12_600), ("2", 7_200), ("0", 0), ("+14", 50_400)]
        {
            assert_eq!(utc_offset(text).expect(text), seconds);
        }
        for wrong in ["", "+", "25", "+02:60", "x", "1:2:3"] {
            assert!(utc_offset(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn shifts_are_read_as_the_help_says() {
        let read = |text: &str| text.parse::<Shift>();
        assert_eq!(read("now").expect("now"), Shift::Now);
        assert_eq!(read("+2h").expect("ahead"), Shift::By(7_200_000_000));
        assert_eq!(read("-30m").expect("back"), Shift::By(-1_800_000_000));
        assert_eq!(read("2020-06-24T05:16:26Z").expect("a time"), Shift::To(1_592_975_786_000_000));
        for wrong in ["", "+", "+h", "2h", "+2y", "--2h", "+-2h", "yesterday"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
