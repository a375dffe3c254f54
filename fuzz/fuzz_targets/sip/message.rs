//! SIP: everything a message is asked for is a part of the input, and problems point into it.

pub(crate) fn fuzz(bytes: &[u8]) {
    let mut end = 0;
    for message in sip::messages(bytes) {
        let range = message.range();
        assert!(range.start >= end && range.end <= bytes.len(), "messages follow each other");
        end = range.end;
        read(bytes, &message);
    }
    read(bytes, &sip::parse(bytes));
}

fn read(bytes: &[u8], message: &sip::Message<'_>) {
    let inside = |part: Option<&[u8]>| {
        if let Some(part) = part.filter(|part| !part.is_empty()) {
            let range = message.range_of(part).expect("a part of the input");
            assert_eq!(&bytes[range], part);
        }
    };
    inside(message.method());
    inside(message.reason_phrase());
    inside(message.call_id());
    inside(message.via_branch());
    inside(message.user_agent());
    inside(message.server());
    inside(Some(message.body()));
    for address in [message.from(), message.to(), message.contact(), message.pai()].into_iter().flatten() {
        inside(Some(address.uri.raw));
        inside(address.uri.user);
        inside(address.tag());
        let _ = address.display_name();
    }
    for header in message.headers() {
        assert_eq!(&bytes[header.name_range()], header.name);
        assert_eq!(&bytes[header.value_range()], header.value);
        let _ = sip::text(header.value);
    }
    for problem in message.problems() {
        assert!(problem.range.start <= problem.range.end && problem.range.end <= bytes.len());
        let _ = problem.to_string();
    }
    let _ = (message.cseq(), message.rack(), message.rtp_stat(), message.auth_user(), message.session_id());
    let _ = (message.vias().count(), message.diversions().count(), message.reasons().count());
    let mut body_end = message.body_range().start;
    for part in message.parts() {
        if let Some(range) = message.range_of(part.body).filter(|range| !range.is_empty()) {
            assert!(
                range.start >= body_end && range.end <= message.body_range().end,
                "parts follow each other"
            );
            body_end = range.end;
        }
        for header in part.headers() {
            assert_eq!(&bytes[header.value_range()], header.value);
        }
    }
    assert!(message.problems().len() <= sip::Message::PROBLEMS_MAX);
    if let Some(description) = message.sdp() {
        let _ = description.media().count();
    }
    let _ = (message.warnings().count(), message.history().count(), message.credentials().count());
}
