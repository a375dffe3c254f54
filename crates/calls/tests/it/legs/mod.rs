//! Which legs are joined, and why.

mod judging;
mod known;
mod measure;
mod recorded;
