use std::fmt;
use std::str::FromStr;

/// One collector: `udp://HOST:PORT`, `tcp://` or `tls://`; UDP and the kind's port where none is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    scheme: Scheme,
    host: String,
    port: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Udp,
    Tcp,
    Tls,
}

impl Scheme {
    const fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        }
    }

    /// Those of HOMER.
    const fn port(self) -> u16 {
        match self {
            Self::Udp | Self::Tcp => 9060,
            Self::Tls => 9061,
        }
    }
}

impl Target {
    pub(crate) fn scheme(&self) -> Scheme {
        self.scheme
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Whether packets follow each other without a border.
    pub(crate) fn is_stream(&self) -> bool {
        self.scheme != Scheme::Udp
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let brackets = if self.host.contains(':') { ["[", "]"] } else { ["", ""] };
        write!(f, "{}://{}{}{}:{}", self.scheme.name(), brackets[0], self.host, brackets[1], self.port)
    }
}

/// A text that names no collector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no target; write udp://HOST:PORT, tcp://HOST:PORT or tls://HOST:PORT")]
pub struct TargetError(String);

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let wrong = || TargetError(text.to_owned());
        let (scheme, place) = match text.split_once("://") {
            None => (Scheme::Udp, text),
            Some(("udp", place)) => (Scheme::Udp, place),
            Some(("tcp", place)) => (Scheme::Tcp, place),
            Some(("tls", place)) => (Scheme::Tls, place),
            Some(_) => return Err(wrong()),
        };
        let (host, port) = match place.strip_prefix('[') {
            Some(rest) => {
                let (host, after) = rest.split_once(']').ok_or_else(wrong)?;
                (host, after.strip_prefix(':').or(after.is_empty().then_some("")).ok_or_else(wrong)?)
            }
            // An address of IPv6 without brackets has no port.
            None if place.matches(':').count() > 1 => (place, ""),
            None => place.split_once(':').unwrap_or((place, "")),
        };
        let port = if port.is_empty() { scheme.port() } else { port.parse().map_err(|_| wrong())? };
        if host.is_empty() || port == 0 || host.contains(['/', ' ', '@']) {
            return Err(wrong());
        }
        Ok(Self { scheme, host: host.to_owned(), port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_and_written() {
        for (text, whole) in [
            ("collector", "udp://collector:9060"),
            ("10.0.0.1:9070", "udp://10.0.0.1:9070"),
            ("tcp://[::1]", "tcp://[::1]:9060"),
            ("tcp://[2001:db8::1]:99", "tcp://[2001:db8::1]:99"),
            ("2001:db8::1", "udp://[2001:db8::1]:9060"),
            ("tls://homer.example.com", "tls://homer.example.com:9061"),
        ] {
            assert_eq!(text.parse::<Target>().expect(text).to_string(), whole);
        }
        for text in ["", "http://a", "udp://", "a:0", "a:x", "a:99999", "tcp://a/b", "[::1", "[::1]x"] {
            assert!(text.parse::<Target>().is_err(), "{text}");
        }
    }
}
