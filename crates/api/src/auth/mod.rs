//! Who may ask: users, sessions and tokens, and the guard before every route that is not public.

mod access;
mod address;
mod attempts;
mod local;
mod login;
mod password;
mod settings;
mod token;
mod tokens;
mod users;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{Extensions, HeaderMap, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use model::Micros;
use model::query::Net;
use tokio::sync::Semaphore;

use crate::error::{ApiError, Code};
use crate::limits;
use crate::state::ApiState;
use crate::time::now;

pub use local::{LOCAL_TOKEN_FILE, LocalToken};
pub use settings::SettingsError;

pub(crate) use access::Permission;
pub(crate) use login::{login, logout, me};
pub(crate) use settings::TokenKind;
pub(crate) use tokens::{add_token, remove_token, tokens};
pub(crate) use users::{add_user, change_password, change_user, remove_user, users};

// The macro behind `routes!` looks for these beside the handlers.
pub(crate) use login::{__path_login, __path_logout, __path_me};
pub(crate) use tokens::{__path_add_token, __path_remove_token, __path_tokens};
pub(crate) use users::{
    __path_add_user, __path_change_password, __path_change_user, __path_remove_user, __path_users,
};

use access::Role;
use attempts::Attempts;
use settings::{ADMIN, NewToken};
pub(crate) use settings::{
    AliasRow, BoardRow, Changing, NewBoard, NewShare, NoRoom, Settings, ShareRow, Shared,
};
use token::TokenHash;

/// Name of the session cookie.
pub(crate) const COOKIE: &str = "rhapsode_session";

/// File of the settings in the data folder.
pub(crate) const SETTINGS_FILE: &str = "settings.sqlite";

/// Far enough for a token that lives as long as the process.
const LOCAL_TOKEN_LIFE: i64 = 10 * 365 * Micros::DAY;

/// Who asks, and what they may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) token_id: i64,
    pub(crate) kind: TokenKind,
    /// What the token is called.
    pub(crate) token: String,
    pub(crate) user: String,
    /// The less of their own and their token's.
    pub(crate) role: Role,
    /// Their own and their token's: records must satisfy all of them.
    pub(crate) scopes: Vec<String>,
    /// Where the token may be used from; empty: everywhere.
    pub(crate) addresses: Vec<Net>,
}

/// What a request was let in with, and as whom.
#[derive(Clone)]
pub(crate) struct Pass {
    hash: TokenHash,
    from: Option<IpAddr>,
    caller: Caller,
}

/// Users, tokens and what protects them.
pub(crate) struct Auth {
    settings: Arc<Settings>,
    attempts: Mutex<Attempts>,
    /// Secrets of links that opened nothing. Counted apart: whoever follows an old link must not keep others from logging in.
    link_attempts: Mutex<Attempts>,
    /// Turns for computing password hashes.
    password_turns: Semaphore,
    /// Compared when the user does not exist, so that the answer takes as long.
    nobodys_hash: String,
}

impl Auth {
    /// Opens the settings, sees that `admin` exists and writes the local token. Returns the first password if
    /// one was made. Blocks on files and one password hash.
    pub(crate) fn open(
        dir: &Path,
        url: &str,
        admin_password: Option<&str>,
    ) -> Result<(Self, Option<String>), SettingsError> {
        let settings = Settings::open(&dir.join(SETTINGS_FILE))?;
        let first_password = settings.prepare_admin(admin_password, now())?;
        let expires = Micros(now().0 + LOCAL_TOKEN_LIFE);
        let owner = settings.first_admin()?.unwrap_or_else(|| ADMIN.to_owned());
        let (_, local) = settings
            .add_token(&NewToken::plain(TokenKind::Local, &owner, "command line", expires), now())?
            .expect("local tokens have no limit, the old one goes");
        local::write(dir, url, &local)?;
        let auth = Self {
            settings: Arc::new(settings),
            attempts: Mutex::new(Attempts::default()),
            link_attempts: Mutex::new(Attempts::default()),
            password_turns: Semaphore::new(limits::PASSWORD_CHECKS_AT_ONCE),
            nobodys_hash: password::hash(&password::random()?)?,
        };
        Ok((auth, first_password))
    }

