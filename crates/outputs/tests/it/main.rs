//! Metrics through the door that the program uses.

mod calls;
mod documented;
mod messages;
mod page;
