//! Where a setting came from: for people who wonder why it is what it is.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use anyhow::{Context, Result, anyhow};
use toml::de::{DeTable, DeValue};

use super::ServeArguments;

/// By precedence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    CommandLine,
    /// The name of the variable.
    Environment(String),
    File {
        path: PathBuf,
        line: usize,
    },
    Default,
}

/// Of every setting that was made, by its key in the TOML file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origins {
    made: BTreeMap<String, Origin>,
    /// Where each `[[listener]]` begins.
    listeners: Vec<Origin>,
    /// Where each `[[output]]` begins.
    outputs: Vec<Origin>,
    /// Where each `[[input]]` begins.
    inputs: Vec<Origin>,
}

impl Origins {
    pub(crate) fn of(arguments: &ServeArguments) -> Result<Self> {
        let mut origins = Self::default();
        if let Some(path) = &arguments.config {
            let text =
                std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
            let table = DeTable::parse(&text).map_err(|error| anyhow!("{}: {error}", path.display()))?;
            let at = |start: usize| Origin::File {
                path: path.clone(),
                line: text.get(..start).unwrap_or_default().matches('\n').count() + 1,
            };
            origins.note_file(table.get_ref(), "", &at);
        }
        origins.note_options(arguments);
        Ok(origins)
    }

    /// Where the value of this key is from.
    pub(crate) fn get(&self, key: &str) -> Origin {
        self.made.get(key).cloned().unwrap_or(Origin::Default)
    }

    /// Where each `[[listener]]` is from, in the order of the file.
    pub(crate) fn listeners(&self) -> &[Origin] {
        &self.listeners
    }

    /// Where each `[[output]]` is from, in the order of the file.
    pub(crate) fn outputs(&self) -> &[Origin] {
        &self.outputs
    }

    /// Where each `[[input]]` is from, in the order of the file.
    pub(crate) fn inputs(&self) -> &[Origin] {
        &self.inputs
    }

    fn note_file(&mut self, table: &DeTable<'_>, prefix: &str, at: &impl Fn(usize) -> Origin) {
        for (key, value) in table {
            let name = format!("{prefix}{}", key.get_ref());
            match value.get_ref() {
                DeValue::Table(table) => self.note_file(table, &format!("{name}."), at),
                DeValue::Array(items) if name == "listener" => {
                    self.listeners = items.iter().map(|item| at(item.span().start)).collect();
                }
                DeValue::Array(items) if name == "output" => {
                    self.outputs = items.iter().map(|item| at(item.span().start)).collect();
                }
                DeValue::Array(items) if name == "input" => {
                    self.inputs = items.iter().map(|item| at(item.span().start)).collect();
                }
                _ => {
                    self.made.insert(name, at(key.span().start));
                }
            }
        }
    }

    fn note_options(&mut self, arguments: &ServeArguments) {
        let listen = &arguments.listen;
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        let options = [
            ("data", "DATA", path(&arguments.data)),
            ("types", "TYPES", path(&arguments.types)),
            ("storage.lake", "LAKE", arguments.lake.clone()),
            ("listen.hep_udp", "HEP_UDP", listen.hep_udp.clone()),
            ("listen.hep_tcp", "HEP_TCP", listen.hep_tcp.clone()),
            ("listen.hep_tls", "HEP_TLS", listen.hep_tls.clone()),
            ("listen.hep_ws", "HEP_WS", listen.hep_ws.clone()),
            ("listen.hep_wss", "HEP_WSS", listen.hep_wss.clone()),
            ("listen.hep_sctp", "HEP_SCTP", listen.hep_sctp.clone()),
            ("listen.http", "HTTP", listen.http.clone()),
            ("listen.https", "HTTPS", listen.https.clone()),
            ("tls.certificate", "TLS_CERTIFICATE", path(&listen.tls_certificate)),
            ("tls.key", "TLS_KEY", path(&listen.tls_key)),
        ];
        for (key, variable, value) in options {
            let Some(value) = value else { continue };
            // The parser tells one value, not which of the two it was: equal ones make no difference.
            let variable = format!("RHAPSODE_{variable}");
            let origin = if std::env::var(&variable).is_ok_and(|set| set == value) {
                Origin::Environment(variable)
            } else {
                Origin::CommandLine
            };
            self.made.insert(key.to_owned(), origin);
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CommandLine => f.write_str("command line"),
            Self::Environment(variable) => write!(f, "environment, {variable}"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_traced_to_its_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("rhapsode.toml");
        let text = "data = \"/x\"\n\n[listen]\nhttp = \":1\"\nhep_udp = \"off\"\n[retention.days]\nsip = 3\n\
                    [[listener]]\nkind = \"tcp\"\naddress = \":2\"\n[[listener]]\nkind = \"tcp\"\naddress = \":3\"\n";
        std::fs::write(&path, text).expect("written");
        let mut arguments = ServeArguments { config: Some(path.clone()), ..ServeArguments::default() };
        arguments.listen.http = Some(":9".to_owned());
        let origins = Origins::of(&arguments).expect("it parses");
        let line = |line| Origin::File { path: path.clone(), line };
        assert_eq!(origins.get("data"), line(1));
        assert_eq!(origins.get("listen.http"), Origin::CommandLine);
        assert_eq!(origins.get("listen.hep_udp"), line(5));
        assert_eq!(origins.get("retention.days.sip"), line(7));
        assert_eq!(origins.get("log.level"), Origin::Default);
        assert_eq!(origins.listeners().len(), 2);
        assert_eq!(line(7).to_string(), format!("{}:7", path.display()));
    }
}
