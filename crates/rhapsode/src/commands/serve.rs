mod logging;
mod notify;
mod reload;

use std::io::IsTerminal as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context, Result};
use api::{AlertSettings, ApiConfig, ApiState};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use ingest::{Bound, Doors, Ingest, IngestConfig, Tap, Transport, Watcher};
use outputs::metrics::Metrics;
use outputs::notify::{Notifiers, Timing};
use outputs::{Outputs, Window};
use protocols::Protocols;
use scripts::{LoadError, Scripts};
use store::{LakeLocation, Store};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::alerting;
use crate::config::{self, Memory, Resolved, ServeArguments, Types};
use crate::live::Receiver;
use crate::metrics::{Page, Watching};

pub(super) use logging::Logging;
pub(super) use reload::Reload;

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    settings: ServeArguments,
}

const EXAMPLES: &str = "\
Examples:
  rhapsode serve
  rhapsode serve --data /var/lib/rhapsode --hep-udp 0.0.0.0:9060 --hep-tcp off --http 127.0.0.1:9080
  rhapsode serve --https :9443 --hep-tls :9061 --tls-certificate cert.pem --tls-key key.pem
  rhapsode serve --config /etc/rhapsode.toml

The first start prints the password of the user admin once; RHAPSODE_ADMIN_PASSWORD sets it instead.";

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let settings = config::resolve(&arguments.settings)?;
    let logging = Logging::start(&settings)?;
    let server = Server::start(&settings)?;
    server.run_until_signal(Reload::new(arguments.settings.clone(), logging, settings), || ())
}

/// Everything of a running server, in the order it is stopped.
pub(super) struct Server {
    /// The name of the signal that ends the program, once it has come.
    ended_by: watch::Receiver<Option<&'static str>>,
    /// Asks to read the configuration again.
    hangups: Option<Signal>,
    /// If there is a web.
    api: Option<ApiState>,
    ingest: Arc<Ingest>,
    metrics: Arc<Metrics>,
    outputs: Arc<Outputs>,
    notifiers: Arc<Notifiers>,
    /// Looks at the rules of alerts.
    watch: Option<JoinHandle<()>>,
    runtime: tokio::runtime::Runtime,
    store: Arc<Store>,
}

