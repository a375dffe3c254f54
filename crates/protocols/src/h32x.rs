//! H.322 and H.321, as the registry of HEP calls the numbers; whoever sends H.323 under them sends the call signalling
//! of H.225.0, whose messages are those of Q.931.

use hep::Packet;

use crate::flags::UNREADABLE;
use crate::signalling::{Message, TABLE};
use crate::summary::Summary;
use crate::{Draft, Protocol};

const H322: u16 = 11;
const H321: u16 = 12;

pub(crate) static PROTOCOL: Protocol = Protocol {
    name: "h32x",
    hep_types: &[H322, H321],
    table: &TABLE,
    doc: "H.32x call signalling, by the name of the message",
    understand,
};

/// Message types (Q.931 table 4-2, H.225.0 7.1).
const MESSAGES: &[(u8, &str)] = &[
    (0x01, "ALERTING"),
    (0x02, "CALL PROCEEDING"),
    (0x03, "PROGRESS"),
    (0x05, "SETUP"),
    (0x07, "CONNECT"),
    (0x0d, "SETUP ACKNOWLEDGE"),
    (0x0f, "CONNECT ACKNOWLEDGE"),
    (0x45, "DISCONNECT"),
    (0x4d, "RELEASE"),
    (0x5a, "RELEASE COMPLETE"),
    (0x62, "FACILITY"),
    (0x6e, "NOTIFY"),
    (0x75, "STATUS ENQUIRY"),
    (0x7b, "INFORMATION"),
    (0x7d, "STATUS"),
];

/// Protocol discriminator of Q.931 (4.2).
const DISCRIMINATOR: u8 = 8;

fn understand<'a>(packet: &'a Packet<'a>, draft: &mut Draft<'a>) {
    let protocol = if packet.hep_type == Some(H321) { "h321" } else { "h322" };
    let found = signalling(&packet.payload);
    if found.is_none() && !packet.payload.is_empty() {
        draft.flag(UNREADABLE);
    }
    let (context, method) = found.unzip();
    let text = method.as_deref().and_then(|name| Summary::of("H.225").word(name).finish());
    Message { text, protocol, method, context, ..Message::default() }.push(draft);
}

/// Call reference and message: discriminator, length and value of the reference, type (Q.931 4.1). On TCP a header of
/// four octets is in front (RFC 1006 6).
fn signalling(payload: &[u8]) -> Option<(String, String)> {
    let message = match payload {
        [3, 0, _, _, rest @ ..] => rest,
        _ => payload,
    };
    let [DISCRIMINATOR, length, rest @ ..] = message else { return None };
    let (reference, rest) = rest.split_at_checked(usize::from(length & 0x0f))?;
    let kind = rest.first()?;
    let name = MESSAGES.iter().find(|(known, _)| known == kind);
    let name = name.map_or_else(|| kind.to_string(), |(_, name)| (*name).to_owned());
    // The first bit tells the side that chose the reference (Q.931 4.3).
    let number = reference.iter().enumerate().fold(0_u128, |number, (place, octet)| {
        let octet = if place == 0 { octet & 0x7f } else { *octet };
        number << 8 | u128::from(octet)
    });
    Some((number.to_string(), name))
}
