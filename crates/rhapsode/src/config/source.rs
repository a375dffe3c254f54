use std::fmt::Display;
use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use outputs::Endpoint;
use toml::Spanned;

/// The file, to say where in it something is wrong.
pub(super) struct Source<'a> {
    pub(super) path: &'a Path,
    pub(super) text: &'a str,
}

impl Source<'_> {
    pub(super) fn wrong(&self, span: &Range<usize>, what: impl Display) -> anyhow::Error {
        let before = self.text.get(..span.start).unwrap_or_default();
        anyhow!("{}:{}: {what}", self.path.display(), before.matches('\n').count() + 1)
    }
}

/// Our certificate and its key, which need each other.
pub(super) fn tls_identity(
    source: &Source<'_>,
    certificate: Option<&Spanned<PathBuf>>,
    key: Option<&Spanned<PathBuf>>,
) -> Result<Option<(PathBuf, PathBuf)>> {
    match (certificate, key) {
        (Some(certificate), Some(key)) => Ok(Some((certificate.get_ref().clone(), key.get_ref().clone()))),
        (None, None) => Ok(None),
        (Some(alone), None) => Err(source.wrong(&alone.span(), "tls_certificate needs tls_key")),
        (None, Some(alone)) => Err(source.wrong(&alone.span(), "tls_key needs tls_certificate")),
    }
}

/// Where something listens for HTTP and who we are there, as it is written.
pub(super) struct WrittenEndpoint<'a> {
    pub(super) url: &'a Spanned<String>,
    pub(super) user: Option<&'a Spanned<String>>,
    pub(super) password: Option<&'a Spanned<String>>,
    pub(super) token: Option<&'a Spanned<String>>,
    pub(super) tls_ca: Option<PathBuf>,
    /// Whether the address may have a query; to others a path is added.
    pub(super) has_query: bool,
}

impl WrittenEndpoint<'_> {
    pub(super) fn resolve(self, source: &Source<'_>) -> Result<Endpoint> {
        let text = self.url.get_ref();
        let place = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
        let (place, query) = place.map_or(("", None), |place| match place.split_once('?') {
            Some((place, query)) => (place, Some(query)),
            None => (place, None),
        });
        let is_refused = query.is_some() && !self.has_query;
        if is_refused || place.is_empty() || place.contains('@') || text.contains([' ', '#']) {
            let what = "url is http://HOST:PORT or https://HOST:PORT, perhaps with a path; who we are stands in user and \
                        password, or token";
            return Err(source.wrong(&self.url.span(), what));
        }
        match (self.user, self.password, self.token) {
            (None, Some(alone), _) => return Err(source.wrong(&alone.span(), "password needs user")),
            (Some(_), _, Some(both)) => {
                return Err(source.wrong(&both.span(), "token and user exclude each other"));
            }
            _ => {}
        }
        let text = |value: Option<&Spanned<String>>| value.map(|value| value.get_ref().clone());
        Ok(Endpoint {
            url: self.url.get_ref().clone(),
            user: text(self.user),
            password: text(self.password),
            token: text(self.token),
            tls_ca: self.tls_ca,
        })
    }
}
