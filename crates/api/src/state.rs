use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use model::query::Catalogue;
use model::{Aliases, Micros, Table};
use protocols::Protocols;
use store::Store;
use tokio::sync::Semaphore;

use crate::alerts::{AlertSettings, Alerts};
use crate::aliases::Known;
use crate::audit::Book;
use crate::auth::{Auth, SettingsError};
use crate::complete::Gathered;
use crate::limits;
use crate::live::Live;
use crate::metrics::Metrics;
use crate::time::now;

/// What the API needs to know at its start.
#[derive(Clone)]
pub struct ApiConfig {
    /// The data folder: users, tokens, the audit log and the local token live here.
    pub dir: PathBuf,
    /// Where a browser on this machine finds the server, for the local token file: `http://127.0.0.1:9080`.
    pub url: String,
    /// Password of `admin`, instead of a random one at the first start and of the one so far at later ones.
    pub admin_password: Option<String>,
    /// Version of the program.
    pub version: &'static str,
    /// What each payload type means. The store must have been opened with its tables.
    pub protocols: &'static Protocols,
    /// The description of what is served beside this API under the same address.
    pub beside: fn() -> utoipa::openapi::OpenApi,
    /// How legs are joined into calls.
    pub legs: calls::legs::Rules,
    /// Who counts for `/metrics`.
    pub metrics: Option<Arc<dyn Metrics>>,
    /// How long the audit log keeps an entry.
    pub audit_days: u32,
    /// What is worth a person's attention, and who tells people.
    pub alerts: AlertSettings,
}

/// What all requests share. Cheap to clone.
#[derive(Clone)]
pub struct ApiState(Arc<Inner>);

struct Inner {
    auth: Auth,
    alerts: Alerts,
    aliases: Known,
    book: Arc<Book>,
    first_password: Option<String>,
    store: Arc<Store>,
    live: Arc<dyn Live>,
    protocols: &'static Protocols,
    catalogue: Catalogue,
    /// Of messages and derived from them.
    tables: Vec<&'static Table>,
    gathered: Gathered,
    /// Turns for queries.
    turns: Arc<Semaphore>,
    /// Places for those who watch.
    viewers: Arc<Semaphore>,
    version: &'static str,
    beside: fn() -> utoipa::openapi::OpenApi,
    legs: RwLock<Arc<calls::legs::Rules>>,
    metrics: Option<Arc<dyn Metrics>>,
    started: Micros,
}

impl ApiState {
    /// Opens the settings, makes `admin` if there is none and writes the local token file. Blocks on files and on
    /// password hashes: call it before serving.
    pub fn new(config: &ApiConfig, store: Arc<Store>, live: Arc<dyn Live>) -> Result<Self, SettingsError> {
        let book = Arc::new(Book::open(&config.dir, config.audit_days)?);
        let (auth, first_password) = Auth::open(&config.dir, &config.url, config.admin_password.as_deref())?;
        let of_calls: &'static [&'static Table] =
            if store.derived().is_empty() { &[] } else { calls::OF_CALLS };
        let aliases = Known::new(auth.aliases()?);
        let started = now();
        Ok(Self(Arc::new(Inner {
            alerts: Alerts::open(&config.alerts, Arc::clone(auth.file()), started)?,
            auth,
            aliases,
            book,
            first_password,
            catalogue: catalogue(config.protocols, of_calls),
            tables: config.protocols.tables().iter().chain(store.derived()).copied().collect(),
            store,
            live,
            protocols: config.protocols,
            gathered: Gathered::default(),
            turns: Arc::new(Semaphore::new(limits::QUERIES_AT_ONCE)),
            viewers: Arc::new(Semaphore::new(limits::TAIL_VIEWERS_MAX)),
            version: config.version,
            beside: config.beside,
            legs: RwLock::new(Arc::new(config.legs.clone())),
            metrics: config.metrics.clone(),
            started,
        })))
    }

    /// All tables: those of messages, and those that are derived from them.
    pub(crate) fn tables(&self) -> &[&'static Table] {
        &self.0.tables
    }

    /// The random password of `admin`, if this start made one: show it once.
    pub fn first_password(&self) -> Option<&str> {
        self.0.first_password.as_deref()
    }

    pub(crate) fn auth(&self) -> &Auth {
        &self.0.auth
    }

    pub(crate) fn alerts(&self) -> &Alerts {
        &self.0.alerts
    }

    /// The names of addresses as they are now.
    pub(crate) fn aliases(&self) -> Arc<Aliases> {
        self.0.aliases.get()
    }

    pub(crate) fn known_aliases(&self) -> &Known {
        &self.0.aliases
    }

    /// Where it is written who has done what.
    pub(crate) fn book(&self) -> &Arc<Book> {
        &self.0.book
    }

    pub(crate) fn store(&self) -> &Arc<Store> {
        &self.0.store
    }

    pub(crate) fn live(&self) -> &dyn Live {
        &*self.0.live
    }

    pub(crate) fn protocols(&self) -> &'static Protocols {
        self.0.protocols
    }

    pub(crate) fn catalogue(&self) -> &Catalogue {
        &self.0.catalogue
    }

    pub(crate) fn gathered(&self) -> &Gathered {
        &self.0.gathered
    }

    pub(crate) fn turns(&self) -> &Arc<Semaphore> {
        &self.0.turns
    }

    pub(crate) fn viewers(&self) -> &Arc<Semaphore> {
        &self.0.viewers
    }

    pub(crate) fn version(&self) -> &'static str {
        self.0.version
    }

    pub(crate) fn beside(&self) -> fn() -> utoipa::openapi::OpenApi {
        self.0.beside
    }

    pub(crate) fn legs(&self) -> Arc<calls::legs::Rules> {
        Arc::clone(&self.0.legs.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Legs are joined by these from now on; requests that have begun go on with those before.
    pub fn set_legs(&self, legs: calls::legs::Rules) {
        *self.0.legs.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(legs);
    }

    pub(crate) fn metrics(&self) -> Option<&Arc<dyn Metrics>> {
        self.0.metrics.as_ref()
    }

    pub(crate) fn started(&self) -> Micros {
        self.0.started
    }
}

/// What a query may name.
pub(crate) fn catalogue(protocols: &Protocols, derived: &'static [&'static Table]) -> Catalogue {
    with_values_of_calls(protocols.catalogue(derived))
}

/// What a query about this table alone may name; a bare word is looked for in what it has.
pub(crate) fn catalogue_of(table: &'static Table) -> Catalogue {
    with_values_of_calls(Catalogue::new(&[table]))
}

fn with_values_of_calls(catalogue: Catalogue) -> Catalogue {
    let states = calls::State::ALL.iter().map(|state| state.as_str());
    let sides = calls::Side::ALL.iter().map(|side| side.as_str());
    let severities = calls::Severity::ALL.iter().map(|severity| severity.as_str());
    catalogue
        .with_values("finding", calls::finding_names())
        .with_values("state", states)
        .with_values("ended_by", sides)
        .with_values("severity", severities)
}
