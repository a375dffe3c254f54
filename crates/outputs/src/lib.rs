//! What leaves the program for others to keep: numbers about traffic and about the program itself.

pub mod metrics;
