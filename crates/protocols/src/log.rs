//! Log lines: Kamailio hlog, OpenSIPS xlog (86 before 2020), syslog by heplify, hepipe.

use std::borrow::Cow;

use hep::Packet;
use model::{Field, Kind, Rows, Table};

use crate::flags::{BAD_JSON, BAD_UTF8};
use crate::json::{self, Json};
use crate::text;
use crate::{Draft, Protocol};

pub(crate) static PROTOCOL: Protocol = Protocol {
    name: "log",
    hep_types: &[100, 86],
    table: &TABLE,
    doc: "Log lines of proxies and hosts, joined to the calls they speak of",
    understand,
};

static TABLE: Table = Table {
    name: "log",
    doc: "Log lines",
    retention_days: 30,
    rows: Rows::PACKETS,
    fields: &[
        Field::new("level", Kind::Text, "Severity, by the names of RFC 5424 6.2.1 where one is recognised: emergency alert critical error warning notice info debug").facet(),
        Field::new("text", Kind::Text, "The line without colour codes and level; at most 8 KiB, raw has all of it"),
        Field::new("host", Kind::Text, "Machine of the line, of a syslog header (RFC 3164 4.1.2, RFC 5424 6.2.4)").facet(),
        Field::new("program", Kind::Text, "Program of the line, of a syslog header (RFC 3164 4.1.3, RFC 5424 6.2.5)").facet(),
    ],
};

/// A list shows a line or two and a search reads the start; a dump of 64 KiB need not be stored twice.
const TEXT_BYTES_MAX: usize = 8 * 1024;

/// The words agents write, and the severity each stands for.
const LEVELS: &[(&str, &str)] = &[
    ("emergency", "emergency"),
    ("emerg", "emergency"),
    ("panic", "emergency"),
    ("alert", "alert"),
    ("critical", "critical"),
    ("crit", "critical"),
    ("fatal", "critical"),
    ("error", "error"),
    ("err", "error"),
    ("bug", "error"),
    ("warning", "warning"),
    ("warn", "warning"),
    ("notice", "notice"),
    ("information", "info"),
    ("info", "info"),
    ("debug", "debug"),
    ("dbg", "debug"),
    ("trace", "debug"),
];

/// As the traces of OpenSIPS write them.
const OPENSIPS_LEVELS: &[&str] = &["ALERT", "CRITICAL", "ERROR", "WARNING", "NOTICE", "INFO", "DBG"];

/// By number (RFC 5424 6.2.1).
const SEVERITIES: [&str; 8] =
    ["emergency", "alert", "critical", "error", "warning", "notice", "info", "debug"];

fn understand<'a>(packet: &'a Packet<'a>, draft: &mut Draft<'a>) {
    let (line, is_replaced) = text::payload(draft.readable(&packet.payload));
    if is_replaced {
        draft.flag(BAD_UTF8);
    }
    let is_named = packet.correlation_id.is_some_and(|id| !id.trim_ascii().is_empty() && id != b"<null>");
    if !is_named && let Some(call_id) = call_id_inside(&line) {
        draft.set_call_id(Cow::Owned(call_id.to_owned()));
    }
    if let Some((level, text)) = event(&line, draft) {
        draft.push(level);
        draft.push(text.map(|text| shortened(Cow::Owned(text)).into_owned()));
        return;
    }
    let line = without_colours(line);
    let (level, rest_from) = level(&line);
    let (host, program) = syslog_header(line[rest_from..].trim_start());
    let (host, program) = (host.map(str::to_owned), program.map(str::to_owned));
    let text = match line {
        Cow::Borrowed(line) => Cow::Borrowed(line[rest_from..].trim()),
        Cow::Owned(line) => Cow::Owned(line[rest_from..].trim().to_owned()),
    };
    draft.push(level);
    draft.push((!text.is_empty()).then(|| shortened(text)));
    draft.push(host);
    draft.push(program);
}

