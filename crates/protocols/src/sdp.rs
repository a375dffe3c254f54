//! Session descriptions (RFC 8866) on their own, without the message that carried them.

use hep::Packet;
use model::{Field, Kind, Rows, Table};
use sip::sdp::{Description, Media};

use crate::extra::Extra;
use crate::flags::NOT_SDP;
use crate::summary::Summary;
use crate::{Draft, Protocol};

pub(crate) static PROTOCOL: Protocol = Protocol {
    name: "sdp",
    hep_types: &[3],
    table: &TABLE,
    doc: "Session descriptions: where media is wanted, and in which codecs",
    understand,
};

static TABLE: Table = Table {
    name: "sdp",
    doc: "Session descriptions; the first media in columns, all of them in extra.medias",
    retention_days: 30,
    rows: Rows::PACKETS,
    fields: &[
        Field::new("text", Kind::Text, "The media in a line"),
        Field::new(
            "media",
            Kind::Text,
            "Address and port where the first media is wanted (RFC 8866 5.7, 5.14)",
        ),
        Field::new("codecs", Kind::Text, "Codecs of the session description, in its order (RFC 8866 6.6)"),
        Field::new(
            "media_types",
            Kind::Text,
            "Types of the media, in their order: audio, video, image (RFC 8866 5.14)",
        )
        .facet(),
        Field::new(
            "media_protocol",
            Kind::Text,
            "Transport of the first media: RTP/AVP, RTP/SAVPF, udptl (RFC 8866 5.14)",
        )
        .facet(),
        Field::new(
            "media_direction",
            Kind::Text,
            "sendrecv, sendonly, recvonly or inactive, of the first media (RFC 8866 6.7)",
        )
        .facet(),
        Field::new("origin_user", Kind::Text, "User name of the origin (RFC 8866 5.2)").private(),
        Field::new("origin_session", Kind::Text, "Session id of the origin, which joins legs (RFC 8866 5.2)")
            .indexed(),
        Field::new("origin_version", Kind::Text, "Session version of the origin (RFC 8866 5.2)"),
        Field::new("origin_address", Kind::Text, "Address of the origin (RFC 8866 5.2)"),
        Field::new("session_name", Kind::Text, "Name of the session (RFC 8866 5.3)"),
    ],
};

/// Media listed in `extra`: conferences of browsers have one or two for each participant.
const MEDIA_MAX: usize = 64;

fn understand<'a>(packet: &'a Packet<'a>, draft: &mut Draft<'a>) {
    let payload = draft.readable(&packet.payload);
    if payload.is_empty() {
        return;
    }
    let description = Description::parse(payload);
    let is_description = description.lines().any(|line| matches!(line.kind, b'v' | b'o' | b'm'));
    if !is_description {
        return draft.flag(NOT_SDP);
    }
    let first = description.media().next();
    let origin = description.origin();
    draft.push(summary(&description));
    crate::sip::session(&description, draft);
    draft.push(joined(description.media().map(|media| media.kind)));
    draft.push_text(first.map(|media| media.protocol).filter(|protocol| !protocol.is_empty()));
    draft.push(first.map(|media| media.direction().as_str()));
    draft.push_text(origin.map(|origin| origin.username).filter(|user| is_given(user)));
    draft.push_text(origin.map(|origin| origin.session_id).filter(|id| is_given(id)));
    draft.push_text(origin.map(|origin| origin.session_version).filter(|version| is_given(version)));
    draft.push_text(origin.map(|origin| origin.address).filter(|address| is_given(address)));
    draft.push_text(description.session_name().filter(|name| is_given(name)));
    let medias: Vec<String> =
        description.media().take(MEDIA_MAX).filter_map(|media| listed(&media).finish()).collect();
    if medias.len() > 1 {
        draft.extra.json("medias", &format!("[{}]", medias.join(",")));
    }
}

/// `-` stands for nothing (RFC 8866 5.2, 5.3).
fn is_given(text: &[u8]) -> bool {
    !matches!(text, b"" | b"-" | b" ")
}

/// `SDP audio 192.0.2.1:4000 PCMU,PCMA; video ...`
fn summary(description: &Description<'_>) -> Option<String> {
    let mut summary = Summary::of("SDP");
    for (place, media) in description.media().take(MEDIA_MAX).enumerate() {
        let kind = String::from_utf8_lossy(media.kind);
        summary = if place == 0 { summary.word(&kind) } else { summary.joined("; ", &kind) };
        summary = summary.maybe(destination(&media).as_deref());
        summary = summary.maybe(joined(media.codecs().map(|codec| codec.name)).as_deref());
    }
    summary.finish()
}

/// Without attributes that hold keys of SRTP (RFC 4568).
fn listed(media: &Media<'_>) -> Extra {
    let mut object = Extra::default();
    object.text("type", &String::from_utf8_lossy(media.kind));
    if let Some(destination) = destination(media) {
        object.text("media", &destination);
    }
    object.text("protocol", &String::from_utf8_lossy(media.protocol));
    object.text("direction", media.direction().as_str());
    if let Some(codecs) = joined(media.codecs().map(|codec| codec.name)) {
        object.text("codecs", &codecs);
    }
    if let Some(milliseconds) = media.ptime_milliseconds() {
        object.integer("ptime", milliseconds.into());
    }
    object
}

fn destination(media: &Media<'_>) -> Option<String> {
    let address = String::from_utf8_lossy(media.connection()?.address).into_owned();
    crate::report::endpoint(Some(address), Some(media.port?.into()))
}

/// Names with commas between them; nothing if there are none.
fn joined<'a>(names: impl Iterator<Item = &'a [u8]>) -> Option<String> {
    let names: Vec<_> = names.map(String::from_utf8_lossy).collect();
    (!names.is_empty()).then(|| names.join(","))
}
