//! What known senders get wrong, and how it is put right: never silently.
//!
//! Every rule has a name and can be switched, for all senders or for one. A row that a rule has touched carries its
//! name as a flag, `raw` stays exact, and a number that was changed is kept in `extra` as it was sent. What a rule
//! does depends on the packet and on the switches alone, so that a replay of the log makes the same rows.

use hep::{Flags, Packet, Version};

use crate::Draft;

/// A rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Correction {
    /// Also the flag of the rows it touched, and the key in the configuration.
    pub name: &'static str,
    /// Who is known to need it.
    pub senders: &'static str,
    /// What it does, for the person who finds the flag.
    pub doc: &'static str,
    /// Whether it is on unless the configuration says otherwise: on where the mistake cannot be taken for
    /// anything else.
    pub is_default: bool,
    bit: u32,
}

impl Correction {
    pub(crate) const fn bit(&self) -> u32 {
        self.bit
    }
}

macro_rules! corrections {
    ($($constant:ident $bit:literal $name:literal $switch:ident $senders:literal $doc:literal)*) => {
        $(pub(crate) const $constant: Correction = Correction {
            name: $name,
            senders: $senders,
            doc: $doc,
            is_default: is_on(stringify!($switch)),
            bit: 1 << $bit,
        };)*

        /// Every rule.
        pub const ALL: &[Correction] = &[$($constant),*];
    };
}

const fn is_on(switch: &str) -> bool {
    matches!(switch.as_bytes(), b"on")
}

corrections! {
    SHIFTED_CAPTURE_ID 0 "shifted_capture_id" on
        "sngrep, sipgrep, hep-c, RTPProxy"
        "the capture id came shifted left by 16 bits; the column has it shifted back, extra as it was sent"
    JSON_WRAPPED_SIP 1 "json_wrapped_sip" on
        "OpenSIPS with homer5_on=0"
        "the SIP message came as the member `payload` of a JSON object; the columns are read from it"
    TRAILING_NULS 2 "trailing_nuls" on
        "OpenSIPS in HEPv1 and HEPv2"
        "the text ends in zero bytes that the sender did not mean; the columns are read without them"
    ZERO_PAYLOAD 3 "zero_payload" on
        "OpenSIPS in HEPv1 and HEPv2, for its logs and events"
        "the payload is zero bytes only, padding without the message that should be there; read as empty"
    ZERO_ADDRESSES 4 "zero_addresses" on
        "FreeSWITCH and sofia-sip with IPv6, hep-js and hepipe with IPv6"
        "both addresses are zero, which means that the sender lost them; shown as unknown"
    BIG_ENDIAN_CLOCK 5 "big_endian_clock" on
        "hep-erlang in HEPv2"
        "time and capture id of the HEPv2 header make sense as big-endian numbers only, and are read so"
    HEP_IN_HEP 6 "hep_in_hep" on
        "relays that wrap what they receive"
        "the payload is a HEP packet; extra and the message view show what is in it, the columns stay those of the outer packet"
    CHANNEL_NAME 7 "channel_name" on
        "Asterisk with uuid_type=channel"
        "the correlation id is the name of a channel and joins no call"
    LEGACY_KEYS 8 "legacy_keys" on
        "hepipe.js, paStash and hepgen.js on hep-js 1.0.20 and later"
        "family, type and time are all zero since the sender filled them in under old names; the time is that of arrival, and a payload that is SIP is read as SIP"
    DOUBLED_CORRELATIONS 9 "doubled_correlations" on
        "OpenSIPS"
        "chunk 0x65 names a correlation twice; all are kept, the first counts"
    MILLISECONDS 10 "milliseconds" off
        "hepipe.js and senders built on early hep-js"
        "the field for microseconds held milliseconds; the time is corrected, extra has the number as it was sent"
    SWAPPED_PORTS 11 "swapped_ports" off
        "hepipe"
        "the bytes of both ports came swapped; the columns have them right, extra as they were sent"
}

/// The rule of that name.
pub fn find(name: &str) -> Option<&'static Correction> {
    ALL.iter().find(|rule| rule.name == name)
}

/// The rules that are on for one sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Corrections(u32);

impl Default for Corrections {
    fn default() -> Self {
        ALL.iter().filter(|rule| rule.is_default).fold(Self::NONE, |on, rule| on.with(rule, true))
    }
}

impl Corrections {
    pub const NONE: Self = Self(0);

    /// The same with one rule switched.
    #[must_use]
    pub const fn with(self, rule: &Correction, is_on: bool) -> Self {
        Self(if is_on { self.0 | rule.bit } else { self.0 & !rule.bit })
    }

    pub const fn contains(self, rule: &Correction) -> bool {
        self.0 & rule.bit != 0
    }

    /// Whether a flag of the decoder may be raised: not if it is the name of a rule that is off.
    pub(crate) fn allows(self, flag: &str) -> bool {
        flag != BIG_ENDIAN_CLOCK.name || self.contains(&BIG_ENDIAN_CLOCK)
    }

    /// The capture id of a packet as its row has it.
    pub fn capture_id(self, packet: &Packet<'_>) -> Option<u32> {
        Header::of(packet, self).capture_id
    }
}

