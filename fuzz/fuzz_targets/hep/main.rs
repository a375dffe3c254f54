//! The parsers of `hep`.
#![no_main]

mod decode;
mod json;
mod rewrite;
mod stream;

fuzz::room!(decode json rewrite stream);
