//! The text of a page: OpenMetrics 1.0, or the format 0.0.4 of Prometheus.

use std::fmt::Write as _;

use super::histogram::{Exemplar, Histogram};
use super::metric::{Kind, Metric};

/// How the page is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// With units and exemplars.
    OpenMetrics,
    /// What every scraper understands.
    Prometheus,
}

impl Format {
    pub fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// A page that is being written.
#[derive(Debug)]
pub(super) struct Page {
    format: Format,
    text: String,
}

/// One metric of a page: its series follow.
pub(super) struct Family<'p> {
    page: &'p mut Page,
    metric: &'static Metric,
}

impl Page {
    pub(super) fn new(format: Format) -> Self {
        Self { format, text: String::with_capacity(64 << 10) }
    }

    /// Begins a metric. Each comes once, with all its series.
    pub(super) fn family(&mut self, metric: &'static Metric) -> Family<'_> {
        let Metric { name, kind, help, .. } = metric;
        let (family, word) = match (self.format, kind) {
            (Format::Prometheus, Kind::Info) => (*name, "gauge"),
            (Format::Prometheus, kind) => (*name, kind.as_str()),
            (Format::OpenMetrics, Kind::Counter) => match name.strip_suffix("_total") {
                Some(family) => (family, "counter"),
                // The names of others: OpenMetrics knows no counter without that ending.
                None => (*name, "unknown"),
            },
            (Format::OpenMetrics, Kind::Info) => (name.strip_suffix("_info").unwrap_or(name), "info"),
            (Format::OpenMetrics, kind) => (*name, kind.as_str()),
        };
        let _ = writeln!(self.text, "# HELP {family} {help}");
        let _ = writeln!(self.text, "# TYPE {family} {word}");
        if self.format == Format::OpenMetrics
            && let Some(unit) = metric.unit()
        {
            let _ = writeln!(self.text, "# UNIT {family} {unit}");
        }
        Family { page: self, metric }
    }

    pub(super) fn finish(mut self) -> String {
        if self.format == Format::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
        self.text
    }

    fn sample(&mut self, name: &str, suffix: &str, labels: &[(&str, &str)], value: Number) {
        self.text.push_str(name);
        self.text.push_str(suffix);
        for (place, (label, value)) in labels.iter().enumerate() {
            self.text.push(if place == 0 { '{' } else { ',' });
            self.label(label, value);
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
        let _ = match value {
            Number::Whole(value) => write!(self.text, " {value}"),
            Number::Real(value) => write!(self.text, " {value}"),
        };
    }

    fn label(&mut self, label: &str, value: &str) {
        let _ = write!(self.text, "{label}=\"");
        for letter in value.chars() {
            match letter {
                '\\' => self.text.push_str("\\\\"),
                '"' => self.text.push_str("\\\""),
                '\n' => self.text.push_str("\\n"),
                letter => self.text.push(letter),
            }
        }
        self.text.push('"');
    }

    fn exemplar(&mut self, exemplar: Option<&Exemplar>) {
        let Some(exemplar) = exemplar.filter(|_| self.format == Format::OpenMetrics) else { return };
        self.text.push_str(" # {");
        self.label(Exemplar::LABEL, &exemplar.call_id);
        let seconds = exemplar.at_micros as f64 / 1e6;
        let _ = write!(self.text, "}} {} {seconds:.3}", exemplar.value);
    }
}

impl Family<'_> {
    /// One series; the labels' values in the order in which the metric declares them.
    pub(super) fn series(&mut self, values: &[&str], value: impl Into<Number>) -> &mut Self {
        let labels = self.labels(values);
        self.page.sample(self.metric.name, "", &labels, value.into());
        self.page.text.push('\n');
        self
    }

    pub(super) fn histogram(&mut self, values: &[&str], histogram: &Histogram) -> &mut Self {
        let labels = self.labels(values);
        let name = self.metric.name;
        let mut below = 0;
        for (place, count) in histogram.counts().iter().enumerate() {
            below += count;
            let bound =
                histogram.bounds().get(place).map_or_else(|| "+Inf".to_owned(), |bound| format!("{bound:?}"));
            let mut bucket = labels.clone();
            bucket.push(("le", &bound));
            self.page.sample(name, "_bucket", &bucket, Number::Whole(below));
            self.page.exemplar(histogram.exemplar(place));
            self.page.text.push('\n');
        }
        self.page.sample(name, "_sum", &labels, Number::Real(histogram.sum()));
        self.page.text.push('\n');
        self.page.sample(name, "_count", &labels, Number::Whole(below));
        self.page.text.push('\n');
        self
    }

    fn labels<'v>(&self, values: &[&'v str]) -> Vec<(&'static str, &'v str)> {
        debug_assert_eq!(self.metric.labels.len(), values.len(), "{}", self.metric.name);
        self.metric.labels.iter().copied().zip(values.iter().copied()).collect()
    }
}

