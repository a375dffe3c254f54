//! The HTTP API through its front door: a real router on a real store, spoken to over TCP.

mod about;
mod access;
mod alerts;
mod aliases;
mod audit;
mod authority;
mod boards;
mod calls;
mod export;
mod legs;
mod messages;
mod metrics;
mod odd;
mod openapi;
mod payload_age;
mod rows;
mod server;
mod share;
mod sql;
mod status;
mod streams;
mod tail;
mod traffic;
mod web;
