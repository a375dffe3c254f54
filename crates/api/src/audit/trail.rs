//! What is known of a request under way. It becomes an entry when the last who holds it lets go: with an answer that is
//! sent piece by piece, after its last piece, or when the client has gone.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{StatusCode, Uri};

use super::book::entry_of;
use super::{Book, Entry};
use crate::ask::milliseconds;
use crate::auth::Caller;
use crate::limits::AUDIT_TEXT_BYTES_MAX;

/// Of a request that is written down; of all others it holds nothing.
#[derive(Clone, Default)]
pub(crate) struct Trail(Option<Arc<Open>>);

struct Open {
    book: Arc<Book>,
    entry: Mutex<Entry>,
    begun: Instant,
}

impl Trail {
    pub(crate) fn begin(
        book: &Arc<Book>,
        caller: &Caller,
        address: Option<IpAddr>,
        action: &str,
        uri: &Uri,
    ) -> Self {
        let entry = Entry { address, action: action.to_owned(), what: cut(&asked(uri)), ..entry_of(caller) };
        let open = Open { book: Arc::clone(book), entry: Mutex::new(entry), begun: Instant::now() };
        Self(Some(Arc::new(open)))
    }

    /// Says what it is about, where the address of the request does not.
    pub(crate) fn say(&self, what: &str) {
        if let Some(open) = &self.0 {
            open.entry().what = cut(what);
        }
    }

    pub(crate) fn add_rows(&self, rows: usize) {
        if let Some(open) = &self.0 {
            let mut entry = open.entry();
            entry.rows = Some(entry.rows.unwrap_or(0) + rows as u64);
        }
    }

    pub(crate) fn answered(&self, status: StatusCode) {
        if let Some(open) = &self.0 {
            open.entry().status = status.as_u16();
        }
    }
}

impl Open {
    fn entry(&self) -> MutexGuard<'_, Entry> {
        self.entry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut entry = std::mem::take(&mut *self.entry());
        entry.elapsed_ms = milliseconds(self.begun.elapsed());
        self.book.take(entry);
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Trail {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}

/// Path and query as people read them: `messages?q=from = 4930*`.
fn asked(uri: &Uri) -> String {
    let path = uri.path().trim_start_matches("/api/v1/");
    match uri.query() {
        Some(query) => format!("{}?{}", unescaped(path), unescaped(&query.replace('+', " "))),
        None => unescaped(path),
    }
}

/// RFC 3986 2.1. What is no escape stays.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let digits = tail.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let escape = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match escape.filter(|_| *first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    // Lines of an answer are lines of the log: nobody writes another one by what they search for.
    String::from_utf8_lossy(&bytes).replace(|letter: char| letter.is_control(), " ")
}

fn cut(text: &str) -> String {
    if text.len() <= AUDIT_TEXT_BYTES_MAX {
        return text.to_owned();
    }
    let end = (0..=AUDIT_TEXT_BYTES_MAX).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    format!("{}... ({} bytes)", &text[..end], text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_is_written_as_people_read_it() {
        let asked = |text: &str| asked(&text.parse().expect("an address"));
        assert_eq!(
            asked("/api/v1/messages?q=from%20%3D%204930%2A&from=-1h"),
            "messages?q=from = 4930*&from=-1h"
        );
        assert_eq!(asked("/api/v1/call/a%2Fb%3F%40x"), "call/a/b?@x");
        assert_eq!(asked("/api/v1/messages?q=a%0Ab%zz%f"), "messages?q=a b%zz%f");
        assert_eq!(asked("/api/v1/messages?q=a+b%2Bc"), "messages?q=a b+c");
        assert_eq!(cut(&"é".repeat(AUDIT_TEXT_BYTES_MAX)).matches('é').count(), AUDIT_TEXT_BYTES_MAX / 2);
    }
}
