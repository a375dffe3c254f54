//! The parsers of `packet`.
#![no_main]

mod capture;
mod layers;
mod pieces;

fuzz::room!(capture layers pieces);