impl Server {
    /// Binds every listener, opens the store, replays the log, and says where everything is.
    pub(super) fn start(settings: &Resolved) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .thread_name("http")
            .build()
            .context("cannot start the runtime")?;
        // From here on a signal is an orderly end, also of a start that takes long.
        let (ended_by, hangups) = watch_signals(&runtime)?;
        let protocols = settings.protocols;
        // First of all: a port in use is found before anything is written.
        let metrics = Arc::new(Metrics::start(outputs::metrics::Settings {
            version: env!("CARGO_PKG_VERSION"),
            heplify: settings.metrics.heplify.clone(),
        })?);
        let sending = Arc::new(OnceLock::new());
        let watching = Watching { metrics: Arc::clone(&metrics), outputs: Arc::clone(&sending) };
        let watchers: Vec<Arc<dyn Watcher>> = vec![Arc::new(watching)];
        let packets = Arc::new(Window::default());
        let tap = tap(settings, &packets);
        let scripts = load_scripts(settings, None)?;
        let doors =
            Doors::open(IngestConfig { tap, watchers, scripts, ..ingest_config(settings, protocols) })?;
        take_over(settings)?;
        let store = Arc::new(Store::open(store_config(settings), protocols.tables())?);
        // Before the log is replayed: what a run that was killed had accepted and not sent is sent now.
        let outputs = Outputs::start(settings.outputs.clone(), &store, &packets, store.node())?;
        let outputs = Arc::clone(sending.get_or_init(|| Arc::new(outputs)));
        let ingest = Arc::new(Ingest::start_with(doors, Arc::clone(&store))?);
        let notifiers = Arc::new(Notifiers::new(runtime.handle().clone(), Timing::default()));
        let mut server = Self {
            ended_by,
            hangups,
            api: None,
            ingest,
            metrics,
            outputs,
            notifiers,
            watch: None,
            runtime,
            store,
        };
        server.serve_web(settings, protocols)?;
        server.wait_for_replay();
        server.say_where(settings);
        notify::ready();
        Ok(server)
    }

    /// Where a browser on this machine finds it.
    pub(super) fn url(&self) -> Option<String> {
        self.urls().next()
    }

    fn urls(&self) -> impl Iterator<Item = String> {
        let pages = self.ingest.bound().iter().filter(|bound| bound.transport.has_pages());
        pages.map(|bound| local_url(bound.transport, bound.address))
    }

    /// Where HEP over UDP is taken, as seen from this machine.
    pub(super) fn hep_udp(&self) -> Option<SocketAddr> {
        self.ingest.address_of(Transport::Udp).map(reachable)
    }

    /// Runs until SIGTERM or SIGINT, then stops what `also` started, then itself: nothing accepted is lost.
    pub(super) fn run_until_signal(mut self, mut reload: Reload, also: impl FnOnce()) -> Result<()> {
        let mut ended_by = self.ended_by.clone();
        let mut hangups = self.hangups.take();
        let signal = loop {
            let ended = self.runtime.block_on(async {
                tokio::select! {
                    ended = ended_by.wait_for(Option::is_some) => Some(ended.ok().and_then(|name| *name)),
                    () = next(&mut hangups) => None,
                }
            });
            match ended {
                Some(signal) => break signal,
                None => reload.apply(&self),
            }
        };
        tracing::info!(signal, "stopping");
        notify::stopping();
        also();
        self.stop()
    }

    fn serve_web(&mut self, settings: &Resolved, protocols: &'static Protocols) -> Result<()> {
        self.api = match self.url() {
            Some(url) => Some(self.api(settings, protocols, url)?),
            None => None,
        };
        self.watch = self.api.clone().map(|api| self.runtime.spawn(api::watch_alerts(api)));
        let pages = self.api.clone().map_or_else(axum::Router::new, api::router);
        Ok(self.ingest.serve_web(self.runtime.handle(), pages)?)
    }

    fn api(&self, settings: &Resolved, protocols: &'static Protocols, url: String) -> Result<ApiState> {
        self.notifiers.replace(alerting::prepare(&settings.alerts, &url)?);
        let alerts = AlertSettings {
            rules: settings.alerts.rules.clone(),
            base: settings.alerts.base(&url),
            tell: Arc::new(alerting::Telling(Arc::clone(&self.notifiers))),
        };
        let config = ApiConfig {
            dir: settings.data.clone(),
            url,
            admin_password: std::env::var("RHAPSODE_ADMIN_PASSWORD")
                .ok()
                .filter(|password| !password.is_empty()),
            version: env!("CARGO_PKG_VERSION"),
            protocols,
            beside: ingest::openapi,
            legs: settings.legs.rules.clone(),
            metrics: Some(Arc::new(Page {
                metrics: Arc::clone(&self.metrics),
                ingest: Arc::clone(&self.ingest),
                outputs: Arc::clone(&self.outputs),
                store: Arc::clone(&self.store),
                allow: settings.metrics.allow.clone(),
            })),
            audit_days: settings.audit_days,
            alerts,
        };
        let receiver = Arc::new(Receiver::new(Arc::clone(&self.ingest), Arc::clone(&self.outputs)));
        let state = ApiState::new(&config, Arc::clone(&self.store), receiver)?;
        if let Some(password) = state.first_password() {
            println!("\n  user      admin\n  password  {password}     (shown this once)\n");
        }
        Ok(state)
    }

    /// What an earlier run accepted is searchable before we say that we are ready; unless that cannot be, which an
    /// alarm has told by then.
    fn wait_for_replay(&self) {
        let bar = ProgressBar::new_spinner().with_style(
            ProgressStyle::with_template("{spinner} reading the log {elapsed}").expect("a valid template"),
        );
        while !self.ingest.is_ready() && self.ended_by.borrow().is_none() {
            bar.tick();
            std::thread::sleep(Duration::from_millis(20));
        }
        bar.finish_and_clear();
        let Some(replayed) = self.ingest.replayed() else {
            tracing::warn!("going on before all of the log has been read");
            return;
        };
        if replayed.rows > 0 {
            tracing::info!(rows = replayed.rows, blocks = replayed.blocks, "replayed the log");
        }
        for damage in &replayed.damages {
            tracing::error!(%damage, "a part of the log could not be read");
        }
    }

    fn say_where(&self, settings: &Resolved) {
        println!("rhapsode {}", env!("CARGO_PKG_VERSION"));
        let hep: Vec<&Bound> =
            self.ingest.bound().iter().filter(|bound| !bound.transport.has_pages()).collect();
        for transport in [Transport::Udp, Transport::Tcp] {
            if !hep.iter().any(|bound| bound.transport == transport) {
                println!("  HEP over {}  off", transport.name().to_uppercase());
            }
        }
        for bound in hep {
            println!("  HEP over {:<4} {}", bound.transport.name().to_uppercase(), bound.address);
        }
        for input in &settings.inputs {
            println!("  input         {} {}", input.address, input.name);
        }
        for url in self.urls() {
            println!("  web and API   {url}");
        }
        if self.url().is_none() {
            println!("  web and API   off");
        }
        println!("  data          {}", settings.data.display());
        if settings.lake != LakeLocation::DataFolder {
            println!("  lake          {}", settings.lake);
        }
    }

    fn stop(self) -> Result<()> {
        let Self { ingest, outputs, notifiers, watch, runtime, store, api, .. } = self;
        drop(api);
        if let Some(watch) = watch {
            watch.abort();
        }
        notifiers.stop(NOTIFIERS_STOP_TIME_MAX);
        ingest.shutdown();
        let last = ingest.counters().total;
        outputs.stop(OUTPUTS_STOP_TIME_MAX);
        // Requests that were cut hold the store until their tasks are gone.
        runtime.shutdown_timeout(Duration::from_secs(1));
        drop(ingest);
        store.settle().context("what is in memory could not be settled; it is safe in the log")?;
        tracing::info!(received = last.received, stored = last.stored, "stopped");
        Ok(())
    }
}

