//! The listeners through real sockets, down to the log and the rows of a real store.

mod bad_input;
mod doors;
mod http;
mod keys;
mod recordings;
mod restart;
mod server;
