//! The parsers of `model`, and what is made of a query.
#![no_main]

mod complete;
mod evaluate;
mod query;

fuzz::room!(complete evaluate query);