    /// The file of the settings itself.
    pub(crate) fn file(&self) -> &Arc<Settings> {
        &self.settings
    }

    /// All aliases. Blocks on a file.
    pub(crate) fn aliases(&self) -> Result<Vec<AliasRow>, SettingsError> {
        self.settings.aliases()
    }

    /// Runs one action on the settings where blocking is allowed.
    pub(crate) async fn settings<T: Send + 'static>(
        &self,
        action: impl FnOnce(&Settings) -> Result<T, SettingsError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let settings = Arc::clone(&self.settings);
        tokio::task::spawn_blocking(move || action(&settings))
            .await
            .map_err(|cause| ApiError::internal(&cause))?
            .map_err(|cause| ApiError::internal(&cause))
    }

    /// Whether the request would still be let in, and might see as much: its token may have been removed or expired since,
    /// its user may have become less.
    pub(crate) async fn is_valid(&self, pass: &Pass) -> bool {
        let (hash, from) = (pass.hash, pass.from);
        match self.settings(move |settings| settings.caller(&hash, from, now())).await {
            Ok(Some(caller)) => caller == pass.caller,
            Ok(None) | Err(_) => false,
        }
    }

    fn attempts<T>(&self, action: impl FnOnce(&mut Attempts, Instant) -> T) -> T {
        counted(&self.attempts, action)
    }

    /// Whether a link may be followed from there now; the address that counts.
    pub(crate) fn may_try_link(&self, known: Option<IpAddr>) -> Result<IpAddr, ApiError> {
        may_try(&self.link_attempts, known, "links that open nothing")
    }

    /// A link was followed that opens nothing.
    pub(crate) fn link_failed(&self, address: IpAddr) {
        counted(&self.link_attempts, |attempts, now| attempts.failed(address, now));
        tracing::warn!(%address, "a link that opens nothing was followed");
    }
}

/// Lets a request pass only with a valid session or token, and tells the handlers whose it is.
pub(crate) async fn require_login(
    State(state): State<ApiState>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let (token, from_cookie) = presented(request.headers()).ok_or_else(ApiError::unauthorized)?;
    let hash = token::hash(token).ok_or_else(ApiError::unauthorized)?;
    if from_cookie && !is_own_page(request.method(), request.headers()) {
        return Err(ApiError::new(Code::Forbidden, "the request came from a page of another site"));
    }
    let address = peer(request.extensions());
    let caller = state.auth().settings(move |settings| settings.caller(&hash, address, now())).await?;
    let caller = caller.ok_or_else(ApiError::unauthorized)?;
    if !address::may_come_from(&caller.addresses, address) {
        let from = address.map_or_else(|| "an unknown address".to_owned(), |address| address.to_string());
        let message = format!("this token is not for {from}");
        state.book().refused_address(&caller, address);
        return Err(ApiError::new(Code::Forbidden, message));
    }
    request.extensions_mut().insert(Arc::clone(state.book()));
    request.extensions_mut().insert(Pass { hash, from: address, caller: caller.clone() });
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}

/// Where the request comes from. Whoever serves the router says so.
pub(crate) fn peer(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(address)| address.ip().to_canonical())
}

fn counted<T>(attempts: &Mutex<Attempts>, action: impl FnOnce(&mut Attempts, Instant) -> T) -> T {
    let mut attempts = attempts.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    action(&mut attempts, Instant::now())
}

/// Whether one may try from there now; the address that counts. `failures` are what there were too many of.
fn may_try(attempts: &Mutex<Attempts>, known: Option<IpAddr>, failures: &str) -> Result<IpAddr, ApiError> {
    // Without an address all share one count.
    let address = known.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    match counted(attempts, |attempts, now| attempts.wait_seconds(address, now)) {
        None => Ok(address),
        Some(seconds) => {
            let message = format!("too many {failures} from this address: wait {seconds} s");
            Err(ApiError::new(Code::TooManyAttempts, message).retry_after(seconds))
        }
    }
}

