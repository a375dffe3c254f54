//! Line protocol: a point a line, `MEASUREMENT,TAG=VALUE FIELD=VALUE NANOSECONDS`
//! (<https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/>).
//!
//! Names are ours or were checked with the configuration; values of tags come from packets, and so from anybody.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Bytes of a tag's value that are kept: names are shorter, and what comes from a packet may have any length.
pub(super) const TAG_BYTES_MAX: usize = 128;

/// What names a series: its measurement and its tags, by name as the reference advises.
pub(super) fn series(measurement: &str, tags: &BTreeMap<&str, &str>) -> String {
    let mut series = measurement.to_owned();
    for (name, value) in tags {
        // An empty one is none.
        if !value.is_empty() {
            series.extend([",", name, "="]);
            push_value(&mut series, value);
        }
    }
    series
}

/// What cannot be said becomes `_`: a line ends a point wherever it stands, and readers disagree on what a backslash
/// before one of the signs that need one means.
fn push_value(series: &mut String, value: &str) {
    let value = &value[..value.floor_char_boundary(TAG_BYTES_MAX)];
    for sign in value.chars() {
        match sign {
            ',' | '=' | ' ' => series.extend(['\\', sign]),
            '\\' => series.push('_'),
            sign if sign.is_control() => series.push('_'),
            sign => series.push(sign),
        }
    }
}

/// The fields of a point. A field has one type for good: the first one written to a database decides.
#[derive(Debug, Default)]
pub(super) struct Fields(String);

impl Fields {
    pub(super) fn integer(&mut self, name: &str, number: u64) {
        let number = i64::try_from(number).unwrap_or(i64::MAX);
        self.name(name);
        self.write(format_args!("{number}i"));
    }

    /// Nothing, if it is no number or infinite: neither can be said.
    pub(super) fn float(&mut self, name: &str, number: f64) {
        if number.is_finite() {
            self.name(name);
            self.write(format_args!("{number}"));
        }
    }

    fn name(&mut self, name: &str) {
        if !self.0.is_empty() {
            self.0.push(',');
        }
        self.0.push_str(name);
        self.0.push('=');
    }

    fn write(&mut self, value: std::fmt::Arguments<'_>) {
        // A String takes whatever is written.
        let _ = self.0.write_fmt(value);
    }

    /// The whole line.
    pub(super) fn at(&self, series: &str, micros: i64) -> String {
        format!("{series} {} {}\n", self.0, micros.saturating_mul(1_000))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Measurement, tags and the rest, read as the reference has it: a backslash takes the meaning of the next sign.
    fn read(line: &str) -> (String, Vec<(String, String)>, String) {
        let mut parts = vec![vec![String::new()]];
        let mut signs = line.chars();
        while let Some(sign) = signs.next() {
            let pair = parts.last_mut().expect("there is one");
            let text = pair.last_mut().expect("there is one");
            match sign {
                '\\' => text.push(signs.next().expect("no line ends in the middle")),
                ',' => parts.push(vec![String::new()]),
                '=' => pair.push(String::new()),
                ' ' => break,
                sign => text.push(sign),
            }
        }
        let measurement = parts.remove(0).concat();
        let pairs = parts.into_iter().map(|pair| match <[String; 2]>::try_from(pair) {
            Ok([name, value]) => (name, value),
            Err(pair) => panic!("{pair:?} is no tag"),
        });
        (measurement, pairs.collect(), signs.collect())
    }

    proptest! {
        #[test]
        fn whatever_a_packet_names_is_one_tag_of_one_line(value in any::<String>(), other in "[ -~]{1,40}") {
            let series = series("m", &BTreeMap::from([("b", value.as_str()), ("a", other.as_str())]));
            let mut fields = Fields::default();
            fields.integer("n", 7);
            let line = fields.at(&series, 1_795_300_020_000_000);
            prop_assert_eq!(line.matches('\n').count(), 1, "{:?}", line);
            let (measurement, tags, rest) = read(&line);
            prop_assert_eq!(measurement, "m");
            prop_assert_eq!(rest, "n=7i 1795300020000000000\n");
            let clean = |text: &str| {
                let text = &text[..text.floor_char_boundary(TAG_BYTES_MAX)];
                text.replace(|sign: char| sign == '\\' || sign.is_control(), "_")
            };
            let expected = [("a", clean(&other)), ("b", clean(&value))];
            let expected: Vec<(String, String)> =
                expected.into_iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name.to_owned(), value)).collect();
            prop_assert_eq!(tags, expected);
        }

        #[test]
        fn numbers_are_read_back(number in any::<u64>(), real in any::<f64>()) {
            let mut fields = Fields::default();
            fields.integer("n", number);
            fields.float("f", real);
            let line = fields.at("m", 0);
            let said = line.strip_prefix("m n=").and_then(|rest| rest.strip_suffix(" 0\n")).expect("framed");
            let (integer, float) = said.split_once("i").expect("an integer");
            prop_assert_eq!(integer.parse::<i64>(), Ok(i64::try_from(number).unwrap_or(i64::MAX)));
            match float.strip_prefix(",f=") {
                Some(float) => prop_assert_eq!(float.parse::<f64>(), Ok(real)),
                None => prop_assert!(float.is_empty() && !real.is_finite(), "{}", line),
            }
        }
    }

    #[test]
    fn signs_with_a_meaning_are_escaped() {
        let tags = BTreeMap::from([("agent", "Yealink SIP-T46, a=b"), ("bad", "x\\\r\ny"), ("none", "")]);
        assert_eq!(series("kpi", &tags), r"kpi,agent=Yealink\ SIP-T46\,\ a\=b,bad=x___y");
    }
}
