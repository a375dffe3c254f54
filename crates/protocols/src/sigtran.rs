//! What carries Signalling System No. 7 over SCTP, by the header that its layers share (RFC 4666 3.1): M2UA (RFC 3331),
//! M3UA (RFC 4666), M2PA (RFC 4165); of M3UA data also the route, and the ISUP message in it.

use hep::Packet;

use crate::flags::UNREADABLE;
use crate::ss7::{ISUP_NAMES, Message, TABLE};
use crate::summary::Summary;
use crate::{Draft, Protocol};

const M2UA: u16 = 8;
const M3UA: u16 = 9;
const M2PA: u16 = 13;

pub(crate) static PROTOCOL: Protocol = Protocol {
    name: "sigtran",
    hep_types: &[M2UA, M3UA, M2PA],
    table: &TABLE,
    doc: "M2UA, M3UA and M2PA: Signalling System No. 7 over SCTP",
    understand,
};

/// Message classes (RFC 4666 3.1.2, RFC 3331 3.1, RFC 4165 2.1).
const CLASSES: &[(u8, &str)] = &[
    (0, "MGMT"),
    (1, "TRANSFER"),
    (2, "SSNM"),
    (3, "ASPSM"),
    (4, "ASPTM"),
    (6, "MAUP"),
    (9, "RKM"),
    (10, "IIM"),
    (11, "M2PA"),
];

/// Class, type, name (RFC 4666 3.1.2, RFC 3331 3.1, RFC 4165 2.1.2).
const TYPES: &[(u8, u8, &str)] = &[
    (0, 0, "ERR"),
    (0, 1, "NTFY"),
    (1, 1, "DATA"),
    (2, 1, "DUNA"),
    (2, 2, "DAVA"),
    (2, 3, "DAUD"),
    (2, 4, "SCON"),
    (2, 5, "DUPU"),
    (2, 6, "DRST"),
    (3, 1, "ASPUP"),
    (3, 2, "ASPDN"),
    (3, 3, "BEAT"),
    (3, 4, "ASPUP ACK"),
    (3, 5, "ASPDN ACK"),
    (3, 6, "BEAT ACK"),
    (4, 1, "ASPAC"),
    (4, 2, "ASPIA"),
    (4, 3, "ASPAC ACK"),
    (4, 4, "ASPIA ACK"),
    (6, 1, "DATA"),
    (6, 2, "ESTABLISH REQUEST"),
    (6, 3, "ESTABLISH CONFIRM"),
    (6, 4, "RELEASE REQUEST"),
    (6, 5, "RELEASE CONFIRM"),
    (6, 6, "RELEASE INDICATION"),
    (6, 7, "STATE REQUEST"),
    (6, 8, "STATE CONFIRM"),
    (6, 9, "STATE INDICATION"),
    (6, 10, "DATA RETRIEVAL REQUEST"),
    (6, 11, "DATA RETRIEVAL CONFIRM"),
    (6, 12, "DATA RETRIEVAL INDICATION"),
    (6, 13, "DATA RETRIEVAL COMPLETE INDICATION"),
    (6, 14, "CONGESTION INDICATION"),
    (6, 15, "DATA ACK"),
    (9, 1, "REG REQ"),
    (9, 2, "REG RSP"),
    (9, 3, "DEREG REQ"),
    (9, 4, "DEREG RSP"),
    (11, 1, "USER DATA"),
    (11, 2, "LINK STATUS"),
];

/// Version, reserved, class, type, length (RFC 4666 3.1).
const HEADER_BYTES: usize = 8;
/// Parameter "Protocol Data" of M3UA (RFC 4666 3.3.1).
const PROTOCOL_DATA: u16 = 0x0210;
/// Service indicator of ISUP (Q.704 14.2.1).
const SERVICE_ISUP: u8 = 5;

