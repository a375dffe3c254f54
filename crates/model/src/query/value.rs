//! Values as people write them: numbers with units, times, addresses and networks.

use std::net::{IpAddr, SocketAddr};

use crate::{Micros, Unit};

use super::Net;

/// A number in the unit of its field, not yet rounded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Whole(i64),
    Fraction(f64),
}

/// What is wrong with a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NumberError {
    NotANumber,
    /// The field has no unit, or one of another sort.
    WrongUnit,
}

/// `12`, `-3`, `0.5`, `200ms`, `3s`, `1.5h`, `10kB`, `5%`; without a suffix in the field's own unit.
pub(super) fn number(text: &str, unit: Option<Unit>) -> Result<Number, NumberError> {
    let digits = text.find(|c: char| !matches!(c, '0'..='9' | '.' | '-' | '+')).unwrap_or(text.len());
    let (digits, suffix) = text.split_at(digits);
    let suffix = suffix.trim();
    if suffix.is_empty() {
        if let Ok(whole) = digits.parse() {
            return Ok(Number::Whole(whole));
        }
        return Ok(tidy(fraction(digits)?));
    }
    let value = fraction(digits)?;
    let (scale, own) = match unit {
        Some(Unit::Seconds) => (duration_micros(suffix), 1e6),
        Some(Unit::Milliseconds) => (duration_micros(suffix), 1e3),
        Some(Unit::Microseconds) => (duration_micros(suffix), 1.0),
        Some(Unit::Bytes) => (size_bytes(suffix), 1.0),
        Some(Unit::Percent) => ((suffix == "%").then_some(1.0), 1.0),
        None => (None, 1.0),
    };
    let looks_like_a_unit =
        duration_micros(suffix).is_some() || size_bytes(suffix).is_some() || suffix == "%";
    match scale {
        Some(scale) => Ok(tidy(value * scale / own)),
        None if looks_like_a_unit => Err(NumberError::WrongUnit),
        None => Err(NumberError::NotANumber),
    }
}

/// `5xx` as the range it stands for.
pub(super) fn status_class(text: &str) -> Option<(i64, i64)> {
    match text.as_bytes() {
        [digit @ b'1'..=b'9', b'x' | b'X', b'x' | b'X'] => {
            let low = i64::from(digit - b'0') * 100;
            Some((low, low + 99))
        }
        _ => None,
    }
}

/// RFC 3339, `2026-11-21`, `2026-11-21 03:00` (UTC), seconds since 1970 (also in milli- or microseconds, by their
/// number of digits), `now`, `-1h`, `now-90s`.
pub fn time(text: &str, now: Micros) -> Option<Micros> {
    let text = text.trim();
    if let Some(relative) = text.strip_prefix("now").or_else(|| text.starts_with(['-', '+']).then_some(text))
    {
        if relative.is_empty() {
            return in_range(now.0);
        }
        let (sign, amount) = match relative.as_bytes().first()? {
            b'-' => (-1.0, &relative[1..]),
            b'+' => (1.0, &relative[1..]),
            _ => return None,
        };
        let micros = duration(amount)?;
        return in_range(now.0.checked_add((sign * micros) as i64)?);
    }
    if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return epoch(text);
    }
    if let Ok(timestamp) = text.parse::<jiff::Timestamp>() {
        return in_range(timestamp.as_microsecond());
    }
    let civil = text.parse::<jiff::civil::DateTime>().ok()?;
    let zoned = civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    in_range(zoned.timestamp().as_microsecond())
}

/// First and last microsecond of a day written as `2026-11-21`.
pub(super) fn day(text: &str) -> Option<(Micros, Micros)> {
    let civil = text.parse::<jiff::civil::Date>().ok()?;
    if text.len() != "2026-11-21".len() {
        return None;
    }
    let start = civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_microsecond();
    Some((in_range(start)?, in_range(start + Micros::DAY - 1)?))
}

/// A length of time in microseconds.
pub(super) fn duration(text: &str) -> Option<f64> {
    let digits = text.find(|c: char| !matches!(c, '0'..='9' | '.'))?;
    let (digits, suffix) = text.split_at(digits);
    Some(fraction(digits).ok()? * duration_micros(suffix.trim())?)
}

/// `10.0.0.1`, `2001:db8::1`, `[2001:db8::1]`.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    inner.parse().ok()
}

/// `10.0.0.1:5060`, `[2001:db8::1]:5060`.
pub(super) fn endpoint(text: &str) -> Option<SocketAddr> {
    text.parse().ok()
}

/// `10.0.0.0/8`, `2001:db8::/32`.
pub(super) fn network(text: &str) -> Option<Net> {
    let (addr, prefix) = text.split_once('/')?;
    Net::new(address(addr)?, prefix.parse().ok()?)
}

fn fraction(digits: &str) -> Result<f64, NumberError> {
    match digits.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value),
        _ => Err(NumberError::NotANumber),
    }
}

/// Whole numbers as such, as far as a float holds them exactly.
fn tidy(value: f64) -> Number {
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0; // 2^53
    if value.fract() == 0.0 && value.abs() <= EXACT_MAX {
        Number::Whole(value as i64)
    } else {
        Number::Fraction(value)
    }
}

