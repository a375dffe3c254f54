//! Signalling System No. 7 as JSON: ISUP (ITU-T Q.763) as captagent decodes it, and MAP (3GPP TS 29.002).

use hep::Packet;
use model::{Field, Kind, Rows, Table};

use crate::json;
use crate::members::Members;
use crate::summary::Summary;
use crate::text;
use crate::{Draft, Protocol};

const ISUP: u16 = 54;
const MAP: u16 = 57;

pub(crate) static PROTOCOL: Protocol = Protocol {
    name: "ss7",
    hep_types: &[ISUP, MAP],
    table: &TABLE,
    doc: "ISUP calls and MAP operations of the telephone network, as JSON",
    understand,
};

pub(crate) static TABLE: Table = Table {
    name: "ss7",
    doc: "Signalling System No. 7: calls (ISUP), mobile operations (MAP), and what carries them over IP (M2UA, M3UA, M2PA)",
    retention_days: 30,
    rows: Rows::PACKETS,
    fields: &[
        Field::new("text", Kind::Text, "The message on one line, without numbers of people"),
        Field::new("protocol", Kind::Text, "isup, map, m2ua, m3ua or m2pa; for other signalling see that table").facet(),
        Field::new("method", Kind::Text, "Name of the message or operation: IAM (Q.763 table 4), sendRoutingInfo (TS 29.002 17.5), DATA (RFC 4666 3.1.2)").facet(),
        Field::new("message_class", Kind::Text, "Class of an adaptation layer: MGMT, TRANSFER, SSNM, ASPSM, ASPTM, MAUP (RFC 4666 3.1.2, RFC 3331 3.1)").facet(),
        Field::new("opc", Kind::Text, "Originating point code, as sent (Q.704 2.2)").indexed(),
        Field::new("dpc", Kind::Text, "Destination point code, as sent (Q.704 2.2)").indexed(),
        Field::new("cic", Kind::Text, "Circuit identification code, the line of the trunk (Q.763 1.2)"),
        Field::new("from_user", Kind::Text, "Calling party number (Q.763 3.10), or calling address").indexed().private(),
        Field::new("to_user", Kind::Text, "Called party number (Q.763 3.9), or called address").indexed().private(),
        Field::new("cause", Kind::Int16, "Why the call ended, by number (Q.850 2.2.7)").facet(),
        Field::new("imsi", Kind::Text, "Identity of the mobile subscriber (TS 29.002 7.6.2.1)").indexed().private(),
        Field::new("msisdn", Kind::Text, "Number of the mobile subscriber (TS 29.002 7.6.2.17)").indexed().private(),
    ],
};

/// The columns, by name: each layer fills its own few.
#[derive(Debug, Default)]
pub(crate) struct Message {
    pub(crate) text: Option<String>,
    pub(crate) protocol: &'static str,
    pub(crate) method: Option<String>,
    pub(crate) message_class: Option<String>,
    pub(crate) opc: Option<String>,
    pub(crate) dpc: Option<String>,
    pub(crate) cic: Option<String>,
    pub(crate) from_user: Option<String>,
    pub(crate) to_user: Option<String>,
    pub(crate) cause: Option<i64>,
    pub(crate) imsi: Option<String>,
    pub(crate) msisdn: Option<String>,
}

impl Message {
    /// In the order of the table. A message of a circuit belongs to the call on it.
    pub(crate) fn push(self, draft: &mut Draft<'_>) {
        if let Some(call) = circuit(self.opc.as_deref(), self.dpc.as_deref(), self.cic.as_deref()) {
            draft.set_call_id(call.into());
        }
        draft.push(self.text);
        draft.push(self.protocol);
        let texts =
            [self.method, self.message_class, self.opc, self.dpc, self.cic, self.from_user, self.to_user];
        texts.into_iter().for_each(|text| draft.push(text));
        draft.push(self.cause.filter(|cause| (0..=127).contains(cause)));
        draft.push(self.imsi);
        draft.push(self.msisdn);
    }
}

