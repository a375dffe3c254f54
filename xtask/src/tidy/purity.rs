//! Pure rooms take bytes, values and time as arguments. What reaches for the world itself cannot be replayed,
//! simulated or fuzzed.

use super::Source;

const PURE_ROOMS: &[&str] =
    &["hep", "sip", "media", "packet", "model", "protocols", "calls", "alerts", "traffic"];

/// What the world looks like in code, and what to do instead.
const WORLD: &[(&str, &str)] = &[
    ("SystemTime", "take the time as an argument"),
    ("Instant::now", "take the time as an argument"),
    ("Timestamp::now", "take the time as an argument"),
    ("std::fs", "take bytes as an argument"),
    ("std::env", "take the setting as an argument"),
    ("std::thread", "leave threads to the edge"),
    ("std::process", "leave processes to the edge"),
    ("TcpStream", "leave sockets to `ingest`"),
    ("UdpSocket", "leave sockets to `ingest`"),
    ("tokio::", "leave tasks to the edge"),
    ("println!", "return what is to be said"),
];

pub(super) fn check(sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    let pure = |source: &&Source| {
        source.is_program() && source.room().is_some_and(|room| PURE_ROOMS.contains(&room))
    };
    for source in sources.iter().filter(pure) {
        for (number, line) in source.program_lines() {
            let code = if line.trim_start().starts_with("//") { "" } else { line };
            for (name, instead) in WORLD.iter().filter(|(name, _)| code.contains(name)) {
                faults.push(format!("{}:{number}: {name} in a pure room; {instead}", source.path));
            }
        }
    }
    faults
}
