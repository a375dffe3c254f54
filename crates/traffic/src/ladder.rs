//! Scripts written down as ladders, one line a message:
//!
//! ```text
//! net   b>p 486 INVITE 2
//! in    p>b ACK 2
//! in    p>a 486 INVITE 2 | Reason: Q.850;cause=17
//! ```
//!
//! When it comes after the line before (a [`Gap`] or milliseconds), the hop between caller `a`, proxy `p` and callee `b`, the
//! start line with its CSeq, words, and headers. Branches and tags follow from what stands above. `talk` stands for the RTCP
//! of a talk; single reports are lines as in [`crate::heard`]. Words:
//!
//! `sdp`, `sdp=NAME` a session description, of [`crate::media`] if named · `auth` credentials · `by=p` the proxy's own reply
//! · `dialog` inside a dialog that began earlier · `phrase=`, `uri=`, `contact=`, `via=`, `agent=` instead of the usual ·
//! `pad=` bytes longer · `cut=` bytes that Content-Length lacks · `nat=` another port of the sender · `pass=` which time it
//! comes round · `frag=`, `tone=` other bodies · `signed=` an Identity header. `~` stands for a blank, `{a}` and `{b}` for the
//! numbers of caller and callee.

use crate::heard::Heard;
use crate::media;
use crate::script::{Act, Beat, Body, Form, Gap, Leg, Start, ToTag, Twist};

