//! The call ladder for a terminal: hosts as columns, time on the left, one arrow a message. Pure: JSON of
//! `/api/v1/call/{id}` in, text out.

use std::collections::HashMap;

use serde_json::Value;

use crate::{findings, legs, quality};

/// Width of the time column, in cells.
const TIME_WIDTH: usize = 15;
/// Narrower lanes could not carry a label such as `407 Proxy Authentication Required`.
const LANE_WIDTH_MIN: usize = 24;
const LANE_WIDTH_MAX: usize = 44;

/// Colours carry meaning and are never alone: the label says the same.
#[derive(Clone, Copy)]
enum Colour {
    Plain,
    Grey,
    Green,
    Blue,
    Amber,
    Red,
    Purple,
    Cyan,
}

/// Draws the ladder `width` cells wide; with terminal colours if asked.
pub(crate) fn draw(call: &Value, width: usize, colours: bool) -> String {
    let hosts = Hosts::of(call);
    let mut canvas = Canvas::new(&hosts, width, colours);
    canvas.head(call, width);
    let mut previous = None;
    for message in folded(call) {
        canvas.message(&message, previous);
        previous = Some(message.time);
    }
    canvas.foot();
    canvas.text
}

/// A ladder that grows: messages of any calls as they come in.
pub(crate) struct Growing {
    hosts: Hosts,
    /// Place of each host in the order of who spoke last.
    spoke: Vec<u64>,
    messages: u64,
    width: usize,
    colours: bool,
}

impl Growing {
    pub(crate) fn new(width: usize, colours: bool) -> Self {
        let hosts = Hosts { names: Vec::new(), by_port: false, aliases: HashMap::new() };
        Self { hosts, spoke: Vec::new(), messages: 0, width, colours }
    }

    /// What to print for the next message: its row, below new heads if the columns have changed.
    pub(crate) fn row(&mut self, message: &Value) -> String {
        let changed = self.find_columns(message);
        let mut canvas = Canvas::new(&self.hosts, self.width, self.colours);
        if changed {
            if self.messages > 0 {
                canvas.text.push('\n');
            }
            canvas.heads();
        }
        self.messages += 1;
        canvas.message(&Row { message, time: 0, repeats: 0, witnesses: 0 }, None);
        canvas.text
    }

    /// Gives the hosts of the message columns; where there are too many, those that were silent longest lose theirs.
    fn find_columns(&mut self, message: &Value) -> bool {
        let mut changed = false;
        let to_itself = message["src_ip"] == message["dst_ip"] && message["src_ip"].is_string();
        if to_itself && !self.hosts.by_port && message["table"] == "sip" {
            self.hosts = Hosts { names: Vec::new(), by_port: true, aliases: HashMap::new() };
            self.spoke.clear();
            changed = true;
        }
        let longest = self.hosts.names.iter().map(|host| host.chars().count()).max().unwrap_or(0);
        let lane = LANE_WIDTH_MIN.max(longest + 2);
        let most = (self.width.saturating_sub(TIME_WIDTH) / lane).max(2);
        for name in self.hosts.ends(message).into_iter().flatten() {
            let place = match self.hosts.names.iter().position(|known| *known == name) {
                Some(place) => place,
                None => {
                    changed = true;
                    if self.hosts.names.len() >= most
                        && let Some(silent) = (0..self.spoke.len()).min_by_key(|place| self.spoke[*place])
                    {
                        self.hosts.names.remove(silent);
                        self.spoke.remove(silent);
                    }
                    self.hosts.names.push(name);
                    self.spoke.push(0);
                    self.hosts.names.len() - 1
                }
            };
            self.spoke[place] = self.messages + 1;
        }
        changed
    }
}

/// The columns: one a host, in the order they spoke. By address; by address and port where a host talks to itself,
/// as in a laboratory on one machine. Where a host tells of what happened inside it, those who took part (`session 1`).
struct Hosts {
    names: Vec<String>,
    by_port: bool,
    /// What people call them.
    aliases: HashMap<String, String>,
}

