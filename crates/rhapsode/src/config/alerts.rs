//! `[[alert]]` and `[alerts]`: what was written, joined with the rules that are shipped, and what it means. A rule that is
//! wrong in any part is refused whole, with its line.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Range, RangeInclusive};
use std::path::Path;

use alerts::{Baseline, Condition, Figure, Rule, Severity};
use anyhow::{Context, Result};
use model::Micros;
use outputs::notify::Config;
use protocols::Protocols;
use serde::Deserialize;
use toml::Spanned;

use super::file::edit_distance;
use super::notifiers::{Notifier, is_name, notifiers};
use super::source::Source;

/// Rules that are on unless the file says otherwise.
const SHIPPED: &str = include_str!("shipped.toml");

/// Each is looked at one after the other.
const RULES_MAX: usize = 200;

/// A day more is another scan of what that day has.
const BASELINE_DAYS_MAX: u32 = 28;

const WINDOW_MAX: i64 = 7 * Micros::DAY;
const EVERY_DEFAULT: i64 = Micros::MINUTE;
const WINDOW_DEFAULT: i64 = 5 * Micros::MINUTE;
const ATTEMPTS_MIN_DEFAULT: u64 = 20;

/// Alerts as they are configured.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Alerts {
    pub(crate) rules: Vec<Rule>,
    pub(crate) notifiers: Vec<Config>,
    /// Where people find the web, for links; where it listens if not said.
    pub(crate) url: Option<String>,
}

/// What is written of them.
#[derive(Debug, Default)]
pub(super) struct WrittenAlerts {
    pub(super) common: Common,
    pub(super) rules: Vec<Written>,
    pub(super) notifiers: Vec<Notifier>,
}

#[derive(Deserialize)]
struct Shipped {
    alert: Vec<Written>,
}

/// `[alerts]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Common {
    url: Option<Spanned<String>>,
    /// Whether the rules that are shipped are on.
    shipped: Option<bool>,
}

