//! Times as call records write them.

use model::Micros;

/// Seconds since 1970 are taken for milliseconds or microseconds from these on: the year 5138 in seconds.
const SECONDS_MAX: f64 = 1e11;

/// `2026-11-21 05:00:00`, with `T`, fraction and offset from UTC if there are any, else `offset_seconds`; or a number
/// since 1970 in seconds, milliseconds or microseconds.
pub(crate) fn read(text: &str, offset_seconds: i32) -> Option<Micros> {
    let text = text.trim();
    if let Ok(number) = text.parse::<f64>() {
        return since_1970(number);
    }
    let (date, rest) = text.split_at_checked(10)?;
    let (year, month, day) = parts(date, '-')?;
    // 1970 and later, and what 64 bits of microseconds can hold in any case.
    if !(1970..=9999).contains(&year)
        || !(1..=12).contains(&month)
        || !(1..=days_of(year, month)).contains(&day)
    {
        return None;
    }
    let rest = rest.strip_prefix(['T', ' '])?.trim_start();
    let (clock, rest) = rest.split_at_checked(8)?;
    let (hour, minute, second) = parts(clock, ':')?;
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (micros, rest) = fraction(rest);
    let offset = offset(rest.trim())?.unwrap_or_else(|| i64::from(offset_seconds));
    let seconds = days_since_1970(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second - offset;
    Some(Micros(seconds * Micros::SECOND + micros))
}

fn since_1970(number: f64) -> Option<Micros> {
    let seconds = match number {
        _ if !number.is_finite() || number <= 0.0 => return None,
        _ if number < SECONDS_MAX => number,
        _ if number < SECONDS_MAX * 1e3 => number / 1e3,
        _ if number < SECONDS_MAX * 1e6 => number / 1e6,
        _ => return None,
    };
    Some(Micros((seconds * Micros::SECOND as f64).round() as i64))
}

/// Three numbers with two equal signs between them.
fn parts(text: &str, sign: char) -> Option<(i64, i64, i64)> {
    let mut parts = text.split(sign).map(|part| {
        part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse::<i64>().ok()).flatten()
    });
    let three = (parts.next()??, parts.next()??, parts.next()??);
    parts.next().is_none().then_some(three)
}

/// `.123456`, and what follows.
fn fraction(text: &str) -> (i64, &str) {
    let Some(rest) = text.strip_prefix(['.', ',']) else { return (0, text) };
    let length = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
    let digits: String = rest[..length].chars().chain("000000".chars()).take(6).collect();
    (digits.parse().unwrap_or(0), &rest[length..])
}

/// Seconds east of UTC; nothing if the text says nothing of it; an error if it says something else.
fn offset(text: &str) -> Option<Option<i64>> {
    if text.is_empty() {
        return Some(None);
    }
    if matches!(text, "Z" | "z" | "UTC" | "GMT") {
        return Some(Some(0));
    }
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+')?),
    };
    let digits: String = digits.chars().filter(|letter| *letter != ':').collect();
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes) = digits.split_at_checked(2)?;
    let hours: i64 = hours.parse().ok().filter(|hours| *hours <= 14)?;
    let minutes: i64 =
        if minutes.is_empty() { 0 } else { minutes.parse().ok().filter(|minutes| *minutes <= 59)? };
    Some(Some(sign * (hours * 3_600 + minutes * 60)))
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let before = year - 1;
    let leap_days = |year: i64| year / 4 - year / 100 + year / 400;
    let years = (year - 1970) * 365 + leap_days(before) - leap_days(1969);
    let months: i64 = (1..month).map(|month| days_of(year, month)).sum();
    years + months + day - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_call_records_write() {
        for (text, expected) in [
            ("2026-11-21 05:00:00", "2026-11-21T05:00:00.000000Z"),
            ("2026-11-21T05:00:00.25Z", "2026-11-21T05:00:00.250000Z"),
            ("2026-11-21 05:00:00+0130", "2026-11-21T03:30:00.000000Z"),
            ("2026-11-21T05:00:00.1234567-05:00", "2026-11-21T10:00:00.123456Z"),
            ("2000-02-29 00:00:00", "2000-02-29T00:00:00.000000Z"),
            ("2100-03-01 00:00:00", "2100-03-01T00:00:00.000000Z"),
            ("1970-01-01 00:00:00", "1970-01-01T00:00:00.000000Z"),
            ("1795237200", "2026-11-21T05:00:00.000000Z"),
            ("1795237200.5", "2026-11-21T05:00:00.500000Z"),
            ("1795237200250", "2026-11-21T05:00:00.250000Z"),
            ("1795237200000250", "2026-11-21T05:00:00.000250Z"),
        ] {
            assert_eq!(read(text, 0).map(|time| time.to_string()).as_deref(), Some(expected), "{text}");
        }
        let local = read("2026-11-21 05:00:00", 3_600).expect("a time");
        assert_eq!(local.to_string(), "2026-11-21T04:00:00.000000Z");
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "0",
            "-5",
            "NaN",
            "1e300",
            "yesterday",
            "2026-13-01 00:00:00",
            "2026-02-29 00:00:00",
            "2026-11-21",
            "2026-11-21 25:00:00",
            "2026-11-21 05:00:00 x",
            "2026-11-21 05:00:00+99:00",
            "2026-1é-21 05:00:00",
            "2026-11-2é 05:00:00",
            "0001-01-01 00:00:00",
            "2026-11-21 05:00:00+é1",
            "2026-11-21 05:00:00++130",
            "2026-11-21 05:00:00-06-0777777777777777777",
        ] {
            assert_eq!(read(text, 0), None, "{text}");
        }
    }
}
