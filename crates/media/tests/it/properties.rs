use media::rtcp::{Bye, Chunk};
use media::rtcp::{Compound, Item, Report, ReportBlock, SenderReport, SourceDescription};
use media::{Jitter, NtpTime, Sequence, emodel, rtp};
use proptest::collection::vec;
use proptest::prelude::*;

fn block() -> impl Strategy<Value = ReportBlock> {
    (any::<[u32; 5]>(), any::<u8>(), -0x80_0000..=0x7f_ffff_i32).prop_map(
        |(words, fraction_lost, packets_lost)| {
            let [ssrc, highest_sequence, jitter, last_sender_report, delay_since] = words;
            ReportBlock {
                ssrc,
                fraction_lost,
                packets_lost,
                highest_sequence,
                jitter,
                last_sender_report,
                delay_since,
            }
        },
    )
}

proptest! {
    #[test]
    fn reports_come_back_as_they_went_in(
        words in any::<[u32; 4]>(),
        time in any::<u64>(),
        blocks in vec(block(), 0..=31),
        names in vec((any::<u32>(), vec((1..=8_u8, vec(any::<u8>(), 0..=255)), 0..4)), 0..4),
        sources in vec(any::<u32>(), 0..=31),
        reason in proptest::option::of(vec(any::<u8>(), 0..=255)),
    ) {
        let [ssrc, rtp_timestamp, packets, octets] = words;
        let time = NtpTime(time);
        let chunks = names.iter().map(|(ssrc, items)| Chunk {
            ssrc: *ssrc,
            items: items.iter().map(|(kind, text)| Item { kind: *kind, text }).collect(),
        });
        let compound = Compound {
            reports: vec![
                Report::Sender(SenderReport { ssrc, time, rtp_timestamp, packets, octets, blocks, extension: &[] }),
                Report::SourceDescription(SourceDescription { chunks: chunks.collect() }),
                Report::Bye(Bye { sources, reason: reason.as_deref() }),
            ],
            problems: vec![],
        };
        let bytes = compound.to_bytes();
        prop_assert_eq!(&Compound::read(&bytes), &compound);
    }

    #[test]
    fn no_bytes_make_the_readers_panic(packet_type in 198..=208_u8, first in 0x80..=0xbf_u8, bytes in vec(any::<u8>(), 0..200)) {
        let framed = [&[first, packet_type, 0, (bytes.len() / 4) as u8][..], &bytes].concat();
        let compound = Compound::read(&framed);
        prop_assert!(compound.reports.len() <= framed.len() / 4 + 1);
        prop_assert!(compound.problems.iter().all(|problem| problem.at <= framed.len()));
        let _ = compound.to_bytes();
        if let Ok(packet) = rtp::Packet::parse(&framed) {
            prop_assert!(packet.payload.len() < framed.len());
        }
    }

    #[test]
    fn lost_is_what_was_not_received(start in any::<u16>(), missing in vec(any::<bool>(), 2..3000)) {
        let mut sequence = Sequence::new();
        let last = missing.len() - 1;
        let mut lost = 0;
        for (index, missing) in missing.iter().enumerate() {
            if *missing && index != 0 && index != last {
                lost += 1;
            } else {
                sequence.push(start.wrapping_add(index as u16));
            }
        }
        prop_assert_eq!(sequence.lost(), lost);
        prop_assert_eq!(sequence.expected() as usize, missing.len());
    }

    #[test]
    fn jitter_never_exceeds_the_worst_delay(delays in vec(0..100_000_i64, 2..100)) {
        let mut jitter = Jitter::new(8000);
        let worst = *delays.iter().max().unwrap();
        for (index, delay) in delays.iter().enumerate() {
            let packet = rtp::Packet { timestamp: index as u32 * 160, ..rtp::Packet::default() };
            jitter.push(index as i64 * 20_000 + delay, &packet);
        }
        prop_assert!(jitter.micros() <= worst as f64);
    }

    #[test]
    fn more_loss_and_more_delay_never_sound_better(
        index in 0..emodel::CODECS.len(),
        loss in 0.0..100.0_f64,
        more in 0.0..50.0_f64,
        millis in 0.0..1000.0_f64,
    ) {
        let codec = &emodel::CODECS[index];
        let inputs = emodel::Inputs { loss_percent: loss, ..emodel::Inputs::perfect(codec) };
        let delayed = emodel::Inputs { delay: Some(emodel::Delay::Exact { millis }), ..inputs };
        let worse = emodel::Inputs { loss_percent: loss + more, ..inputs };
        let score = emodel::score(&inputs);
        prop_assert!((1.0..=4.5).contains(&score.mos));
        prop_assert!(emodel::score(&worse).r <= score.r);
        prop_assert!(emodel::score(&delayed).r <= score.r + 1e-9);
    }

    #[test]
    fn no_number_breaks_the_model(loss in any::<f64>(), burst_ratio in any::<f64>(), millis in any::<f64>()) {
        for delay in [None, Some(emodel::Delay::Exact { millis }), Some(emodel::Delay::Planning { millis })] {
            let codec = &emodel::CODECS[0];
            let score = emodel::score(&emodel::Inputs { codec, loss_percent: loss, burst_ratio, delay });
            prop_assert!(score.r.is_finite());
            prop_assert!((1.0..=4.5).contains(&score.mos));
        }
    }
}