/// `[[alert]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    name: Spanned<String>,
    enabled: Option<bool>,
    summary: Option<String>,
    figure: Option<Spanned<String>>,
    query: Option<Spanned<String>>,
    by: Option<Spanned<String>>,
    alarms: Option<Vec<String>>,
    window: Option<Spanned<String>>,
    above: Option<Spanned<f64>>,
    below: Option<Spanned<f64>>,
    until: Option<Spanned<f64>>,
    baseline: Option<Spanned<WrittenBaseline>>,
    attempts_min: Option<u64>,
    heard_for: Option<Spanned<String>>,
    every: Option<Spanned<String>>,
    r#for: Option<Spanned<String>>,
    keep_firing: Option<Spanned<String>>,
    severity: Option<WrittenSeverity>,
    labels: Option<Spanned<BTreeMap<String, String>>>,
    to: Option<Spanned<Vec<String>>>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenBaseline {
    days: Option<u32>,
    rises_percent: Option<f64>,
    falls_percent: Option<f64>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum WrittenSeverity {
    Info,
    Warning,
    Critical,
}

impl Alerts {
    /// Where people find the web, which listens here.
    pub(crate) fn base(&self, url: &str) -> String {
        self.url.clone().unwrap_or_else(|| url.to_owned())
    }
}

/// All of them, checked. What rules ask must be there in the types that the server has.
pub(super) fn alerts(
    path: Option<&Path>,
    written: WrittenAlerts,
    protocols: &Protocols,
    call_rows: bool,
) -> Result<Alerts> {
    let WrittenAlerts { common, rules: own, notifiers: written } = written;
    let text = match path {
        Some(path) => std::fs::read_to_string(path)?,
        None => String::new(),
    };
    let source = Source { path: path.unwrap_or(Path::new("")), text: &text };
    let notifiers = notifiers(&source, &written)?;
    let mut rules = Vec::new();
    for Joined { written, own } in join(&source, own, common.shipped.unwrap_or(true))? {
        if written.enabled == Some(false) {
            continue;
        }
        let name = written.name.get_ref().clone();
        let rule = written.rule(&notifiers).and_then(|rule| {
            api::check_rule(&rule, protocols, call_rows, Micros(0))
                .map_err(|fault| (fault.key, fault.message))?;
            Ok(rule)
        });
        match (rule, own) {
            (Ok(rule), _) => rules.push(rule),
            // One that is shipped and reads what is not kept here.
            (Err(("figure", _)), None) if !call_rows => {}
            (Err((key, message)), None) => anyhow::bail!("shipped alert {name:?}: {key}: {message}"),
            (Err((key, message)), Some(spans)) => {
                let span = spans.of(key);
                return Err(source.wrong(&span, format!("alert {name:?}: {key}: {message}")));
            }
        }
    }
    let url = common.url.map(|url| {
        let is_web = ["http://", "https://"].iter().any(|begin| url.get_ref().starts_with(begin));
        let wrong = || source.wrong(&url.span(), "alerts.url begins with http:// or https://");
        is_web.then(|| url.get_ref().clone()).ok_or_else(wrong)
    });
    Ok(Alerts { rules, notifiers, url: url.transpose()? })
}

/// A rule, and where it is written, unless it is as it was shipped.
struct Joined {
    written: Written,
    own: Option<Spans>,
}

/// Where the name and the value of each key begin.
struct Spans {
    name: Range<usize>,
    keys: BTreeMap<&'static str, Range<usize>>,
}

impl Spans {
    fn of(&self, key: &str) -> Range<usize> {
        self.keys.get(key).unwrap_or(&self.name).clone()
    }
}

/// Rules that are shipped, changed by those of the same name, and the others.
fn join(source: &Source<'_>, own: Vec<Written>, with_shipped: bool) -> Result<Vec<Joined>> {
    let mut all: Vec<Joined> = Vec::new();
    if with_shipped {
        let shipped: Shipped = toml::from_str(SHIPPED).context("the rules that are shipped")?;
        all.extend(shipped.alert.into_iter().map(|written| Joined { written, own: None }));
    }
    let mut names = BTreeSet::new();
    for written in own {
        let name = written.name.get_ref().clone();
        let wrong = |what: String| Err(source.wrong(&written.name.span(), what));
        if !is_name(&name) {
            return wrong(format!("alert name = {name:?}: write letters, digits, `_`, `-` and `.`"));
        }
        if all.len() == RULES_MAX {
            return wrong(format!("there are more than {RULES_MAX} rules"));
        }
        if !names.insert(name.clone()) {
            return wrong(format!("two alerts have the name {name:?}"));
        }
        let spans = Some(written.spans());
        match all.iter_mut().find(|known| *known.written.name.get_ref() == name) {
            Some(known) => {
                *known = Joined { written: written.over(known.written.clone()), own: spans };
            }
            None => all.push(Joined { written, own: spans }),
        }
    }
    Ok(all)
}

/// Key, and what is wrong with its value.
type Fault = (&'static str, String);

impl Written {
    /// What is written here, and otherwise what was there.
    fn over(self, under: Self) -> Self {
        Self {
            name: self.name,
            enabled: self.enabled.or(under.enabled),
            summary: self.summary.or(under.summary),
            figure: self.figure.or(under.figure),
            query: self.query.or(under.query),
            by: self.by.or(under.by),
            alarms: self.alarms.or(under.alarms),
            window: self.window.or(under.window),
            above: self.above.or(under.above),
            below: self.below.or(under.below),
            until: self.until.or(under.until),
            baseline: self.baseline.or(under.baseline),
            attempts_min: self.attempts_min.or(under.attempts_min),
            heard_for: self.heard_for.or(under.heard_for),
            every: self.every.or(under.every),
            r#for: self.r#for.or(under.r#for),
            keep_firing: self.keep_firing.or(under.keep_firing),
            severity: self.severity.or(under.severity),
            labels: self.labels.or(under.labels),
            to: self.to.or(under.to),
        }
    }

    fn spans(&self) -> Spans {
        fn span<T>(value: Option<&Spanned<T>>) -> Option<Range<usize>> {
            value.map(Spanned::span)
        }
        let keys = [
            ("figure", span(self.figure.as_ref())),
            ("query", span(self.query.as_ref())),
            ("by", span(self.by.as_ref())),
            ("window", span(self.window.as_ref())),
            ("above", span(self.above.as_ref())),
            ("below", span(self.below.as_ref())),
            ("until", span(self.until.as_ref())),
            ("baseline", span(self.baseline.as_ref())),
            ("heard_for", span(self.heard_for.as_ref())),
            ("every", span(self.every.as_ref())),
            ("for", span(self.r#for.as_ref())),
            ("keep_firing", span(self.keep_firing.as_ref())),
            ("labels", span(self.labels.as_ref())),
            ("to", span(self.to.as_ref())),
        ];
        let keys = keys.into_iter().filter_map(|(key, span)| Some((key, span?))).collect();
        Spans { name: self.name.span(), keys }
    }

    fn rule(self, notifiers: &[Config]) -> Result<Rule, Fault> {
        let figure = match &self.figure {
            None if self.query.is_some() => Figure::Messages,
            None => {
                return Err(("figure", "says neither figure nor query: what is to be measured?".to_owned()));
            }
            Some(name) => figure(name.get_ref())?,
        };
        let condition = self.condition()?;
        let labels = self.labels.map(Spanned::into_inner).unwrap_or_default();
        for name in labels.keys() {
            let begins = name.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_');
            let goes_on = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            if !begins || !goes_on || ["alertname", "severity"].contains(&name.as_str()) {
                return Err((
                    "labels",
                    format!("{name:?} cannot be the name of a label: write letters, digits and `_`"),
                ));
            }
        }
        let to = self.to.map(Spanned::into_inner).unwrap_or_default();
        if let Some(unknown) = to.iter().find(|name| !notifiers.iter().any(|known| known.name == **name)) {
            let nearest = notifiers.iter().min_by_key(|known| edit_distance(unknown, &known.name));
            let hint = nearest.map_or_else(String::new, |known| format!("; did you mean {}?", known.name));
            return Err(("to", format!("there is no notifier {unknown:?}{hint}")));
        }
        let name = self.name.into_inner();
        Ok(Rule {
            summary: self.summary.unwrap_or_else(|| name.clone()),
            name,
            figure,
            query: self.query.map(Spanned::into_inner),
            by: self.by.map(Spanned::into_inner),
            alarms: self.alarms.unwrap_or_default(),
            window: span("window", self.window, WINDOW_DEFAULT, Micros::SECOND..=WINDOW_MAX)?,
            attempts_min: self.attempts_min.unwrap_or(ATTEMPTS_MIN_DEFAULT),
            heard_for: span("heard_for", self.heard_for, Micros::HOUR, 0..=7 * Micros::DAY)?,
            condition,
            every: span("every", self.every, EVERY_DEFAULT, Micros::SECOND..=Micros::DAY)?,
            hold: span("for", self.r#for, 0, 0..=7 * Micros::DAY)?,
            keep: span("keep_firing", self.keep_firing, 0, 0..=7 * Micros::DAY)?,
            severity: match self.severity {
                Some(WrittenSeverity::Info) => Severity::Info,
                Some(WrittenSeverity::Critical) => Severity::Critical,
                Some(WrittenSeverity::Warning) | None => Severity::Warning,
            },
            labels,
            to,
        })
    }

    fn condition(&self) -> Result<Condition, Fault> {
        let value = |value: &Option<Spanned<f64>>| value.as_ref().map(|value| *value.get_ref());
        let (above, below, until) = (value(&self.above), value(&self.below), value(&self.until));
        let baseline = match &self.baseline {
            None => None,
            Some(written) => Some(baseline(*written.get_ref())?),
        };
        if [above, below, until].into_iter().flatten().any(|bound| !bound.is_finite()) {
            return Err(("above", "a bound must be a number".to_owned()));
        }
        match (above, below) {
            (Some(_), Some(_)) => {
                return Err(("below", "stands beside above: make two rules of it".to_owned()));
            }
            (None, None) if baseline.is_none() => {
                return Err(("above", "is missing: say above, below or baseline".to_owned()));
            }
            _ => {}
        }
        let is_back = match (above, below, until) {
            (_, _, None) => true,
            (Some(above), _, Some(until)) => until <= above,
            (_, Some(below), Some(until)) => until >= below,
            (None, None, Some(_)) => false,
        };
        if !is_back {
            return Err(("until", "must lie on the good side of above or below".to_owned()));
        }
        Ok(Condition { above, below, until, baseline })
    }
}

fn figure(name: &str) -> Result<Figure, Fault> {
    Figure::named(name).ok_or_else(|| {
        let nearest = Figure::ALL.iter().min_by_key(|known| edit_distance(name, known.name()));
        let nearest = nearest.map_or("", |known| known.name());
        ("figure", format!("there is no figure {name:?}; did you mean {nearest}?"))
    })
}

fn baseline(written: WrittenBaseline) -> Result<Baseline, Fault> {
    let WrittenBaseline { days, rises_percent, falls_percent } = written;
    let days = days.unwrap_or(7);
    if !(3..=BASELINE_DAYS_MAX).contains(&days) {
        return Err(("baseline", format!("days = {days} is outside 3 to {BASELINE_DAYS_MAX}")));
    }
    let percents = [rises_percent, falls_percent];
    if percents.iter().flatten().any(|percent| !percent.is_finite() || *percent <= 0.0) {
        return Err(("baseline", "a percentage must be above 0".to_owned()));
    }
    if percents.iter().all(Option::is_none) {
        return Err(("baseline", "says neither rises_percent nor falls_percent".to_owned()));
    }
    Ok(Baseline { days, rises_percent, falls_percent })
}

/// `90s`, `10m`, `1h30m`, `7d` in microseconds.
fn span(
    key: &'static str,
    written: Option<Spanned<String>>,
    default: i64,
    range: RangeInclusive<i64>,
) -> Result<i64, Fault> {
    let Some(text) = written.map(Spanned::into_inner) else { return Ok(default) };
    let micros =
        api::span(&text).ok_or_else(|| (key, format!("{text:?} is no span of time: write 90s, 10m, 1h")))?;
    if !range.contains(&micros) {
        let seconds = |micros: &i64| micros / Micros::SECOND;
        let (least, most) = (seconds(range.start()), seconds(range.end()));
        return Err((key, format!("{text:?} is outside {least} to {most} seconds")));
    }
    Ok(micros)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ServeArguments, resolve};

    fn resolved(toml: &str) -> Result<Alerts> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("rhapsode.toml");
        std::fs::write(&path, toml)?;
        Ok(resolve(&ServeArguments { config: Some(path), ..ServeArguments::default() })?.alerts)
    }

    #[test]
    fn rules_are_shipped_and_can_be_changed_or_turned_off_by_name() {
        let names = |alerts: &Alerts| alerts.rules.iter().map(|rule| rule.name.clone()).collect::<Vec<_>>();
        let shipped = resolved("").expect("the shipped rules are right");
        for name in [
            "sender_silent",
            "trunk_down",
            "asr_drop",
            "new_failure",
            "registration_storm",
            "scanner",
            "disk",
        ] {
            assert!(names(&shipped).iter().any(|known| known == name), "{name}");
        }
        let changed = resolved(
            "[[alert]]\nname = \"sender_silent\"\nabove = 30\n[[alert]]\nname = \"scanner\"\nenabled = false\n\
             [[alert]]\nname = \"mine\"\nquery = \"status in 500..599\"\nabove = 5\nfor = \"2m\"\nseverity = \"critical\"\n",
        )
        .expect("resolves");
        let find = |name: &str| changed.rules.iter().find(|rule| rule.name == name);
        let silent = find("sender_silent").expect("it is on");
        assert_eq!((silent.condition.above, silent.heard_for), (Some(30.0), Micros::HOUR), "the rest stays");
        assert!(find("scanner").is_none());
        let mine = find("mine").expect("it is on");
        assert_eq!(
            (mine.figure, mine.hold, mine.severity),
            (Figure::Messages, 2 * Micros::MINUTE, Severity::Critical)
        );
        assert_eq!(resolved("[alerts]\nshipped = false\n").expect("resolves").rules, []);
    }

    #[test]
    fn without_rows_of_calls_shipped_rules_that_read_them_are_left_out() {
        let without = alerts(None, WrittenAlerts::default(), Protocols::built_in(), false).expect("resolves");
        let names: Vec<&str> = without.rules.iter().map(|rule| rule.name.as_str()).collect();
        assert!(names.contains(&"sender_silent") && !names.contains(&"asr_drop"), "{names:?}");
    }

    #[test]
    fn wrong_rules_are_refused_with_line_and_reason() {
        let rule = |rest: &str| format!("[[alert]]\nname = \"a\"\n{rest}\n");
        let notifier = |rest: &str| format!("[[notifier]]\nname = \"ops\"\n{rest}\n");
        for (toml, line, words) in [
            (rule("quer = \"x\""), 3, "did you mean query?"),
            (rule("query = \"sip.methd = INVITE\"\nabove = 1"), 3, "did you mean"),
            (
                rule("query = \"finding = SCANNER or sip.method = INVITE\"\nabove = 1"),
                3,
                "join them by `and`",
            ),
            (rule("query = \"status = 5\"\nabove = \"many\""), 4, "string"),
            (rule("figure = \"calls.arr\"\nabove = 1"), 3, "did you mean calls.asr?"),
            (rule("figure = \"calls.asr\""), 2, "say above, below or baseline"),
            (
                rule("figure = \"calls.asr\"\nquery = \"sip.method = BYE\"\nbelow = 1"),
                4,
                "calls have no `method`",
            ),
            (rule("figure = \"calls.asr\"\nby = \"trunks\"\nbelow = 1"), 4, "unknown variant `trunks`"),
            (
                rule("query = \"status = 500\"\nby = \"nothing\"\nabove = 1"),
                4,
                "there is no column `nothing`",
            ),
            (rule("figure = \"alarm\"\nquery = \"status = 5\"\nabove = 0"), 4, "takes no query"),
            (rule("query = \"status = 500\"\nabove = 1\nfor = \"soon\""), 5, "no span of time"),
            (rule("query = \"status = 500\"\nabove = 1\nevery = \"1ms\""), 5, "outside 1 to"),
            (rule("query = \"status = 500\"\nabove = 1\nuntil = 2"), 5, "good side"),
            (rule("query = \"status = 500\"\nabove = 1\nto = [\"ops\"]"), 5, "there is no notifier \"ops\""),
            (rule("query = \"status = 500\"\nabove = 1\nseverity = \"bad\""), 5, "bad"),
            (rule("query = \"status = 500\"\nabove = 1\nlabels = { \"a b\" = \"c\" }"), 5, "name of a label"),
            (
                rule("figure = \"calls.asr\"\nbaseline = { days = 2, falls_percent = 5 }"),
                4,
                "outside 3 to 28",
            ),
            (rule("above = 1"), 2, "neither figure nor query"),
            ("[[alert]]\nname = \"a b\"\n".to_owned(), 2, "write letters"),
            (format!("{0}{0}", rule("query = \"status = 500\"\nabove = 1")), 6, "two alerts have the name"),
            (notifier("kind = \"webhook\""), 2, "needs url"),
            (notifier("kind = \"webhok\"\nurl = \"http://x\""), 3, "did you mean webhook?"),
            (notifier("kind = \"webhook\"\nurl = \"ftp://x\""), 4, "url is http://"),
            (notifier("kind = \"webhook\"\nurl = \"http://x\"\nport = 1"), 5, "port means nothing"),
            (
                notifier("kind = \"email\"\nhost = \"mx\"\nfrom = \"nobody\"\nto = [\"a@b.example\"]"),
                5,
                "no mail address",
            ),
            (
                notifier(
                    "kind = \"email\"\nhost = \"mx\"\nencryption = \"none\"\nuser = \"u\"\npassword = \"p\"\n\
                     from = \"a@b.example\"\nto = [\"a@b.example\"]",
                ),
                7,
                "in the clear",
            ),
            ("[alerts]\nurl = \"voice.example.com\"\n".to_owned(), 2, "begins with http://"),
            ("[[alert]]\nname = \"trunk_down\"\nabove = 5\n".to_owned(), 2, "good side"),
        ] {
            let message = format!("{:#}", resolved(&toml).expect_err(&toml));
            assert!(message.contains(&format!("rhapsode.toml:{line}: ")), "{toml}: {message}");
            assert!(message.contains(words), "{toml}: {message}");
        }
    }
}
