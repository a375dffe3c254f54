//! One leg as its messages, written down on every hop.

use std::net::Ipv4Addr;

use super::network::{MILLISECOND, Network, clock_error};
use super::outline::{End, Outline};
use super::{Sent, TrueLeg};

/// What capture agents lose.
const LOSS: f64 = 0.003;

pub(super) struct Dialog {
    pub(super) call_id: String,
    /// Who calls, by way of whom, whom.
    pub(super) path: Vec<Ipv4Addr>,
    pub(super) from: String,
    pub(super) to: String,
    /// In the INVITE.
    pub(super) headers: Vec<String>,
    /// In every message.
    pub(super) every: Vec<String>,
    /// In replies that open the dialog.
    pub(super) answer: Vec<String>,
    pub(super) identity: u64,
    /// For media, on both sides.
    port: u64,
    cseq: u32,
    sent: Vec<Sent>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Forward,
    Back,
}

impl Dialog {
    pub(super) fn new(network: &mut Network, path: Vec<Ipv4Addr>, from: String, to: String) -> Self {
        let identity = network.identity();
        let call_id = match identity % 3 {
            0 => format!("{identity:016x}"),
            1 => format!("{identity:016x}@{}", path.first().copied().unwrap_or(Ipv4Addr::UNSPECIFIED)),
            _ => format!("{:08x}-{:04x}-{:04x}", identity >> 32, identity >> 16 & 0xffff, identity & 0xffff),
        };
        let (headers, every, answer) = (Vec::new(), Vec::new(), Vec::new());
        let port = network.port();
        Self { call_id, path, from, to, headers, every, answer, identity, port, cseq: 1, sent: Vec::new() }
    }

    /// All that happens by itself.
    pub(super) fn play(&mut self, network: &mut Network, outline: &Outline) {
        let invite = self.request(network, outline.start, "INVITE", Way::Forward, false, &[]);
        self.reply(network, invite, 100, "INVITE", Way::Back);
        if let Some(at) = outline.ringing {
            self.reply(network, at, 180, "INVITE", Way::Back);
        }
        match outline.end {
            End::Answered { at, bye, by_caller } => {
                let back = self.reply(network, at, 200, "INVITE", Way::Back);
                self.request(network, back, "ACK", Way::Forward, true, &[]);
                let way = if by_caller { Way::Forward } else { Way::Back };
                self.bye(network, bye, way);
            }
            End::Refused { at, status } => {
                let back = self.reply(network, at, status, "INVITE", Way::Back);
                self.request(network, back, "ACK", Way::Forward, true, &[]);
            }
            End::Cancelled { at } => {
                let there = self.request(network, at, "CANCEL", Way::Forward, false, &[]);
                self.reply(network, there, 200, "CANCEL", Way::Back);
                let back = self.reply(network, there, 487, "INVITE", Way::Back);
                self.request(network, back, "ACK", Way::Forward, true, &[]);
            }
        }
    }

    fn bye(&mut self, network: &mut Network, at: i64, way: Way) {
        self.cseq += 1;
        let there = self.request(network, at, "BYE", way, true, &[]);
        let back = if way == Way::Forward { Way::Back } else { Way::Forward };
        self.reply(network, there, 200, "BYE", back);
        self.cseq -= 1;
    }

    /// Asks the other side to call somebody.
    pub(super) fn refer(&mut self, network: &mut Network, at: i64, way: Way, target: &str) -> i64 {
        self.cseq += 7;
        let header = format!("Refer-To: <sip:{target}>");
        let there = self.request(network, at, "REFER", way, true, &[header]);
        let back = if way == Way::Forward { Way::Back } else { Way::Forward };
        self.reply(network, there, 202, "REFER", back);
        self.cseq -= 7;
        there
    }

    /// Gives when it arrives.
    fn request(
        &mut self,
        network: &mut Network,
        at: i64,
        method: &str,
        way: Way,
        in_dialog: bool,
        headers: &[String],
    ) -> i64 {
        let last = if way == Way::Forward { self.path.last() } else { self.path.first() };
        let host = last.copied().unwrap_or(Ipv4Addr::UNSPECIFIED);
        let user = if way == Way::Forward { &self.to } else { &self.from };
        let start = format!("{method} sip:{user}@{host} SIP/2.0");
        let has_body = method == "INVITE";
        let mut all: Vec<String> = headers.to_vec();
        if method == "INVITE" {
            all.extend(self.headers.iter().cloned());
        }
        self.send(network, at, &start, method, way, in_dialog, &all, has_body)
    }

