//! A receiver of webhooks that does what a test wants of it: answers with some status, late, or not at all.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::server::wait;
use crate::stand_in::{Request, Response, serve_on};

/// What it does with the next requests.
#[derive(Clone, Copy, Debug)]
pub enum Manner {
    Answer(u16),
    /// Takes the request and keeps silent for so long.
    Silent(Duration),
}

pub struct Hook {
    address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
}

struct Shared {
    manner: Manner,
    came: Vec<Came>,
}

/// What came, whatever was answered.
#[derive(Clone, Debug)]
pub struct Came {
    pub authorization: Option<String>,
    pub body: Value,
    /// It was answered with success.
    pub taken: bool,
}

impl Hook {
    pub fn start(manner: Manner) -> Result<Self> {
        Self::on(TcpListener::bind("127.0.0.1:0")?, manner)
    }

    pub fn on(listener: TcpListener, manner: Manner) -> Result<Self> {
        let shared = Arc::new(Mutex::new(Shared { manner, came: Vec::new() }));
        let serving = Arc::clone(&shared);
        let address = serve_on(listener, move |request| answer(&request, &serving))?;
        Ok(Self { address, shared })
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    pub fn behave(&self, manner: Manner) {
        lock(&self.shared).manner = manner;
    }

    pub fn came(&self) -> Vec<Came> {
        lock(&self.shared).came.clone()
    }

    /// The alerts of all that was taken, in the order they came.
    pub fn alerts(&self) -> Vec<Value> {
        let taken = self.came().into_iter().filter(|came| came.taken);
        taken.flat_map(|came| came.body["alerts"].as_array().cloned().unwrap_or_default()).collect()
    }

    /// Waits until the condition holds for the alerts that were taken.
    pub fn wait_for(&self, limit: Duration, condition: impl Fn(&[Value]) -> bool) -> Result<Vec<Value>> {
        let came = wait(limit, || Ok(condition(&self.alerts())))?;
        ensure!(came, "what came within {limit:?}: {:#?}", self.came());
        Ok(self.alerts())
    }
}

fn answer(request: &Request, shared: &Mutex<Shared>) -> Response {
    let manner = {
        let mut shared = lock(shared);
        let manner = shared.manner;
        shared.came.push(Came {
            authorization: request.header("authorization").map(str::to_owned),
            body: serde_json::from_str(&request.body).unwrap_or_default(),
            taken: matches!(manner, Manner::Answer(200..=299)),
        });
        manner
    };
    match manner {
        Manner::Answer(status) => Response::new(status, ""),
        Manner::Silent(time) => {
            std::thread::sleep(time);
            Response::new(200, "")
        }
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