impl Hosts {
    fn of(call: &Value) -> Self {
        let messages = || call["messages"].as_array().into_iter().flatten();
        let signalling = || messages().filter(|message| message["table"] == "sip");
        let by_port = signalling()
            .any(|message| message["src_ip"] == message["dst_ip"] && message["src_ip"].is_string());
        let mut hosts = Self { names: Vec::new(), by_port, aliases: HashMap::new() };
        // Reports and logs alone still make a picture.
        let speakers: Vec<&Value> = if signalling().next().is_some() {
            signalling().chain(messages().filter(|message| !actors(message).is_empty())).collect()
        } else {
            messages().collect()
        };
        for message in speakers {
            for name in hosts.ends(message).into_iter().flatten() {
                if !hosts.names.contains(&name) {
                    hosts.names.push(name);
                }
            }
        }
        hosts.aliases = hosts.aliases_of(call);
        hosts
    }

    /// Those of addresses the server tells for all of the call; those of ports the messages do.
    fn aliases_of(&self, call: &Value) -> HashMap<String, String> {
        let list = |name: &str| call[name].as_array().into_iter().flatten();
        let of_address = |host: &Value| Some((host["id"].as_str()?.to_owned(), alias(&host["alias"])?));
        let of_port = |message: &Value, side: &str| {
            Some((self.host(message, side)?, alias(&message[format!("{side}_alias")])?))
        };
        match self.by_port {
            false => list("hosts").filter_map(of_address).collect(),
            true => list("messages")
                .flat_map(|message| ["src", "dst"].map(|side| of_port(message, side)))
                .flatten()
                .collect(),
        }
    }

    /// The names at both ends of a message; of what has a single actor, one.
    fn ends(&self, message: &Value) -> [Option<String>; 2] {
        match actors(message).as_slice() {
            [] => ["src", "dst"].map(|side| self.host(message, side)),
            [alone] => [Some(alone.clone()), None],
            [first, .., last] => [Some(first.clone()), Some(last.clone())],
        }
    }

    fn host(&self, message: &Value, side: &str) -> Option<String> {
        let ip = message[format!("{side}_ip")].as_str()?;
        let port = message[format!("{side}_port")].as_u64().filter(|_| self.by_port);
        Some(match port {
            Some(port) if ip.contains(':') => format!("[{ip}]:{port}"),
            Some(port) => format!("{ip}:{port}"),
            None => ip.to_owned(),
        })
    }

    fn indexes(&self, message: &Value) -> [Option<usize>; 2] {
        self.ends(message).map(|name| self.names.iter().position(|known| Some(known) == name.as_ref()))
    }
}

/// One line, and no more than a column has room for.
fn alias(value: &Value) -> Option<String> {
    let text: String = value.as_str()?.chars().filter(|letter| !letter.is_control()).collect();
    let fits = text.chars().count() <= LANE_WIDTH_MAX - 2;
    Some(if fits { text } else { text.chars().take(LANE_WIDTH_MAX - 3).chain(['…']).collect() })
}

fn actors(message: &Value) -> Vec<String> {
    let actors = message["actors"].as_array().into_iter().flatten();
    actors.filter_map(|actor| actor.as_str().map(str::to_owned)).collect()
}

/// One row of the ladder: a message, how often it was repeated, and how many capture points saw it.
struct Row<'a> {
    message: &'a Value,
    /// Microseconds since the first message of the call.
    time: i64,
    repeats: usize,
    witnesses: usize,
}

/// Retransmissions and further sightings disappear into the row of the message they repeat or show.
fn folded(call: &Value) -> Vec<Row<'_>> {
    let mut rows: Vec<Row<'_>> = Vec::new();
    let messages = call["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let start = messages.first().and_then(|message| micros(&message["ts"])).unwrap_or(0);
    let is_known = |id: &Value| !id.is_null() && messages.iter().any(|message| message["id"] == *id);
    for message in messages {
        let (repeated, seen) = (&message["retransmission_of"], &message["witness_of"]);
        if let Some(row) = rows.iter_mut().find(|row| is_known(repeated) && row.message["id"] == *repeated) {
            row.repeats += 1;
        } else if is_known(seen) {
            // Of a repetition, which is folded itself, only the repetition counts.
            if let Some(row) = rows.iter_mut().find(|row| row.message["id"] == *seen) {
                row.witnesses += 1;
            }
        } else {
            let time = micros(&message["ts"]).unwrap_or(start) - start;
            rows.push(Row { message, time, repeats: 0, witnesses: 1 });
        }
    }
    rows
}

