//! What happens in a session, beat by beat.

use crate::heard::Heard;
use crate::identity::{derived, purpose};
use crate::media::Described;
use crate::scenario::Scenario;
use crate::session::Session;

/// One message of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Sip(Form),
    /// RTCP of both sides for as long as they talk.
    Reports,
    /// One report on media that something is wrong with.
    Heard(&'static Heard),
    /// A line of the proxy's log.
    Log(Line),
}

/// What the proxy writes into its log about a failed call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    GatewayRefused,
    NoReply,
    NotRegistered,
}

/// What a SIP message looks like, apart from who sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Form {
    pub(crate) start: Start,
    pub(crate) method: &'static str,
    pub(crate) sequence: u8,
    pub(crate) leg: Leg,
    /// From the caller's side to the callee's.
    pub(crate) onward: bool,
    /// The callee is who asks: it takes the caller's place in all of the above.
    pub(crate) by_callee: bool,
    pub(crate) to_tag: ToTag,
    /// Routed by what the dialog learnt: the other's contact, the proxy in `Route` (RFC 3261 section 12.2.1.1).
    pub(crate) in_dialog: bool,
    pub(crate) credentials: bool,
    pub(crate) sdp: bool,
    /// Requests and replies of one transaction carry the same branch.
    pub(crate) transaction: u8,
    pub(crate) twist: &'static Twist,
}

/// What few messages have, or have in place of the usual. Texts may hold `{a}` and `{b}`, the numbers of caller and callee,
/// and `~` for a blank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Twist {
    /// Header fields, with ` | ` between them.
    pub(crate) headers: &'static str,
    pub(crate) uri: &'static str,
    pub(crate) contact: &'static str,
    /// Host and port that the sender writes into its Via.
    pub(crate) via: &'static str,
    pub(crate) agent: &'static str,
    /// Which time the request comes round.
    pub(crate) pass: &'static str,
    /// Attestation of the caller's number, and what is wrong with it.
    pub(crate) signed: &'static str,
    pub(crate) body: Body,
    /// Bytes that a header makes it longer.
    pub(crate) pad: usize,
    /// Bytes of the body that Content-Length does not count.
    pub(crate) cut: usize,
    /// The sender is seen under a port so much higher.
    pub(crate) port_shift: u16,
}

