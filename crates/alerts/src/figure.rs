/// What a rule measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// How many messages satisfy the query.
    Messages,
    /// How many rows of calls.
    CallRows,
    /// How many rows of registrations.
    RegistrationRows,
    Attempts,
    Answered,
    CallsPerSecond,
    Concurrent,
    Ser,
    Seer,
    Isa,
    Scr,
    Asr,
    Ner,
    Acd,
    ShortRatio,
    AbandonedRatio,
    RetransmissionRatio,
    Pdd50,
    Pdd95,
    Pdd99,
    /// Of all calls, how many satisfy the query, in percent.
    Share,
    RegistrationAttempts,
    RegistrationsSucceeded,
    Ira,
    RegistrationDelay95,
    /// Calls that failed in a way that was not seen in the seven days before.
    NewSignature,
    /// Seconds since a sender was heard.
    SenderSilence,
    /// Alarms of our own.
    Alarm,
}

/// What it means that a look tells nothing of what an earlier one did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absence {
    /// There is none: the value is zero.
    Zero,
    /// It is over.
    Over,
    /// Nothing is known: no ratio without calls.
    NoData,
}

impl Figure {
    pub const ALL: &[Self] = &[
        Self::Messages,
        Self::CallRows,
        Self::RegistrationRows,
        Self::Attempts,
        Self::Answered,
        Self::CallsPerSecond,
        Self::Concurrent,
        Self::Ser,
        Self::Seer,
        Self::Isa,
        Self::Scr,
        Self::Asr,
        Self::Ner,
        Self::Acd,
        Self::ShortRatio,
        Self::AbandonedRatio,
        Self::RetransmissionRatio,
        Self::Pdd50,
        Self::Pdd95,
        Self::Pdd99,
        Self::Share,
        Self::RegistrationAttempts,
        Self::RegistrationsSucceeded,
        Self::Ira,
        Self::RegistrationDelay95,
        Self::NewSignature,
        Self::SenderSilence,
        Self::Alarm,
    ];

    /// As rules name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Messages => "messages.count",
            Self::CallRows => "calls.count",
            Self::RegistrationRows => "registrations.count",
            Self::Attempts => "calls.attempts",
            Self::Answered => "calls.answered",
            Self::CallsPerSecond => "calls.cps",
            Self::Concurrent => "calls.concurrent",
            Self::Ser => "calls.ser",
            Self::Seer => "calls.seer",
            Self::Isa => "calls.isa",
            Self::Scr => "calls.scr",
            Self::Asr => "calls.asr",
            Self::Ner => "calls.ner",
            Self::Acd => "calls.acd_seconds",
            Self::ShortRatio => "calls.short_ratio",
            Self::AbandonedRatio => "calls.abandoned_ratio",
            Self::RetransmissionRatio => "calls.retransmission_ratio",
            Self::Pdd50 => "calls.pdd_p50_ms",
            Self::Pdd95 => "calls.pdd_p95_ms",
            Self::Pdd99 => "calls.pdd_p99_ms",
            Self::Share => "calls.share",
            Self::RegistrationAttempts => "registrations.attempts",
            Self::RegistrationsSucceeded => "registrations.succeeded",
            Self::Ira => "registrations.ira",
            Self::RegistrationDelay95 => "registrations.delay_p95_ms",
            Self::NewSignature => "signatures.new",
            Self::SenderSilence => "sender.silence_seconds",
            Self::Alarm => "alarm",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|figure| figure.name() == name)
    }

    pub const fn absence(self) -> Absence {
        match self {
            Self::Messages | Self::CallRows | Self::RegistrationRows => Absence::Zero,
            Self::Attempts | Self::Answered | Self::CallsPerSecond | Self::Concurrent => Absence::Zero,
            Self::NewSignature | Self::SenderSilence | Self::Alarm => Absence::Over,
            _ => Absence::NoData,
        }
    }

    /// A count of rows.
    pub const fn is_count(self) -> bool {
        matches!(self, Self::Messages | Self::CallRows | Self::RegistrationRows)
    }

    /// Made of many calls.
    pub const fn is_of_calls(self) -> bool {
        !self.is_count()
            && !self.is_of_registrations()
            && !matches!(self, Self::NewSignature | Self::SenderSilence | Self::Alarm)
    }

    /// Made of many registrations.
    pub const fn is_of_registrations(self) -> bool {
        matches!(
            self,
            Self::RegistrationAttempts | Self::RegistrationsSucceeded | Self::Ira | Self::RegistrationDelay95
        )
    }

    /// Read from rows, and so over a window of time.
    pub const fn has_window(self) -> bool {
        !matches!(self, Self::SenderSilence | Self::Alarm)
    }

    /// Whether a query narrows what it is about.
    pub const fn takes_query(self) -> bool {
        self.has_window()
    }

    /// A part of calls, which says little of few of them.
    pub const fn is_ratio(self) -> bool {
        self.is_of_calls()
            && !matches!(self, Self::Attempts | Self::Answered | Self::CallsPerSecond | Self::Concurrent)
            || matches!(self, Self::Ira | Self::RegistrationDelay95)
    }
}
