use crate::message::End;

/// What one report says about one stream: a report block, the sender's part of a sender report, a metrics block, one
/// direction of a quality report. What it does not say is `None`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Report<'a> {
    /// How its owner calls the record; several reports may be of one record.
    pub id: i64,
    /// Microseconds since 1970, when it was captured.
    pub at: i64,
    pub kind: Kind,
    pub by: By,
    /// Which way the report itself went.
    pub src: End<'a>,
    pub dst: End<'a>,
    /// Where the media comes from and goes to, if the report says; else its own way tells.
    pub stream_src: Option<End<'a>>,
    pub stream_dst: Option<End<'a>>,
    /// The stream reported on (RFC 3550 8).
    pub ssrc: Option<u32>,
    /// Who reports, as RTCP names it.
    pub reporter_ssrc: Option<u32>,
    /// Who reports, in any other words.
    pub reporter: Option<&'a str>,
    /// One of several reports of parts, rather than one of the whole.
    pub is_interval: bool,
    pub figures: Figures<'a>,
}

/// What form a report has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// What a sender says it sent (RFC 3550 6.4.1).
    SenderReport,
    /// What a receiver says it got (RFC 3550 6.4.1).
    #[default]
    ReportBlock,
    /// VoIP metrics of an extended report (RFC 3611 4.7).
    VoipMetrics,
    /// A quality report (RFC 6035).
    QualityReport,
    /// X-RTP-Stat of a BYE or its answer.
    RtpStat,
    /// Statistics of an agent that sees the packets pass, as RTPAgent.
    Agent,
    /// What a media server sums up at the end.
    Server,
    /// A session border controller of Oracle, by way of horaclifix.
    BorderController,
}

/// Who speaks about a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum By {
    #[default]
    Receiver,
    Sender,
    /// Somebody who sees it pass.
    Between,
}

/// What was measured, as it was written: nothing is corrected yet.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures<'a> {
    /// Of a sender: sent since the start. Of others: received.
    pub packets: Option<i64>,
    pub octets: Option<i64>,
    /// Since the start, or of the interval; negative with duplicates.
    pub packets_lost: Option<i64>,
    /// Since the last report.
    pub fraction_lost_percent: Option<f64>,
    /// Extended highest sequence number.
    pub highest_sequence: Option<i64>,
    pub jitter: Option<Jitter>,
    pub jitter_max_ms: Option<f64>,
    /// The sender's wall clock, microseconds since 1970.
    pub ntp_time: Option<i64>,
    pub last_sr: Option<i64>,
    pub delay_since_last_sr: Option<i64>,
    /// Of the whole span or of the interval, before the jitter buffer.
    pub loss_percent: Option<f64>,
    /// What came too late for the jitter buffer.
    pub discard_percent: Option<f64>,
    pub burst_density_percent: Option<f64>,
    pub burst_duration_ms: Option<f64>,
    pub gap_density_percent: Option<f64>,
    pub gap_duration_ms: Option<f64>,
    pub round_trip_ms: Option<f64>,
    /// Of the network, or from mouth to ear: see `is_one_way_whole`.
    pub one_way_ms: Option<f64>,
    /// `one_way_ms` has the delay of both ends in it (SOWD, RFC 6035 4.6).
    pub is_one_way_whole: bool,
    /// Inside the receiver.
    pub end_system_ms: Option<f64>,
    pub r_factor: Option<f64>,
    /// Without a word on what it is of.
    pub mos: Option<f64>,
    pub mos_lq: Option<f64>,
    pub mos_cq: Option<f64>,
    /// dBm0.
    pub signal_level: Option<f64>,
    pub noise_level: Option<f64>,
    /// dB.
    pub echo_return_loss: Option<f64>,
    pub codec: Option<&'a str>,
    pub payload_type: Option<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Jitter {
    /// Of the RTP clock.
    Units(i64),
    Millis(f64),
}

impl<'a> Report<'a> {
    /// Where the media comes from.
    pub(super) fn from(&self) -> End<'a> {
        self.stream_src.unwrap_or(match self.by {
            By::Receiver => self.dst,
            By::Sender | By::Between => self.src,
        })
    }

    /// Where it goes.
    pub(super) fn to(&self) -> End<'a> {
        self.stream_dst.unwrap_or(match self.by {
            By::Receiver => self.src,
            By::Sender | By::Between => self.dst,
        })
    }
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SenderReport => "sender_report",
            Self::ReportBlock => "report_block",
            Self::VoipMetrics => "voip_metrics",
            Self::QualityReport => "quality_report",
            Self::RtpStat => "rtp_stat",
            Self::Agent => "agent",
            Self::Server => "server",
            Self::BorderController => "border_controller",
        }
    }

    /// Sent again and again with counters that go on: equal ones are copies only if they come at the same time.
    pub(super) fn is_rtcp(self) -> bool {
        matches!(self, Self::SenderReport | Self::ReportBlock | Self::VoipMetrics)
    }
}