/// How long a stop waits for what is still to be sent on; what is left goes to the spools.
const OUTPUTS_STOP_TIME_MAX: Duration = Duration::from_secs(5);

/// How long a stop waits for news of alerts that is still to be told.
const NOTIFIERS_STOP_TIME_MAX: Duration = Duration::from_secs(2);

/// Keeps the last packets for the outputs that send them on, if there are any.
fn tap(settings: &Resolved, packets: &Arc<Window>) -> Option<Tap> {
    let packets = Arc::clone(packets);
    Outputs::need_packets(&settings.outputs).then(|| Tap::new(move |block| packets.put(block)))
}

/// Threads that run scripts at a time: each has a state of every script.
const SCRIPT_THREADS_MAX: usize = 8;

/// The scripts of the configuration, ready to run. Those that run already stay if they are the same and none of them had
/// to be switched off.
fn load_scripts(
    settings: &Resolved,
    running: Option<&Arc<Scripts>>,
) -> Result<Option<Arc<Scripts>>, LoadError> {
    let Some(wanted) = &settings.scripts else { return Ok(None) };
    if let Some(running) = running
        && running.settings() == wanted
        && running.off().is_empty()
    {
        return Ok(Some(Arc::clone(running)));
    }
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(SCRIPT_THREADS_MAX);
    Ok(Some(Arc::new(Scripts::load(wanted, threads, running.map(AsRef::as_ref))?)))
}

/// The name of the signal that ends the program, and those that ask to read the configuration again.
fn watch_signals(
    runtime: &tokio::runtime::Runtime,
) -> Result<(watch::Receiver<Option<&'static str>>, Option<Signal>)> {
    let (sender, receiver) = watch::channel(None);
    let _inside = runtime.enter();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let hangups = signal(SignalKind::hangup())?;
    // A terminal that is closed ends what runs in it.
    let (mut hangup, hangups) =
        if std::io::stdin().is_terminal() { (Some(hangups), None) } else { (None, Some(hangups)) };
    runtime.spawn(async move {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
            () = next(&mut hangup) => "SIGHUP",
        };
        sender.send_replace(Some(name));
        // Whoever waits later still finds it.
        sender.closed().await;
    });
    Ok((receiver, hangups))
}

