use std::fmt;
use std::path::{Path, PathBuf};

use super::Nkey;

/// Who we are to the server. Never shown with its secrets.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Login {
    #[default]
    Nobody,
    User {
        user: String,
        password: String,
    },
    Token(String),
    /// A file with the seed of an nkey.
    Nkey(PathBuf),
    /// A file with a JWT and the seed of its nkey, as `nsc` writes it.
    Credentials(PathBuf),
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nobody => f.write_str("Nobody"),
            Self::User { user, .. } => f.debug_struct("User").field("user", user).finish_non_exhaustive(),
            Self::Token(_) => f.write_str("Token"),
            Self::Nkey(path) => f.debug_tuple("Nkey").field(path).finish(),
            Self::Credentials(path) => f.debug_tuple("Credentials").field(path).finish(),
        }
    }
}

/// What a file of credentials holds.
pub(super) struct Credentials {
    pub(super) jwt: Option<String>,
    pub(super) key: Nkey,
}

impl Login {
    /// Whether the files it needs can be used.
    pub fn check(&self) -> Result<(), String> {
        self.credentials().map(drop)
    }

    /// Read for each connection: the files may be renewed.
    pub(super) fn credentials(&self) -> Result<Option<Credentials>, String> {
        match self {
            Self::Nobody | Self::User { .. } | Self::Token(_) => Ok(None),
            Self::Nkey(path) => {
                let key = Nkey::from_seed(&read(path)?).map_err(|what| told(path, &what))?;
                Ok(Some(Credentials { jwt: None, key }))
            }
            Self::Credentials(path) => {
                let text = read(path)?;
                let no = |what: &str| told(path, &format!("there is no {what} in it"));
                let jwt = part(&text, "NATS USER JWT").ok_or_else(|| no("NATS USER JWT"))?;
                let seed = part(&text, "USER NKEY SEED").ok_or_else(|| no("USER NKEY SEED"))?;
                let key = Nkey::from_seed(seed).map_err(|what| told(path, &what))?;
                Ok(Some(Credentials { jwt: Some(jwt.to_owned()), key }))
            }
        }
    }
}

/// The line behind `-----BEGIN NAME-----`.
fn part<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = text.lines().map(str::trim);
    lines.find(|line| line.starts_with("---") && line.contains(&format!("BEGIN {name}")))?;
    lines.find(|line| !line.is_empty())
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}

fn told(path: &Path, what: &str) -> String {
    format!("{}: {what}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "-----BEGIN NATS USER JWT-----\neyJ0.eyJq.c2ln\n------END NATS USER JWT------\n\n\
        ************************* IMPORTANT *************************\n\n-----BEGIN USER NKEY SEED-----\n\
        SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY\n------END USER NKEY SEED------\n";

    #[test]
    fn a_file_of_credentials_is_read_and_a_wrong_one_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("user.creds");
        let login = Login::Credentials(path.clone());
        assert!(login.check().is_err_and(|what| what.starts_with("cannot read")));
        std::fs::write(&path, FILE).expect("written");
        let read = login.credentials().expect("it is right").expect("it has some");
        assert_eq!(read.jwt.as_deref(), Some("eyJ0.eyJq.c2ln"));
        assert!(read.key.public().starts_with("UDXU"));
        std::fs::write(&path, FILE.replace("SEED", "TREE")).expect("written");
        assert!(login.check().is_err_and(|what| what.ends_with("there is no USER NKEY SEED in it")));
        let secret = Login::User { user: "u".to_owned(), password: "secret".to_owned() };
        assert!(!format!("{secret:?} {:?}", Login::Token("secret".to_owned())).contains("secret"));
    }
}
