//! Call records as lines of separated values, such as Asterisk's `Master.csv`, made into the JSON that the type of call
//! records carries. The columns of such a file are its administrator's choice, so they are given by name.

use std::fmt;

use model::Micros;

use crate::civil_time;
use crate::extra::Extra;

/// What `cdr_custom.conf` maps in the documentation of HOMER: the columns of Asterisk's own `Master.csv`, followed by
/// the number of the record, the Call-ID and the RTCP summary that the dialplan put in.
const ASTERISK: &[&str] = &[
    "clid",
    "src",
    "dst",
    "dcontext",
    "channel",
    "dstchannel",
    "lastapp",
    "lastdata",
    "start",
    "answer",
    "end",
    "duration",
    "billsec",
    "disposition",
    "amaflags",
    "accountcode",
    "uniqueid",
    "userfield",
    "sequence",
    "callid",
    "rtcpinfo",
];

/// More columns than any mapping has; a line of nothing but commas has 64 Ki.
const COLUMNS_MAX: usize = 256;

/// Names that are times, which have no zone in such files.
const TIMES: &[&str] =
    &["start", "answer", "end", "calldate", "start_time", "answer_time", "end_time", "created", "time"];

/// Which name each column has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    /// Empty for a column that is left out.
    names: Vec<String>,
    offset_seconds: i32,
}

/// One record.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// A JSON object of the columns that have a name and a value: the payload of a packet of call records.
    pub payload: String,
    /// The Call-ID, for the correlation id of the packet.
    pub call_id: Option<String>,
    /// When the call ended, else when it began: when such a record is written.
    pub time: Option<Micros>,
    /// How many fields the line has, named or not.
    pub fields: usize,
}

/// Why a mapping or a line cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CsvError {
    /// The mapping names no column.
    NoColumns(String),
    TooManyColumns(usize),
    /// The line has nothing in it.
    Empty,
    /// A quoted field does not end: the record goes on in the next line, or is damaged.
    OpenQuote,
}

impl std::error::Error for CsvError {}

impl fmt::Display for CsvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoColumns(mapping) => write!(f, "the mapping names no column: {mapping:?}"),
            Self::TooManyColumns(count) => write!(f, "{count} columns are more than {COLUMNS_MAX}"),
            Self::Empty => write!(f, "the line is empty"),
            Self::OpenQuote => write!(f, "a quoted field does not end"),
        }
    }
}

impl Columns {
    /// Those of Asterisk, with `callid` and `rtcpinfo` at the end; files with fewer columns fit too.
    pub fn asterisk() -> Self {
        Self { names: ASTERISK.iter().map(|name| (*name).to_owned()).collect(), offset_seconds: 0 }
    }

    /// Names with commas between them (`src,dst,,duration`; nothing leaves a column out), or a line of
    /// `cdr_custom.conf` as it stands (`Master.csv => ${CSV_QUOTE(${CDR(clid)})},${CDR(src)}`).
    pub fn parse(mapping: &str) -> Result<Self, CsvError> {
        let columns = mapping.split_once("=>").map_or(mapping, |(_, columns)| columns).trim();
        let names: Vec<String> = columns.split(',').map(column_name).collect();
        if names.len() > COLUMNS_MAX {
            return Err(CsvError::TooManyColumns(names.len()));
        }
        if names.iter().all(String::is_empty) {
            return Err(CsvError::NoColumns(mapping.to_owned()));
        }
        Ok(Self { names, offset_seconds: 0 })
    }

    /// How far the clock of the file is ahead of UTC: the times in it have no zone.
    #[must_use]
    pub fn with_offset_seconds(self, offset_seconds: i32) -> Self {
        Self { offset_seconds, ..self }
    }

    /// One record, without its line end. Fields beyond the mapping are left out.
    pub fn read(&self, record: &str) -> Result<Line, CsvError> {
        let record = record.trim_end_matches(['\r', '\n']);
        if record.trim().is_empty() {
            return Err(CsvError::Empty);
        }
        let fields = fields(record)?;
        let mut object = Extra::default();
        let (mut call_id, mut begin, mut end) = (None, None, None);
        for (name, value) in
            self.names.iter().zip(&fields).filter(|(name, value)| !name.is_empty() && !value.is_empty())
        {
            let time = TIMES
                .contains(&name.as_str())
                .then(|| civil_time::read(value, self.offset_seconds))
                .flatten();
            match time {
                Some(time) => object.text(name, &time.to_string()),
                None => object.text(name, value),
            }
            match name.as_str() {
                "callid" | "call_id" | "sip_call_id" | "sip_callid" => call_id = Some(value.clone()),
                "end" | "end_time" => end = time,
                "start" | "start_time" | "calldate" => begin = time,
                _ => {}
            }
        }
        let payload = object.finish().ok_or(CsvError::Empty)?;
        Ok(Line { payload, call_id, time: end.or(begin), fields: fields.len() })
    }
}

/// The records of a file: lines, but a line end inside quotes belongs to its field.
pub fn records(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            if rest.is_empty() {
                return None;
            }
            let mut is_quoted = false;
            let end = rest.bytes().position(|byte| {
                is_quoted ^= byte == b'"';
                byte == b'\n' && !is_quoted
            });
            let (record, after) = match end {
                Some(end) => (&rest[..end], &rest[end + 1..]),
                None => (rest, ""),
            };
            rest = after;
            if !record.trim().is_empty() {
                return Some(record.trim_end_matches('\r'));
            }
        }
    })
}

/// `${CSV_QUOTE(${CDR(clid)})}` is clid; a name is itself.
fn column_name(column: &str) -> String {
    let inner = column.rsplit('(').next().unwrap_or(column);
    let name = inner.split([')', '}']).next().unwrap_or(inner).trim().trim_matches('"');
    name.trim_start_matches(['$', '{']).to_ascii_lowercase()
}

/// RFC 4180 2: fields with commas between them; in quotes a field may hold commas, line ends and doubled quotes.
fn fields(record: &str) -> Result<Vec<String>, CsvError> {
    let mut fields = Vec::new();
    let mut field = String::new();
    let mut letters = record.chars().peekable();
    loop {
        if letters.peek() == Some(&'"') && field.is_empty() {
            letters.next();
            loop {
                match letters.next() {
                    Some('"') if letters.next_if_eq(&'"').is_some() => field.push('"'),
                    Some('"') => break,
                    Some(letter) => field.push(letter),
                    None => return Err(CsvError::OpenQuote),
                }
            }
        }
        match letters.next() {
            Some(',') => fields.push(std::mem::take(&mut field)),
            Some(letter) => field.push(letter),
            None => {
                fields.push(field);
                return Ok(fields);
            }
        }
        if fields.len() > COLUMNS_MAX {
            return Err(CsvError::TooManyColumns(fields.len()));
        }
    }
}
