//! What one packet costs.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hep::{Framer, Outgoing};

/// Mean payload of SIP traffic as engineers meet it.
const PAYLOAD_BYTES: usize = 599;

fn outgoing(payload: &[u8]) -> Outgoing<'_> {
    Outgoing {
        seconds: 1_592_975_786,
        micros: 669_278,
        capture_id: 2001,
        correlation_id: Some(b"1-call-20375@127.0.0.1"),
        node: Some(b"edge-1"),
        payload,
        ..Outgoing::new("10.0.0.1:5060".parse().unwrap(), "10.0.0.2:5061".parse().unwrap())
    }
}

fn codec(criterion: &mut Criterion) {
    let start = b"INVITE sip:bob@example.org SIP/2.0\r\n";
    let payload: Vec<u8> = start.iter().copied().chain(std::iter::repeat(b'x')).take(PAYLOAD_BYTES).collect();
    let outgoing = outgoing(&payload);
    let (mut v3, mut v2, mut zipped) = (Vec::new(), Vec::new(), Vec::new());
    outgoing.encode_v3(&mut v3).unwrap();
    outgoing.encode_v2(&mut v2).unwrap();
    Outgoing { compress: true, ..outgoing }.encode_v3(&mut zipped).unwrap();

    let mut group = criterion.benchmark_group("packet");
    group.throughput(Throughput::Elements(1));
    group.bench_function("decode v3", |bencher| bencher.iter(|| hep::decode(black_box(&v3), 1_592_975_787)));
    group.bench_function("decode v2", |bencher| bencher.iter(|| hep::decode(black_box(&v2), 1_592_975_787)));
    group.bench_function("decode v3 compressed", |bencher| {
        bencher.iter(|| hep::decode(black_box(&zipped), 1_592_975_787));
    });
    group.bench_function("datagram", |bencher| {
        bencher.iter(|| {
            let unwrapped = hep::ungzip(black_box(&v3));
            hep::packets(&unwrapped, 1_592_975_787).filter(Result::is_ok).count()
        });
    });
    group.bench_function("encode v3", |bencher| {
        let mut out = Vec::with_capacity(1024);
        bencher.iter(|| {
            out.clear();
            black_box(&outgoing).encode_v3(&mut out)
        });
    });
    let mut keyed = v3.clone();
    group.bench_function("blank key", |bencher| bencher.iter(|| hep::blank_key(black_box(&mut keyed))));
    group.finish();

    let stream = v3.repeat(1000);
    let mut group = criterion.benchmark_group("stream");
    group.throughput(Throughput::Elements(1000));
    group.bench_function("frame in reads of 16 KiB", |bencher| {
        bencher.iter(|| {
            let mut framer = Framer::new();
            let mut frames = 0;
            for read in stream.chunks(16 * 1024) {
                framer.push(read, 0);
                while let Some(frame) = framer.next_frame() {
                    black_box(frame).unwrap();
                    frames += 1;
                }
            }
            frames
        });
    });
    group.finish();
}

criterion_group!(benches, codec);
criterion_main!(benches);