    fn reply(&mut self, network: &mut Network, at: i64, status: u16, method: &str, way: Way) -> i64 {
        let start = format!("SIP/2.0 {status} As it went");
        let opens = method == "INVITE" && (101..300).contains(&status);
        let headers = if opens { self.answer.clone() } else { Vec::new() };
        let has_body = method == "INVITE" && status == 200;
        self.send(network, at, &start, method, way, status > 100, &headers, has_body)
    }

    #[allow(clippy::too_many_arguments, reason = "the parts of one message, from two callers")]
    fn send(
        &mut self,
        network: &mut Network,
        at: i64,
        start: &str,
        method: &str,
        way: Way,
        has_to_tag: bool,
        headers: &[String],
        has_body: bool,
    ) -> i64 {
        let mut hosts = self.path.clone();
        if way == Way::Back {
            hosts.reverse();
        }
        let mut at = at;
        let is_reply = start.starts_with("SIP/2.0");
        for (hop, pair) in hosts.windows(2).enumerate() {
            let &[src, dst] = pair else { continue };
            let raw = self.bytes(start, method, way, is_reply, has_to_tag, headers, has_body, hop, src);
            if !network.chance(LOSS) {
                // The agent is beside the machine, not beside the phone.
                let agent = if src.octets()[..2] == [10, 20] { dst } else { src };
                self.sent.push(Sent { at_micros: at + clock_error(agent), src, dst, raw });
            }
            at += network.between(MILLISECOND / 2, 4 * MILLISECOND);
        }
        at
    }

    #[allow(clippy::too_many_arguments, reason = "the parts of one message, from one caller")]
    fn bytes(
        &self,
        start: &str,
        method: &str,
        way: Way,
        is_reply: bool,
        has_to_tag: bool,
        headers: &[String],
        has_body: bool,
        hop: usize,
        src: Ipv4Addr,
    ) -> Vec<u8> {
        let mut text = format!("{start}\r\n");
        let mut line = |name: &str, value: &str| text.push_str(&format!("{name}: {value}\r\n"));
        let first = self.path.first().copied().unwrap_or(Ipv4Addr::UNSPECIFIED);
        line("Via", &format!("SIP/2.0/UDP {first};branch=z9hG4bK{:x}-{}-{hop}", self.identity, self.cseq));
        let caller = format!("<sip:{}@{first}>;tag=a{:x}", self.from, self.identity & 0xffff_ffff);
        let tag = if has_to_tag { format!(";tag=b{:x}", self.identity >> 32) } else { String::new() };
        let callee = format!("<sip:{}@{first}>{tag}", self.to);
        // Who asks inside a dialog is From, whoever called.
        let is_callees = (way == Way::Back) != is_reply;
        let (from, to) = if is_callees { (callee, caller) } else { (caller, callee) };
        line("From", &from);
        line("To", &to);
        line("Call-ID", &self.call_id);
        line("CSeq", &format!("{} {method}", self.cseq));
        if !headers.iter().any(|header| header.starts_with("Contact")) {
            line("Contact", &format!("<sip:x@{src}>"));
        }
        for header in self.every.iter().chain(headers) {
            text.push_str(header);
            text.push_str("\r\n");
        }
        let body = if has_body { self.description(is_reply) } else { String::new() };
        if has_body {
            text.push_str("Content-Type: application/sdp\r\n");
        }
        text.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
        text.into_bytes()
    }

    /// Anchored: each leg has its own.
    fn description(&self, is_answer: bool) -> String {
        let end = if is_answer { self.path.last() } else { self.path.first() };
        let address = end.copied().unwrap_or(Ipv4Addr::UNSPECIFIED);
        let identity = self.identity.rotate_left(if is_answer { 17 } else { 0 });
        let port = self.port;
        format!(
            "v=0\r\no=- {} 1 IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\nm=audio {port} RTP/AVP 8 0\r\n",
            identity >> 16
        )
    }

    pub(super) fn done(mut self) -> TrueLeg {
        self.sent.sort_by_key(|sent| sent.at_micros);
        TrueLeg { call_id: self.call_id, sent: self.sent }
    }
}