fn duration_micros(suffix: &str) -> Option<f64> {
    Some(match suffix {
        "us" | "µs" | "μs" => 1.0,
        "ms" => 1e3,
        "s" | "sec" => 1e6,
        "m" | "min" => 60e6,
        "h" => 3600e6,
        "d" => 86_400e6,
        "w" => 604_800e6,
        _ => return None,
    })
}

fn size_bytes(suffix: &str) -> Option<f64> {
    Some(match suffix.to_ascii_lowercase().as_str() {
        "b" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        "kib" => 1024.0,
        "mib" => 1024.0 * 1024.0,
        "gib" => 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    })
}

fn epoch(text: &str) -> Option<Micros> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let units_per_second = match whole.len() {
        1..=11 => 1,
        12..=14 => 1_000,
        15..=17 => Micros::SECOND,
        _ => return None,
    };
    let whole: i64 = whole.parse().ok()?;
    let part: f64 = if part.is_empty() { 0.0 } else { format!("0.{part}").parse().ok()? };
    let scale = Micros::SECOND / units_per_second;
    in_range(whole.checked_mul(scale)?.checked_add((part * scale as f64).round() as i64)?)
}

/// Times that RFC 3339 can write: years 0 to 9999.
fn in_range(micros: i64) -> Option<Micros> {
    const YEAR_ZERO: i64 = -62_167_219_200 * Micros::SECOND;
    let is_shown = micros >= YEAR_ZERO && jiff::Timestamp::from_microsecond(micros).is_ok();
    is_shown.then_some(Micros(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Micros = Micros(1_795_230_000_000_000);

    #[test]
    fn reads_numbers_in_the_unit_of_the_field() {
        assert_eq!(number("12", None), Ok(Number::Whole(12)));
        assert_eq!(number("-0.5", None), Ok(Number::Fraction(-0.5)));
        assert_eq!(number("3s", Some(Unit::Milliseconds)), Ok(Number::Whole(3000)));
        assert_eq!(number("200ms", Some(Unit::Seconds)), Ok(Number::Fraction(0.2)));
        assert_eq!(number("1.5h", Some(Unit::Seconds)), Ok(Number::Whole(5400)));
        assert_eq!(number("10kB", Some(Unit::Bytes)), Ok(Number::Whole(10_000)));
        assert_eq!(number("1KiB", Some(Unit::Bytes)), Ok(Number::Whole(1024)));
        assert_eq!(number("5%", Some(Unit::Percent)), Ok(Number::Whole(5)));
        assert_eq!(number("3s", Some(Unit::Bytes)), Err(NumberError::WrongUnit));
        assert_eq!(number("3s", None), Err(NumberError::WrongUnit));
        assert_eq!(number("bob", None), Err(NumberError::NotANumber));
        assert_eq!(number("", None), Err(NumberError::NotANumber));
        assert_eq!(number("1.2.3", None), Err(NumberError::NotANumber));
    }

    #[test]
    fn reads_times() {
        let at = |text: &str| time(text, NOW).map(|time| time.to_string());
        assert_eq!(at("2026-11-21T03:00:00+01:00").unwrap(), "2026-11-21T02:00:00.000000Z");
        assert_eq!(at("2026-11-21 03:00").unwrap(), "2026-11-21T03:00:00.000000Z");
        assert_eq!(at("2026-11-21T03:00:01.5").unwrap(), "2026-11-21T03:00:01.500000Z");
        assert_eq!(at("2026-11-21").unwrap(), "2026-11-21T00:00:00.000000Z");
        assert_eq!(time("1795214540.529260", NOW), Some(Micros(1_795_214_540_529_260)));
        assert_eq!(time("1795214540529", NOW), Some(Micros(1_795_214_540_529_000)));
        assert_eq!(time("now", NOW), Some(NOW));
        assert_eq!(time("-1h", NOW), Some(Micros(NOW.0 - Micros::HOUR)));
        assert_eq!(time("now-90s", NOW), Some(Micros(NOW.0 - 90 * Micros::SECOND)));
        assert_eq!(time("-1", NOW), None);
        assert_eq!(time("tomorrow", NOW), None);
        assert_eq!(time("-000001-01-01T00:00:00Z", NOW), None);
        assert_eq!(time("-99999999999999w", NOW), None);
        assert_eq!(day("2026-11-21").map(|(low, high)| high.0 - low.0), Some(Micros::DAY - 1));
        assert_eq!(day("2026-11-21T03:00"), None);
    }

    #[test]
    fn reads_addresses() {
        assert_eq!(network("10.1.2.3/8").map(|net| net.addr().to_string()), Some("10.0.0.0".to_owned()));
        assert!(network("2001:db8::/32").unwrap().contains("2001:db8:1::9".parse().unwrap()));
        assert!(!network("10.0.0.0/8").unwrap().contains("11.0.0.1".parse().unwrap()));
        assert!(network("0.0.0.0/0").unwrap().contains("255.1.1.1".parse().unwrap()));
        assert_eq!(network("10.0.0.0/33"), None);
        assert_eq!(network("10.0.0.0/8").unwrap().bounds().1.to_string(), "10.255.255.255");
        assert!(endpoint("[::1]:5060").is_some());
        assert!(endpoint("10.0.0.1:5060").is_some());
        assert_eq!(address("[::1]"), "::1".parse().ok());
        assert_eq!(status_class("5xx"), Some((500, 599)));
        assert_eq!(status_class("0xx"), None);
    }
}
