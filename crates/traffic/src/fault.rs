//! What goes wrong in voice networks, one ladder each: see [`crate::ladder`] for how to read them.

mod media;

use std::sync::LazyLock;

use crate::ladder;
use crate::script::Beat;

/// Something that goes wrong seldom, and can be seen in the messages of one call or registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fault(u8);

/// How it is called, what happens, and its messages in pieces.
type Ladder = (&'static str, &'static str, &'static [&'static str]);

static BEATS: LazyLock<Vec<Vec<Beat>>> =
    LazyLock::new(|| LADDERS.iter().map(|(_, _, pieces)| ladder::beats(pieces)).collect());

impl Fault {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..).take(LADDERS.len()).map(Self)
    }

    /// The fault called `name`.
    pub fn named(name: &str) -> Option<Self> {
        Self::all().find(|fault| fault.name() == name)
    }

    /// The name used on command lines.
    pub fn name(self) -> &'static str {
        LADDERS[self.place()].0
    }

    /// What happens, in one line, for help texts.
    pub fn about(self) -> &'static str {
        LADDERS[self.place()].1
    }

    /// Whether it begins with an INVITE.
    pub fn is_call(self) -> bool {
        !self.pieces().iter().any(|piece| piece.contains("REGISTER"))
    }

    /// Each comes as often as the others.
    pub(crate) fn in_turn(turn: usize) -> Self {
        Self((turn % LADDERS.len()) as u8)
    }

    pub(crate) fn place(self) -> usize {
        usize::from(self.0)
    }

    pub(crate) fn beats(self) -> &'static [Beat] {
        &BEATS[self.place()]
    }

    fn pieces(self) -> &'static [&'static str] {
        LADDERS[self.place()].2
    }
}

/// The caller is challenged and comes back.
const ASKED: &str = "
    -    a>p INVITE 1 sdp
    in   p>a 407 INVITE 1
    net  a>p ACK 1";

/// Up to the callee's phone.
const OPENING: &str = "
    -    a>p INVITE 1 sdp
    in   p>a 407 INVITE 1
    net  a>p ACK 1
    in   a>p INVITE 2 auth sdp
    in   p>a 100 INVITE 2
    in   p>b INVITE 2 sdp";

const RINGING: &str = "
    net   b>p 100 INVITE 2
    route b>p 180 INVITE 2
    in    p>a 180 INVITE 2";

const ANSWERED: &str = "
    ring  b>p 200 INVITE 2 sdp
    in    p>a 200 INVITE 2 sdp";

const ACKNOWLEDGED: &str = "
    net   a>p ACK 2
    in    p>b ACK 2";

/// After a talk.
const HUNG_UP: &str = "
    talk
    -     a>p BYE 9
    in    p>b BYE 9
    net   b>p 200 BYE 9
    in    p>a 200 BYE 9";

/// What follows its BYE.
const BYE_OF_CALLEE: &str = "
    in    p>a BYE 9
    net   a>p 200 BYE 9
    in    p>b 200 BYE 9";

/// Registered for 300 seconds.
const REGISTERED: &str = "
    -    a>p REGISTER 1
    in   p>a 401 REGISTER 1
    net  a>p REGISTER 2 auth
    in   p>a 200 REGISTER 2";

