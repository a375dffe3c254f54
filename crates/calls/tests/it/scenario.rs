//! Calls written down as ladders, one line a message:
//!
//! ```text
//! 0    a>b INVITE 1 sdp=PCMA
//! 0.1  b>a 180 INVITE 1 to=b
//! 5    b>a 200 INVITE 1 to=b sdp=PCMA | Session-Expires: 90
//! 5.1  a>b ACK 1 to=b
//! ```
//!
//! Seconds, the hop, the start line with its CSeq, then tags, codecs and headers. Further words are those of [`Extras`]. `p` and `q` are proxies: what they send
//! on carries the Via of what they got. The id of a message is its line, counted from 1. `until 12` ends the recording
//! there; else it goes on for a minute.

use calls::{Call, End, Finding, Message, Session};

const HOSTS: &[(&str, &str)] = &[
    ("a", "192.0.2.1"),
    ("b", "198.51.100.2"),
    ("c", "198.51.100.3"),
    ("p", "203.0.113.5"),
    ("q", "203.0.113.6"),
    // Behind NAT.
    ("n", "10.0.0.9"),
];

#[derive(Clone, Debug, Default)]
struct Line {
    at: i64,
    from: &'static str,
    to: &'static str,
    method: String,
    status: Option<i64>,
    cseq: i64,
    from_tag: String,
    to_tag: Option<String>,
    vias: Vec<String>,
    port: i32,
    raw: Vec<u8>,
}

/// What few lines have; `~` stands for a blank.
#[derive(Debug, Default)]
struct Extras<'a> {
    /// `uri=sip:1@x`: instead of the usual target.
    uri: Option<&'a str>,
    /// `phrase=Too~Many`: instead of the usual words of a reply.
    phrase: Option<String>,
    /// `pad=1400`: a header that makes it so many bytes longer.
    pad: usize,
    /// `length=10`: what Content-Length says, right or wrong.
    length: Option<usize>,
    /// `proto=RTP/SAVP`: of the media line.
    protocol: Option<&'a str>,
    /// `attr=sendonly`: attributes of the media line.
    attributes: Vec<String>,
}

pub(crate) struct Scenario {
    lines: Vec<Line>,
    until: i64,
}

impl Scenario {
    pub(crate) fn read(script: &str) -> Self {
        let mut scenario = Self { lines: Vec::new(), until: 0 };
        let mut until = None;
        for text in script.lines().map(str::trim).filter(|text| !text.is_empty()) {
            if let Some(end) = text.strip_prefix("until ") {
                until = Some(micros(end));
                continue;
            }
            let line = scenario.line(text);
            scenario.lines.push(line);
        }
        scenario.lines.sort_by_key(|line| line.at);
        let last = scenario.lines.last().map_or(0, |line| line.at);
        scenario.until = until.unwrap_or(last + 60_000_000);
        scenario
    }

