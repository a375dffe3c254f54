//! What one message costs: `cargo bench -p sip`.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// An INVITE of 1.3 kB as a provider's border controller sends it: 19 headers, an offer of five codecs.
const INVITE: &[u8] = include_bytes!("invite.sip");
/// Its answer without body, the most frequent kind of message.
const RINGING: &[u8] = b"SIP/2.0 180 Ringing\r\n\
    Via: SIP/2.0/UDP 198.51.100.20:5060;branch=z9hG4bKnashds8-41a2;rport=5060;received=198.51.100.20\r\n\
    From: \"Alice Example\" <sip:+4930123456@sip.provider.example;user=phone>;tag=gK0c8a2f71\r\n\
    To: <sip:+4989654321@sip.carrier.example;user=phone>;tag=as58f4201b\r\n\
    Call-ID: 7f9be3a0-4c6d-4f2b-9a70-5d2e18c3b6f4@198.51.100.20\r\n\
    CSeq: 20117 INVITE\r\n\
    Contact: <sip:+4989654321@203.0.113.7:5060;transport=udp>\r\n\
    Server: Asterisk PBX 20.5.0\r\n\
    Content-Length: 0\r\n\r\n";

fn message(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sip");
    group.throughput(Throughput::Bytes(INVITE.len() as u64));
    group.bench_function("invite/walk", |bench| bench.iter(|| sip::parse(black_box(INVITE))));
    group.bench_function("invite/fields", |bench| bench.iter(|| fields(black_box(INVITE))));
    group.bench_function("invite/fields without sdp", |bench| {
        bench.iter(|| header_fields(&sip::parse(black_box(INVITE))));
    });
    group.bench_function("invite/problems", |bench| bench.iter(|| sip::parse(black_box(INVITE)).problems()));
    group.throughput(Throughput::Bytes(RINGING.len() as u64));
    group.bench_function("ringing/fields", |bench| bench.iter(|| fields(black_box(RINGING))));
    group.finish();
}

/// Reads every field that the table of SIP messages has a column for, and gives their total length so that none
/// is left out.
fn fields(bytes: &[u8]) -> usize {
    let message = sip::parse(bytes);
    header_fields(&message) + sdp_fields(&message)
}

fn header_fields(message: &sip::Message<'_>) -> usize {
    let len = |part: Option<&[u8]>| part.map_or(0, <[u8]>::len);
    let mut total =
        len(message.method()) + usize::from(message.status().unwrap_or(0)) + len(message.reason_phrase());
    if let Some(cseq) = message.cseq() {
        total += cseq.number.unwrap_or(0) as usize + cseq.method.len();
    }
    if let Some(uri) = message.request_uri() {
        total += len(uri.subscriber()) + len(uri.host);
    }
    for address in [message.from(), message.to()].into_iter().flatten() {
        total += len(address.uri.subscriber()) + len(address.uri.host) + len(address.tag());
    }
    total += len(message.via_branch()) + len(message.header(sip::Name::Contact));
    total += len(message.user_agent().or_else(|| message.server()));
    total += message.pai().map_or(0, |pai| len(pai.uri.subscriber()));
    total += message.auth_user().map_or(0, |user| user.len());
    total += len(message.header(sip::Name::Reason)) + len(message.header(sip::Name::SessionId));
    total + len(message.header(sip::Name::ContentType)) + len(message.call_id())
}

fn sdp_fields(message: &sip::Message<'_>) -> usize {
    let Some(media) = message.sdp().and_then(|sdp| sdp.media().next()) else { return 0 };
    let address = media.connection().map_or(0, |connection| connection.address.len());
    address
        + usize::from(media.port.unwrap_or(0))
        + media.codecs().map(|codec| codec.name.len()).sum::<usize>()
}

criterion_group!(benches, message);
criterion_main!(benches);