/// Reads a ladder in pieces. Some of what it says is kept for as long as the program runs: read each once.
///
/// # Panics
/// If a line cannot be read: ladders are part of the program, and a test reads each.
pub(crate) fn beats(pieces: &[&'static str]) -> Vec<Beat> {
    let mut ladder = Ladder::default();
    let lines = pieces.iter().flat_map(|piece| piece.lines()).map(str::trim);
    lines.filter(|line| !line.is_empty()).map(|line| ladder.beat(line)).collect()
}

/// What stands above the line that is read.
#[derive(Default)]
struct Ladder {
    /// Method, CSeq and side of each transaction; its legs have two numbers that follow each other.
    transactions: Vec<(&'static str, u8, bool)>,
    forms: Vec<Form>,
}

impl Ladder {
    fn beat(&mut self, line: &'static str) -> Beat {
        if line == "talk" {
            return Beat { after: Gap::None, act: Act::Reports };
        }
        let (after, rest) = line.split_once(' ').unwrap_or_else(|| panic!("no message in {line:?}"));
        if let Some(heard) = Heard::read(rest) {
            return Beat { after: gap(after), act: Act::Heard(Box::leak(Box::new(heard))) };
        }
        let form = self.form(rest);
        self.forms.push(form);
        Beat { after: gap(after), act: Act::Sip(form) }
    }

    fn form(&mut self, line: &'static str) -> Form {
        let (words, headers) = line.split_once(" | ").unwrap_or((line, ""));
        let mut words = words.split_whitespace();
        let mut next = || words.next().unwrap_or_else(|| panic!("too short: {line:?}"));
        let hop = next();
        let mut method = next();
        let status: Option<u16> = method.parse().ok();
        if status.is_some() {
            method = next();
        }
        let sequence: u8 = next().parse().unwrap_or_else(|_| panic!("no CSeq in {line:?}"));
        // Who asks: its requests go towards the proxy, and the replies to them come back.
        let (leg, by_callee) = match (hop, status.is_some()) {
            ("a>p", false) | ("p>a", true) => (Leg::Access, false),
            ("p>b", false) | ("b>p", true) => (Leg::Far, false),
            ("b>p", false) | ("p>b", true) => (Leg::Access, true),
            ("p>a", false) | ("a>p", true) => (Leg::Far, true),
            ("p>p", false) => (Leg::Loop, false),
            _ => panic!("no hop {hop} in {line:?}"),
        };
        let is_acknowledged = method == "ACK" && self.has_reply("INVITE", sequence, 200..300);
        // CANCEL, and the ACK of a failure, belong to the INVITE (RFC 3261 9.1, 17.1.1.3).
        let class = match method {
            "CANCEL" => "INVITE",
            "ACK" if !is_acknowledged => "INVITE",
            own => own,
        };
        let place = self.transaction(class, sequence, by_callee) * 2;
        let begun = self.forms.iter().find(|form| {
            (form.method, form.sequence, form.by_callee) == (method, sequence, by_callee)
                && form.start == Start::Request
        });
        // The first request of a dialog is outside of it.
        let in_dialog = match begun {
            Some(begun) => begun.in_dialog,
            None => is_acknowledged || class != "INVITE" && self.is_established() || self.is_up(),
        };
        let to_tag = match status {
            Some(100) => ToTag::None,
            Some(_) if in_dialog || self.has_far_reply(class, sequence) || leg == Leg::Far => ToTag::Callee,
            Some(_) => ToTag::Proxy,
            None if method == "ACK" && !is_acknowledged => self.tag_of_failure(sequence),
            None if in_dialog => ToTag::Callee,
            None => ToTag::None,
        };
        let mut form = Form {
            start: status.map_or(Start::Request, |status| Start::Reply(status, phrase(status))),
            method,
            sequence,
            leg,
            onward: status.is_none(),
            by_callee,
            to_tag,
            in_dialog: in_dialog && method != "CANCEL",
            credentials: false,
            sdp: false,
            transaction: place + u8::from(leg != Leg::Access),
            twist: &Twist::NONE,
        };
        let mut twist = Twist { headers, ..Twist::NONE };
        for word in words {
            put(&mut form, &mut twist, word);
        }
        if twist != Twist::NONE {
            // Messages are passed on by the million; what few of them have is kept apart, once for all of them.
            form.twist = Box::leak(Box::new(twist));
        }
        form
    }

    fn transaction(&mut self, method: &'static str, sequence: u8, by_callee: bool) -> u8 {
        let wanted = (method, sequence, by_callee);
        let place = self.transactions.iter().position(|known| *known == wanted).unwrap_or_else(|| {
            self.transactions.push(wanted);
            self.transactions.len() - 1
        });
        u8::try_from(place).expect("a ladder has few transactions")
    }

    fn replies(&self, method: &str, sequence: u8) -> impl Iterator<Item = (&Form, u16)> {
        self.forms.iter().filter_map(move |form| match form.start {
            Start::Reply(status, _) if (form.method, form.sequence) == (method, sequence) => {
                Some((form, status))
            }
            _ => None,
        })
    }

    fn has_reply(&self, method: &str, sequence: u8, statuses: std::ops::Range<u16>) -> bool {
        self.replies(method, sequence).any(|(_, status)| statuses.contains(&status))
    }

    fn has_far_reply(&self, method: &str, sequence: u8) -> bool {
        self.replies(method, sequence).any(|(form, status)| form.leg == Leg::Far && status > 100)
    }

    fn tag_of_failure(&self, sequence: u8) -> ToTag {
        let failure = self.replies("INVITE", sequence).filter(|(_, status)| *status >= 300).last();
        failure.map_or(ToTag::Callee, |(form, _)| form.to_tag)
    }

    /// A reply with a tag has come (RFC 3261 12.1).
    fn is_established(&self) -> bool {
        self.forms
            .iter()
            .any(|form| form.method == "INVITE" && matches!(form.start, Start::Reply(101..300, _)))
    }

    fn is_up(&self) -> bool {
        self.forms
            .iter()
            .any(|form| form.method == "INVITE" && matches!(form.start, Start::Reply(200..300, _)))
    }
}

fn put(form: &mut Form, twist: &mut Twist, word: &'static str) {
    let (name, value) = word.split_once('=').unwrap_or((word, ""));
    match name {
        "sdp" => {
            form.sdp = true;
            if !value.is_empty() {
                twist.body = Body::Described(media::named(value));
            }
        }
        "auth" => form.credentials = true,
        "by" => form.to_tag = ToTag::Proxy,
        "dialog" => (form.in_dialog, form.to_tag) = (true, ToTag::Callee),
        "phrase" => {
            if let Start::Reply(_, phrase) = &mut form.start {
                *phrase = value;
            }
        }
        "uri" => twist.uri = value,
        "contact" => twist.contact = value,
        "via" => twist.via = value,
        "agent" => twist.agent = value,
        "pad" => twist.pad = number(value),
        "cut" => twist.cut = number(value),
        "nat" => twist.port_shift = number(value),
        "pass" => twist.pass = value,
        "frag" => twist.body = Body::Text("message/sipfrag", value),
        "tone" => twist.body = Body::Text("application/dtmf-relay", value),
        "signed" => twist.signed = value,
        _ => panic!("unknown word {word:?}"),
    }
}

fn number<T: std::str::FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| panic!("{text:?} is no number"))
}

fn gap(text: &str) -> Gap {
    match text {
        "-" => Gap::None,
        "in" => Gap::Inside,
        "net" => Gap::Network,
        "route" => Gap::Route,
        "ring" => Gap::Ring,
        "long" => Gap::LongRing,
        milliseconds => Gap::Timer(number(milliseconds)),
    }
}

/// RFC 3261 21 and the RFCs of the others; where servers write their own words, a ladder has them.
fn phrase(status: u16) -> &'static str {
    match status {
        100 => "Trying",
        180 => "Ringing",
        183 => "Session Progress",
        200 => "OK",
        202 => "Accepted",
        302 => "Moved Temporarily",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        415 => "Unsupported Media Type",
        423 => "Interval Too Brief",
        428 => "Use Identity Header",
        481 => "Call/Transaction Does Not Exist",
        482 => "Loop Detected",
        483 => "Too Many Hops",
        484 => "Address Incomplete",
        487 => "Request Terminated",
        488 => "Not Acceptable Here",
        491 => "Request Pending",
        503 => "Service Unavailable",
        _ => "",
    }
}