    fn line(&self, text: &str) -> Line {
        let mut parts = text.split(" | ");
        let mut words = parts.next().expect("a message").split_whitespace().peekable();
        let headers: Vec<&str> = parts.collect();
        let at = micros(words.next().expect("seconds"));
        let (from, to) = words.next().expect("a hop").split_once('>').expect("from>to");
        let (from, to) = (host(from), host(to));
        let status = words.peek().and_then(|word| word.parse().ok());
        if status.is_some() {
            words.next();
        }
        let method = words.next().expect("a method").to_owned();
        let cseq: i64 = words.next().expect("a CSeq").parse().expect("a number");
        let mut line = Line {
            at,
            from: from.1,
            to: to.1,
            method,
            status,
            cseq,
            from_tag: "a".to_owned(),
            port: 5060,
            ..Line::default()
        };
        let mut body = String::new();
        let mut body_type = "";
        let mut extras = Extras::default();
        let mut codecs = None;
        if status.is_some() {
            // A reply has the Via and the tags of what it answers (RFC 3261 8.2.6.2).
            let asked = self.lines.iter().rev().find(|asked| {
                asked.status.is_none()
                    && (asked.method.as_str(), asked.cseq) == (line.method.as_str(), line.cseq)
                    && (asked.from, asked.to) == (line.to, line.from)
            });
            if let Some(asked) = asked {
                (line.vias, line.from_tag, line.to_tag) =
                    (asked.vias.clone(), asked.from_tag.clone(), asked.to_tag.clone());
            } else {
                line.vias = vec![via(line.to, line.from, &line.method, line.cseq, "")];
            }
        } else {
            line.vias = self.request_vias(&line);
        }
        for word in words {
            match word.split_once('=').expect("name=value") {
                ("from", tag) => line.from_tag = tag.to_owned(),
                ("to", tag) => line.to_tag = Some(tag.to_owned()),
                ("branch", branch) => {
                    line.vias[0] = format!("SIP/2.0/UDP {};branch=z9hG4bK{branch}", line.from);
                }
                // `via=TCP`, `via=UDP/10.0.0.9:5060`.
                ("via", way) => {
                    let (transport, host) = way.split_once('/').unwrap_or((way, line.from));
                    let own = line.vias[0].replacen("SIP/2.0/UDP", &format!("SIP/2.0/{transport}"), 1);
                    line.vias[0] = own.replacen(&format!(" {};", line.from), &format!(" {host};"), 1);
                }
                ("port", port) => line.port = port.parse().expect("a port"),
                ("uri", uri) => extras.uri = Some(uri),
                ("phrase", phrase) => extras.phrase = Some(phrase.replace('~', " ")),
                ("pad", bytes) => extras.pad = bytes.parse().expect("a number"),
                ("length", bytes) => extras.length = Some(bytes.parse().expect("a number")),
                ("proto", protocol) => extras.protocol = Some(protocol),
                ("attr", attribute) => extras.attributes.push(attribute.replace('~', " ")),
                ("tone", key) => {
                    (body, body_type) =
                        (format!("Signal={key}\r\nDuration=160\r\n"), "application/dtmf-relay");
                }
                ("sdp", names) => codecs = Some(names),
                ("frag", status) => {
                    (body, body_type) = (format!("SIP/2.0 {status} As it went\r\n"), "message/sipfrag");
                }
                (name, _) => panic!("unknown {name} in {text}"),
            }
        }
        if let Some(codecs) = codecs {
            (body, body_type) = (description(codecs, line.from, &extras), "application/sdp");
        }
        line.raw = bytes(&line, &headers, &extras, &body, body_type);
        line
    }

    fn request_vias(&self, line: &Line) -> Vec<String> {
        let is_answered = self.lines.iter().any(|reply| {
            reply.method == "INVITE"
                && reply.cseq == line.cseq
                && matches!(reply.status, Some(200..300))
                && (reply.from, reply.to) == (line.to, line.from)
        });
        // ACK to a failure and CANCEL belong to the INVITE; ACK to success is on its own (RFC 3261 9.1, 17.1.1.3).
        let of = match line.method.as_str() {
            "CANCEL" => "INVITE",
            "ACK" if !is_answered => "INVITE",
            own => own,
        };
        let mut vias = vec![via(line.from, line.to, of, line.cseq, "")];
        let is_proxy = line.from == host("p").1 || line.from == host("q").1;
        let before = self.lines.iter().rev().find(|before| {
            is_proxy
                && before.status.is_none()
                && (before.method.as_str(), before.cseq) == (line.method.as_str(), line.cseq)
                && before.to == line.from
        });
        vias.extend(before.into_iter().flat_map(|before| before.vias.clone()));
        vias
    }

    /// Where the recording ends.
    pub(crate) fn until(&self) -> i64 {
        self.until
    }

    pub(crate) fn messages(&self) -> Vec<Message<'_>> {
        self.lines.iter().enumerate().map(|(place, line)| message(place, line)).collect()
    }
}

fn message(place: usize, line: &Line) -> Message<'_> {
    Message {
        id: place as i64 + 1,
        at: line.at,
        src: End { ip: Some(line.from), port: Some(line.port) },
        dst: End { ip: Some(line.to), port: Some(5060) },
        call_id: Some("call"),
        method: Some(&line.method),
        status: line.status,
        cseq: Some(line.cseq),
        from_tag: Some(&line.from_tag),
        to_tag: line.to_tag.as_deref(),
        via_branch: line.vias[0].split_once("branch=").map(|(_, branch)| branch),
        raw: line.raw.as_slice().into(),
    }
}

fn micros(seconds: &str) -> i64 {
    (seconds.parse::<f64>().expect("seconds") * 1e6).round() as i64
}

fn host(name: &str) -> (&'static str, &'static str) {
    *HOSTS.iter().find(|(known, _)| *known == name).expect("a known host")
}

fn via(from: &str, to: &str, method: &str, cseq: i64, more: &str) -> String {
    format!("SIP/2.0/UDP {from};branch=z9hG4bK-{from}-{to}-{method}-{cseq}{more}")
}

