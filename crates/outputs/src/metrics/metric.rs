//! What a metric is: declared once, for the page, for its documentation and for the test that compares them.

/// A family of series under one name.
#[derive(Debug)]
pub struct Metric {
    /// By the conventions of Prometheus: base units, `_total` at the end of what only grows.
    pub name: &'static str,
    pub kind: Kind,
    pub labels: &'static [&'static str],
    /// One line for who reads the page.
    pub help: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
    /// A fact in labels; its value is 1.
    Info,
}

impl Metric {
    pub(super) const fn counter(
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Self {
        Self { name, kind: Kind::Counter, labels, help }
    }

    pub(super) const fn gauge(
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Self {
        Self { name, kind: Kind::Gauge, labels, help }
    }

    pub(super) const fn histogram(
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Self {
        Self { name, kind: Kind::Histogram, labels, help }
    }

    /// The unit that its name ends in, if it has one.
    pub fn unit(&self) -> Option<&'static str> {
        let name = self.name.strip_suffix("_total").unwrap_or(self.name);
        ["seconds", "bytes", "ratio"].into_iter().find(|unit| name.ends_with(&format!("_{unit}")))
    }
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Info => "info",
        }
    }
}

/// A metric, and where its value is read.
pub(super) type Reading<T> = (&'static Metric, fn(&T) -> u64);