/// What a line between two lanes is drawn of.
#[derive(Clone, Copy)]
struct Stroke {
    line: char,
    left: char,
    right: char,
}

impl Stroke {
    const SIGNAL: Self = Self { line: '─', left: '◀', right: '▶' };
    const REPORT: Self = Self { line: '┄', ..Self::SIGNAL };
    /// What happened between actors went neither way.
    const BETWEEN: Self = Self { line: '┄', left: '┄', right: '┄' };
}

struct Canvas<'a> {
    hosts: &'a Hosts,
    lane: usize,
    colours: bool,
    text: String,
}

impl<'a> Canvas<'a> {
    fn new(hosts: &'a Hosts, width: usize, colours: bool) -> Self {
        let gaps = hosts.names.len().saturating_sub(1).max(1);
        let heads = hosts.names.iter().chain(hosts.aliases.values());
        let longest = heads.map(|head| head.chars().count()).max().unwrap_or(0);
        let fits = width.saturating_sub(TIME_WIDTH + longest) / gaps;
        let lane = fits.clamp(LANE_WIDTH_MIN.max(longest + 2), LANE_WIDTH_MAX.max(longest + 2));
        Self { hosts, lane, colours, text: String::new() }
    }

    fn head(&mut self, call: &Value, width: usize) {
        let summary = &call["summary"];
        let word = |name: &str| match &summary[name] {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => String::new(),
        };
        let title = format!("Call {}", call["call_id"].as_str().unwrap_or_default());
        self.line(&paint(&title, Colour::Plain, self.colours, true));
        // Without SIP, as of Janus or rtpengine alone, there is no caller and no outcome to name.
        let ends = [word("from_user"), word("to_user")];
        let is_sip = ends.iter().any(|end| !end.is_empty())
            || call["messages"].as_array().is_some_and(|list| list.iter().any(|one| one["table"] == "sip"));
        let parties =
            is_sip.then(|| [format!("{} -> {}", or_unknown(&ends[0]), or_unknown(&ends[1])), word("state")]);
        let facts = [
            word("status"),
            summary["duration_ms"]
                .as_f64()
                .map_or_else(String::new, |value| format!("{:.1} s", value / 1000.0)),
            call["messages"][0]["ts"].as_str().unwrap_or_default().to_owned(),
        ];
        let outcome: Vec<String> =
            parties.into_iter().flatten().chain(facts).filter(|part| !part.is_empty()).collect();
        self.line(&outcome.join(", "));
        self.text.push('\n');
        self.findings(call, width);
        self.legs(call);
        self.quality(call);
        self.heads();
    }

    fn findings(&mut self, call: &Value, width: usize) {
        let lines = findings::lines(call, width);
        if lines.is_empty() {
            return;
        }
        for line in lines {
            let (colour, bold) = match line.severity.as_deref() {
                Some("error") => (Colour::Red, true),
                Some("warning") => (Colour::Amber, true),
                Some(_) => (Colour::Plain, true),
                None => (Colour::Plain, false),
            };
            self.line(&paint(&line.text, colour, self.colours, bold));
        }
        self.text.push('\n');
    }

    fn legs(&mut self, call: &Value) {
        let lines = legs::lines(call);
        for line in &lines {
            self.line(line);
        }
        if !lines.is_empty() {
            self.text.push('\n');
        }
    }

    fn quality(&mut self, call: &Value) {
        let lines = quality::lines(call);
        if lines.is_empty() {
            return;
        }
        for line in lines {
            self.line(&line);
        }
        self.text.push('\n');
    }

