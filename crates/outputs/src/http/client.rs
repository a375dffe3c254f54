use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Certificate, Client, Response, StatusCode};

use crate::send::Failure;

/// Of an answer at most this is read: a bulk answer has some 200 bytes an item, a refusal a sentence.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// Of a refusal this is told.
const TOLD_BYTES_MAX: usize = 300;

/// Where a store is, and who we are there. Never shown with its secrets.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// `http://` or `https://`, with the path its API begins at.
    pub url: String,
    pub user: Option<String>,
    pub password: Option<String>,
    /// For `Authorization: Bearer`, instead of user and password.
    pub token: Option<String>,
    /// PEM: who signs its certificate; without it, whom the system trusts.
    pub tls_ca: Option<PathBuf>,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("url", &self.url).field("user", &self.user).finish_non_exhaustive()
    }
}

impl Endpoint {
    fn authorization(&self) -> Result<Option<HeaderValue>, String> {
        let text = match (&self.token, &self.user) {
            (Some(token), _) => format!("Bearer {token}"),
            (None, Some(user)) => {
                let password = self.password.as_deref().unwrap_or_default();
                format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
            }
            (None, None) => return Ok(None),
        };
        let mut value = HeaderValue::try_from(text).map_err(|_| "token holds signs no header may have")?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

/// A client of one endpoint.
#[derive(Debug)]
pub(crate) struct Post {
    client: Client,
    url: String,
    content_type: &'static str,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(super) status: StatusCode,
    pub(super) after: Option<Duration>,
    pub(super) body: Vec<u8>,
}

impl Post {
    /// `path` is added to the endpoint's; `headers` to every request.
    pub(crate) fn new(
        endpoint: &Endpoint,
        path: &str,
        content_type: &'static str,
        headers: HeaderMap,
    ) -> Result<Self, String> {
        let mut headers = headers;
        if let Some(value) = endpoint.authorization()? {
            headers.insert(AUTHORIZATION, value);
        }
        let mut builder = Client::builder()
            .default_headers(headers)
            .user_agent(concat!("rhapsode/", env!("CARGO_PKG_VERSION")))
            // Credentials are for the one that is configured, and a POST does not survive most redirects.
            .redirect(reqwest::redirect::Policy::none());
        if let Some(path) = &endpoint.tls_ca {
            let pem =
                std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
            let found = Certificate::from_pem_bundle(&pem);
            let found = found.map_err(|error| format!("{}: {error}", path.display()))?;
            if found.is_empty() {
                return Err(format!("{} holds no certificate", path.display()));
            }
            builder = builder.tls_built_in_root_certs(false);
            builder = found.into_iter().fold(builder, reqwest::ClientBuilder::add_root_certificate);
        }
        let client = builder.build().map_err(|error| chain(&error))?;
        let url = match path {
            "" => endpoint.url.clone(),
            path => format!("{}{path}", endpoint.url.trim_end_matches('/')),
        };
        url.parse::<reqwest::Url>().map_err(|error| format!("the URL cannot be used: {error}"))?;
        Ok(Self { client, url, content_type })
    }

    /// What it answers, if that is success.
    pub(crate) async fn send(&self, body: Vec<u8>) -> Result<Answer, Failure> {
        let request = self.client.post(&self.url).header("Content-Type", self.content_type).body(body);
        let response = request.send().await.map_err(|error| Failure::down(chain(&error)))?;
        let status = response.status();
        let after = retry_after(&response);
        let body = read(response).await.map_err(|error| Failure::down(chain(&error)))?;
        let answer = Answer { status, after, body };
        if status.is_success() { Ok(answer) } else { Err(answer.failure()) }
    }
}

impl Answer {
    /// What an answer that is not success means for all that was sent.
    fn failure(self) -> Failure {
        let Self { status, after, ref body } = self;
        let text = String::from_utf8_lossy(body);
        let text = text.trim();
        let end = text.floor_char_boundary(TOLD_BYTES_MAX);
        let text = format!("{status}: {}", text.get(..end).unwrap_or_default());
        match status {
            // Something in it is wrong, or there is too much of it.
            StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY => {
                Failure::Refused { refusal: text }
            }
            // All else is wrong with the other side or with how we are known there, and may be put right.
            _ => Failure::Down { problem: text, after },
        }
    }
}

async fn read(mut response: Response) -> reqwest::Result<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = ANSWER_BYTES_MAX - body.len();
        body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
        if body.len() >= ANSWER_BYTES_MAX {
            break;
        }
    }
    Ok(body)
}

/// In seconds (RFC 9110 section 10.2.3); the form with a date is not taken.
fn retry_after(response: &Response) -> Option<Duration> {
    let text = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}

/// An error with its causes, without the URL, which may hold a password.
fn chain(error: &reqwest::Error) -> String {
    let mut text = if error.is_connect() { "cannot connect".to_owned() } else { String::new() };
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let said = inner.to_string();
        if !text.contains(&said) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&said);
        }
        cause = inner.source();
    }
    if text.is_empty() { "the request failed".to_owned() } else { text }
}
