//! The traffic the tests ask about: a few calls as HEP packets.

use std::net::SocketAddr;

use hep::Outgoing;

/// One captured message: when, in milliseconds after the start of its story, and what.
#[derive(Clone)]
pub(crate) struct Captured {
    pub(crate) at_ms: i64,
    pub(crate) protocol: &'static str,
    pub(crate) ip_protocol: u8,
    pub(crate) src: SocketAddr,
    pub(crate) dst: SocketAddr,
    pub(crate) node: &'static str,
    pub(crate) correlation_id: Option<String>,
    pub(crate) payload: Vec<u8>,
}

pub(crate) const PHONE: &str = "192.0.2.10:5062";
pub(crate) const PROXY: &str = "192.0.2.20:5060";
pub(crate) const TCP: u8 = 6;
const UDP: u8 = 17;

pub(crate) const SDP: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\n\
    m=audio 40000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\na=sendonly\r\n";

impl Captured {
    fn sip(at_ms: i64, src: &str, dst: &str, payload: String) -> Self {
        Self {
            at_ms,
            protocol: "sip",
            ip_protocol: UDP,
            src: address(src),
            dst: address(dst),
            node: "edge-1",
            correlation_id: None,
            payload: payload.into_bytes(),
        }
    }

    pub(crate) fn encode(&self, start_micros: i64) -> Vec<u8> {
        let micros = start_micros + self.at_ms * 1_000;
        let mut outgoing = Outgoing::new(self.src, self.dst);
        outgoing.ip_protocol = self.ip_protocol;
        outgoing.seconds = (micros / 1_000_000) as u32;
        outgoing.micros = (micros % 1_000_000) as u32;
        outgoing.hep_type = hep_type(self.protocol);
        outgoing.capture_id = 2001;
        outgoing.node = Some(self.node.as_bytes());
        outgoing.correlation_id = self.correlation_id.as_ref().map(String::as_bytes);
        outgoing.payload = &self.payload;
        let mut bytes = Vec::new();
        outgoing.encode_v3(&mut bytes).expect("the packet is short enough");
        bytes
    }
}

