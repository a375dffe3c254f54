use std::fmt;

/// Where a broker is: `nats://HOST:PORT`, `tls://HOST:PORT`; `mqtt://HOST:PORT`, `mqtts://HOST:PORT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    scheme: &'static str,
    is_encrypted: bool,
    host: String,
    port: u16,
}

/// A text that names no broker.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no address of a broker; write {plain}://HOST:PORT or {encrypted}://HOST:PORT")]
pub struct AddressError {
    text: String,
    plain: &'static str,
    encrypted: &'static str,
}

impl Address {
    /// Port 4222 where none is written.
    pub fn nats(text: &str) -> Result<Self, AddressError> {
        Self::parse(text, ("nats", 4222), ("tls", 4222))
    }

    /// Port 1883, or 8883 over TLS, where none is written: those that are registered for MQTT.
    pub fn mqtt(text: &str) -> Result<Self, AddressError> {
        Self::parse(text, ("mqtt", 1883), ("mqtts", 8883))
    }

    /// Who comes in stands in keys of their own: an address is shown.
    fn parse(
        text: &str,
        plain: (&'static str, u16),
        encrypted: (&'static str, u16),
    ) -> Result<Self, AddressError> {
        // Never shown: it may hold a password.
        let shown = if text.contains('@') { "..." } else { text };
        let wrong = || AddressError { text: shown.to_owned(), plain: plain.0, encrypted: encrypted.0 };
        let (written, place) = text.split_once("://").ok_or_else(wrong)?;
        let is_encrypted = written == encrypted.0;
        if !is_encrypted && written != plain.0 {
            return Err(wrong());
        }
        let (scheme, port) = if is_encrypted { encrypted } else { plain };
        let (host, after) = match place.strip_prefix('[') {
            Some(rest) => rest.split_once(']').ok_or_else(wrong)?,
            None => place.split_at(place.find(':').unwrap_or(place.len())),
        };
        let port = match after.strip_prefix(':') {
            None if after.is_empty() => port,
            Some(digits) => digits.parse().map_err(|_| wrong())?,
            None => return Err(wrong()),
        };
        if host.is_empty() || port == 0 || host.contains(['/', ' ', '@', '?', '#']) {
            return Err(wrong());
        }
        Ok(Self { scheme, is_encrypted, host: host.to_owned(), port })
    }

    pub fn is_encrypted(&self) -> bool {
        self.is_encrypted
    }

    pub fn host(&self) -> &str {
        &self.host
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Host and port alone.
    pub fn place(&self) -> String {
        let brackets = if self.host.contains(':') { ["[", "]"] } else { ["", ""] };
        format!("{}{}{}:{}", brackets[0], self.host, brackets[1], self.port)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.place())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_written() {
        for (text, whole) in [
            ("nats://broker", "nats://broker:4222"),
            ("tls://[2001:db8::1]:4333", "tls://[2001:db8::1]:4333"),
            ("nats://10.0.0.1:4", "nats://10.0.0.1:4"),
        ] {
            assert_eq!(Address::nats(text).expect(text).to_string(), whole);
        }
        for (text, whole) in [("mqtt://b", "mqtt://b:1883"), ("mqtts://[::1]", "mqtts://[::1]:8883")] {
            assert_eq!(Address::mqtt(text).expect(text).to_string(), whole);
        }
        for text in
            ["", "broker:4222", "http://b", "nats://", "nats://b:0", "nats://b:x", "nats://b/x", "mqtt://b"]
        {
            assert!(Address::nats(text).is_err(), "{text}");
        }
        let error =
            Address::mqtt("mqtt://u:secret@b").expect_err("who comes in stands elsewhere").to_string();
        assert!(!error.contains("secret"), "{error}");
    }
}