fn understand<'a>(packet: &'a Packet<'a>, draft: &mut Draft<'a>) {
    let protocol = match packet.hep_type {
        Some(M2UA) => "m2ua",
        Some(M3UA) => "m3ua",
        _ => "m2pa",
    };
    let Some((class, kind)) = header(&packet.payload) else {
        if !packet.payload.is_empty() {
            draft.flag(UNREADABLE);
        }
        return Message { protocol, ..Message::default() }.push(draft);
    };
    let class_name = CLASSES.iter().find(|(known, _)| *known == class);
    let class_name = class_name.map_or_else(|| class.to_string(), |(_, name)| (*name).to_owned());
    let type_name = TYPES.iter().find(|known| (known.0, known.1) == (class, kind));
    let type_name = type_name.map_or_else(|| kind.to_string(), |(_, _, name)| (*name).to_owned());
    let route = if protocol == "m3ua" { route(&packet.payload) } else { None };
    let mut message = Message { protocol, ..Message::default() };
    let mut inner = None;
    if let Some(route) = route {
        message.opc = Some(route.opc.to_string());
        message.dpc = Some(route.dpc.to_string());
        draft.extra.integer("service_indicator", route.service.into());
        draft.extra.integer("signalling_link_selection", route.link_selection.into());
        if let Some((cic, isup_type)) = route.isup() {
            let name = ISUP_NAMES.iter().find(|(known, _)| *known == isup_type);
            inner = Some(name.map_or_else(|| isup_type.to_string(), |(_, name)| (*name).to_owned()));
            message.cic = Some(cic.to_string());
        }
    }
    let summary = Summary::of(&protocol.to_ascii_uppercase())
        .word(&class_name)
        .word(&type_name)
        .joined(": ISUP ", inner.as_deref().unwrap_or_default())
        .joined(" circuit ", message.cic.as_deref().unwrap_or_default());
    message.text = summary.finish();
    // What is carried says more than that it is data.
    message.method = inner.or(Some(type_name));
    message.message_class = Some(class_name);
    message.push(draft);
}

/// Class and type.
fn header(payload: &[u8]) -> Option<(u8, u8)> {
    let [version, _reserved, class, kind, ..] = payload.get(..HEADER_BYTES)? else { return None };
    (*version == 1).then_some((*class, *kind))
}

struct Route<'a> {
    opc: u32,
    dpc: u32,
    service: u8,
    link_selection: u8,
    user: &'a [u8],
}

impl Route<'_> {
    /// Circuit and message type of ISUP (Q.763 1.2, 1.3): the circuit has 12 bits, low octet first.
    fn isup(&self) -> Option<(u16, u8)> {
        let [low, high, kind, ..] = self.user else { return None };
        (self.service == SERVICE_ISUP).then(|| (u16::from_le_bytes([*low, high & 0x0f]), *kind))
    }
}

/// The first "Protocol Data": OPC, DPC, SI, NI, MP, SLS, then the user's octets (RFC 4666 3.3.1). Parameters are tag,
/// length with the header, value, and padding to four octets (RFC 4666 3.2).
fn route(payload: &[u8]) -> Option<Route<'_>> {
    let mut rest = payload.get(HEADER_BYTES..)?;
    loop {
        let [tag_high, tag_low, length_high, length_low, ..] = rest else { return None };
        let tag = u16::from_be_bytes([*tag_high, *tag_low]);
        let length = usize::from(u16::from_be_bytes([*length_high, *length_low]));
        let value = rest.get(4..length)?;
        if tag == PROTOCOL_DATA {
            let (opc, rest) = value.split_first_chunk::<4>()?;
            let (dpc, rest) = rest.split_first_chunk::<4>()?;
            let ([service, _network, _priority, link_selection], user) = rest.split_first_chunk::<4>()?;
            return Some(Route {
                opc: u32::from_be_bytes(*opc),
                dpc: u32::from_be_bytes(*dpc),
                service: *service,
                link_selection: *link_selection,
                user,
            });
        }
        rest = rest.get(length.next_multiple_of(4)..)?;
    }
}
