use media::NtpTime;
use media::rtcp::extended::{Block, Concealment, Hops, JitterBuffer, Spread};
use media::rtcp::{Compound, Problem, ProblemKind, Report};

/// A sender report with one block, then a source description, as phones send it.
fn sender_report_and_name() -> Vec<u8> {
    let mut bytes = vec![0x81, 200, 0, 12];
    let words: [u32; 12] = [
        0x8dac_9aca, // ssrc
        4_004_203_900,
        234_101_487, // NTP time
        67_316,
        250,
        40_000, // RTP time, packets, octets
        0xc49a_b4a5,
        0x20ff_fffe,
        0x0001_6d79,
        10,
        0xb705_2000,
        0x0005_4000,
    ];
    words.iter().for_each(|word| bytes.extend_from_slice(&word.to_be_bytes()));
    bytes.extend_from_slice(&[0x81, 202, 0, 5, 0x8d, 0xac, 0x9a, 0xca, 1, 9]);
    bytes.extend_from_slice(b"bob@x.org");
    bytes.extend_from_slice(&[6, 0, 0, 0, 0]); // an empty TOOL item, then the end and its fill
    bytes
}

#[test]
fn reads_a_sender_report_and_a_name() {
    let bytes = sender_report_and_name();
    let compound = Compound::read(&bytes);
    assert_eq!(compound.problems, []);
    let [Report::Sender(report), Report::SourceDescription(names)] = &compound.reports[..] else {
        panic!("{compound:?}")
    };
    assert_eq!((report.ssrc, report.packets, report.octets), (0x8dac_9aca, 250, 40_000));
    assert_eq!(report.time.unix_micros(), Some(1_795_215_100_054_506));
    let block = report.blocks[0];
    assert_eq!((block.fraction_lost, block.packets_lost), (32, -2), "24 bits with a sign");
    assert_eq!(block.loss_percent(), 12.5);
    assert_eq!((block.highest_sequence, block.jitter), (0x0001_6d79, 10));
    assert_eq!(block.round_trip_micros(NtpTime::from_parts(0x0000_b710, 0x8000_0000)), Some(6_125_000));
    assert_eq!(names.chunks[0].cname(), Some(&b"bob@x.org"[..]));
    assert_eq!(names.chunks[0].items.len(), 2);
    assert_eq!(compound.to_bytes(), bytes);
}

#[test]
fn keeps_what_can_be_read_of_a_cut_packet() {
    let bytes = sender_report_and_name();
    for cut in 1..bytes.len() {
        let compound = Compound::read(&bytes[..cut]);
        // A cut between the two packets leaves a whole one; the last zeros of a name list carry nothing.
        let whole = cut == 52;
        assert_eq!(compound.problems.is_empty(), whole, "cut at {cut}: {:?}", compound.problems);
        assert!(compound.problems.iter().all(|problem| problem.at <= cut));
    }
    let Report::Sender(report) = &Compound::read(&bytes[..40]).reports[0] else { panic!("a sender report") };
    assert_eq!((report.packets, report.blocks.len()), (250, 0));
}

#[test]
fn names_each_problem_with_its_place() {
    let bytes = [0x82, 201, 0, 1, 0, 0, 0, 7];
    let compound = Compound::read(&bytes);
    let problem = Problem { at: 8, kind: ProblemKind::Count { announced: 2, found: 0 } };
    assert_eq!(compound.problems, [problem]);
    assert_eq!(problem.to_string(), "byte 8: 2 entries announced, 0 found");

    let compound = Compound::read(b"not rtcp at all");
    assert_eq!(compound.reports, []);
    assert_eq!(compound.problems, [Problem { at: 0, kind: ProblemKind::Version(1) }]);

    let padded = [0xa0, 203, 0, 1, 0, 0, 0, 200];
    let compound = Compound::read(&padded);
    assert_eq!(compound.problems[0], Problem { at: 4, kind: ProblemKind::Padding(200) });
    assert_eq!(Compound::read(&[]).problems, []);
}