/// The numbers of a packet that rules may change.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    pub(crate) hep_type: Option<u16>,
    pub(crate) seconds: Option<u32>,
    pub(crate) micros: Option<u32>,
    pub(crate) capture_id: Option<u32>,
    pub(crate) src_port: Option<u16>,
    pub(crate) dst_port: Option<u16>,
    touched: Corrections,
}

impl Header {
    pub(crate) fn of(packet: &Packet<'_>, on: Corrections) -> Self {
        let mut header = Self {
            hep_type: packet.hep_type,
            seconds: packet.seconds,
            micros: packet.micros,
            capture_id: packet.capture_id,
            src_port: packet.src_port,
            dst_port: packet.dst_port,
            touched: Corrections::NONE,
        };
        if !on.contains(&BIG_ENDIAN_CLOCK) && packet.flags.contains(Flags::BIG_ENDIAN_CLOCK) {
            header.read_clock_as_little_endian();
        }
        // The id of HEPv2 has 16 bits, which nobody shifts.
        if let Some(id) = header.capture_id
            && on.contains(&SHIFTED_CAPTURE_ID)
            && packet.version == Version::V3
            && id & 0xffff == 0
            && id != 0
        {
            header.capture_id = Some(id >> 16);
            header.touch(&SHIFTED_CAPTURE_ID);
        }
        // A whole millisecond or more in this field is no number of milliseconds within a second.
        if let Some(millis @ 1..1_000) = header.micros
            && on.contains(&MILLISECONDS)
        {
            header.micros = Some(millis * 1_000);
            header.touch(&MILLISECONDS);
        }
        if on.contains(&SWAPPED_PORTS) && (header.src_port.is_some() || header.dst_port.is_some()) {
            header.src_port = header.src_port.map(u16::swap_bytes);
            header.dst_port = header.dst_port.map(u16::swap_bytes);
            header.touch(&SWAPPED_PORTS);
        }
        if on.contains(&LEGACY_KEYS) && has_legacy_keys(packet) {
            header.touch(&LEGACY_KEYS);
            let is_sip = sip::parse(&packet.payload).start().is_known();
            header.hep_type = if is_sip { crate::sip::PROTOCOL.hep_types.first().copied() } else { Some(0) };
        }
        header
    }

    /// Raises the flags of what was changed, and keeps the numbers as they were sent.
    pub(crate) fn note(&self, packet: &Packet<'_>, draft: &mut Draft<'_>) {
        if self.touched == Corrections::NONE {
            return;
        }
        ALL.iter().filter(|rule| self.touched.contains(rule)).for_each(|rule| draft.flag(rule.name));
        let numbers = [
            ("sent_type", packet.hep_type.map(i64::from), self.hep_type.map(i64::from)),
            ("sent_micros", packet.micros.map(i64::from), self.micros.map(i64::from)),
            ("sent_capture_id", packet.capture_id.map(i64::from), self.capture_id.map(i64::from)),
            ("sent_src_port", packet.src_port.map(i64::from), self.src_port.map(i64::from)),
            ("sent_dst_port", packet.dst_port.map(i64::from), self.dst_port.map(i64::from)),
        ];
        for (key, sent, corrected) in numbers {
            if let Some(sent) = sent.filter(|_| sent != corrected) {
                draft.extra.integer(key, sent);
            }
        }
    }

    fn touch(&mut self, rule: &Correction) {
        self.touched = self.touched.with(rule, true);
    }

    /// As all other senders mean the header.
    fn read_clock_as_little_endian(&mut self) {
        self.seconds = self.seconds.map(u32::swap_bytes);
        self.micros = self.micros.map(u32::swap_bytes);
        self.capture_id =
            self.capture_id.and_then(|id| u16::try_from(id).ok()).map(|id| id.swap_bytes().into());
    }
}

fn has_legacy_keys(packet: &Packet<'_>) -> bool {
    packet.version == Version::V3
        && packet.family == Some(0)
        && packet.hep_type == Some(0)
        && packet.seconds == Some(0)
        && packet.micros.unwrap_or(0) == 0
        && packet.src_ip.is_some()
        && packet.dst_ip.is_some()
}

/// Whether both ends are known to be lost. One zero address may be a socket bound to any.
pub(crate) fn has_zero_addresses(packet: &Packet<'_>) -> bool {
    matches!((packet.src_ip, packet.dst_ip), (Some(src), Some(dst)) if src.is_unspecified() && dst.is_unspecified())
}

/// Rules that are off by default because one packet proves nothing: what this packet says for (`true`) or against
/// (`false`) its sender needing them. Many packets together do prove it.
pub fn evidence(packet: &Packet<'_>) -> impl Iterator<Item = (&'static Correction, bool)> {
    // 5060 and its neighbours with their bytes swapped: rare among real ports, and no hop has one at both ends.
    let is_swapped = |port: u16| matches!(port.swap_bytes(), 5060..=5069);
    let micros = packet.micros.filter(|micros| *micros > 0).map(|micros| (&MILLISECONDS, micros < 1_000));
    let ports = packet.src_port.zip(packet.dst_port).and_then(|(src, dst)| match (src, dst) {
        _ if is_swapped(src) && is_swapped(dst) => Some((&SWAPPED_PORTS, true)),
        (0, _) | (_, 0) => None,
        _ => Some((&SWAPPED_PORTS, false)),
    });
    micros.into_iter().chain(ports)
}
