//! What the fuzz binaries share. There is one for each room, and in it an entry for each parser of the room: a program
//! for every parser would be linked, with all that the room uses, each time.

pub use libfuzzer_sys;

/// Names the entry that a binary runs. Without it every input goes through all entries of the room.
pub const ENTRY: &str = "RHAPSODE_FUZZ_ENTRY";

/// What takes an input. It panics if a property does not hold.
pub type Entry = fn(&[u8]);

/// The entries to run.
///
/// # Panics
/// If the environment names one that is not there.
pub fn chosen(entries: &[(&'static str, Entry)]) -> Vec<Entry> {
    let Ok(wanted) = std::env::var(ENTRY) else {
        return entries.iter().map(|(_, entry)| *entry).collect();
    };
    let found = entries.iter().find(|(name, _)| *name == wanted);
    let names: Vec<&str> = entries.iter().map(|(name, _)| *name).collect();
    let (_, entry) = found.unwrap_or_else(|| panic!("no entry {wanted:?}; there are {}", names.join(" ")));
    vec![*entry]
}

/// The main function of a room's binary: each module has a function `fuzz`.
#[macro_export]
macro_rules! room {
    ($($entry:ident)+) => {
        static CHOSEN: std::sync::LazyLock<Vec<$crate::Entry>> = std::sync::LazyLock::new(|| {
            $crate::chosen(&[$((stringify!($entry), $entry::fuzz as $crate::Entry)),+])
        });

        $crate::libfuzzer_sys::fuzz_target!(|input: &[u8]| {
            CHOSEN.iter().for_each(|entry| entry(input));
        });
    };
}