/// The hash of what a request has as `Authorization: Bearer`, if that can be a secret of ours.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<TokenHash> {
    presented(headers).filter(|(_, from_cookie)| !from_cookie).and_then(|(secret, _)| token::hash(secret))
}

/// The token of a request and whether it is the browser's cookie. A Bearer token wins: it was sent on purpose.
fn presented(headers: &HeaderMap) -> Option<(&str, bool)> {
    if let Some(authorization) = headers.get(header::AUTHORIZATION) {
        let (scheme, token) = authorization.to_str().ok()?.split_once(' ')?;
        return scheme.eq_ignore_ascii_case("bearer").then(|| (token.trim(), false));
    }
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|cookies| cookies.to_str().ok())
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE)
        .map(|(_, token)| (token, true))
}

/// A cookie travels by itself. SameSite=Strict keeps other sites out, but another port of the same host is the
/// same site: what changes something must come from our own origin, which browsers name in a header scripts
/// cannot set (Fetch Metadata).
///
/// A WebSocket begins with a GET, but other sites may open one and read it: it must name our own origin, as every
/// browser does (RFC 6455 section 10.2).
fn is_own_page(method: &Method, headers: &HeaderMap) -> bool {
    if headers.contains_key(header::UPGRADE) {
        return has_own_origin(headers);
    }
    if method.is_safe() {
        return true;
    }
    headers.get("sec-fetch-site").is_none_or(|site| site == "same-origin" || site == "none")
}

/// Whether the page was loaded from the host that is asked.
fn has_own_origin(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let origin = text(header::ORIGIN).and_then(|origin| origin.split_once("://"));
    match (origin, text(header::HOST)) {
        (Some((_, origin)), Some(host)) => origin.eq_ignore_ascii_case(host),
        _ => false,
    }
}

/// Makes the file, or tightens it, so that only its owner reads it, before anything secret is in it.
pub(crate) fn private_file(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    drop(file);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value")))
            .collect()
    }

    #[test]
    fn bearer_wins_over_the_cookie() {
        assert_eq!(presented(&headers(&[("authorization", "Bearer abc")])), Some(("abc", false)));
        assert_eq!(presented(&headers(&[("authorization", "bearer abc")])), Some(("abc", false)));
        assert_eq!(
            presented(&headers(&[("authorization", "Basic abc"), ("cookie", "rhapsode_session=x")])),
            None
        );
        assert_eq!(presented(&headers(&[("cookie", "a=b; rhapsode_session=xyz; c=d")])), Some(("xyz", true)));
        assert_eq!(presented(&headers(&[("cookie", "xrhapsode_session=xyz")])), None);
        assert_eq!(presented(&headers(&[])), None);
    }

    #[test]
    fn another_port_of_the_same_host_cannot_use_the_cookie_to_change_things() {
        let same_site = headers(&[("sec-fetch-site", "same-site")]);
        assert!(is_own_page(&Method::GET, &same_site));
        assert!(!is_own_page(&Method::POST, &same_site));
        assert!(!is_own_page(&Method::DELETE, &headers(&[("sec-fetch-site", "cross-site")])));
        assert!(is_own_page(&Method::POST, &headers(&[("sec-fetch-site", "same-origin")])));
        assert!(is_own_page(&Method::POST, &headers(&[])), "not a browser");
    }

    #[test]
    fn only_our_own_pages_open_a_websocket_with_the_cookie() {
        let opened = |origin: &[(&'static str, &'static str)]| {
            let mut all = vec![("upgrade", "websocket"), ("host", "voice.example:9080")];
            all.extend(origin);
            is_own_page(&Method::GET, &headers(&all))
        };
        assert!(opened(&[("origin", "http://voice.example:9080")]));
        assert!(opened(&[("origin", "https://VOICE.example:9080")]));
        for foreign in
            ["http://evil.example", "http://voice.example:9081", "http://voice.example", "null", ""]
        {
            assert!(!opened(&[("origin", foreign)]), "{foreign}");
        }
        assert!(!opened(&[]), "a browser always names it");
    }
}
