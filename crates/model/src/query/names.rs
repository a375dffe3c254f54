//! The vocabulary of the language beside the catalogue: friendly names and values known beforehand.

/// What a friendly name stands for. A real column of the same name wins over its alias.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target {
    Field(&'static str),
    /// Any of these fields.
    Any(&'static [&'static str]),
    /// An address, or address and port.
    Endpoint {
        ip: &'static str,
        port: &'static str,
    },
    /// The kind of record, by table name.
    Table,
}

/// Where a person's number or name stands in a SIP message.
pub(super) const USERS: &[&str] = &["from_user", "to_user", "ruri_user", "pai_user"];

/// The user and host columns that form an address of record together.
pub(super) const ADDRESSES: &[(&str, &str)] =
    &[("from_user", "from_host"), ("to_user", "to_host"), ("ruri_user", "ruri_host")];

/// What a pasted identifier is looked for in.
pub(super) const IDENTIFIERS: &[&str] = &["call_id", "correlation_id"];

pub(super) const ENDPOINTS: &[(&str, &str)] = &[("src_ip", "src_port"), ("dst_ip", "dst_port")];

/// Friendly name, what it stands for, and a line of help.
pub(super) const ALIASES: &[(&str, Target, &str)] = &[
    ("from", Target::Field("from_user"), "User of the From header"),
    ("to", Target::Field("to_user"), "User of the To header"),
    ("caller", Target::Field("from_user"), "Who calls: user of the From header"),
    (
        "callee",
        Target::Any(&["to_user", "ruri_user"]),
        "Who is called: user of the To header or the request URI",
    ),
    ("user", Target::Any(USERS), "Any user of the message: From, To, request URI or asserted identity"),
    ("number", Target::Any(USERS), "Any number of the message: From, To, request URI or asserted identity"),
    ("ruri", Target::Field("ruri_user"), "User of the request URI"),
    ("pai", Target::Field("pai_user"), "User of P-Asserted-Identity"),
    ("code", Target::Field("status"), "Status code of a reply"),
    ("ua", Target::Field("user_agent"), "User-Agent or Server header"),
    ("agent", Target::Field("user_agent"), "User-Agent or Server header"),
    ("callid", Target::Field("call_id"), "Call-ID"),
    ("call", Target::Field("call_id"), "Call-ID"),
    ("cid", Target::Field("correlation_id"), "Correlation id"),
    ("branch", Target::Field("via_branch"), "Branch of the topmost Via"),
    ("codec", Target::Field("codecs"), "Codecs of the session description"),
    (
        "src",
        Target::Endpoint { ip: "src_ip", port: "src_port" },
        "Source address, or address:port, or network",
    ),
    (
        "dst",
        Target::Endpoint { ip: "dst_ip", port: "dst_port" },
        "Destination address, or address:port, or network",
    ),
    ("src_addr", Target::Endpoint { ip: "src_ip", port: "src_port" }, "Source address, or address:port"),
    ("dst_addr", Target::Endpoint { ip: "dst_ip", port: "dst_port" }, "Destination address, or address:port"),
    ("ip", Target::Any(&["src_ip", "dst_ip"]), "Source or destination address, or network"),
    ("port", Target::Any(&["src_port", "dst_port"]), "Source or destination port"),
    ("type", Target::Field("hep_type"), "HEP payload type"),
    ("time", Target::Field("ts"), "When the traffic was seen"),
    ("table", Target::Table, "Kind of record, by table name"),
];

/// SIP methods: RFC 3261, 3262, 3265, 3311, 3428, 3515, 3903, 6086, and PING of some vendors is left out.
pub const METHODS: &[&str] = &[
    "INVITE",
    "ACK",
    "BYE",
    "CANCEL",
    "REGISTER",
    "OPTIONS",
    "PRACK",
    "SUBSCRIBE",
    "NOTIFY",
    "PUBLISH",
    "INFO",
    "REFER",
    "MESSAGE",
    "UPDATE",
];

/// Values known before any data is there, by column name: completed, and corrected in their case.
pub(super) const VALUES: &[(&str, &[&str])] = &[
    ("method", METHODS),
    ("cseq_method", METHODS),
    ("transport", &["udp", "tcp", "sctp", "tls", "ws", "wss", "unknown"]),
    ("listener", &["udp", "tcp", "tls", "sctp", "http", "https", "ws", "wss", "nats", "mqtt"]),
    (
        "status",
        &[
            "100", "180", "183", "200", "401", "403", "404", "407", "408", "480", "486", "487", "500", "503",
            "603",
        ],
    ),
    ("hep_version", &["0", "1", "2", "3"]),
];

/// The candidate nearest to what was written, if it is near enough to be a slip of the finger.
pub fn nearest<'a>(written: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let written = written.to_ascii_lowercase();
    // One slip in short names, two in longer ones, three from nine letters on.
    let slips_max = match written.chars().count() {
        0 | 1 => return None,
        2..=4 => 1,
        5..=8 => 2,
        _ => 3,
    };
    // As letters once: what was written may be as long as a query may be, and there are hundreds of candidates.
    let written: Vec<char> = written.chars().collect();
    candidates
        .map(|candidate| (distance(&written, &candidate.to_ascii_lowercase(), slips_max), candidate))
        .filter(|(slips, _)| *slips <= slips_max)
        .min_by_key(|(slips, candidate)| (*slips, candidate.len()))
        .map(|(_, candidate)| candidate)
}

/// Edit distance with swapped neighbours as one slip (optimal string alignment); more than `limit` is not exact.
fn distance(a: &[char], b: &str, limit: usize) -> usize {
    let b_letters = b.chars().count();
    if a.len().abs_diff(b_letters) > limit {
        return limit + 1;
    }
    let b: Vec<char> = b.chars().collect();
    let mut rows = [vec![0; b.len() + 1], (0..=b.len()).collect::<Vec<_>>(), vec![0; b.len() + 1]];
    for i in 1..=a.len() {
        rows[2][0] = i;
        for j in 1..=b.len() {
            let swap_cost = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (rows[1][j] + 1).min(rows[2][j - 1] + 1).min(rows[1][j - 1] + swap_cost);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[0][j - 2] + 1);
            }
            rows[2][j] = best;
        }
        rows.rotate_left(1);
        // Every way on leads through one of the last two rows: most candidates are out after a few letters.
        if rows[..2].iter().flatten().all(|slips| *slips > limit) {
            return limit + 1;
        }
    }
    rows[1][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_near_name() {
        let names = || ["method", "status", "src_ip", "to_user", "from_user"].into_iter();
        assert_eq!(nearest("metod", names()), Some("method"));
        assert_eq!(nearest("mehtod", names()), Some("method"));
        assert_eq!(nearest("Stauts", names()), Some("status"));
        assert_eq!(nearest("form_user", names()), Some("from_user"));
        assert_eq!(nearest("zzz", names()), None);
        assert_eq!(nearest("", names()), None);
    }

    #[test]
    fn counts_slips() {
        let distance = |a: &str, b, limit| super::distance(&a.chars().collect::<Vec<_>>(), b, limit);
        assert_eq!(distance("abc", "abc", 3), 0);
        assert_eq!(distance("abc", "acb", 3), 1);
        assert_eq!(distance("abc", "ab", 3), 1);
        assert_eq!(distance("", "ab", 3), 2);
        assert_eq!(distance("kitten", "sitting", 3), 3);
    }
}
