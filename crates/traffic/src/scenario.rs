use crate::fault::Fault;

/// What happens between two parties.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scenario {
    /// Challenged, ringing, answered, talk, hung up.
    Good,
    /// The callee is busy: 486.
    Busy,
    /// The caller gives up while it rings: CANCEL, 487.
    Cancel,
    /// Nobody answers: 480 after long ringing, or 408 because the phone is gone and INVITE is repeated in vain.
    NoAnswer,
    /// The number does not exist: 404.
    NotFound,
    /// The next server refuses: 503, with a log line of the proxy.
    ServerError,
    /// Like [`Scenario::Good`], but packets are lost and late.
    PoorMedia,
    /// A phone registers: 401, digest, 200.
    Register,
    /// A proxy asks whether a phone is alive.
    Options,
    /// Something goes wrong that seldom does.
    Fault(Fault),
}

impl Scenario {
    /// What happens every day: all but the faults.
    pub const ALL: [Self; 9] = [
        Self::Good,
        Self::Busy,
        Self::Cancel,
        Self::NoAnswer,
        Self::NotFound,
        Self::ServerError,
        Self::PoorMedia,
        Self::Register,
        Self::Options,
    ];

    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().chain(Fault::all().map(Self::Fault))
    }

    /// Where it stands in [`Scenario::all`].
    pub(crate) fn place(self) -> usize {
        match self {
            Self::Good => 0,
            Self::Busy => 1,
            Self::Cancel => 2,
            Self::NoAnswer => 3,
            Self::NotFound => 4,
            Self::ServerError => 5,
            Self::PoorMedia => 6,
            Self::Register => 7,
            Self::Options => 8,
            Self::Fault(fault) => Self::ALL.len() + fault.place(),
        }
    }

    /// The name used on command lines.
    pub fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Busy => "busy",
            Self::Cancel => "cancel",
            Self::NoAnswer => "no_answer",
            Self::NotFound => "not_found",
            Self::ServerError => "server_error",
            Self::PoorMedia => "poor_media",
            Self::Register => "register",
            Self::Options => "options",
            Self::Fault(fault) => fault.name(),
        }
    }

    /// What happens, in one line, for help texts.
    pub fn about(self) -> &'static str {
        match self {
            Self::Good => "challenged, answered, talk, hung up",
            Self::Busy => "486 Busy Here",
            Self::Cancel => "the caller gives up while it rings: 487",
            Self::NoAnswer => "480 after long ringing, or 408 after repeated INVITEs",
            Self::NotFound => "404 Not Found",
            Self::ServerError => "503 Service Unavailable and a log line",
            Self::PoorMedia => "answered, with loss and jitter in the RTCP reports",
            Self::Register => "401, digest, 200",
            Self::Options => "a ping and its answer",
            Self::Fault(fault) => fault.about(),
        }
    }

    /// Whether it begins with an INVITE.
    pub fn is_call(self) -> bool {
        match self {
            Self::Register | Self::Options => false,
            Self::Fault(fault) => fault.is_call(),
            _ => true,
        }
    }

    /// Sessions begun in the default mix, relative to each other.
    pub(crate) const fn default_weight(self) -> u32 {
        match self {
            Self::Good => 70,
            Self::Busy => 9,
            Self::Cancel => 9,
            Self::NoAnswer => 4,
            Self::NotFound => 6,
            Self::ServerError => 4,
            Self::PoorMedia => 8,
            Self::Register => 382,
            Self::Options => 499,
            Self::Fault(_) => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_those_of_the_list() {
        for (place, scenario) in Scenario::all().enumerate() {
            assert_eq!(scenario.place(), place, "{}", scenario.name());
        }
    }
}
