//! What may be odd about a packet, by the names users see and search.

use hep::Flags;

use crate::corrections::{self, BIG_ENDIAN_CLOCK};

pub(crate) const BAD_TIME: &str = "bad_time";
pub(crate) const BAD_UTF8: &str = "bad_utf8";
pub(crate) const BAD_JSON: &str = "bad_json";
pub(crate) const UNREADABLE: &str = "unreadable";
pub(crate) const BAD_BENCODE: &str = "bad_bencode";
pub(crate) const NOT_SIP: &str = "not_sip";
pub(crate) const KEEP_ALIVE: &str = "keep_alive";
pub(crate) const NO_CALL_ID: &str = "no_call_id";
pub(crate) const FRAGMENT: &str = "fragment";
pub(crate) const EMPTY_PAYLOAD: &str = "empty_payload";
pub(crate) const NOT_JSON: &str = "not_json";
pub(crate) const NOT_RTCP: &str = "not_rtcp";
pub(crate) const BAD_RTCP: &str = "bad_rtcp";
pub(crate) const NOT_RTP: &str = "not_rtp";
pub(crate) const BAD_RTP: &str = "bad_rtp";
pub(crate) const NOT_SDP: &str = "not_sdp";
pub(crate) const NOT_REPORT: &str = "not_report";
pub(crate) const BAD_VALUE: &str = "bad_value";
pub(crate) const SCRIPTED: &str = "scripted";
pub(crate) const WRONG_SSRC: &str = "wrong_ssrc";

/// Flags raised here, beside those of the HEP decoder.
const OWN: &[(&str, &str)] = &[
    (
        BAD_UTF8,
        "some text is not UTF-8; what could not be read is replaced in the columns, raw has the bytes",
    ),
    (BAD_JSON, "the payload is broken JSON, read as far as possible"),
    (NOT_JSON, "the payload should be JSON and is something else"),
    (NOT_RTCP, "the payload should be RTCP, as JSON or as a packet, and is something else"),
    (NOT_RTP, "the payload should be RTP and is something else"),
    (BAD_RTP, "the RTP packet is cut or breaks its format, its fixed header read alone"),
    (NOT_SDP, "the payload should be a session description and is something else"),
    (NOT_REPORT, "the payload should be a report on quality and is something else"),
    (BAD_RTCP, "the RTCP packet is cut or breaks its format, read as far as possible"),
    (UNREADABLE, "the payload is not what its type promises, and its columns are empty"),
    (BAD_BENCODE, "the payload should be a cookie and a bencoded command of rtpengine, and is broken"),
    (NOT_SIP, "the payload should be SIP and is something else"),
    (KEEP_ALIVE, "the payload is a keep-alive: line ends or zero bytes only"),
    (NO_CALL_ID, "the SIP message has no Call-ID"),
    (FRAGMENT, "the SIP message has no start line"),
    (EMPTY_PAYLOAD, "the packet has no payload, or an empty one"),
    (BAD_VALUE, "a value does not fit the kind of its column, which is left empty; raw has it"),
    (SCRIPTED, "a script of the operator changed or marked the packet; extra.script says what and which"),
    (WRONG_SSRC, "the SSRC is a copy of the sender's clock, as some agents write it, and is left out"),
];

/// The decoder raises one of the corrections itself.
const LENGTH: usize = Flags::ALL.len() + OWN.len() + corrections::ALL.len() - 1;

const ALL: [(&str, &str); LENGTH] = {
    let mut all = [("", ""); LENGTH];
    let mut place = 0;
    while place < Flags::ALL.len() {
        all[place] = (Flags::ALL[place].1, Flags::ALL[place].2);
        place += 1;
    }
    while place < Flags::ALL.len() + OWN.len() {
        all[place] = OWN[place - Flags::ALL.len()];
        place += 1;
    }
    let mut number = 0;
    while number < corrections::ALL.len() {
        let rule = corrections::ALL[number];
        if rule.bit() != BIG_ENDIAN_CLOCK.bit() {
            all[place] = (rule.name, rule.doc);
            place += 1;
        }
        number += 1;
    }
    all
};

/// Every flag a record may carry, with a line for the person who reads it.
pub fn flags() -> &'static [(&'static str, &'static str)] {
    &ALL
}