/// `PCMA,PCMU` with media where the message comes from, or `PCMA@10.0.0.9`; `opus/111` has a payload type of its own,
/// `opus/48000` a clock, `G729;annexb=no` a parameter, `PCMA;hold` the attribute of a hold. `t38` is fax, which `t38:0` refuses.
fn description(codecs: &str, from: &str, extras: &Extras<'_>) -> String {
    let (codecs, address) = codecs.split_once('@').unwrap_or((codecs, from));
    let mut body = format!("v=0\r\no=- 1 1 IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\n");
    if let Some(fax) = codecs.strip_prefix("t38") {
        let port = if fax == ":0" { 0 } else { 4000 };
        return body + &format!("m=image {port} udptl t38\r\n");
    }
    let mut formats = Vec::new();
    let mut lines = String::new();
    for (place, codec) in codecs.split(',').enumerate() {
        let (codec, parameter) = codec.split_once(';').unwrap_or((codec, ""));
        let (name, number) = codec.split_once('/').unwrap_or((codec, "8000"));
        let number: u32 = number.parse().expect("a payload type or a clock");
        let (format, clock) = if number < 128 { (number, 8_000) } else { (96 + place as u32, number) };
        formats.push(format.to_string());
        lines.push_str(&format!("a=rtpmap:{format} {name}/{clock}\r\n"));
        if parameter == "hold" {
            lines.push_str("a=sendonly\r\n");
        } else if !parameter.is_empty() {
            lines.push_str(&format!("a=fmtp:{format} {parameter}\r\n"));
        }
    }
    body.push_str(&format!(
        "m=audio 4000 {} {}\r\n",
        extras.protocol.unwrap_or("RTP/AVP"),
        formats.join(" ")
    ));
    body.push_str(&lines);
    for attribute in &extras.attributes {
        body.push_str(&format!("a={attribute}\r\n"));
    }
    body
}

fn bytes(line: &Line, headers: &[&str], extras: &Extras<'_>, body: &str, body_type: &str) -> Vec<u8> {
    let mut text = match (line.status, extras.uri) {
        (Some(status), _) => {
            format!("SIP/2.0 {status} {}\r\n", extras.phrase.as_deref().unwrap_or("As it went"))
        }
        (None, Some(uri)) => format!("{} {uri} SIP/2.0\r\n", line.method),
        (None, None) => format!("{} sip:4930123@{} SIP/2.0\r\n", line.method, line.to),
    };
    for via in &line.vias {
        text.push_str(&format!("Via: {via}\r\n"));
    }
    let to_tag = line.to_tag.as_ref().map_or_else(String::new, |tag| format!(";tag={tag}"));
    if !headers.iter().any(|header| header.starts_with("From")) {
        text.push_str(&format!("From: <sip:alice@example.com>;tag={}\r\n", line.from_tag));
    }
    text.push_str(&format!("To: <sip:4930123@example.com>{to_tag}\r\n"));
    text.push_str(&format!("Call-ID: call\r\nCSeq: {} {}\r\n", line.cseq, line.method));
    if !headers.iter().any(|header| header.starts_with("Contact")) {
        text.push_str(&format!("Contact: <sip:x@{}>\r\n", line.from));
    }
    for header in headers {
        text.push_str(&format!("{header}\r\n"));
    }
    if extras.pad > 0 {
        text.push_str(&format!("X-Pad: {}\r\n", "x".repeat(extras.pad)));
    }
    if !body.is_empty() {
        text.push_str(&format!("Content-Type: {body_type}\r\n"));
    }
    text.push_str(&format!("Content-Length: {}\r\n\r\n{body}", extras.length.unwrap_or(body.len())));
    text.into_bytes()
}

pub(crate) fn session(script: &str) -> Session {
    let scenario = Scenario::read(script);
    Call::read(&scenario.messages(), scenario.until).session()
}

pub(crate) fn findings(script: &str) -> Vec<Finding> {
    let scenario = Scenario::read(script);
    Call::read(&scenario.messages(), scenario.until).findings()
}

/// The one finding of this rule, with everything an engineer needs.
#[track_caller]
pub(crate) fn found(id: &str, script: &str) -> Finding {
    let all = findings(script);
    let mut own: Vec<Finding> = all.iter().filter(|finding| finding.id == id).cloned().collect();
    assert_eq!(own.len(), 1, "{id} once in {all:#?}");
    let finding = own.remove(0);
    assert!(!finding.text.is_empty() && !finding.next.is_empty(), "{finding:#?}");
    assert!(!finding.proof.is_empty(), "{finding:#?}");
    finding
}

#[track_caller]
pub(crate) fn silent(id: &str, script: &str) {
    let all = findings(script);
    assert!(all.iter().all(|finding| finding.id != id), "{all:#?}");
}
