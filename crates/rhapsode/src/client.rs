//! How the terminal commands talk to a running server: the public HTTP API, nothing else.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use api::{LOCAL_TOKEN_FILE, LocalToken};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use crate::config;

#[derive(Args, Clone, Debug)]
pub(crate) struct ClientArguments {
    /// Server to ask [default: the one that runs on this machine with --data]
    #[arg(long, value_name = "URL", env = "RHAPSODE_SERVER")]
    server: Option<String>,
    /// API token; needed with --server [default: the local token in --data]
    #[arg(long, value_name = "TOKEN", env = "RHAPSODE_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Data folder of the server on this machine, whose local token is used [default: ./rhapsode-data, else /var/lib/rhapsode]
    #[arg(long, value_name = "DIR", env = "RHAPSODE_DATA")]
    data: Option<PathBuf>,
}

pub(crate) struct Client {
    agent: ureq::Agent,
    url: String,
    token: String,
}

/// The path and query of a request, with every value escaped.
pub(crate) struct Path(String);

impl Path {
    pub(crate) fn new(path: &str) -> Self {
        Self(path.to_owned())
    }

    /// Adds a path segment that may hold any text, as Call-IDs do.
    pub(crate) fn segment(mut self, text: &str) -> Self {
        self.0.push('/');
        self.0.push_str(&escape(text));
        self
    }

    pub(crate) fn parameter(mut self, name: &str, value: Option<impl AsRef<str>>) -> Self {
        if let Some(value) = value {
            self.0.push(if self.0.contains('?') { '&' } else { '?' });
            self.0.push_str(name);
            self.0.push('=');
            self.0.push_str(&escape(value.as_ref()));
        }
        self
    }
}

impl std::fmt::Display for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Client {
    pub(crate) fn connect(arguments: &ClientArguments) -> Result<Self> {
        let (url, token) = match (&arguments.server, &arguments.token) {
            (Some(url), Some(token)) => (url.clone(), token.clone()),
            (Some(_), None) => bail!(
                "--server needs a token: --token TOKEN or RHAPSODE_TOKEN (made in the web under Settings, or POST /api/v1/tokens)"
            ),
            (None, token) => {
                let local = local_token(arguments)?;
                (local.url, token.clone().unwrap_or(local.token))
            }
        };
        let agent = ureq::Agent::config_builder()
            .timeout_connect(Some(Duration::from_secs(5)))
            // Longer than the server's own limit on a query, so that its answer, not ours, explains a slow one.
            .timeout_global(Some(Duration::from_secs(3700)))
            .http_status_as_error(false)
            .build()
            .into();
        Ok(Self { agent, url: url.trim_end_matches('/').to_owned(), token })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    pub(crate) fn get(&self, path: &Path) -> Result<Value> {
        let mut answer = self.request(path)?;
        serde_json::from_reader(answer.body_mut().as_reader()).context("the answer is not JSON")
    }

    /// Copies an answer of any length to `to`, with a progress line on a terminal; the number of bytes.
    pub(crate) fn download(&self, path: &Path, to: &mut dyn Write, quiet: bool) -> Result<u64> {
        let mut answer = self.request(path)?;
        let mut reader = answer.body_mut().as_reader();
        let bar = if quiet { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
        bar.set_style(ProgressStyle::with_template("{spinner} {bytes} in {elapsed} ({bytes_per_sec})")?);
        let mut buffer = vec![0; 64 * 1024];
        let mut total = 0;
        loop {
            let read = reader.read(&mut buffer).context("the answer ended early")?;
            if read == 0 {
                break;
            }
            to.write_all(&buffer[..read])?;
            total += read as u64;
            bar.set_position(total);
        }
        bar.finish_and_clear();
        Ok(total)
    }

    pub(crate) fn post(&self, path: &str, body: &Value, accept: &str) -> Result<impl Read + use<>> {
        let answer = self
            .agent
            .post(format!("{}{path}", self.url))
            .header("Authorization", &format!("Bearer {}", self.token))
            .header("Accept", accept)
            .send_json(body)
            .map_err(|error| self.unreachable(&error))?;
        Ok(checked(answer)?.into_body().into_reader())
    }

    /// Sends a change; nothing is answered.
    pub(crate) fn patch(&self, path: &Path, body: &Value) -> Result<()> {
        let request = self.agent.patch(format!("{}{}", self.url, path.0));
        let request = request.header("Authorization", &format!("Bearer {}", self.token));
        checked(request.send_json(body).map_err(|error| self.unreachable(&error))?).map(|_| ())
    }

    pub(crate) fn delete(&self, path: &Path) -> Result<()> {
        let request = self.agent.delete(format!("{}{}", self.url, path.0));
        let request = request.header("Authorization", &format!("Bearer {}", self.token));
        checked(request.call().map_err(|error| self.unreachable(&error))?).map(|_| ())
    }

    fn request(&self, path: &Path) -> Result<ureq::http::Response<ureq::Body>> {
        let answer = self
            .agent
            .get(format!("{}{}", self.url, path.0))
            .header("Authorization", &format!("Bearer {}", self.token))
            .call()
            .map_err(|error| self.unreachable(&error))?;
        checked(answer)
    }

    fn unreachable(&self, error: &ureq::Error) -> anyhow::Error {
        anyhow!("cannot reach {}: {error}; is `rhapsode serve` running?", self.url)
    }
}

/// What a server on this machine left beside its data, readable by its own user only.
fn local_token(arguments: &ClientArguments) -> Result<LocalToken> {
    let folder = config::client_data_folder(arguments.data.as_deref());
    LocalToken::read(&folder).with_context(|| {
        format!(
            "no server found: cannot read {}; start `rhapsode serve`, name its folder with --data, or another server with --server and --token",
            folder.join(LOCAL_TOKEN_FILE).display()
        )
    })
}

/// An error answer becomes an error with the server's own words, its column marked under the query where it has one.
fn checked(mut answer: ureq::http::Response<ureq::Body>) -> Result<ureq::http::Response<ureq::Body>> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let text = answer.body_mut().read_to_string().unwrap_or_default();
    let body: Value = serde_json::from_str(&text).unwrap_or_default();
    let error = &body["error"];
    let Some(message) = error["message"].as_str() else {
        bail!("the server answered {status}");
    };
    let mut message = message.to_owned();
    if let Some(column) = error["column"].as_u64() {
        message.push_str(&format!(" (at column {column})"));
    }
    if let Some(suggestion) = error["suggestion"].as_str() {
        message.push_str(&format!("; did you mean {suggestion}?"));
    }
    bail!("{message}")
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn call_ids_and_queries_survive_the_address_line() {
        let path = Path::new("/api/v1/call")
            .segment("a/b?c@10.0.0.1")
            .parameter("q", Some("from = \"+44*\""))
            .parameter("to", None::<&str>);
        assert_eq!(path.0, "/api/v1/call/a%2Fb%3Fc%4010.0.0.1?q=from%20%3D%20%22%2B44%2A%22");
    }
}
