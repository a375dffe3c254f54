//! The parsers of `media`.
#![no_main]

mod rtcp;
mod rtp;

fuzz::room!(rtcp rtp);
