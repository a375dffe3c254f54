//! Listeners, framing, admission and batching: from socket to log