/// The Call-ID where the agent gave none, by the patterns that heplify knows: `ID=<id>` and `ID=«id»` of scripts,
/// `: [id]: ` and `: [id port 30000]: ` of rtpengine.
fn call_id_inside(line: &str) -> Option<&str> {
    /// Shorter words between such signs are counters and states.
    const CALL_ID_BYTES_MIN: usize = 6;
    /// The longest that is read; a Call-ID above is no phone's.
    const CALL_ID_BYTES_MAX: usize = 256;
    /// Each costs a look at the rest of the line, which may be 64 KiB of such signs.
    const MARKS_MAX: usize = 16;
    let is_likely = |id: &&str| {
        (CALL_ID_BYTES_MIN..=CALL_ID_BYTES_MAX).contains(&id.len())
            && !id.contains(char::is_whitespace)
            // The clock of the kernel's log stands in such brackets too.
            && !id.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
    };
    let is_mark = |letter: char| matches!(letter, '<' | '>' | '«' | '»' | '"' | '\'' | '[' | ']' | '(' | ')');
    let marked = line.match_indices("ID=").filter(|(at, _)| {
        // `Call-ID=` and ` ID=`, but not `UUID=` or `GRID=`.
        line[..*at].chars().next_back().is_none_or(|letter| !letter.is_ascii_alphanumeric() && letter != '_')
    });
    let marked = marked.take(MARKS_MAX).map(|(at, mark)| {
        let rest = &line[at + mark.len()..];
        let end = rest.find(|letter: char| letter.is_whitespace() || matches!(letter, ',' | ';'));
        rest[..end.unwrap_or(rest.len())].trim_matches(is_mark)
    });
    let bracketed = line.match_indices(": [").take(MARKS_MAX).filter_map(|(at, mark)| {
        let rest = &line[at + mark.len()..];
        let inside = &rest[..rest.find(']')?];
        let inside = inside.split_once(" port ").map_or(inside, |(id, _)| id);
        Some(inside.trim_matches(is_mark))
    });
    marked.chain(bracketed).find(is_likely)
}

/// OpenSIPS without `homer5_on` sends `{"Event": "NOTICE", "text": "..."}`; others call the members differently.
fn event(line: &str, draft: &mut Draft<'_>) -> Option<(Option<&'static str>, Option<String>)> {
    if !line.trim_start().starts_with('{') {
        return None;
    }
    let read = json::read(line);
    let object =
        read.values.first().filter(|json| json.members().is_some_and(|members| !members.is_empty()))?;
    let member = |names: &[&str]| names.iter().find_map(|name| object.member(name)).and_then(Json::as_text);
    let text = member(&["text", "message", "msg"])?;
    if read.is_broken {
        draft.flag(BAD_JSON);
    }
    let level = member(&["Event", "level", "severity"]).and_then(named_level);
    Some((level, Some(without_colours(Cow::Borrowed(text)).trim().to_owned())))
}

/// A severity at the start of the line, and where the text behind it starts.
fn level(line: &str) -> (Option<&'static str>, usize) {
    if let Some((severity, from)) = syslog_priority(line) {
        return (Some(severity), from);
    }
    // `NOTICE:text` is how OpenSIPS joins level and text with its delimiter; `ERROR: text`, `[ERROR] text` are common.
    let start = line.len() - line.trim_start().len();
    let body = &line[start..];
    let (word_from, closing) = if body.starts_with('[') { (1, Some(']')) } else { (0, None) };
    let word_length = body[word_from..].find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(0);
    let word_end = word_from + word_length;
    let after = body[word_end..].chars().next();
    let is_marked = match (closing, after) {
        (Some(closing), after) => after == Some(closing),
        (None, Some(':' | '|')) => true,
        // Any other sign may be the delimiter that the administrator of OpenSIPS chose.
        (None, Some(after)) => OPENSIPS_LEVELS.contains(&&body[..word_end]) && after.is_ascii_punctuation(),
        (None, None) => false,
    };
    if is_marked && let Some(level) = named_level(&body[word_from..word_end]) {
        let mark = after.map_or(0, char::len_utf8);
        // `##` is as good a delimiter as `#`.
        let repeated = body[word_end + mark..].find(|letter| Some(letter) != after).unwrap_or(0);
        return (Some(level), start + word_end + mark + repeated);
    }
    (level_inside(body), 0)
}

