//! Who calls, as the network signed it: PASSporTs of the Identity header (RFC 8224, RFC 8225, RFC 8588). Read and compared
//! with the message; the signature is not checked, since that takes the certificate.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::call::Call;
use crate::date;
use crate::message::{Message, words};
use crate::number::{Match, compare};
use crate::timers::SECOND;

/// PASSporTs of one call that are read: one for the caller, one for each diversion, perhaps one for display.
const PASSPORTS_MAX: usize = 8;

/// Bytes of a token's part: real ones have some hundred.
const PART_BYTES_MAX: usize = 8_192;

/// Called numbers of one PASSporT that are told.
const DESTINATIONS_MAX: usize = 16;

/// How far the time of signing may be from the time of the message (RFC 8224 6.2.1).
pub(crate) const FRESH_SECONDS: i64 = 60;

/// What a PASSporT says, and how that fits the INVITE it came with.
#[derive(Clone, Debug, PartialEq)]
pub struct Passport {
    /// The message it was read from, first on its way.
    pub message: i64,
    /// JOSE header: `passport`, `ES256`, `shaken` or `div`, and where the certificate is.
    pub typ: Option<String>,
    pub alg: Option<String>,
    pub ppt: Option<String>,
    pub x5u: Option<String>,
    /// `A` - the network knows the caller and the right to the number; `B` - the caller only; `C` - neither.
    pub attest: Option<String>,
    /// Calling number, or URI.
    pub orig: Option<String>,
    /// Called numbers, or URIs.
    pub dest: Vec<String>,
    /// Whom it was meant for before it was diverted (RFC 8946).
    pub div: Option<String>,
    /// Seconds since 1970 at which it was signed.
    pub iat: Option<i64>,
    pub origid: Option<String>,
    /// In compact form (RFC 8225 7) the claims are those of the message itself.
    pub is_compact: bool,
    pub checks: Vec<Check>,
}

/// One comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    pub name: &'static str,
    /// `None`: there is nothing to compare it with.
    pub passed: Option<bool>,
    /// What was compared, or what is wrong.
    pub detail: String,
}

pub(crate) const FORM: &str = "form";
pub(crate) const TIME: &str = "time";
pub(crate) const ORIG: &str = "orig";
pub(crate) const DEST: &str = "dest";

impl Passport {
    pub(crate) fn failed(&self, name: &str) -> Option<&Check> {
        self.checks.iter().find(|check| check.name == name && check.passed == Some(false))
    }
}

/// Those of the call's INVITEs, each where it was seen first.
pub(crate) fn passports(call: &Call<'_>) -> Vec<Passport> {
    let mut tokens: Vec<&[u8]> = Vec::new();
    let mut found = Vec::new();
    for request in call.openings().filter_map(|invite| call.request(invite)) {
        let read = request.sip();
        for identity in read.identities() {
            if found.len() >= PASSPORTS_MAX {
                return found;
            }
            if !tokens.contains(&identity.token) {
                tokens.push(identity.token);
                found.push(passport(request, &identity));
            }
        }
    }
    let diverted: Vec<String> = found.iter().filter_map(|known: &Passport| known.div.clone()).collect();
    found.iter_mut().for_each(|known| excuse_diversion(known, &diverted));
    found
}

/// What was signed for the number dialled first is right, once another PASSporT says that it was diverted.
fn excuse_diversion(known: &mut Passport, diverted: &[String]) {
    let is_excused =
        known.dest.iter().any(|dest| diverted.iter().any(|from| compare(dest, from) == Match::Same));
    for check in known.checks.iter_mut().filter(|check| check.name == DEST && is_excused) {
        check.passed = Some(true);
    }
}

fn passport(request: &Message<'_>, identity: &sip::value::Identity<'_>) -> Passport {
    let (header, claims) = (decoded(identity.header), decoded(identity.payload));
    let text = |of: &Option<Value>, name: &str| {
        Some(words(of.as_ref()?.get(name)?.as_str()?.as_bytes()).into_owned())
    };
    let mut known = Passport {
        message: request.id,
        typ: text(&header, "typ"),
        alg: text(&header, "alg"),
        ppt: text(&header, "ppt").or_else(|| identity.extension().map(|ppt| words(ppt).into_owned())),
        x5u: text(&header, "x5u"),
        attest: text(&claims, "attest"),
        orig: claims.as_ref().and_then(|claims| claims.get("orig")).and_then(|orig| parties(orig).next()),
        dest: claims
            .as_ref()
            .and_then(|claims| claims.get("dest"))
            .map(|dest| parties(dest).take(DESTINATIONS_MAX).collect())
            .unwrap_or_default(),
        div: claims.as_ref().and_then(|claims| claims.get("div")).and_then(|div| parties(div).next()),
        iat: claims.as_ref().and_then(|claims| claims.get("iat")).and_then(Value::as_i64),
        origid: text(&claims, "origid"),
        is_compact: identity.is_compact(),
        checks: Vec::new(),
    };
    known.checks = vec![
        check_form(&known, header.is_some() && claims.is_some(), identity),
        check_time(&known, request),
        check_orig(&known, request),
        check_dest(&known, request),
    ];
    known
}