impl Twist {
    pub(crate) const NONE: Self = Self {
        headers: "",
        uri: "",
        contact: "",
        via: "",
        agent: "",
        pass: "",
        signed: "",
        body: Body::Usual,
        pad: 0,
        cut: 0,
        port_shift: 0,
    };
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// None, or the phone's description.
    Usual,
    Described(&'static Described),
    /// Type and text.
    Text(&'static str, &'static str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    Request,
    Reply(u16, &'static str),
}

/// Which side of the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leg {
    /// Between caller and proxy.
    Access,
    /// Between proxy and callee.
    Far,
    /// From the proxy to itself.
    Loop,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ToTag {
    None,
    Proxy,
    Callee,
}

/// A message and how long after the one before it comes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beat {
    pub(crate) after: Gap,
    pub(crate) act: Act,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gap {
    None,
    /// Inside a machine: some hundred microseconds.
    Inside,
    /// Over the network: some milliseconds.
    Network,
    /// Until it rings.
    Route,
    /// Until someone answers, or loses patience.
    Ring,
    /// Until nobody will answer any more.
    LongRing,
    /// So many milliseconds: timers of RFC 3261.
    Timer(u32),
}

/// The beats of every scenario, written down once. Some can go one way or the other.
#[derive(Clone, Debug)]
pub(crate) struct Scripts(Vec<Vec<Vec<Beat>>>);

impl Scripts {
    pub(crate) fn new() -> Self {
        Self(
            Scenario::all()
                .map(|scenario| match scenario {
                    Scenario::Good | Scenario::PoorMedia => {
                        let up_to = [&OPENING[..], &RINGING, &ANSWERED].concat();
                        vec![[&up_to[..], &HUNG_UP].concat(), [&up_to[..], &HUNG_UP_BY_CALLEE].concat()]
                    }
                    Scenario::Busy => {
                        let busy = failure(Network, 486, "Busy Here");
                        let declined = failure(Ring, 486, "Busy Here");
                        vec![
                            [&OPENING[..], &RINGING[..1], &busy].concat(),
                            [&OPENING[..], &RINGING, &declined].concat(),
                        ]
                    }
                    Scenario::Cancel => {
                        let terminated = failure(Inside, 487, "Request Terminated");
                        vec![[&OPENING[..], &RINGING, &GIVEN_UP, &terminated].concat()]
                    }
                    Scenario::NoAnswer => {
                        let unavailable = failure(LongRing, 480, "Temporarily Unavailable");
                        vec![
                            [&OPENING[..], &IN_VAIN, &[log(Line::NoReply)]].concat(),
                            [&OPENING[..], &RINGING, &unavailable].concat(),
                        ]
                    }
                    Scenario::NotFound => {
                        let not_found = failure(Network, 404, "Not Found");
                        vec![
                            [&OPENING[..], &RINGING[..1], &not_found].concat(),
                            [&OPENING[..5], &NOT_REGISTERED, &[log(Line::NotRegistered)]].concat(),
                        ]
                    }
                    Scenario::ServerError => {
                        let refused = failure(Route, 503, "Service Unavailable");
                        vec![[&OPENING[..], &RINGING[..1], &refused, &[log(Line::GatewayRefused)]].concat()]
                    }
                    Scenario::Register => vec![REGISTER.to_vec()],
                    Scenario::Options => vec![PING_ANSWERED.to_vec()],
                    Scenario::Fault(fault) => vec![fault.beats().to_vec()],
                })
                .collect(),
        )
    }

    pub(crate) fn of(&self, session: &Session) -> &[Beat] {
        let variants = self.variants(session.scenario);
        let choice = derived(session.identity, purpose::VARIANT) as usize % variants.len();
        &variants[choice]
    }

    /// All the ways a scenario can go, equally often.
    pub(crate) fn variants(&self, scenario: Scenario) -> &[Vec<Beat>] {
        &self.0[scenario.place()]
    }
}

use Gap::{Inside, LongRing, Network, Ring, Route, Timer};
use Leg::{Access, Far};

const fn request(method: &'static str, sequence: u8, leg: Leg, transaction: u8) -> Form {
    Form {
        start: Start::Request,
        method,
        sequence,
        leg,
        onward: true,
        by_callee: false,
        to_tag: ToTag::None,
        in_dialog: false,
        credentials: false,
        sdp: false,
        transaction,
        twist: &Twist::NONE,
    }
}

/// The reply to a request goes the other way.
const fn reply(to: Form, status: u16, reason: &'static str, to_tag: ToTag) -> Form {
    Form {
        start: Start::Reply(status, reason),
        onward: !to.onward,
        credentials: false,
        sdp: false,
        to_tag,
        ..to
    }
}

const fn with_sdp(form: Form) -> Form {
    Form { sdp: true, ..form }
}

const fn tagged(form: Form, to_tag: ToTag) -> Form {
    Form { to_tag, ..form }
}

const fn in_dialog(form: Form) -> Form {
    Form { to_tag: ToTag::Callee, in_dialog: true, ..form }
}

const fn by_callee(form: Form) -> Form {
    Form { by_callee: true, ..form }
}

const fn beat(after: Gap, form: Form) -> Beat {
    Beat { after, act: Act::Sip(form) }
}

const fn log(line: Line) -> Beat {
    Beat { after: Inside, act: Act::Log(line) }
}

const FIRST: Form = with_sdp(request("INVITE", 1, Access, 0));
const INVITE: Form = Form { credentials: true, ..with_sdp(request("INVITE", 2, Access, 1)) };
const INVITE_ON: Form = with_sdp(request("INVITE", 2, Far, 2));
const ACK_FAILED: Form = tagged(request("ACK", 2, Access, 1), ToTag::Callee);
const ACK_FAILED_ON: Form = tagged(request("ACK", 2, Far, 2), ToTag::Callee);
const BYE: Form = in_dialog(request("BYE", 3, Access, 5));
const BYE_ON: Form = in_dialog(request("BYE", 3, Far, 6));
const CANCEL_IN: Form = request("CANCEL", 2, Access, 1);
const CANCEL_ON: Form = request("CANCEL", 2, Far, 2);

/// Every call begins so: challenge, credentials, on to the callee.
const OPENING: [Beat; 6] = [
    beat(Gap::None, FIRST),
    beat(Inside, reply(FIRST, 407, "Proxy Authentication Required", ToTag::Proxy)),
    beat(Network, tagged(request("ACK", 1, Access, 0), ToTag::Proxy)),
    beat(Inside, INVITE),
    beat(Inside, reply(INVITE, 100, "Trying", ToTag::None)),
    beat(Inside, INVITE_ON),
];

const RINGING: [Beat; 3] = [
    beat(Network, reply(INVITE_ON, 100, "Trying", ToTag::None)),
    beat(Route, reply(INVITE_ON, 180, "Ringing", ToTag::Callee)),
    beat(Inside, reply(INVITE, 180, "Ringing", ToTag::Callee)),
];

/// A final failure of the callee, relayed and acknowledged hop by hop (RFC 3261 section 17.1.1.3).
const fn failure(after: Gap, status: u16, reason: &'static str) -> [Beat; 4] {
    [
        beat(after, reply(INVITE_ON, status, reason, ToTag::Callee)),
        beat(Inside, ACK_FAILED_ON),
        beat(Inside, reply(INVITE, status, reason, ToTag::Callee)),
        beat(Network, ACK_FAILED),
    ]
}

const ANSWERED: [Beat; 5] = [
    beat(Ring, with_sdp(reply(INVITE_ON, 200, "OK", ToTag::Callee))),
    beat(Inside, with_sdp(reply(INVITE, 200, "OK", ToTag::Callee))),
    beat(Network, in_dialog(request("ACK", 2, Access, 3))),
    beat(Inside, in_dialog(request("ACK", 2, Far, 4))),
    Beat { after: Gap::None, act: Act::Reports },
];

const HUNG_UP: [Beat; 4] = [
    beat(Gap::None, BYE),
    beat(Inside, BYE_ON),
    beat(Network, reply(BYE_ON, 200, "OK", ToTag::Callee)),
    beat(Inside, reply(BYE, 200, "OK", ToTag::Callee)),
];

const HUNG_UP_BY_CALLEE: [Beat; 4] = [
    beat(Gap::None, by_callee(BYE)),
    beat(Inside, by_callee(BYE_ON)),
    beat(Network, by_callee(reply(BYE_ON, 200, "OK", ToTag::Callee))),
    beat(Inside, by_callee(reply(BYE, 200, "OK", ToTag::Callee))),
];

const GIVEN_UP: [Beat; 4] = [
    beat(Ring, CANCEL_IN),
    beat(Inside, reply(CANCEL_IN, 200, "canceling", ToTag::Proxy)),
    beat(Inside, CANCEL_ON),
    beat(Network, reply(CANCEL_ON, 200, "OK", ToTag::Callee)),
];

/// The phone is gone: the INVITE is repeated by Timer A in vain, the proxy gives up after 30 seconds.
const IN_VAIN: [Beat; 7] = [
    beat(Timer(500), INVITE_ON),
    beat(Timer(1_000), INVITE_ON),
    beat(Timer(2_000), INVITE_ON),
    beat(Timer(4_000), INVITE_ON),
    beat(Timer(8_000), INVITE_ON),
    beat(Timer(14_500), reply(INVITE, 408, "Request Timeout", ToTag::Proxy)),
    beat(Network, tagged(ACK_FAILED, ToTag::Proxy)),
];

/// The proxy itself knows no phone for the number.
const NOT_REGISTERED: [Beat; 2] = [
    beat(Inside, reply(INVITE, 404, "Not Found", ToTag::Proxy)),
    beat(Network, tagged(ACK_FAILED, ToTag::Proxy)),
];

const REGISTER_FIRST: Form = request("REGISTER", 1, Access, 0);
const REGISTER_AGAIN: Form = Form { credentials: true, ..request("REGISTER", 2, Access, 1) };

const REGISTER: [Beat; 4] = [
    beat(Gap::None, REGISTER_FIRST),
    beat(Inside, reply(REGISTER_FIRST, 401, "Unauthorized", ToTag::Proxy)),
    beat(Network, REGISTER_AGAIN),
    beat(Inside, reply(REGISTER_AGAIN, 200, "OK", ToTag::Proxy)),
];

/// From the proxy to the phone: backwards on the access leg.
const PING: Form = Form { onward: false, ..request("OPTIONS", 10, Access, 0) };

const PING_ANSWERED: [Beat; 2] =
    [beat(Gap::None, PING), beat(Network, reply(PING, 200, "OK", ToTag::Callee))];