/// A value as it is written.
#[derive(Clone, Copy, Debug)]
pub(super) enum Number {
    Whole(u64),
    Real(f64),
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        Self::Whole(value)
    }
}

impl From<f64> for Number {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

impl From<bool> for Number {
    fn from(value: bool) -> Self {
        Self::Whole(value.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static SEEN: Metric = Metric::counter("seen_bytes_total", &["by"], "What was seen");
    static OLD: Metric = Metric::counter("old_name", &[], "A counter of others");
    static BUILD: Metric =
        Metric { name: "x_build_info", kind: Kind::Info, labels: &["version"], help: "Which version runs" };
    static DELAY: Metric = Metric::histogram("delay_seconds", &[], "How long it took");

    fn page(format: Format) -> String {
        let mut page = Page::new(format);
        page.family(&SEEN).series(&["a\"b\\c\nd"], 3_u64);
        page.family(&OLD).series(&[], 1_u64);
        page.family(&BUILD).series(&["1.0"], 1_u64);
        let mut delay = Histogram::new(&[0.5, 1.0]);
        delay.observe(0.25, Some(("call@example.org", 1_500_000)));
        delay.observe(2.0, None);
        page.family(&DELAY).histogram(&[], &delay);
        page.finish()
    }

    #[test]
    fn a_page_of_openmetrics() {
        let expected = "# HELP seen_bytes What was seen\n# TYPE seen_bytes counter\n# UNIT seen_bytes bytes\n\
            seen_bytes_total{by=\"a\\\"b\\\\c\\nd\"} 3\n\
            # HELP old_name A counter of others\n# TYPE old_name unknown\nold_name 1\n\
            # HELP x_build Which version runs\n# TYPE x_build info\nx_build_info{version=\"1.0\"} 1\n\
            # HELP delay_seconds How long it took\n# TYPE delay_seconds histogram\n# UNIT delay_seconds seconds\n\
            delay_seconds_bucket{le=\"0.5\"} 1 # {call_id=\"call@example.org\"} 0.25 1.500\n\
            delay_seconds_bucket{le=\"1.0\"} 1\ndelay_seconds_bucket{le=\"+Inf\"} 2\n\
            delay_seconds_sum 2.25\ndelay_seconds_count 2\n# EOF\n";
        assert_eq!(page(Format::OpenMetrics), expected);
    }

    #[test]
    fn a_page_for_older_scrapers() {
        let expected = "# HELP seen_bytes_total What was seen\n# TYPE seen_bytes_total counter\n\
            seen_bytes_total{by=\"a\\\"b\\\\c\\nd\"} 3\n\
            # HELP old_name A counter of others\n# TYPE old_name counter\nold_name 1\n\
            # HELP x_build_info Which version runs\n# TYPE x_build_info gauge\nx_build_info{version=\"1.0\"} 1\n\
            # HELP delay_seconds How long it took\n# TYPE delay_seconds histogram\n\
            delay_seconds_bucket{le=\"0.5\"} 1\n\
            delay_seconds_bucket{le=\"1.0\"} 1\ndelay_seconds_bucket{le=\"+Inf\"} 2\n\
            delay_seconds_sum 2.25\ndelay_seconds_count 2\n";
        assert_eq!(page(Format::Prometheus), expected);
    }
}
