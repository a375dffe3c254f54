//! What a server of NATS says: wherever it is cut the same events come, and messages are within the limit.

#[allow(dead_code)]
#[path = "../../../crates/reach/src/nats/wire.rs"]
mod wire;

use wire::{Event, Parser};

const MESSAGE_BYTES_MAX: usize = 64;

pub(crate) fn fuzz(bytes: &[u8]) {
    let whole = events(&[bytes]);
    let (first, second) = bytes.split_at(bytes.len() / 2);
    assert_eq!(whole, events(&[first, second]), "where it is cut makes no difference");
}

/// All events, and whether the rest is none.
fn events(pieces: &[&[u8]]) -> (Vec<Event>, bool) {
    let mut parser = Parser::new(MESSAGE_BYTES_MAX);
    let mut events = Vec::new();
    for piece in pieces {
        parser.push(piece);
        loop {
            match parser.next_event() {
                Ok(None) => break,
                Ok(Some(event)) => {
                    if let Event::Message(message) = &event {
                        assert!(message.payload.len() <= MESSAGE_BYTES_MAX);
                    }
                    events.push(event);
                }
                Err(_) => return (events, true),
            }
        }
    }
    (events, false)
}
