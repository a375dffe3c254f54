//! Lazy, zero-copy reader of SIP and SDP that keeps going on broken input
