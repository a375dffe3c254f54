//! The file of the audit log, and the one thread that writes it. Nobody waits for it: what cannot be taken is counted, and
//! an entry says how many are missing.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use model::Micros;
use rusqlite::{Connection, params};
use tokio::sync::oneshot;

use super::{Entry, Login};
use crate::auth::{Caller, SettingsError, private_file};
use crate::limits;
use crate::time::now;

pub(crate) const FILE: &str = "audit.sqlite";

/// Written together at most.
const BATCH: usize = 512;

/// How often old entries are looked for.
const PRUNE_EVERY: i64 = Micros::HOUR;

const SCHEMA: &str = "
    PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000;
    CREATE TABLE IF NOT EXISTS entry (
        id         INTEGER PRIMARY KEY AUTOINCREMENT,
        at         INTEGER NOT NULL,
        user       TEXT NOT NULL,
        kind       TEXT NOT NULL,
        token      TEXT NOT NULL,
        address    TEXT,
        action     TEXT NOT NULL,
        what       TEXT NOT NULL,
        status     INTEGER NOT NULL,
        rows       INTEGER,
        elapsed_ms INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX IF NOT EXISTS entry_by_time ON entry (at);
";

/// Takes entries.
pub(crate) struct Book {
    path: PathBuf,
    /// `None` once it is closed.
    sender: Option<SyncSender<Message>>,
    /// Entries that nobody has been told of yet.
    lost: Arc<AtomicU64>,
    writer: Option<JoinHandle<()>>,
}

enum Message {
    Entry(Box<Entry>),
    /// Answered when all before it is in the file.
    Flush(oneshot::Sender<()>),
}

impl Book {
    /// `days`: how long entries are kept.
    pub(crate) fn open(dir: &Path, days: u32) -> Result<Self, SettingsError> {
        let path = dir.join(FILE);
        private_file(&path)
            .map_err(|source| SettingsError::Open { path: path.display().to_string(), source })?;
        let connection = Connection::open(&path)?;
        connection.execute_batch(SCHEMA)?;
        let (sender, receiver) = sync_channel(limits::AUDIT_WAITING_MAX);
        let lost = Arc::new(AtomicU64::new(0));
        let not_written = Arc::clone(&lost);
        let writer = std::thread::Builder::new()
            .name("audit".to_owned())
            .spawn(move || write(connection, &receiver, &not_written, days))
            .map_err(|source| SettingsError::Open { path: path.display().to_string(), source })?;
        Ok(Self { path, sender: Some(sender), lost, writer: Some(writer) })
    }

    /// Takes an entry, or counts it as lost. Never waits.
    pub(crate) fn take(&self, entry: Entry) {
        let lost = self.lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            let told = Entry {
                at: entry.at,
                action: "lost".to_owned(),
                what: format!("{lost} entries before this one could not be written"),
                ..Entry::default()
            };
            if !self.send(Message::Entry(Box::new(told))) {
                self.lost.fetch_add(lost, Ordering::Relaxed);
            }
        }
        if !self.send(Message::Entry(Box::new(entry))) && self.lost.fetch_add(1, Ordering::Relaxed) == 0 {
            tracing::error!("the audit log cannot be written as fast as requests come: entries are lost");
        }
    }

    fn send(&self, message: Message) -> bool {
        self.sender.as_ref().is_some_and(|sender| sender.try_send(message).is_ok())
    }

    /// Waits until what was taken so far can be read.
    pub(crate) async fn flush(&self) {
        let (done, is_done) = oneshot::channel();
        if self.send(Message::Flush(done)) {
            // An error: the writer is gone, and has said why.
            let _ = is_done.await;
        }
    }

    /// A connection to read it with.
    pub(super) fn reader(&self) -> Result<Connection, SettingsError> {
        let connection = Connection::open_with_flags(
            &self.path,
            rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY | rusqlite::OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        connection.execute_batch("PRAGMA busy_timeout = 5000;")?;
        Ok(connection)
    }

    pub(crate) fn login(&self, user: &str, address: Option<IpAddr>, came: Login) {
        let status = match came {
            Login::Succeeded => 200,
            Login::Failed => 401,
        };
        let (user, action) = (user.to_owned(), "login".to_owned());
        self.take(Entry { at: now(), user, address, action, status, ..Entry::default() });
    }

    /// A link was followed that opens nothing: of whom is not known.
    pub(crate) fn unknown_link(&self, action: &str, address: Option<IpAddr>) {
        let (action, what) = (action.to_owned(), "a link that opens nothing".to_owned());
        self.take(Entry { at: now(), address, action, what, status: 401, ..Entry::default() });
    }

    /// A token was used from where it may not be.
    pub(crate) fn refused_address(&self, caller: &Caller, address: Option<IpAddr>) {
        let what = "the token is not for this address".to_owned();
        self.take(Entry { address, action: "login".to_owned(), what, status: 403, ..entry_of(caller) });
    }
}

/// What an entry says of who asks.
pub(super) fn entry_of(caller: &Caller) -> Entry {
    Entry {
        at: now(),
        user: caller.user.clone(),
        kind: caller.kind.name().to_owned(),
        token: caller.token.clone(),
        ..Entry::default()
    }
}

impl Drop for Book {
    /// All that was taken is written.
    fn drop(&mut self) {
        self.sender = None;
        if self.writer.take().is_some_and(|writer| writer.join().is_err()) {
            tracing::error!("the thread of the audit log ended by a panic");
        }
    }
}

/// Writes until nobody can send any more.
fn write(mut connection: Connection, receiver: &Receiver<Message>, lost: &AtomicU64, days: u32) {
    let mut pruned = 0;
    while let Ok(first) = receiver.recv() {
        let mut flushed = Vec::new();
        let mut entries = Vec::new();
        for message in std::iter::once(first).chain(receiver.try_iter().take(BATCH)) {
            match message {
                Message::Entry(entry) => entries.push(entry),
                Message::Flush(done) => flushed.push(done),
            }
        }
        if let Err(error) = insert(&mut connection, &entries) {
            lost.fetch_add(entries.len() as u64, Ordering::Relaxed);
            tracing::error!(%error, entries = entries.len(), "the audit log cannot be written");
        }
        for done in flushed {
            // An error: whoever asked has gone.
            let _ = done.send(());
        }
        if now().0 - pruned >= PRUNE_EVERY {
            pruned = now().0;
            if let Err(error) = prune(&connection, now(), days) {
                tracing::error!(%error, "old entries of the audit log cannot be removed");
            }
        }
    }
}

fn insert(connection: &mut Connection, entries: &[Box<Entry>]) -> Result<(), rusqlite::Error> {
    let transaction = connection.transaction()?;
    {
        let mut statement = transaction.prepare_cached(
            "INSERT INTO entry (at, user, kind, token, address, action, what, status, rows, elapsed_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?;
        for entry in entries {
            statement.execute(params![
                entry.at.0,
                entry.user,
                entry.kind,
                entry.token,
                entry.address.map(|address| address.to_string()),
                entry.action,
                entry.what,
                entry.status,
                entry.rows.map(|rows| i64::try_from(rows).unwrap_or(i64::MAX)),
                i64::try_from(entry.elapsed_ms).unwrap_or(i64::MAX)
            ])?;
        }
    }
    transaction.commit()
}

/// Removes what is too old, and the oldest of what is too much.
fn prune(connection: &Connection, now: Micros, days: u32) -> Result<(), rusqlite::Error> {
    connection.execute("DELETE FROM entry WHERE at < ?1", [now.0 - i64::from(days) * Micros::DAY])?;
    connection.execute(
        "DELETE FROM entry WHERE id <= (SELECT max(id) FROM entry) - ?1",
        [limits::AUDIT_ENTRIES_MAX],
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(at: i64, what: &str) -> Entry {
        Entry { at: Micros(at), what: what.to_owned(), action: "messages".to_owned(), ..Entry::default() }
    }

    fn texts(dir: &Path) -> Vec<String> {
        let connection = Connection::open(dir.join(FILE)).expect("opened");
        let mut statement = connection.prepare("SELECT what FROM entry ORDER BY id").expect("a statement");
        let texts = statement.query_map([], |row| row.get(0)).expect("rows");
        texts.collect::<Result<_, _>>().expect("texts")
    }

    #[test]
    fn what_was_taken_is_written_at_the_end_and_the_old_goes() {
        let dir = tempfile::tempdir().expect("a folder");
        let at = now().0;
        let book = Book::open(dir.path(), 30).expect("opened");
        book.take(entry(at - 31 * Micros::DAY, "old"));
        book.take(entry(at, "new"));
        drop(book);
        assert_eq!(texts(dir.path()).last().map(String::as_str), Some("new"));
        let connection = Connection::open(dir.path().join(FILE)).expect("opened");
        prune(&connection, Micros(at), 30).expect("pruned");
        assert_eq!(texts(dir.path()), ["new"]);
    }

    #[test]
    fn what_cannot_be_taken_is_told() {
        let dir = tempfile::tempdir().expect("a folder");
        let book = Book::open(dir.path(), 30).expect("opened");
        book.lost.store(7, Ordering::Relaxed);
        book.take(entry(now().0, "next"));
        drop(book);
        assert_eq!(texts(dir.path()), ["7 entries before this one could not be written", "next"]);
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_reads_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().expect("a folder");
        let _book = Book::open(dir.path(), 30).expect("opened");
        let mode = std::fs::metadata(dir.path().join(FILE)).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
