//! What `calls` reads out of the messages of a call.
#![no_main]

mod findings;

fuzz::room!(findings);