/// `<134>`: facility times eight plus severity (RFC 5424 6.2.1).
fn syslog_priority(line: &str) -> Option<(&'static str, usize)> {
    const PRIORITY_MAX: usize = 191;
    let (number, _) = line.strip_prefix('<')?.split_once('>')?;
    if number.is_empty() || number.len() > 3 {
        return None;
    }
    let priority = number.parse::<usize>().ok().filter(|priority| *priority <= PRIORITY_MAX)?;
    Some((SEVERITIES[priority % SEVERITIES.len()], number.len() + 2))
}

/// Host and program of a syslog line behind its priority. RFC 5424 6.2: `1 time host program process id`; RFC 3164 4.1:
/// `Mmm dd hh:mm:ss host program[process]: `.
fn syslog_header(line: &str) -> (Option<&str>, Option<&str>) {
    const MONTHS: &[&str] =
        &["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let present = |word: &&str| !word.is_empty() && *word != "-";
    let mut words = line.split_ascii_whitespace();
    match words.next() {
        Some("1") => {
            let is_time = |word: &str| word == "-" || word.contains('T') && word.contains(':');
            if !words.next().is_some_and(is_time) {
                return (None, None);
            }
            (words.next().filter(present), words.next().filter(present))
        }
        Some(month) if MONTHS.contains(&month) => {
            let is_day = words.next().is_some_and(|day| day.parse::<u8>().is_ok());
            let is_time = words.next().is_some_and(|time| time.len() >= 8 && time.matches(':').count() == 2);
            if !is_day || !is_time {
                return (None, None);
            }
            let host = words.next().filter(|word| !word.ends_with(':'));
            let tag = words.next().filter(|word| word.contains([':', '[']));
            (host, tag.and_then(|tag| tag.split([':', '[']).next()).filter(present))
        }
        _ => (None, None),
    }
}

/// `kamailio[12]: ERROR: ...`: a level in capitals with a colon or in brackets, among the first words.
fn level_inside(line: &str) -> Option<&'static str> {
    const WORDS_MAX: usize = 8;
    line.split_whitespace().take(WORDS_MAX).find_map(|word| {
        let bare = word.trim_matches(|letter: char| !letter.is_ascii_alphabetic());
        let is_marked = word.len() > bare.len() && word.ends_with([':', ']', '|', '>']);
        let is_capital = bare.bytes().all(|byte| byte.is_ascii_uppercase());
        if is_marked && is_capital { named_level(bare) } else { None }
    })
}

fn named_level(word: &str) -> Option<&'static str> {
    let word = word.trim().trim_end_matches(':');
    LEVELS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, level)| *level)
}

/// Without terminal control sequences: ESC `[` parameters, ended by a letter (ECMA-48 5.4), and lone ESC.
fn without_colours(line: Cow<'_, str>) -> Cow<'_, str> {
    const ESCAPE: char = '\u{1b}';
    if !line.contains(ESCAPE) {
        return line;
    }
    let mut plain = String::with_capacity(line.len());
    let mut rest = line.as_ref();
    while let Some((before, after)) = rest.split_once(ESCAPE) {
        plain.push_str(before);
        rest = match after.strip_prefix('[') {
            Some(sequence) => {
                let end =
                    sequence.find(|letter: char| !matches!(letter, ' '..='?')).unwrap_or(sequence.len());
                let mut letters = sequence[end..].chars();
                // The final byte belongs to the sequence.
                if letters.clone().next().is_some_and(|letter| matches!(letter, '@'..='~')) {
                    letters.next();
                }
                letters.as_str()
            }
            None => after,
        };
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

fn shortened(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.len() <= TEXT_BYTES_MAX {
        return text;
    }
    let mut end = TEXT_BYTES_MAX;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(&text[..end]),
        Cow::Owned(mut text) => {
            text.truncate(end);
            Cow::Owned(text)
        }
    }
}
