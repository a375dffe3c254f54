use std::fmt;

/// What is odd about the reports of a stream. Each says what was done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Problem {
    LossUnsigned,
    LossWrapped,
    LossSaturated,
    LossNegative,
    LossBeyondPackets,
    SequenceWrapped,
    SequenceWithoutCycles,
    CountersRestarted,
    PacketsWrapped,
    OutOfOrder,
    NoLastSenderReport,
    RoundTripNegative,
    RoundTripImpossible,
    RoundTripByClocks,
    ClockRateAssumed,
    JitterImpossible,
    ScoreUnavailable,
    ReportsLeftOut,
}

impl Problem {
    pub const ALL: &[Self] = &[
        Self::LossUnsigned,
        Self::LossWrapped,
        Self::LossSaturated,
        Self::LossNegative,
        Self::LossBeyondPackets,
        Self::SequenceWrapped,
        Self::SequenceWithoutCycles,
        Self::CountersRestarted,
        Self::PacketsWrapped,
        Self::OutOfOrder,
        Self::NoLastSenderReport,
        Self::RoundTripNegative,
        Self::RoundTripImpossible,
        Self::RoundTripByClocks,
        Self::ClockRateAssumed,
        Self::JitterImpossible,
        Self::ScoreUnavailable,
        Self::ReportsLeftOut,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::LossUnsigned => "loss_unsigned",
            Self::LossWrapped => "loss_wrapped",
            Self::LossSaturated => "loss_saturated",
            Self::LossNegative => "loss_negative",
            Self::LossBeyondPackets => "loss_beyond_packets",
            Self::SequenceWrapped => "sequence_wrapped",
            Self::SequenceWithoutCycles => "sequence_without_cycles",
            Self::CountersRestarted => "counters_restarted",
            Self::PacketsWrapped => "packets_wrapped",
            Self::OutOfOrder => "out_of_order",
            Self::NoLastSenderReport => "no_last_sender_report",
            Self::RoundTripNegative => "round_trip_negative",
            Self::RoundTripImpossible => "round_trip_impossible",
            Self::RoundTripByClocks => "round_trip_by_clocks",
            Self::ClockRateAssumed => "clock_rate_assumed",
            Self::JitterImpossible => "jitter_impossible",
            Self::ScoreUnavailable => "score_unavailable",
            Self::ReportsLeftOut => "reports_left_out",
        }
    }

    /// In words, with what was done about it.
    pub fn message(self) -> &'static str {
        match self {
            Self::LossUnsigned => "a negative loss was written without its sign: read with it",
            Self::LossWrapped => "the 24 bits of the loss counter ran over: counted on",
            Self::LossSaturated => "the loss counter stands at its end: more was lost than it says",
            Self::LossNegative => "more packets came than were sent, so some came twice: counts as no loss",
            Self::LossBeyondPackets => "more packets were lost than there were: counts as all",
            Self::SequenceWrapped => "the 32 bits of the sequence number ran over: counted on",
            Self::SequenceWithoutCycles => {
                "the reporter does not count how often the sequence number ran over its 16 bits: counted here"
            }
            Self::CountersRestarted => "the counters began anew: what is before and after is added up",
            Self::PacketsWrapped => "the sender's packet counter ran over: counted on",
            Self::OutOfOrder => "a report came after a newer one: passed over",
            Self::NoLastSenderReport => "no receiver had a sender report yet: no round trip can be told",
            Self::RoundTripNegative => "clocks or counters gave a negative round trip: left out",
            Self::RoundTripImpossible => "clocks or counters gave a round trip of more than 10 s: left out",
            Self::RoundTripByClocks => {
                "the sender report was not captured: the round trip trusts that two clocks agree"
            }
            Self::ClockRateAssumed => "no codec is known: jitter was read with a clock of 8,000 Hz",
            Self::JitterImpossible => "a jitter of more than a minute: left out",
            Self::ScoreUnavailable => "a score was not measured, or is none: left out",
            Self::ReportsLeftOut => "more reports than are read: figures are of the beginning",
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Problems of one stream, each once, in the order of the list above.
#[derive(Debug, Default)]
pub(super) struct Problems(std::collections::BTreeSet<Problem>);

impl Problems {
    pub(super) fn add(&mut self, problem: Problem) {
        self.0.insert(problem);
    }

    pub(super) fn remove(&mut self, problem: Problem) {
        self.0.remove(&problem);
    }

    pub(super) fn into_list(self) -> Vec<Problem> {
        self.0.into_iter().collect()
    }
}