fn hep_type(protocol: &str) -> u16 {
    let known = protocols::registry().iter().find(|known| known.name == protocol);
    known.and_then(|known| known.hep_types.first()).copied().unwrap_or(u8::MAX.into())
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

/// A SIP message of a dialog, as a phone or proxy would write it.
fn sip(start: &str, call_id: &str, cseq: &str, to_tag: &str, body: &str) -> String {
    let content = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    let branch = cseq.replace(' ', "");
    format!(
        "{start}\r\nVia: SIP/2.0/UDP {PHONE};branch=z9hG4bK{branch}\r\nFrom: <sip:+4930123@example.org>;tag=f1\r\n\
         To: <sip:bob@example.org>{to_tag}\r\nCall-ID: {call_id}\r\nCSeq: {cseq}\r\n{content}\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The SIP of a story as another capture point saw it: a millisecond later, and with bytes of its own.
pub(crate) fn seen_by(node: &'static str, story: Vec<Captured>) -> Vec<Captured> {
    let signalling = story.into_iter().filter(|captured| captured.protocol == "sip");
    let seen = signalling.map(|captured| {
        let text =
            String::from_utf8_lossy(&captured.payload).replacen("\r\nVia", "\r\nMax-Forwards: 69\r\nVia", 1);
        Captured { at_ms: captured.at_ms + 1, node, payload: text.into_bytes(), ..captured }
    });
    seen.collect()
}

/// A call that is answered and ends after 30 s, its INVITE and its 200 sent twice, with an RTCP report and a log line.
pub(crate) fn answered_call(call_id: &str) -> Vec<Captured> {
    const TAG: &str = ";tag=t1";
    let invite = sip("INVITE sip:bob@example.org SIP/2.0", call_id, "1 INVITE", "", SDP);
    let ok = sip("SIP/2.0 200 OK", call_id, "1 INVITE", TAG, SDP);
    let mut story = vec![
        Captured::sip(0, PHONE, PROXY, invite.clone()),
        Captured::sip(500, PHONE, PROXY, invite),
        Captured::sip(510, PROXY, PHONE, sip("SIP/2.0 100 Trying", call_id, "1 INVITE", "", "")),
        Captured::sip(700, PROXY, PHONE, sip("SIP/2.0 180 Ringing", call_id, "1 INVITE", TAG, "")),
        Captured::sip(2_000, PROXY, PHONE, ok.clone()),
        Captured::sip(2_500, PROXY, PHONE, ok),
        Captured::sip(2_510, PHONE, PROXY, sip("ACK sip:bob@example.org SIP/2.0", call_id, "1 ACK", TAG, "")),
    ];
    story.push(Captured {
        protocol: "rtcp",
        correlation_id: Some(call_id.to_owned()),
        payload: br#"{"sender_information":{"ntp_timestamp_sec":1,"ntp_timestamp_usec":2,"octets":3000,"rtp_timestamp":4,"packets":150},"ssrc":12345,"type":200,"report_count":0,"report_blocks":[]}"#.to_vec(),
        ..Captured::sip(7_000, "192.0.2.10:40001", "192.0.2.20:30001", String::new())
    });
    story.push(Captured {
        protocol: "log",
        correlation_id: Some(call_id.to_owned()),
        payload: b"NOTICE: media timeout is near".to_vec(),
        ..Captured::sip(20_000, "192.0.2.20:9999", "192.0.2.20:9999", String::new())
    });
    story.extend([
        Captured::sip(32_000, PROXY, PHONE, sip("BYE sip:a@192.0.2.10 SIP/2.0", call_id, "2 BYE", TAG, "")),
        Captured::sip(32_050, PHONE, PROXY, sip("SIP/2.0 200 OK", call_id, "2 BYE", TAG, "")),
    ]);
    story
}

/// A call to somebody who is busy.
pub(crate) fn busy_call(call_id: &str) -> Vec<Captured> {
    refused_call(call_id, 486)
}

/// A call that is refused with this status.
pub(crate) fn refused_call(call_id: &str, status: u16) -> Vec<Captured> {
    let status = match status {
        486 => "SIP/2.0 486 Busy Here".to_owned(),
        other => format!("SIP/2.0 {other} No"),
    };
    vec![
        Captured::sip(
            0,
            PHONE,
            PROXY,
            sip("INVITE sip:bob@example.org SIP/2.0", call_id, "1 INVITE", "", SDP),
        ),
        Captured::sip(80, PROXY, PHONE, sip(&status, call_id, "1 INVITE", ";tag=t", "")),
        Captured::sip(
            90,
            PHONE,
            PROXY,
            sip("ACK sip:bob@example.org SIP/2.0", call_id, "1 ACK", ";tag=t", ""),
        ),
    ]
}

/// A registration, over TCP and IPv6.
pub(crate) fn registration(call_id: &str) -> Vec<Captured> {
    let (phone, registrar) = ("[2001:db8::10]:5062", "[2001:db8::20]:5060");
    let request = sip("REGISTER sip:example.org SIP/2.0", call_id, "1 REGISTER", "", "");
    let answer = sip("SIP/2.0 200 OK", call_id, "1 REGISTER", ";tag=t", "");
    [Captured::sip(0, phone, registrar, request), Captured::sip(40, registrar, phone, answer)]
        .into_iter()
        .map(|captured| Captured { ip_protocol: TCP, ..captured })
        .collect()
}

/// Bytes of a type nobody knows, with zero bytes at the end.
pub(crate) fn opaque() -> Captured {
    Captured {
        protocol: "unheard-of",
        payload: b"\xff\x00\x01tail\x00\x00".to_vec(),
        ..Captured::sip(0, PHONE, PROXY, String::new())
    }
}