/// The next one; never, if there are none.
async fn next(signals: &mut Option<Signal>) {
    let come = match signals {
        Some(signals) => signals.recv().await,
        None => None,
    };
    if come.is_none() {
        std::future::pending::<()>().await;
    }
}

/// How often the start looks whether what an earlier run left in the log has been read.
const REPLAY_LOOK_EVERY: Duration = Duration::from_millis(20);

/// If the types that documents define have changed: what an earlier run accepted becomes rows of the types it had, and
/// settles, before anything is understood in the new way.
fn take_over(settings: &Resolved) -> Result<()> {
    for note in settings.types.notes.iter().chain(&settings.legs.notes) {
        tracing::info!("{note}");
    }
    let memory = settings.memory.after(&settings.types);
    if memory == settings.memory {
        return Ok(());
    }
    if Memory::has_log(&settings.data) {
        let earlier = Types::of(&settings.memory.current).protocols(&settings.memory.former)?;
        let store = Arc::new(Store::open(store_config(settings), earlier.tables())?);
        let config = IngestConfig {
            listeners: Vec::new(),
            inputs: Vec::new(),
            tls: None,
            ..ingest_config(settings, earlier)
        };
        let ingest = Ingest::start(config, Arc::clone(&store))?;
        while ingest.replayed().is_none() {
            std::thread::sleep(REPLAY_LOOK_EVERY);
        }
        ingest.shutdown();
        drop(ingest);
        store.settle().context("rows of an earlier run could not be settled before its types change")?;
        let left = store.status().log_bytes;
        if left > 0 {
            tracing::warn!(
                bytes = left,
                "the log could not be emptied: rows of types that changed may be there twice"
            );
        }
    }
    memory.write(&settings.data)
}

pub(super) fn store_config(settings: &Resolved) -> store::Config {
    let mut config = store::Config::new(&settings.data);
    config.lake = settings.lake.clone();
    config.derived = if settings.call_rows { calls::TABLES } else { &[] };
    config.hot_bytes_max = usize::try_from(settings.hot_bytes_max).unwrap_or(usize::MAX);
    config.settle_every = settings.settle_every;
    config.retention.days =
        settings.retention_days.iter().map(|(table, days)| (table.clone(), *days)).collect();
    config.retention.payload_days =
        settings.retention_payload_days.iter().map(|(table, days)| (table.clone(), *days)).collect();
    config.retention.bytes_max = settings.retention_bytes_max;
    config.retention.free_disk_min = settings.retention_free_disk_min;
    config.limits.time_max = Duration::from_secs(settings.query_seconds_max);
    config.limits.memory_bytes_max = usize::try_from(settings.query_memory_bytes_max).unwrap_or(usize::MAX);
    config
}

pub(super) fn ingest_config(settings: &Resolved, protocols: &'static Protocols) -> IngestConfig {
    IngestConfig {
        protocols,
        listeners: settings.listeners.clone(),
        inputs: settings.inputs.clone(),
        tls: settings.tls.clone(),
        keys: settings.hep_keys.iter().map(|key| key.clone().into_bytes()).collect(),
        senders: settings.senders.clone(),
        redactions: settings.redactions,
        allow: settings.hep_allow.clone(),
        sender_packets_per_second_max: settings.sender_packets_per_second_max,
        minute_after: settings.minute_after,
        ..IngestConfig::default()
    }
}

/// The same port as this machine sees it.
fn reachable(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        SocketAddr::from((Ipv4Addr::LOCALHOST, address.port()))
    } else {
        address
    }
}

fn local_url(transport: Transport, address: SocketAddr) -> String {
    if address.ip().is_unspecified() || address.ip().is_loopback() && address.is_ipv4() {
        format!("{transport}://localhost:{}", address.port())
    } else {
        format!("{transport}://{address}")
    }
}
