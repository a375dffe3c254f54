//! The token file that lets the command line on the same machine in without a login: whoever may read the data
//! folder may read the data anyway.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::SettingsError;

/// Name of the file in the data folder: one line of JSON, readable by its owner only.
pub const LOCAL_TOKEN_FILE: &str = "local-token";

/// Where the running server is and what opens it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalToken {
    pub url: String,
    pub token: String,
}

impl LocalToken {
    /// Reads the file a running server left in its data folder.
    pub fn read(dir: &Path) -> std::io::Result<Self> {
        let text = std::fs::read_to_string(dir.join(LOCAL_TOKEN_FILE))?;
        serde_json::from_str(&text).map_err(Into::into)
    }
}

/// Written beside and renamed: a reader sees the old one or the new one, whole.
pub(crate) fn write(dir: &Path, url: &str, token: &str) -> Result<(), SettingsError> {
    let path = dir.join(LOCAL_TOKEN_FILE);
    let failed = |source| SettingsError::Open { path: path.display().to_string(), source };
    let fresh = dir.join(format!("{LOCAL_TOKEN_FILE}.new"));
    let line = serde_json::to_string(&LocalToken { url: url.to_owned(), token: token.to_owned() })
        .expect("two strings become JSON");
    // A left-over of a crash may hold an old token: start from nothing.
    match std::fs::remove_file(&fresh) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    super::private_file(&fresh).map_err(failed)?;
    std::fs::write(&fresh, line + "\n").map_err(failed)?;
    std::fs::rename(&fresh, &path).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_owner_reads_it() {
        let dir = tempfile::tempdir().expect("a folder");
        write(dir.path(), "http://127.0.0.1:9080", "old").expect("written");
        write(dir.path(), "http://127.0.0.1:9080", "secret").expect("written again");
        let read = LocalToken::read(dir.path()).expect("read back");
        assert_eq!(read, LocalToken { url: "http://127.0.0.1:9080".to_owned(), token: "secret".to_owned() });
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode =
                std::fs::metadata(dir.path().join(LOCAL_TOKEN_FILE)).expect("there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}
