//! SDP: the description is read to the end, whatever it holds.

pub(crate) fn fuzz(bytes: &[u8]) {
    let description = sip::sdp::Description::parse(bytes);
    let _ =
        (description.version(), description.origin(), description.session_name(), description.connection());
    let _ = (description.attributes().cryptos().count(), description.attributes().ice_ufrag());
    let lines = description.lines().count();
    assert!(description.session_lines().count() <= lines);
    let media: Vec<_> = description.media().collect();
    assert!(media.len() <= lines);
    for media in media {
        assert!(media.lines().count() <= lines);
        let _ = (media.connection(), media.direction(), media.rtcp_port(), media.is_rtcp_mux());
        let _ = (media.ptime_milliseconds(), media.formats().count(), media.attributes().fingerprint());
        for codec in media.codecs() {
            let _ = format!("{codec:?}");
        }
    }
}
