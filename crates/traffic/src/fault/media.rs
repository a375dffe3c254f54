//! Calls whose signalling is good and whose media is not, as phones and the relay report it.

use super::{ACKNOWLEDGED, OPENING, RINGING};

/// With a codec whose clock and robustness are in the standards.
const ANSWERED: &str = "
    ring  b>p 200 INVITE 2 sdp=pcma
    in    p>a 200 INVITE 2 sdp=pcma";

/// After reports.
const HUNG_UP: &str = "
    3000  a>p BYE 9
    in    p>b BYE 9
    net   b>p 200 BYE 9
    in    p>a 200 BYE 9";

/// The phones of both count what they sent and received, as FRITZ!Boxes do.
pub(super) const ONE_WAY_AUDIO: &[&str] = &[OPENING, RINGING, ANSWERED, ACKNOWLEDGED, HUNG_UP_UNHEARD, "
    net   b>p 200 BYE 9 | X-RTP-Stat: CS=0;PS=990;OS=158400;PR=996;OR=159360;PL=0,0;EN=PCMA;DE=PCMA;JI=2,2;DL=30,30
    in    p>a 200 BYE 9 | X-RTP-Stat: CS=0;PS=990;OS=158400;PR=996;OR=159360;PL=0,0;EN=PCMA;DE=PCMA;JI=2,2;DL=30,30"];

pub(super) const NO_AUDIO: &[&str] = &[
    OPENING,
    RINGING,
    ANSWERED,
    ACKNOWLEDGED,
    HUNG_UP_UNHEARD,
    "
    net   b>p 200 BYE 9 | X-RTP-Stat: CS=0;PS=990;OS=158400;PR=0;OR=0;PL=0,0;EN=PCMA;DE=PCMA;JI=0,0;DL=0,0
    in    p>a 200 BYE 9 | X-RTP-Stat: CS=0;PS=990;OS=158400;PR=0;OR=0;PL=0,0;EN=PCMA;DE=PCMA;JI=0,0;DL=0,0",
];

/// By a caller who heard nothing for 20 s.
const HUNG_UP_UNHEARD: &str = "
    20000 a>p BYE 9 | X-RTP-Stat: CS=0;PS=1000;OS=160000;PR=0;OR=0;PL=0,0;EN=PCMA;DE=PCMA;JI=0,0;DL=0,0
    in    p>b BYE 9 | X-RTP-Stat: CS=0;PS=1000;OS=160000;PR=0;OR=0;PL=0,0;EN=PCMA;DE=PCMA;JI=0,0;DL=0,0";

/// What the relay gets is whole, and what comes out of it is not.
pub(super) const LOSS_NETWORK: &[&str] =
    &[OPENING, RINGING, ANSWERED, ACKNOWLEDGED, LOST_BEHIND, LOST_BEHIND, LOST_BEHIND, LOST_BEHIND, HUNG_UP];

const LOST_BEHIND: &str = "
    15000 a>p rtcp
    in    p>a rtcp
    in    b>p rtcp lost=25";

pub(super) const LOSS_BURST: &[&str] =
    &[OPENING, RINGING, ANSWERED, ACKNOWLEDGED, IN_BURSTS, IN_BURSTS, IN_BURSTS, HUNG_UP];

/// 1.9 % lost: seven of ten in bursts of 0.4 s, seldom any in the gaps of 15 s between them.
const IN_BURSTS: &str = "
    15000 a>p rtcp
    in    b>p xr loss_rate=5 burst_density=180 burst_duration=400 gap_density=1 gap_duration=14600 r_factor=84 mos_lq=4.1 mos_cq=4.0";

pub(super) const JITTER_HIGH: &[&str] =
    &[OPENING, RINGING, ANSWERED, ACKNOWLEDGED, UNEVEN, UNEVEN, UNEVEN, UNEVEN, UNEVEN, HUNG_UP];

/// 60 ms.
const UNEVEN: &str = "
    15000 a>p rtcp
    in    b>p rtcp jitter=480";

/// As over a satellite, and by the phones' own measure.
pub(super) const DELAY_HIGH: &[&str] = &[OPENING, RINGING, ANSWERED, ACKNOWLEDGED, SLOW, SLOW, SLOW, HUNG_UP];

const SLOW: &str = "
    15000 a>p xr round_trip_delay=520 r_factor=82 mos_cq=4.0
    in    b>p xr round_trip_delay=510 r_factor=82 mos_cq=4.0";

pub(super) const ECHO_LEVEL: &[&str] =
    &[OPENING, RINGING, ANSWERED, ACKNOWLEDGED, ECHOING, ECHOING, ECHOING, HUNG_UP];

const ECHOING: &str = "
    15000 a>p xr
    in    b>p xr rerl=12";

/// Everywhere alike, so that nobody can say where.
pub(super) const QUALITY_LOW: &[&str] =
    &[OPENING, RINGING, ANSWERED, ACKNOWLEDGED, LOSSY, LOSSY, LOSSY, LOSSY, HUNG_UP];

const LOSSY: &str = "
    15000 a>p rtcp
    in    b>p rtcp lost=150";