    /// The names of the hosts above their lanes, and above these what people call them.
    fn heads(&mut self) {
        let hosts = self.hosts;
        let alias = |host: &String| hosts.aliases.get(host).map_or("", String::as_str);
        let aliases: Vec<&str> = hosts.names.iter().map(alias).collect();
        if aliases.iter().any(|alias| !alias.is_empty()) {
            self.above_lanes(&aliases);
        }
        self.above_lanes(&hosts.names.iter().map(String::as_str).collect::<Vec<_>>());
    }

    fn above_lanes(&mut self, texts: &[&str]) {
        let mut heads = " ".repeat(TIME_WIDTH);
        for (index, text) in texts.iter().enumerate() {
            let centre = self.centre(index);
            let start = centre
                .saturating_sub(text.chars().count() / 2)
                .max(heads.chars().count() + usize::from(index > 0));
            heads.push_str(&" ".repeat(start - heads.chars().count()));
            heads.push_str(text);
        }
        self.line(&heads);
    }

    fn message(&mut self, row: &Row<'_>, previous: Option<i64>) {
        let message = row.message;
        let time = previous.map_or_else(|| clock(&message["ts"]), |before| delta(row.time - before));
        let mut label = message["label"].as_str().unwrap_or("?").replace(char::is_control, " ");
        if row.repeats > 0 {
            label.push_str(&format!(" x{}", row.repeats + 1));
        }
        if row.witnesses > 1 {
            label.push_str(&format!(" ({} witnesses)", row.witnesses));
        }
        let colour = colour(message);
        let [from, to] = self.hosts.indexes(message);
        let mut line = format!("{time:>width$} ", width = TIME_WIDTH - 1);
        match (from, to) {
            (Some(from), Some(to)) if from != to && message["table"] != "log" => {
                let stroke = if !actors(message).is_empty() {
                    Stroke::BETWEEN
                } else if message["table"] == "sip" {
                    Stroke::SIGNAL
                } else {
                    Stroke::REPORT
                };
                self.arrow(&mut line, from, to, &label, colour, stroke);
            }
            (at, _) => self.note(&mut line, at.unwrap_or(0), &label, colour),
        }
        self.line(&line);
    }

    /// `|----- INVITE ----->|` between two lanes; the other lanes go through as bars.
    fn arrow(&self, line: &mut String, from: usize, to: usize, label: &str, colour: Colour, stroke: Stroke) {
        let (left, right) = (from.min(to), from.max(to));
        let room = self.centre(right) - self.centre(left) - 1;
        let label: String = label.chars().take(room.saturating_sub(6)).collect();
        let label = format!(" {label} ");
        let strokes = room - 1 - label.chars().count();
        let before: String = std::iter::repeat_n(stroke.line, strokes / 2).collect();
        let after: String = std::iter::repeat_n(stroke.line, strokes - strokes / 2).collect();
        let arrow = if from < to {
            format!("{before}{label}{after}{}", stroke.right)
        } else {
            format!("{}{before}{label}{after}", stroke.left)
        };
        self.bars(line, 0, left);
        line.push('│');
        line.push_str(&paint(&arrow, colour, self.colours, false));
        line.push('│');
        self.bars_after(line, right);
    }

    /// Text beside one lane: logs, and messages a host sent to itself.
    fn note(&self, line: &mut String, at: usize, label: &str, colour: Colour) {
        self.bars(line, 0, at);
        line.push('│');
        line.push(' ');
        line.push_str(&paint(label, colour, self.colours, false));
    }

    /// The lanes `from..to` as bars, with the blanks before each and before lane `to`.
    fn bars(&self, line: &mut String, from: usize, to: usize) {
        for index in from..=to {
            let gap = if index == 0 { self.centre(0) - TIME_WIDTH } else { self.lane - 1 };
            line.push_str(&" ".repeat(gap));
            if index < to {
                line.push('│');
            }
        }
    }