/// ISUP message types (Q.763 table 4).
pub(crate) const ISUP_NAMES: &[(u8, &str)] = &[
    (0x01, "IAM"),
    (0x02, "SAM"),
    (0x03, "INR"),
    (0x04, "INF"),
    (0x05, "COT"),
    (0x06, "ACM"),
    (0x07, "CON"),
    (0x08, "FOT"),
    (0x09, "ANM"),
    (0x0c, "REL"),
    (0x0d, "SUS"),
    (0x0e, "RES"),
    (0x10, "RLC"),
    (0x11, "CCR"),
    (0x12, "RSC"),
    (0x13, "BLO"),
    (0x14, "UBL"),
    (0x15, "BLA"),
    (0x16, "UBA"),
    (0x17, "GRS"),
    (0x18, "CGB"),
    (0x19, "CGU"),
    (0x1a, "CGBA"),
    (0x1b, "CGUA"),
    (0x1f, "FAR"),
    (0x20, "FAA"),
    (0x21, "FRJ"),
    (0x24, "LPA"),
    (0x28, "PAM"),
    (0x29, "GRA"),
    (0x2a, "CQM"),
    (0x2b, "CQR"),
    (0x2c, "CPG"),
    (0x2d, "USR"),
    (0x2e, "UCIC"),
    (0x2f, "CFN"),
    (0x30, "OLM"),
    (0x31, "CRG"),
    (0x32, "NRM"),
    (0x33, "FAC"),
    (0x34, "UPT"),
    (0x35, "UPA"),
    (0x36, "IDR"),
    (0x37, "IRS"),
    (0x38, "SGM"),
];

fn understand<'a>(packet: &'a Packet<'a>, draft: &mut Draft<'a>) {
    let is_map = packet.hep_type == Some(MAP);
    let payload = text::of(packet, draft);
    let objects = json::objects(&payload, draft);
    let Some(first) = objects.first() else { return };
    let mut members = Members::of(first);
    let number = members.integer(&["msg_type", "message_type"]);
    let known = number.and_then(|number| ISUP_NAMES.iter().find(|(known, _)| i64::from(*known) == number));
    let method = members
        .text(&["msg_name", "message_name", "operation", "opcode_name", "operation_name", "opcode"])
        .or_else(|| known.filter(|_| !is_map).map(|(_, name)| (*name).to_owned()))
        .or_else(|| number.map(|number| number.to_string()));
    let cause = members.integer(&["cause.itu_cause_num", "cause.num", "cause_value", "cause"]);
    let cause_name = members.text(&["cause.itu_cause_name", "cause_name", "error"]);
    let protocol = if is_map { "map" } else { "isup" };
    let opc = members.text(&["opc"]);
    let dpc = members.text(&["dpc"]);
    let cic = members.text(&["cic"]);
    let summary = Summary::of(if is_map { "MAP" } else { "ISUP" })
        .maybe(method.as_deref())
        .joined(" circuit ", cic.as_deref().unwrap_or_default())
        .joined(": ", cause_name.as_deref().unwrap_or_default());
    let message = Message {
        text: summary.finish(),
        protocol,
        method,
        opc,
        dpc,
        cic,
        from_user: members.text(&[
            "calling_number.num",
            "calling_number",
            "calling.number",
            "calling_gt",
            "calling",
        ]),
        to_user: members.text(&[
            "called_number.num",
            "called_number",
            "called.number",
            "called_gt",
            "called",
        ]),
        cause,
        imsi: members.text(&["imsi"]),
        msisdn: members.text(&["msisdn"]),
        ..Message::default()
    };
    message.push(draft);
    members.leave(&mut draft.extra);
}

/// The call on a circuit, the same for both directions: `smaller:greater:cic`, as captagent and heplify-server write
/// it. Circuits are used again, so calls on one differ by time only.
fn circuit(opc: Option<&str>, dpc: Option<&str>, cic: Option<&str>) -> Option<String> {
    let (opc, dpc, cic) = (opc?, dpc?, cic?);
    let is_swapped = match (opc.parse::<u64>(), dpc.parse::<u64>()) {
        (Ok(opc), Ok(dpc)) => dpc < opc,
        // Point codes are also written in parts, `2-30-1`, and hepgen.js makes up any letters.
        _ => dpc < opc,
    };
    Some(if is_swapped { format!("{dpc}:{opc}:{cic}") } else { format!("{opc}:{dpc}:{cic}") })
}
