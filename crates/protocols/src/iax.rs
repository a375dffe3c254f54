//! The Inter-Asterisk eXchange, version 2 (RFC 5456): the header of a frame, and who calls whom in a new call.

use hep::Packet;

use crate::flags::UNREADABLE;
use crate::signalling::{Message, TABLE};
use crate::summary::Summary;
use crate::{Draft, Protocol};

pub(crate) static PROTOCOL: Protocol = Protocol {
    name: "iax",
    hep_types: &[10],
    table: &TABLE,
    doc: "IAX2 frames between Asterisk servers",
    understand,
};

/// Frame types (RFC 5456 8.2).
const FRAMES: &[(u8, &str)] = &[
    (1, "DTMF"),
    (2, "VOICE"),
    (3, "VIDEO"),
    (4, "CONTROL"),
    (5, "NULL"),
    (6, "IAX"),
    (7, "TEXT"),
    (8, "IMAGE"),
    (9, "HTML"),
    (10, "COMFORT NOISE"),
];
const FRAME_CONTROL: u8 = 4;
const FRAME_IAX: u8 = 6;

/// Control frames (RFC 5456 8.3).
const CONTROLS: &[(u8, &str)] = &[
    (1, "HANGUP"),
    (3, "RINGING"),
    (4, "ANSWER"),
    (5, "BUSY"),
    (8, "CONGESTION"),
    (9, "FLASH HOOK"),
    (11, "OPTION"),
    (12, "KEY RADIO"),
    (13, "UNKEY RADIO"),
    (14, "CALL PROGRESS"),
    (15, "CALL PROCEEDING"),
    (16, "HOLD"),
    (17, "UNHOLD"),
];

/// IAX frames (RFC 5456 8.4).
const IAX_FRAMES: &[(u8, &str)] = &[
    (0x01, "NEW"),
    (0x02, "PING"),
    (0x03, "PONG"),
    (0x04, "ACK"),
    (0x05, "HANGUP"),
    (0x06, "REJECT"),
    (0x07, "ACCEPT"),
    (0x08, "AUTHREQ"),
    (0x09, "AUTHREP"),
    (0x0a, "INVAL"),
    (0x0b, "LAGRQ"),
    (0x0c, "LAGRP"),
    (0x0d, "REGREQ"),
    (0x0e, "REGAUTH"),
    (0x0f, "REGACK"),
    (0x10, "REGREJ"),
    (0x11, "REGREL"),
    (0x12, "VNAK"),
    (0x13, "DPREQ"),
    (0x14, "DPREP"),
    (0x15, "DIAL"),
    (0x16, "TXREQ"),
    (0x17, "TXCNT"),
    (0x18, "TXACC"),
    (0x19, "TXREADY"),
    (0x1a, "TXREL"),
    (0x1b, "TXREJ"),
    (0x1c, "QUELCH"),
    (0x1d, "UNQUELCH"),
    (0x1e, "POKE"),
    (0x20, "MWI"),
    (0x21, "UNSUPPORT"),
    (0x22, "TRANSFER"),
];

/// Information elements (RFC 5456 8.6) that have a column.
const CALLED_NUMBER: u8 = 0x01;
const CALLING_NUMBER: u8 = 0x02;
const CAUSE: u8 = 0x16;
const CAUSE_CODE: u8 = 0x2a;

/// Full frame: the header (RFC 5456 8.1.1).
const HEADER_BYTES: usize = 12;
const FULL_FRAME: u16 = 0x8000;
const RETRANSMITTED: u16 = 0x8000;

fn understand<'a>(packet: &'a Packet<'a>, draft: &mut Draft<'a>) {
    let message = full_frame(&packet.payload, draft).or_else(|| mini_frame(&packet.payload));
    let message = message.unwrap_or_else(|| {
        if !packet.payload.is_empty() {
            draft.flag(UNREADABLE);
        }
        Message::default()
    });
    Message { protocol: "iax", ..message }.push(draft);
}

fn full_frame(payload: &[u8], draft: &mut Draft<'_>) -> Option<Message> {
    let (header, elements) = payload.split_first_chunk::<HEADER_BYTES>()?;
    let [source_high, source_low, destination_high, destination_low, .., frame, subclass] = *header;
    let source = u16::from_be_bytes([source_high, source_low]);
    let destination = u16::from_be_bytes([destination_high, destination_low]);
    if source & FULL_FRAME == 0 {
        return None;
    }
    let name = |names: &[(u8, &str)], number: u8| {
        let known = names.iter().find(|(known, _)| *known == number);
        known.map_or_else(|| number.to_string(), |(_, name)| (*name).to_owned())
    };
    let frame_name = name(FRAMES, frame);
    // The highest bit says that the rest is a power of two (RFC 5456 8.1.1), which no name has.
    let method = match frame {
        FRAME_IAX => name(IAX_FRAMES, subclass),
        FRAME_CONTROL => name(CONTROLS, subclass),
        _ => frame_name.clone(),
    };
    if destination & RETRANSMITTED != 0 {
        draft.extra.json("is_retransmitted", "true");
    }
    let mut message = Message {
        kind: Some(frame_name.to_ascii_lowercase()),
        context: Some(format!("{}/{}", source & !FULL_FRAME, destination & !RETRANSMITTED)),
        ..Message::default()
    };
    if frame == FRAME_IAX {
        information(elements, &mut message, draft);
    }
    message.text = Summary::of("IAX2")
        .word(&method)
        .joined(": ", message.reason_phrase.as_deref().unwrap_or_default())
        .finish();
    message.method = Some(method);
    Some(message)
}

/// Number, length, value, one after the other (RFC 5456 8.6). What an authentication says is not read.
fn information(mut rest: &[u8], message: &mut Message, draft: &mut Draft<'_>) {
    while let [number, length, after @ ..] = rest {
        let Some((value, after)) = after.split_at_checked(usize::from(*length)) else { return };
        let text = || Some(String::from_utf8_lossy(value).into_owned()).filter(|text| !text.is_empty());
        match *number {
            CALLED_NUMBER => message.to_user = text(),
            CALLING_NUMBER => message.from_user = text(),
            CAUSE => message.reason_phrase = text(),
            // Of Q.850 (RFC 5456 8.6.21): no return code.
            CAUSE_CODE => {
                if let Some(code) = value.first() {
                    draft.extra.integer("cause", i64::from(*code));
                }
            }
            _ => {}
        }
        rest = after;
    }
}

/// Voice without a full header: the number of the call and a time (RFC 5456 8.1.2). Number zero starts a trunk or
/// video frame (RFC 5456 8.1.3).
fn mini_frame(payload: &[u8]) -> Option<Message> {
    let [high, low, _, _, ..] = payload else { return None };
    let call = u16::from_be_bytes([*high, *low]);
    let method = if call == 0 { "META" } else { "MINI" };
    (call & FULL_FRAME == 0).then(|| Message {
        text: Summary::of("IAX2").word(method).finish(),
        kind: Some(method.to_ascii_lowercase()),
        method: Some(method.to_owned()),
        context: (call != 0).then(|| call.to_string()),
        ..Message::default()
    })
}
