//! The listeners through real sockets, down to the log and the rows of a real store.

mod allowed;
mod bad_input;
mod described;
mod doors;
mod encrypted;
mod fields;
mod flood;
mod half_open;
mod http;
mod json;
mod keys;
mod minutes;
mod proxy;
mod recordings;
mod restart;
mod sctp;
mod senders;
mod server;
mod tls;
mod web;
mod websocket;
