//! The PROXY header, read as a door reads it: never past what is said to be needed, and to an end.

// `ingest` links the query engine, which has no place in a fuzz build; this file needs nothing of it.
#[allow(dead_code)]
#[path = "../../../crates/ingest/src/listen/proxy.rs"]
mod proxy;

pub(crate) fn fuzz(bytes: &[u8]) {
    let mut read = 0;
    loop {
        match proxy::parse(&bytes[..read]) {
            proxy::Parsed::Needs(count) => {
                assert!(count > 0, "needs nothing, and is not done");
                read += count;
                assert!(read <= 4_096, "a header without an end");
                if read > bytes.len() {
                    return;
                }
            }
            proxy::Parsed::Whole(_) => {
                assert!(proxy::is_header(&bytes[..read]));
                return;
            }
            proxy::Parsed::Bad => return,
        }
    }
}
