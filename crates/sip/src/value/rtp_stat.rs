use crate::bytes::{split_once, trim};

/// X-RTP-Stat: media counters that phones put into a BYE or its answer, `PS=1,OS=2,...` or the same with
/// semicolons. An iterator over names and values, as written.
///
/// There is no standard. Common names: `PS`/`PR` packets sent/received, `OS`/`OR` octets, `PL` packets lost,
/// `JI` jitter, `LA` latency, `EN`/`DE` encoder and decoder, `CS` seconds of the call.
#[derive(Clone, Debug)]
pub struct RtpStat<'a> {
    rest: Option<&'a [u8]>,
    separator: u8,
}

impl<'a> RtpStat<'a> {
    /// Reads a value.
    pub fn parse(value: &'a [u8]) -> Self {
        // Values hold commas (`PL=0,0`) in the dialect that separates by semicolons.
        let separator = if memchr::memchr(b';', value).is_some() { b';' } else { b',' };
        Self { rest: Some(value), separator }
    }

    /// The value called `name`, in any case.
    pub fn value(&self, name: &[u8]) -> Option<&'a [u8]> {
        self.clone().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

impl<'a> Iterator for RtpStat<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (part, rest) = split_once(self.rest?, self.separator);
            self.rest = rest;
            if let (name, Some(value)) = split_once(part, b'=') {
                return Some((trim(name), trim(value)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_dialects() {
        let commas = RtpStat::parse(b"PS=1453, OS=232480,SP=0/0,EN=PCMA");
        assert_eq!((commas.value(b"ps"), commas.value(b"EN")), (Some(&b"1453"[..]), Some(&b"PCMA"[..])));
        let semicolons = RtpStat::parse(b"CS=0;PS=1453;PL=0,3;junk;EN=G.711");
        assert_eq!(semicolons.value(b"PL"), Some(&b"0,3"[..]));
        assert_eq!(semicolons.count(), 4);
    }
}
