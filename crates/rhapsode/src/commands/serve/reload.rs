//! SIGHUP: the configuration is read again, and what may change while a server runs is taken over.

use anyhow::Result;
use ingest::IngestConfig;

use super::logging::Logging;
use super::{Server, ingest_config, load_scripts, notify, store_config};
use crate::alerting;
use crate::config::{self, Changes, Resolved, ServeArguments};

/// The alarm that is up while the configuration on disk could not be taken over.
const CONFIGURATION_ALARM: &str = "configuration";

/// What a server was started with.
pub(in crate::commands) struct Reload {
    arguments: ServeArguments,
    logging: Logging,
    /// As the server runs now.
    running: Resolved,
    /// Whether the last attempt was.
    is_refused: bool,
}

impl Reload {
    pub(in crate::commands) fn new(arguments: ServeArguments, logging: Logging, running: Resolved) -> Self {
        Self { arguments, logging, running, is_refused: false }
    }

    /// All of it or, where something is wrong, nothing; either is told in the log, among the alarms and to the service
    /// manager.
    pub(super) fn apply(&mut self, server: &Server) {
        match self.try_apply(server) {
            Ok(Changes { taken, waiting }) => {
                self.is_refused = false;
                server.ingest.tell(CONFIGURATION_ALARM, None);
                let waiting = waiting.join(", ");
                if !waiting.is_empty() {
                    tracing::warn!("these changes wait for a restart: {waiting}");
                }
                let taken = if taken.is_empty() { "nothing".to_owned() } else { taken.join(", ") };
                tracing::info!("configuration read again, taken over: {taken}");
                let waiting = if waiting.is_empty() { "nothing" } else { &waiting };
                notify::status(&format!("configuration read again; waits for a restart: {waiting}"));
            }
            Err(error) => {
                let told = format!("configuration not taken over, the one before goes on: {error:#}");
                notify::status(&told);
                // The alarm is logged when it goes up.
                if self.is_refused {
                    tracing::error!("{told}");
                }
                self.is_refused = true;
                server.ingest.tell(CONFIGURATION_ALARM, Some(told));
            }
        }
    }

    fn try_apply(&mut self, server: &Server) -> Result<Changes> {
        let new = config::resolve_beside(&self.arguments, Some(&self.running))?;
        let url = server.url();
        let notifiers = url.as_deref().map(|url| alerting::prepare(&new.alerts, url)).transpose()?;
        let scripts = load_scripts(&new, server.ingest.loaded_scripts().as_ref())?;
        // The last thing that can be refused.
        self.logging.set_level(&new.log_level)?;
        for note in &new.legs.notes {
            tracing::info!("{note}");
        }
        let alerts_change = self.running.alerts != new.alerts;
        let changes = self.running.take_over(&new);
        let config = ingest_config(&self.running, self.running.protocols);
        // Whatever was wrong with those that were switched off may have been mended.
        scripts.iter().for_each(|scripts| scripts.switch_on());
        server.ingest.reload(&IngestConfig { scripts, ..config });
        server.store.set_retention(store_config(&self.running).retention);
        if let Some(api) = &server.api {
            api.set_legs(self.running.legs.rules.clone());
        }
        if let (Some(api), Some(url), Some(notifiers)) = (&server.api, url, notifiers)
            && alerts_change
        {
            server.notifiers.replace(notifiers);
            let alerts = &self.running.alerts;
            server.runtime.block_on(api.replace_alert_rules(alerts.rules.clone(), alerts.base(&url)));
        }
        Ok(changes)
    }
}
