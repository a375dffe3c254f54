//! Points in time as people and programs write them: `2026-11-21T03:20:00Z`, `-1h`, `now`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use model::Micros;

/// The clock. The only place of this room that reads it.
pub(crate) fn now() -> Micros {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Micros(i64::try_from(since_1970.as_micros()).unwrap_or(i64::MAX))
}

/// `now`, `-90s`, `-15m`, `-1h`, `-7d` (from `now`), RFC 3339 with any offset, or a date (its first moment, UTC).
/// `+1h` reaches ahead of now: agents' clocks do too.
pub(crate) fn point(text: &str, now: Micros) -> Result<Micros, String> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("now") {
        return Ok(now);
    }
    // In a query string a plus sign that was not escaped arrives as a space, and is trimmed.
    let relative = match text.as_bytes().first() {
        Some(b'-') => Some((-1, &text[1..])),
        Some(b'+') => Some((1, &text[1..])),
        Some(first) if first.is_ascii_digit() && text.ends_with(['s', 'm', 'h', 'd', 'w']) => {
            Some((-1, text))
        }
        _ => None,
    };
    if let Some((sign, distance)) = relative {
        return span(distance)
            .and_then(|micros| now.0.checked_add(sign * micros))
            .map(Micros)
            .ok_or_else(|| format!("`{text}` is no time span: write -90s, -15m, -1h, -7d"));
    }
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Ok(Micros(time.as_microsecond()));
    }
    if let Ok(date) = text.parse::<jiff::civil::Date>()
        && let Ok(start) = date.to_zoned(jiff::tz::TimeZone::UTC)
    {
        return Ok(Micros(start.timestamp().as_microsecond()));
    }
    Err(format!("`{text}` is no time: write RFC 3339 (2026-11-21T03:20:00Z) or a span back from now (-1h)"))
}

/// `90s`, `1h30m` in microseconds.
pub fn span(text: &str) -> Option<i64> {
    let mut total = 0_i64;
    let mut rest = text;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: i64 = rest.get(..digits)?.parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let unit = match &rest[..letters] {
            "ms" => Micros::SECOND / 1_000,
            "s" => Micros::SECOND,
            "m" => Micros::MINUTE,
            "h" => Micros::HOUR,
            "d" => Micros::DAY,
            "w" => 7 * Micros::DAY,
            _ => return None,
        };
        rest = &rest[letters..];
        total = total.checked_add(number.checked_mul(unit)?)?;
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Micros = Micros(1_795_231_200_000_000); // 2026-11-21T03:20:00Z

    #[test]
    fn reads_what_people_write() {
        for (text, expected) in [
            ("now", "2026-11-21T03:20:00.000000Z"),
            ("-1h", "2026-11-21T02:20:00.000000Z"),
            ("1h", "2026-11-21T02:20:00.000000Z"),
            ("-1h30m", "2026-11-21T01:50:00.000000Z"),
            ("+1d", "2026-11-22T03:20:00.000000Z"),
            ("-2w", "2026-11-07T03:20:00.000000Z"),
            ("-250ms", "2026-11-21T03:19:59.750000Z"),
            ("2026-11-21T03:20:00.123456Z", "2026-11-21T03:20:00.123456Z"),
            ("2026-11-21T03:20:00+02:00", "2026-11-21T01:20:00.000000Z"),
            ("2026-11-21", "2026-11-21T00:00:00.000000Z"),
        ] {
            assert_eq!(point(text, NOW).map(|time| time.to_string()), Ok(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_time_and_says_it() {
        for text in
            ["", "yesterday", "-", "-h", "-1", "-1y", "-99999999999999999999d", "-9999999999999d", "1é"]
        {
            let refusal = point(text, NOW).expect_err(text);
            assert!(refusal.contains(text), "{refusal}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_too_odd(text in "\\PC*|[-+]?([0-9]{1,25}(ms|s|m|h|d|w|y|é)?){0,3}") {
            let _ = point(&text, NOW);
        }

        #[test]
        fn a_time_shown_is_read_back(micros in -62_000_000_000_000_000_i64..253_000_000_000_000_000) {
            proptest::prop_assert_eq!(point(&Micros(micros).to_string(), NOW), Ok(Micros(micros)));
        }
    }
}