    fn bars_after(&self, line: &mut String, lane: usize) {
        for _ in lane + 1..self.hosts.names.len() {
            line.push_str(&" ".repeat(self.lane - 1));
            line.push('│');
        }
    }

    fn foot(&mut self) {
        let mut line = " ".repeat(TIME_WIDTH);
        self.bars(&mut line, 0, self.hosts.names.len().saturating_sub(1));
        if !self.hosts.names.is_empty() {
            line.push('│');
        }
        self.line(&line);
    }

    /// The cell of a lane's bar.
    fn centre(&self, lane: usize) -> usize {
        let first = self.hosts.names.first();
        let alias = first.and_then(|host| self.hosts.aliases.get(host));
        let first = first.into_iter().chain(alias).map(|head| head.chars().count() / 2).max().unwrap_or(0);
        TIME_WIDTH + first + lane * self.lane
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }
}

/// By class of reply (RFC 3261 section 7.2); requests plain, challenges purple, everything that is not SIP cyan.
fn colour(message: &Value) -> Colour {
    if message["table"] != "sip" {
        return Colour::Cyan;
    }
    match message["status"].as_u64() {
        None => Colour::Plain,
        Some(401 | 407) => Colour::Purple,
        Some(100..=199) => Colour::Grey,
        Some(200..=299) => Colour::Green,
        Some(300..=399) => Colour::Blue,
        Some(400..=499) => Colour::Amber,
        Some(_) => Colour::Red,
    }
}

/// A text about a message in the message's colour.
pub(crate) fn coloured(text: &str, message: &Value, colours: bool) -> String {
    paint(text, colour(message), colours, false)
}

fn paint(text: &str, colour: Colour, colours: bool, bold: bool) -> String {
    if !colours {
        return text.to_owned();
    }
    let code = match colour {
        Colour::Plain => "",
        Colour::Grey => "90",
        Colour::Green => "32",
        Colour::Blue => "34",
        Colour::Amber => "33",
        Colour::Red => "31",
        Colour::Purple => "35",
        Colour::Cyan => "36",
    };
    let codes: Vec<&str> =
        [code, if bold { "1" } else { "" }].into_iter().filter(|code| !code.is_empty()).collect();
    if codes.is_empty() { text.to_owned() } else { format!("\x1b[{}m{text}\x1b[0m", codes.join(";")) }
}

/// The time of day of an RFC 3339 text, to the millisecond.
fn clock(value: &Value) -> String {
    value.as_str().and_then(|text| text.get(11..23)).unwrap_or("-").to_owned()
}

fn delta(micros: i64) -> String {
    let seconds = micros as f64 / 1e6;
    if seconds.abs() < 100.0 { format!("+{seconds:.3}") } else { format!("+{seconds:.0}") }
}

fn micros(value: &Value) -> Option<i64> {
    let time: jiff::Timestamp = value.as_str()?.parse().ok()?;
    Some(time.as_microsecond())
}

