//! What the tests share: recordings of real senders with independent expectations, the built server as a
//! process, and foreign programs. Only tests use this room.

pub mod brokers;
pub mod disk;
pub mod hook;
pub mod programs;
pub mod recordings;
pub mod server;
pub mod stand_in;