#[test]
fn reads_goodbye_and_application_packets() {
    let mut bytes = vec![0x81, 203, 0, 3, 0, 0, 0, 9, 5];
    bytes.extend_from_slice(b"ended\0\0");
    bytes.extend_from_slice(&[0x85, 204, 0, 3, 0, 0, 0, 9]);
    bytes.extend_from_slice(b"PoC1data");
    bytes.extend_from_slice(&[0x81, 205, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2]);
    let compound = Compound::read(&bytes);
    assert_eq!(compound.problems, []);
    let [Report::Bye(bye), Report::App(app), other] = &compound.reports[..] else { panic!("{compound:?}") };
    assert_eq!((&bye.sources[..], bye.reason), (&[9][..], Some(&b"ended"[..])));
    assert_eq!((app.subtype, app.ssrc, &app.name, app.data), (5, 9, b"PoC1", &b"data"[..]));
    assert_eq!(other, &Report::Other { packet_type: 205, count: 1, body: &[0, 0, 0, 1, 0, 0, 0, 2] });
    assert_eq!(compound.to_bytes(), bytes);
}

#[test]
fn reads_extended_reports() {
    let mut bytes = vec![0x80, 207, 0, 0, 0, 0, 0, 1];
    bytes.extend_from_slice(&[4, 0, 0, 2, 0, 0, 0, 5, 0x80, 0, 0, 0]);
    bytes.extend_from_slice(&[5, 0, 0, 3, 0, 0, 0, 2, 0xb7, 0x05, 0x20, 0, 0, 5, 0x40, 0]);
    bytes.extend_from_slice(&[6, 0b1010_1000, 0, 9, 0, 0, 0, 3, 0, 10, 0, 20, 0, 0, 0, 4, 0, 0, 0, 99]);
    bytes.extend_from_slice(&[0, 0, 0, 1, 0, 0, 0, 8, 0, 0, 0, 3, 0, 0, 0, 2, 60, 64, 62, 1]);
    bytes.extend_from_slice(&[7, 0, 0, 8, 0, 0, 0, 3, 26, 3, 100, 2, 0, 120, 1, 0, 0, 80, 0, 60]);
    bytes.extend_from_slice(&[0xee, 0xb0, 127, 16, 80, 127, 41, 127, 0b1011_0000, 0, 0, 40, 0, 60, 0, 120]);
    bytes.extend_from_slice(&[1, 3, 0, 1, 9, 9, 9, 9]);
    let words = (bytes.len() / 4 - 1) as u8;
    bytes[3] = words;

    let compound = Compound::read(&bytes);
    assert_eq!(compound.problems, []);
    let [Report::Extended(report)] = &compound.reports[..] else { panic!("{compound:?}") };
    let [
        Block::ReferenceTime(reference),
        Block::Dlrr(dlrr),
        Block::Statistics(statistics),
        Block::Voip(voip),
        Block::Other { kind: 1, specific: 3, body: [9, 9, 9, 9] },
    ] = &report.blocks[..]
    else {
        panic!("{report:?}")
    };
    assert_eq!(reference.time, NtpTime::from_parts(5, 0x8000_0000));
    let arrival = NtpTime::from_parts(0x0000_b710, 0x8000_0000);
    assert_eq!(dlrr.items[0].round_trip_micros(arrival), Some(6_125_000));
    assert_eq!((statistics.lost, statistics.duplicates), (Some(4), None), "flags say what was counted");
    assert_eq!(statistics.jitter, Some(Spread { min: 1, max: 8, mean: 3, deviation: 2 }));
    assert_eq!(statistics.hops, Some(Hops::Ipv4(Spread { min: 60, max: 64, mean: 62, deviation: 1 })));
    assert_eq!((voip.loss_percent(), voip.burst_duration_ms, voip.gap_duration_ms), (10.156_25, 120, 256));
    assert_eq!((voip.signal_level, voip.noise_level), (-18, -80));
    assert_eq!((voip.r_factor(), voip.mos_lq(), voip.mos_cq()), (Some(80), Some(4.1), None));
    assert_eq!(voip.concealment(), Concealment::Enhanced);
    assert_eq!(voip.jitter_buffer(), JitterBuffer::Adaptive);
    assert_eq!(voip.buffer_absolute_maximum_ms, 120);

    // What the statistics block did not count is written as zero.
    let mut expected = bytes.clone();
    expected[8 + 12 + 16 + 19] = 0;
    assert_eq!(compound.to_bytes(), expected);
}

#[test]
fn keeps_short_extended_blocks_as_bytes() {
    let bytes = [0x80, 207, 0, 3, 0, 0, 0, 1, 7, 0, 0, 1, 1, 2, 3, 4];
    let compound = Compound::read(&bytes);
    assert_eq!(compound.problems.len(), 1);
    let [Report::Extended(report)] = &compound.reports[..] else { panic!("{compound:?}") };
    assert_eq!(report.blocks, [Block::Other { kind: 7, specific: 0, body: &[1, 2, 3, 4] }]);
}