fn or_unknown(text: &str) -> &str {
    if text.is_empty() { "?" } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn call() -> Value {
        let message = |id: u32,
                       ts: &str,
                       from: &str,
                       to: &str,
                       label: &str,
                       table: &str,
                       status: Option<u16>,
                       of: Option<u32>| {
            json!({"id": id.to_string(), "ts": ts, "src_ip": from, "src_port": 5060, "dst_ip": to, "dst_port": 5060, "label": label, "table": table,
                "status": status, "retransmission_of": of.map(|id| id.to_string())})
        };
        json!({
            "call_id": "a@b",
            "summary": {"from_user": "alice", "to_user": "bob", "state": "answered", "status": 200, "duration_ms": 1500},
            "messages": [
                message(1, "2026-11-21T03:00:00.000000Z", "10.0.0.1", "10.0.0.2", "INVITE", "sip", None, None),
                message(2, "2026-11-21T03:00:00.500000Z", "10.0.0.1", "10.0.0.2", "INVITE", "sip", None, Some(1)),
                message(3, "2026-11-21T03:00:00.510000Z", "10.0.0.2", "10.0.0.3", "INVITE", "sip", None, None),
                message(4, "2026-11-21T03:00:01.500000Z", "10.0.0.3", "10.0.0.1", "200 OK", "sip", Some(200), None),
                message(5, "2026-11-21T03:00:01.600000Z", "10.0.0.2", "10.0.0.2", "route: gateway 3", "log", None, None),
            ]
        })
    }

    #[test]
    fn draws_hosts_arrows_folds_and_notes() {
        let drawn = draw(&call(), 90, false);
        let expected = "\
Call a@b
alice -> bob, answered, 200, 1.5 s, 2026-11-21T03:00:00.000000Z

               10.0.0.1                         10.0.0.2                         10.0.0.3
  03:00:00.000     │────────── INVITE x2 ──────────▶│                                │
        +0.510     │                                │─────────── INVITE ────────────▶│
";
        for (line, wanted) in drawn.lines().zip(expected.lines()) {
            assert_eq!(line.trim_end(), wanted.trim_end(), "\n{drawn}");
        }
        let width = |line: &str| line.chars().count();
        let arrows: Vec<&str> =
            drawn.lines().filter(|line| line.contains('▶') || line.contains('◀')).collect();
        assert_eq!(arrows.len(), 3, "{drawn}");
        assert!(
            arrows.iter().all(|line| width(line) == width(arrows[0])),
            "every row ends at the same lane:\n{drawn}"
        );
        assert!(drawn.contains("◀") && drawn.contains("200 OK"), "{drawn}");
        assert!(drawn.contains("│ route: gateway 3"), "{drawn}");
    }

    #[test]
    fn aliases_stand_above_the_addresses() {
        let mut call = call();
        call["hosts"] = json!([
            {"id": "10.0.0.1", "label": "10.0.0.1", "alias": "phones in Berlin"},
            {"id": "10.0.0.2", "label": "10.0.0.2", "alias": null},
            {"id": "10.0.0.3", "label": "10.0.0.3", "alias": "Carrier A"},
        ]);
        let drawn = draw(&call, 100, false);
        let heads: Vec<&str> = drawn.lines().skip(3).take(2).collect();
        let words = |line: &str| -> Vec<String> {
            line.split("  ").map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect()
        };
        assert_eq!(words(heads[0]), ["phones in Berlin", "Carrier A"], "\n{drawn}");
        assert_eq!(words(heads[1]), ["10.0.0.1", "10.0.0.2", "10.0.0.3"], "\n{drawn}");
        let middle = |line: &str, word: &str| {
            let start = line.find(word).expect("there") + word.len() / 2;
            i64::try_from(start).expect("small")
        };
        for (alias, host) in [("phones in Berlin", "10.0.0.1"), ("Carrier A", "10.0.0.3")] {
            assert!((middle(heads[0], alias) - middle(heads[1], host)).abs() <= 1, "\n{drawn}");
        }
        // Of a host that talks to itself each port has its own.
        let message = &mut call["messages"][0];
        message["dst_ip"] = message["src_ip"].clone();
        message["dst_port"] = json!(5070);
        message["dst_alias"] = json!("the lab");
        let drawn = draw(&call, 100, false);
        assert!(drawn.contains("the lab") && !drawn.contains("phones in Berlin"), "\n{drawn}");
    }

    #[test]
    fn what_happens_inside_a_host_is_drawn_between_its_actors() {
        let event = |second: u32, label: &str, actors: &[&str]| {
            json!({"id": second, "ts": format!("2026-11-21T03:00:0{second}.000000Z"), "src_ip": "10.0.0.9", "src_port": 0,
                "dst_ip": "10.0.0.9", "dst_port": 0, "label": label, "table": "event", "actors": actors})
        };
        let mut call = json!({"call_id": "room", "messages": [
            event(1, "attached", &["session 1", "handle 2"]),
            event(2, "ready", &["session 3", "handle 4"]),
            event(3, "destroyed", &["session 1"]),
        ]});
        let drawn = draw(&call, 100, false);
        assert!(drawn.starts_with("Call room\n2026-11-21T03:00:01"), "nobody called anybody:\n{drawn}");
        let expected = "\
               session 1                handle 2                 session 3                handle 4
  03:00:01.000     │┄┄┄┄┄┄ attached ┄┄┄┄┄┄┄┄│                        │                        │
        +1.000     │                        │                        │┄┄┄┄┄┄┄┄ ready ┄┄┄┄┄┄┄┄┄│
        +1.000     │ destroyed
";
        assert!(drawn.contains(expected), "\n{drawn}");
        // Beside signalling they come after its hosts; the host they are in is none of them.
        let signalling = json!({"id": "9", "ts": "2026-11-21T03:00:05.000000Z", "src_ip": "10.0.0.1", "src_port": 5060,
            "dst_ip": "10.0.0.2", "dst_port": 5060, "label": "INVITE", "table": "sip"});
        call["messages"].as_array_mut().expect("messages").push(signalling);
        let drawn = draw(&call, 100, false);
        let heads = drawn.lines().nth(3).unwrap_or_default();
        let names: Vec<&str> = heads.split("  ").map(str::trim).filter(|name| !name.is_empty()).collect();
        assert_eq!(names, ["10.0.0.1", "10.0.0.2", "session 1", "handle 2", "session 3", "handle 4"]);
    }

    #[test]
    fn further_sightings_fold_into_the_first() {
        let mut call = call();
        let messages = call["messages"].as_array_mut().expect("messages");
        for (id, of) in [("6", "1"), ("7", "2"), ("8", "gone")] {
            let mut witness = messages[0].clone();
            witness["id"] = json!(id);
            witness["witness_of"] = json!(of);
            messages.push(witness);
        }
        let drawn = draw(&call, 90, false);
        assert!(drawn.contains(" INVITE x2 (2 witnesses) "), "{drawn}");
        let invites = drawn.lines().filter(|line| line.contains("INVITE")).count();
        assert_eq!(invites, 3, "that of the unknown stays:\n{drawn}");
    }

    #[test]
    fn a_growing_ladder_gets_columns_as_hosts_speak() {
        let message = |from: &str, to: &str, label: &str| {
            json!({"ts": "2026-11-21T03:00:00.000000Z", "src_ip": from, "src_port": 5060, "dst_ip": to, "dst_port": 5060,
                "label": label, "table": "sip"})
        };
        let mut ladder = Growing::new(80, false);
        let first = ladder.row(&message("10.0.0.1", "10.0.0.2", "INVITE"));
        assert!(
            first.contains("10.0.0.1") && first.contains("10.0.0.2") && first.contains("INVITE"),
            "{first}"
        );
        let second = ladder.row(&message("10.0.0.2", "10.0.0.1", "100 Trying"));
        assert_eq!(second.lines().count(), 1, "the columns stay: {second}");
        assert!(second.contains('◀') && second.contains("03:00:00.000"), "{second}");
        let third = ladder.row(&message("10.0.0.2", "10.0.0.3", "INVITE"));
        assert!(third.contains("10.0.0.3"), "a new host, new heads: {third}");
        // Wider than the terminal: who was silent longest goes.
        for host in 4..20 {
            let row = ladder.row(&message("10.0.0.2", &format!("10.0.0.{host}"), "OPTIONS"));
            assert!(row.lines().all(|line| line.chars().count() <= 80), "{row}");
            assert!(row.contains("10.0.0.2") && row.contains(&format!("10.0.0.{host}")), "{row}");
        }
        let own = ladder.row(&message("10.0.0.2", "10.0.0.2", "OPTIONS"));
        assert!(own.contains("10.0.0.2:5060"), "by port, once a host talks to itself: {own}");
    }

    #[test]
    fn survives_a_call_without_hosts_or_messages() {
        assert!(draw(&json!({"call_id": "x"}), 80, true).contains("Call x"));
        assert!(
            draw(&json!({"call_id": "x", "messages": [{"label": "INVITE", "src_ip": "h"}]}), 10, true)
                .contains("INVITE")
        );
    }
}