static LADDERS: &[Ladder] = &[
    ("trying_only", "100, then silence until the caller gives up", &[OPENING, "
        net   b>p 100 INVITE 2
        26000 a>p CANCEL 2
        in    p>a 200 CANCEL 2 by=p
        in    p>b CANCEL 2
        net   b>p 200 CANCEL 2
        in    b>p 487 INVITE 2
        in    p>b ACK 2
        in    p>a 487 INVITE 2
        net   a>p ACK 2"]),
    ("timeout_408", "the callee's side says 100 and no more: 408", &[OPENING, "
        net   b>p 100 INVITE 2
        14000 p>a 408 INVITE 2 by=p
        net   a>p ACK 2"]),
    ("masked_cause", "503 behind the proxy, and 404 for the caller", &[OPENING, "
        route b>p 503 INVITE 2
        in    p>b ACK 2
        in    p>a 404 INVITE 2
        net   a>p ACK 2"]),
    ("bad_format_484", "the number is too short: 484", &[OPENING, "
        net   b>p 484 INVITE 2 | Reason: Q.850;cause=28;text=\"Invalid number format\"
        in    p>b ACK 2
        in    p>a 484 INVITE 2
        net   a>p ACK 2"]),
    ("loop_482_483", "the proxy sends the call to itself until 482", &[ASKED, "
        in    a>p INVITE 2 auth sdp
        in    p>a 100 INVITE 2
        in    p>p INVITE 2 sdp pass=1
        in    p>p INVITE 2 sdp pass=2
        in    p>p INVITE 2 sdp pass=3
        in    p>a 482 INVITE 2 by=p
        net   a>p ACK 2"]),
    ("spiral", "forwarded to another number at the same proxy, and answered", &[ASKED, "
        in    a>p INVITE 2 auth sdp
        in    p>a 100 INVITE 2
        in    p>p INVITE 2 sdp pass=1 uri=sip:+493055500100@voice.example.net | Diversion: <sip:{b}@voice.example.net>;reason=unconditional
        in    p>b INVITE 2 sdp uri=sip:+493055500100@198.18.0.1", RINGING, ANSWERED, ACKNOWLEDGED, HUNG_UP]),
    ("fork_race", "the answer crosses the caller's CANCEL", &[OPENING, RINGING, "
        ring  a>p CANCEL 2
        in    p>a 200 CANCEL 2 by=p
        in    p>b CANCEL 2
        in    b>p 200 INVITE 2 sdp
        in    p>a 200 INVITE 2 sdp
        net   b>p 481 CANCEL 2", ACKNOWLEDGED, "
        net   a>p BYE 9
        in    p>b BYE 9
        net   b>p 200 BYE 9
        in    p>a 200 BYE 9"]),
    ("cancel_lost", "the callee's phone does not hear the CANCEL and rings on", &[OPENING, RINGING, "
        ring  a>p CANCEL 2
        in    p>a 200 CANCEL 2 by=p
        in    p>b CANCEL 2
        500   p>b CANCEL 2
        1000  p>b CANCEL 2
        2000  p>b CANCEL 2
        4000  p>b CANCEL 2"]),
    ("redirect_unfollowed", "302 to another number, and nobody follows", &[OPENING, "
        net   b>p 302 INVITE 2 contact=<sip:+493055500200@198.51.100.7>
        in    p>b ACK 2
        in    p>a 302 INVITE 2 contact=<sip:+493055500200@198.51.100.7>
        net   a>p ACK 2"]),
    ("dns_fail", "the next hop has a name without an address: 478", &[ASKED, "
        in    a>p INVITE 2 auth sdp
        in    p>a 100 INVITE 2
        2000  p>a 478 INVITE 2 phrase=Unresolvable~destination~(478/SL)
        net   a>p ACK 2"]),
    ("tcp_tls_fail", "no connection to the next hop: 477", &[ASKED, "
        in    a>p INVITE 2 auth sdp
        in    p>a 100 INVITE 2
        2000  p>a 477 INVITE 2 phrase=Send~failed~(477/TM)
        net   a>p ACK 2"]),
    ("udp_fragment", "small requests arrive, large ones do not", &[ASKED, "
        in    a>p INVITE 2 auth sdp pad=900
        500   a>p INVITE 2 auth sdp pad=900
        1000  a>p INVITE 2 auth sdp pad=900
        2000  a>p INVITE 2 auth sdp pad=900
        4000  a>p INVITE 2 auth sdp pad=900
        8000  a>p INVITE 2 auth sdp pad=900"]),
    ("rate_limited", "too many calls in a second: 503 with words", &[OPENING, "
        net   b>p 503 INVITE 2 phrase=Calls~per~second~limit~exceeded
        in    p>b ACK 2
        in    p>a 503 INVITE 2 phrase=Calls~per~second~limit~exceeded
        net   a>p ACK 2"]),
    ("auth_loop", "a phone with a wrong password", &["
        -     a>p REGISTER 1
        in    p>a 401 REGISTER 1
        net   a>p REGISTER 2 auth
        in    p>a 401 REGISTER 2
        4000  a>p REGISTER 3 auth
        in    p>a 401 REGISTER 3
        8000  a>p REGISTER 4 auth
        in    p>a 401 REGISTER 4"]),
    ("stale_nonce", "a nonce that has run out, and a new try", &["
        -     a>p REGISTER 1 auth
        in    p>a 401 REGISTER 1 | WWW-Authenticate: Digest realm=\"voice.example.net\", nonce=\"5f1e\", stale=true
        net   a>p REGISTER 2 auth
        in    p>a 200 REGISTER 2"]),
    ("auth_no_retry", "a trunk that is asked for credentials and has none", &[ASKED]),
    ("forbidden_403", "a number that the account must not show", &[ASKED, "
        in    a>p INVITE 2 auth sdp
        in    p>a 100 INVITE 2
        in    p>a 403 INVITE 2 | Warning: 399 voice.example.net \"Caller ID not allowed\"
        net   a>p ACK 2"]),
    ("reg_423", "a registration is asked for shorter than allowed", &["
        -     a>p REGISTER 1
        in    p>a 401 REGISTER 1
        net   a>p REGISTER 2 auth
        in    p>a 423 REGISTER 2 | Min-Expires: 600"]),
    ("reg_expired", "a phone renews its registration too late", &[REGISTERED, "
        340000 a>p REGISTER 3 auth
        in    p>a 200 REGISTER 3"]),
    ("reg_nat_short", "a NAT gives a phone another port before it renews", &["
        -     a>p REGISTER 1 auth via=192.168.178.24:5060 nat=3
        in    p>a 200 REGISTER 1 via=192.168.178.24:5060
        150000 a>p REGISTER 2 auth via=192.168.178.24:5060 nat=60
        in    p>a 200 REGISTER 2 via=192.168.178.24:5060"]),
    ("contact_limit", "a user with too many phones", &["
        -     a>p REGISTER 1
        in    p>a 401 REGISTER 1
        net   a>p REGISTER 2 auth
        in    p>a 503 REGISTER 2 | P-Registrar-Error: Too many registered contacts"]),
    ("ack_missing", "the ACK does not reach the callee, who hangs up after 32 s", &[OPENING, RINGING, ANSWERED, "
        net   a>p ACK 2
        500   b>p 200 INVITE 2 sdp
        in    p>a 200 INVITE 2 sdp
        net   a>p ACK 2
        1000  b>p 200 INVITE 2 sdp
        in    p>a 200 INVITE 2 sdp
        net   a>p ACK 2
        2000  b>p 200 INVITE 2 sdp
        in    p>a 200 INVITE 2 sdp
        net   a>p ACK 2
        28400 b>p BYE 9", BYE_OF_CALLEE]),
    ("ack_wrong_target", "the ACK names another host than the answer", &[OPENING, RINGING, ANSWERED, "
        net   a>p ACK 2 uri=sip:{b}@192.0.2.99:5060
        in    p>b ACK 2", HUNG_UP]),
    ("session_timer_drop", "the session timer is not refreshed and cuts the call", &[OPENING, RINGING, "
        ring  b>p 200 INVITE 2 sdp | Session-Expires: 90;refresher=uac
        in    p>a 200 INVITE 2 sdp | Session-Expires: 90;refresher=uac", ACKNOWLEDGED, "
        60000 b>p BYE 9", BYE_OF_CALLEE]),
    ("reinvite_491", "both sides change the call at once", &[OPENING, RINGING, ANSWERED, ACKNOWLEDGED, "
        9000  a>p INVITE 3 sdp
        in    b>p INVITE 3 sdp
        in    p>b INVITE 3 sdp
        net   b>p 491 INVITE 3
        in    p>b ACK 3
        in    p>a 491 INVITE 3
        net   a>p ACK 3
        20000 b>p BYE 9", BYE_OF_CALLEE]),
    ("reinvite_488", "a change to another codec is refused, and the call goes on", &[OPENING, RINGING, ANSWERED, ACKNOWLEDGED, "
        9000  a>p INVITE 3 sdp=gsm
        in    p>b INVITE 3 sdp=gsm
        net   b>p 488 INVITE 3
        in    p>b ACK 3
        in    p>a 488 INVITE 3
        net   a>p ACK 3
        20000 b>p BYE 9", BYE_OF_CALLEE]),
    ("reinvite_reject_drop", "a change is refused, and the caller cuts the call for it", &[OPENING, RINGING, ANSWERED, ACKNOWLEDGED, "
        9000  a>p INVITE 3 sdp=gsm
        in    p>b INVITE 3 sdp=gsm
        net   b>p 488 INVITE 3
        in    p>b ACK 3
        in    p>a 488 INVITE 3
        net   a>p ACK 3
        100   a>p BYE 9
        in    p>b BYE 9
        net   b>p 200 BYE 9
        in    p>a 200 BYE 9"]),
    ("bye_481", "the callee's side was restarted and no longer knows the call", &[OPENING, RINGING, ANSWERED, ACKNOWLEDGED, "
        talk
        -     a>p BYE 9
        in    p>b BYE 9
        net   b>p 481 BYE 9
        in    p>a 481 BYE 9"]),
    ("zombie_call", "the callee's side does not confirm the BYE", &[OPENING, RINGING, ANSWERED, ACKNOWLEDGED, "
        talk
        -     a>p BYE 9
        in    p>b BYE 9
        500   p>b BYE 9
        1000  p>b BYE 9
        2000  p>b BYE 9
        4000  p>b BYE 9
        4000  p>b BYE 9
        14000 p>a 408 BYE 9"]),
    ("prack_fail", "a reliable reply is not acknowledged", &[OPENING, "
        net   b>p 183 INVITE 2 sdp | Require: 100rel | RSeq: 7001
        in    p>a 183 INVITE 2 sdp | Require: 100rel | RSeq: 7001
        500   b>p 183 INVITE 2 sdp | Require: 100rel | RSeq: 7001
        in    p>a 183 INVITE 2 sdp | Require: 100rel | RSeq: 7001
        1000  b>p 183 INVITE 2 sdp | Require: 100rel | RSeq: 7001
        in    p>a 183 INVITE 2 sdp | Require: 100rel | RSeq: 7001
        2000  b>p 183 INVITE 2 sdp | Require: 100rel | RSeq: 7001
        in    p>a 183 INVITE 2 sdp | Require: 100rel | RSeq: 7001
        24000 b>p 504 INVITE 2 phrase=Server~Time-out
        in    p>b ACK 2
        in    p>a 504 INVITE 2 phrase=Server~Time-out
        net   a>p ACK 2"]),
    ("transfer_fail", "a transfer to somebody who is busy", &[OPENING, RINGING, ANSWERED, ACKNOWLEDGED, "
        9000  a>p REFER 3 | Refer-To: <sip:+493055500300@voice.example.net>
        in    p>b REFER 3 | Refer-To: <sip:+493055500300@voice.example.net>
        net   b>p 202 REFER 3
        in    p>a 202 REFER 3
        3000  b>p NOTIFY 4 frag=SIP/2.0~486~Busy~Here | Event: refer | Subscription-State: terminated;reason=noresource
        in    p>a NOTIFY 4 frag=SIP/2.0~486~Busy~Here | Event: refer | Subscription-State: terminated;reason=noresource
        net   a>p 200 NOTIFY 4
        in    p>b 200 NOTIFY 4
        9000 b>p BYE 9", BYE_OF_CALLEE]),
    ("media_timeout_bye", "the callee's side hears nothing any more and cuts the call", &[OPENING, RINGING, ANSWERED, ACKNOWLEDGED, "
        30000 b>p BYE 9 | Reason: Q.850;cause=31;text=\"RTP Timeout\"
        in    p>a BYE 9 | Reason: Q.850;cause=31;text=\"RTP Timeout\"
        net   a>p 200 BYE 9
        in    p>b 200 BYE 9"]),
    ("codec_mismatch", "no codec in common: 488", &[ASKED, "
        in    a>p INVITE 2 auth sdp=gsm
        in    p>a 100 INVITE 2
        in    p>b INVITE 2 sdp=gsm
        net   b>p 488 INVITE 2 | Warning: 305 192.0.2.5 \"Incompatible media format\"
        in    p>b ACK 2
        in    p>a 488 INVITE 2
        net   a>p ACK 2"]),
    ("no_sdp_answer", "an answer that does not say where to send", &[OPENING, RINGING, "
        ring  b>p 200 INVITE 2
        in    p>a 200 INVITE 2", ACKNOWLEDGED, HUNG_UP]),
    ("pt_remap", "the answer gives tones another number than the offer", &[OPENING, RINGING, "
        ring  b>p 200 INVITE 2 sdp=other_numbers
        in    p>a 200 INVITE 2 sdp=other_numbers", ACKNOWLEDGED, HUNG_UP]),
    ("ptime_mismatch", "the callee wants longer packets than the caller takes", &[ASKED, "
        in    a>p INVITE 2 auth sdp=short_packets
        in    p>a 100 INVITE 2
        in    p>b INVITE 2 sdp=short_packets", RINGING, "
        ring  b>p 200 INVITE 2 sdp=long_packets
        in    p>a 200 INVITE 2 sdp=long_packets", ACKNOWLEDGED, HUNG_UP]),
    ("sdp_private_ip", "a phone behind NAT asks for its media at home", &[ASKED, "
        in    a>p INVITE 2 auth sdp=private
        in    p>a 100 INVITE 2
        in    p>b INVITE 2 sdp=private", RINGING, ANSWERED, ACKNOWLEDGED, HUNG_UP]),
    ("alg_rewrite", "a router changes the description and not its length", &[ASKED, "
        in    a>p INVITE 2 auth sdp cut=19
        in    p>a 100 INVITE 2
        in    p>b INVITE 2 sdp", RINGING, ANSWERED, ACKNOWLEDGED, HUNG_UP]),
    ("hold_stuck", "put on hold and forgotten", &[OPENING, RINGING, ANSWERED, ACKNOWLEDGED, "
        9000  a>p INVITE 3 sdp=hold
        in    p>b INVITE 3 sdp=hold
        net   b>p 200 INVITE 3 sdp=held
        in    p>a 200 INVITE 3 sdp=held
        net   a>p ACK 3
        in    p>b ACK 3
        40000 b>p BYE 9", BYE_OF_CALLEE]),
    ("srtp_mismatch", "encrypted voice is offered, and plain voice answered", &[ASKED, "
        in    a>p INVITE 2 auth sdp=sdes
        in    p>a 100 INVITE 2
        in    p>b INVITE 2 sdp=sdes", RINGING, "
        ring  b>p 200 INVITE 2 sdp=pcma
        in    p>a 200 INVITE 2 sdp=pcma", ACKNOWLEDGED, HUNG_UP]),
    ("ice_fail", "something on the way changes the address and leaves the candidates", &[ASKED, "
        in    a>p INVITE 2 auth sdp=ice
        in    p>a 100 INVITE 2
        in    p>b INVITE 2 sdp=ice", RINGING, "
        ring  b>p 200 INVITE 2 sdp=ice_mismatch
        in    p>a 200 INVITE 2 sdp=ice_mismatch", ACKNOWLEDGED, HUNG_UP]),
    ("dtmf_mismatch", "tones were not agreed, and INFO is refused", &[OPENING, RINGING, "
        ring  b>p 200 INVITE 2 sdp=pcma_only
        in    p>a 200 INVITE 2 sdp=pcma_only", ACKNOWLEDGED, "
        6000  a>p INFO 3 tone=Signal=5
        in    p>b INFO 3 tone=Signal=5
        net   b>p 415 INFO 3
        in    p>a 415 INFO 3", HUNG_UP]),
    ("fax_t38_fail", "a change to fax is refused, and the call ends", &[OPENING, RINGING, ANSWERED, ACKNOWLEDGED, "
        4000  b>p INVITE 3 sdp=t38
        in    p>a INVITE 3 sdp=t38
        net   a>p 488 INVITE 3
        in    p>a ACK 3
        in    p>b 488 INVITE 3
        net   b>p ACK 3
        5000 b>p BYE 9", BYE_OF_CALLEE]),
    ("transcode_chain", "the proxy's relay translates between two codecs", &[OPENING, RINGING, "
        ring  b>p 200 INVITE 2 sdp=g729
        in    p>a 200 INVITE 2 sdp=pcma", ACKNOWLEDGED, HUNG_UP]),
    ("one_way_audio", "what the callee says does not reach the caller", media::ONE_WAY_AUDIO),
    ("no_audio", "no voice comes through, either way", media::NO_AUDIO),
    ("loss_network", "packets are lost between relay and callee", media::LOSS_NETWORK),
    ("loss_burst", "packets are lost in bursts", media::LOSS_BURST),
    ("jitter_high", "packets come unevenly to the callee", media::JITTER_HIGH),
    ("delay_high", "the way there and back takes half a second", media::DELAY_HIGH),
    ("echo_level", "the callee's phone sends back an echo", media::ECHO_LEVEL),
    ("quality_low", "so much is lost that it sounds bad", media::QUALITY_LOW),
    ("shaken_invalid", "a signed identity that was cut on its way", &[ASKED, "
        in    a>p INVITE 2 auth sdp
        in    p>a 100 INVITE 2
        in    p>b INVITE 2 sdp signed=A,broken", RINGING, ANSWERED, ACKNOWLEDGED, HUNG_UP]),
    ("shaken_stale", "an identity that was signed ten minutes before", &[ASKED, "
        in    a>p INVITE 2 auth sdp
        in    p>a 100 INVITE 2
        in    p>b INVITE 2 sdp signed=A,stale", RINGING, ANSWERED, ACKNOWLEDGED, HUNG_UP]),
    ("shaken_mismatch", "another number was signed than is shown", &[ASKED, "
        in    a>p INVITE 2 auth sdp
        in    p>a 100 INVITE 2
        in    p>b INVITE 2 sdp signed=A,other", RINGING, ANSWERED, ACKNOWLEDGED, HUNG_UP]),
    ("shaken_attest_c", "a gateway signs what it does not know", &[ASKED, "
        in    a>p INVITE 2 auth sdp
        in    p>a 100 INVITE 2
        in    p>b INVITE 2 sdp signed=C", RINGING, ANSWERED, ACKNOWLEDGED, HUNG_UP]),
    ("shaken_refused", "the far end wants calls signed: 428", &[OPENING, "
        net   b>p 428 INVITE 2
        in    p>b ACK 2
        in    p>a 428 INVITE 2
        net   a>p ACK 2"]),
    ("scanner", "a tool tries numbers without an account", &["
        -     a>p INVITE 1 agent=friendly-scanner uri=sip:900441135550100@voice.example.net
        in    p>a 403 INVITE 1
        net   a>p ACK 1"]),
    ("capture_gap", "the beginning of a call was not captured", &["
        -     a>p BYE 9 dialog
        in    p>b BYE 9 dialog
        net   b>p 200 BYE 9
        in    p>a 200 BYE 9"]),
];
