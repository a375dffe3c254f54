//! The values of headers, each reader on the same bytes: what it returns is a part of them.

use sip::value;

pub(crate) fn fuzz(bytes: &[u8]) {
    let inside = |part: &[u8]| {
        if !part.is_empty() {
            let start = (part.as_ptr() as usize).checked_sub(bytes.as_ptr() as usize).expect("a part");
            assert!(start + part.len() <= bytes.len(), "a part");
        }
    };
    let maybe = |part: Option<&[u8]>| part.into_iter().for_each(inside);

    assert!(sip::unfold(bytes).len() <= bytes.len());
    let _ = sip::text(bytes);
    let listed_bytes: usize = value::list(bytes).inspect(|element| inside(element)).map(<[u8]>::len).sum();
    assert!(listed_bytes <= bytes.len(), "elements do not overlap");

    let uri = value::Uri::parse(bytes);
    [uri.raw, uri.scheme, uri.params, uri.headers].into_iter().for_each(inside);
    [uri.user, uri.password, uri.host, uri.subscriber()].into_iter().for_each(maybe);
    let _ = (uri.has_host(), uri.subscriber_decoded(), uri.user_params().count(), uri.header(b"subject"));
    for param in uri.params() {
        inside(param.name);
        maybe(param.value);
    }

    for address in [value::NameAddr::parse(bytes)].into_iter().chain(value::NameAddr::first(bytes)) {
        maybe(address.display);
        inside(address.uri.raw);
        inside(address.params);
        maybe(address.tag());
        let _ = (address.display_name(), address.expires_seconds(), address.params().count());
    }
    for via in value::Via::list(bytes).chain([value::Via::parse(bytes)]) {
        [via.transport, via.host, via.params].into_iter().for_each(inside);
        maybe(via.branch());
        maybe(via.received());
        let _ = (via.received_ip(), via.rport());
    }
    let first = value::Via::list(bytes).next().and_then(|via| via.branch());
    assert_eq!(value::Via::first_branch(bytes), first, "the short way to the branch");

    let params = value::Params::parse(bytes);
    for param in params.clone() {
        inside(param.name);
        maybe(param.value);
        assert!(params.has(param.name));
        let _ = (params.unescaped(param.name), params.percent_decoded(param.name));
    }
    let session = value::SessionId::parse(bytes);
    inside(session.local);
    maybe(session.remote);
    assert!(session.halves().count() <= 2);
    let identity = value::Identity::parse(bytes);
    maybe(identity.info());
    maybe(identity.algorithm());
    let _ = (identity.is_compact(), identity.extension());
    let reason = value::Reason::parse(bytes);
    let _ = (reason.text_unescaped(), value::Warning::parse(bytes).text_unescaped());
    let diversion = value::Diversion::parse(bytes);
    let _ = (diversion.reason(), diversion.counter(), diversion.limit(), diversion.privacy());
    let entry = value::HistoryEntry::parse(bytes);
    inside(entry.index());
    let _ = (entry.parent(), entry.depth(), entry.derived());
    let content = value::ContentType::parse(bytes);
    maybe(content.boundary());
    let credentials = value::Credentials::parse(bytes);
    maybe(credentials.nonce());
    maybe(credentials.algorithm());
    let _ = (credentials.username(), credentials.realm(), credentials.is_stale());
    let _ = (value::CSeq::parse(bytes), value::RAck::parse(bytes), value::DialogId::parse(bytes));
    let _ = (value::SessionExpires::parse(bytes), value::RetryAfter::parse(bytes));
    let _ = value::RtpStat::parse(bytes).value(b"PS");
}
