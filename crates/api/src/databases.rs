//! Copies of the SQLite files of a data folder, also while a server writes into them.

use std::io;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::audit::AUDIT_FILE;
use crate::auth::{SETTINGS_FILE, private_file};

/// A server holds its files for the length of a transaction: milliseconds.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// Copies those that are there, each as of one moment, into another folder. Their names.
pub fn copy_databases(from: &Path, to: &Path) -> io::Result<Vec<String>> {
    let mut copied = Vec::new();
    for name in [SETTINGS_FILE, AUDIT_FILE] {
        let (source, target) = (from.join(name), to.join(name));
        if source.exists() {
            // Else SQLite would make it, for all to read.
            private_file(&target)?;
            copy(&source, &target).map_err(|error| io::Error::other(format!("{name}: {error}")))?;
            copied.push(name.to_owned());
        }
    }
    Ok(copied)
}

fn copy(source: &Path, target: &Path) -> Result<(), rusqlite::Error> {
    let connection = Connection::open_with_flags(source, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_timeout(WAIT_MAX)?;
    // One read transaction; what is not in the file yet but in its log is in the copy.
    connection.execute("VACUUM INTO ?1", [target.to_string_lossy()])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_copy_has_what_an_open_database_holds_and_is_its_owners_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let copies = tempfile::tempdir().expect("a folder");
        let open = Connection::open(folder.path().join(SETTINGS_FILE)).expect("opened");
        let sql = "PRAGMA journal_mode = WAL; CREATE TABLE t (n INTEGER); INSERT INTO t VALUES (1), (2);";
        open.execute_batch(sql).expect("written");
        // Not committed: not part of it.
        open.execute_batch("BEGIN; INSERT INTO t VALUES (3)").expect("written");
        assert_eq!(copy_databases(folder.path(), copies.path()).expect("copied"), [SETTINGS_FILE]);
        let path = copies.path().join(SETTINGS_FILE);
        let mode = std::fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let copy = Connection::open(path).expect("opened");
        let rows: i64 = copy.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).expect("read");
        assert_eq!(rows, 2);
    }
}