/// A part of the token: base64url without padding, and JSON in it (RFC 7515 3.1).
fn decoded(part: &[u8]) -> Option<Value> {
    if part.is_empty() || part.len() > PART_BYTES_MAX {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
    serde_json::from_slice(&bytes).ok().filter(Value::is_object)
}

/// `tn` is one number or a list of them, `uri` likewise (RFC 8225 5.2.1).
fn parties(claim: &Value) -> impl Iterator<Item = String> {
    let of = |name: &str| match claim.get(name) {
        Some(Value::Array(several)) => several.iter().collect(),
        Some(one) => vec![one],
        None => Vec::new(),
    };
    let all: Vec<&Value> = of("tn").into_iter().chain(of("uri")).collect();
    all.into_iter().filter_map(|party| Some(words(party.as_str()?.as_bytes()).into_owned()))
}

fn check(name: &'static str, passed: Option<bool>, detail: impl Into<String>) -> Check {
    Check { name, passed, detail: detail.into() }
}

fn check_form(known: &Passport, is_decoded: bool, identity: &sip::value::Identity<'_>) -> Check {
    let wrong = |what: &str| check(FORM, Some(false), what);
    if known.is_compact {
        return check(FORM, None, "compact form: the claims are those of the message");
    }
    if !is_decoded {
        return wrong("header or claims are no JSON in base64url");
    }
    if known.typ.as_deref() != Some("passport") {
        return wrong("typ is not passport");
    }
    if known.alg.as_deref() != Some("ES256") {
        return wrong("alg is not ES256");
    }
    let differs = |said: Option<&[u8]>, own: &Option<String>| match (said, own) {
        (Some(said), Some(own)) => words(said) != own.as_str(),
        _ => false,
    };
    if differs(identity.extension(), &known.ppt) {
        return wrong("ppt of the header field and of the token differ");
    }
    if differs(identity.info(), &known.x5u) {
        return wrong("info of the header field and x5u of the token differ");
    }
    if known.iat.is_none() || known.orig.is_none() || known.dest.is_empty() {
        return wrong("iat, orig or dest is missing");
    }
    let is_shaken = known.ppt.as_deref() == Some("shaken");
    if is_shaken && (!matches!(known.attest.as_deref(), Some("A" | "B" | "C")) || known.origid.is_none()) {
        return wrong("attest (A, B or C) or origid is missing");
    }
    check(FORM, Some(true), "all parts are there")
}

/// The time of signing against Date, or against the time of capture where there is none.
fn check_time(known: &Passport, request: &Message<'_>) -> Check {
    let Some(iat) = known.iat else { return check(TIME, None, "no iat") };
    let date = request.sip().header(sip::Name::Date).and_then(date::seconds);
    let (sent, of) = date.map_or((request.at / SECOND, "capture"), |date| (date, "Date"));
    let apart = iat.saturating_sub(sent);
    let detail = match apart {
        0 => format!("signed at the time of {of}"),
        1.. => format!("signed {apart} s after the time of {of}"),
        _ => format!("signed {} s before the time of {of}", apart.saturating_neg()),
    };
    check(TIME, Some(apart.saturating_abs() <= FRESH_SECONDS), detail)
}

/// The calling number is that of P-Asserted-Identity, or else of From (RFC 8224 4.1).
fn check_orig(known: &Passport, request: &Message<'_>) -> Check {
    let Some(orig) = &known.orig else { return check(ORIG, None, "no orig") };
    let read = request.sip();
    let callers = [read.pai(), read.from()].into_iter().flatten().map(|caller| party(&caller.uri));
    compared(ORIG, std::slice::from_ref(orig), &callers.collect::<Vec<_>>())
}

/// The called number is that of To, or of the request URI (RFC 8224 4.1).
fn check_dest(known: &Passport, request: &Message<'_>) -> Check {
    if known.dest.is_empty() {
        return check(DEST, None, "no dest");
    }
    let read = request.sip();
    let called = [read.to().map(|to| to.uri), read.request_uri()];
    let called = called.into_iter().flatten().map(|uri| party(&uri));
    compared(DEST, &known.dest, &called.collect::<Vec<_>>())
}

fn compared(name: &'static str, signed: &[String], shown: &[String]) -> Check {
    let outcomes: Vec<Match> =
        signed.iter().flat_map(|signed| shown.iter().map(|shown| compare(signed, shown))).collect();
    let passed = if outcomes.contains(&Match::Same) {
        Some(true)
    } else if outcomes.contains(&Match::Unclear) || outcomes.is_empty() {
        None
    } else {
        Some(false)
    };
    check(name, passed, format!("signed {}, shown {}", signed.join(", "), shown.join(", ")))
}

/// A number as it stands in a URI, or `user@host`.
fn party(uri: &sip::value::Uri<'_>) -> String {
    let user = words(uri.subscriber().or(uri.user).unwrap_or_default()).into_owned();
    match uri.host {
        Some(host) if !crate::number::is_number(&user) => format!("sip:{user}@{}", words(host)),
        _ => user,
    }
}
