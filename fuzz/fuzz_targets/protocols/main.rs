//! The parsers of `protocols`.
#![no_main]

mod cdr;
mod corrections;
mod mapped;
mod mapping;
mod posted;
mod secrets;
mod understand;

fuzz::room!(cdr corrections mapped mapping posted secrets understand);
