use std::net::SocketAddr;
use std::sync::Arc;

use socket2::Socket;

use crate::config::{IngestConfig, ListenerConfig};
use crate::counters::Listener;
use crate::error::IngestError;
use crate::listen::{InputDoor, bind_sctp, bind_tcp, bind_udp};
use crate::tls::{Tls, Watch};
use crate::transport::Transport;

/// The listeners' sockets, bound, and their certificates, read: all that can be wrong with the configuration is found
/// before anything is written.
pub struct Doors {
    pub(crate) config: IngestConfig,
    pub(crate) doors: Vec<Door>,
    pub(crate) inputs: Vec<InputDoor>,
    pub(crate) tls: Option<(Arc<Tls>, Watch)>,
}

/// One listener, bound.
pub(crate) struct Door {
    pub(crate) socket: Socket,
    pub(crate) config: ListenerConfig,
    pub(crate) listener: Listener,
    pub(crate) bound: Bound,
}

/// Where a listener is: the port is known even if the configuration asked for any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    pub name: String,
    pub transport: Transport,
    pub address: SocketAddr,
}

impl Doors {
    pub fn open(config: IngestConfig) -> Result<Self, IngestError> {
        let tls = config.tls.clone().map(Tls::load).transpose()?;
        let mut doors: Vec<Door> = Vec::new();
        for (place, listener) in (0..).zip(&config.listeners) {
            let (transport, address) = (listener.transport, listener.address);
            if transport.is_encrypted() && tls.is_none() {
                return Err(IngestError::NoCertificate { transport, address });
            }
            if !listener.proxies.is_empty() && !transport.takes_proxy_protocol() {
                return Err(IngestError::NoProxyProtocol { transport, address });
            }
            let socket = match transport {
                Transport::Udp => bind_udp(address, config.udp_buffer_bytes),
                Transport::Sctp => bind_sctp(address),
                _ => bind_tcp(address),
            };
            let error = |source| IngestError::bind(transport, address, source);
            let socket = socket.map_err(error)?;
            let address = socket.local_addr().map_err(error)?.as_socket().unwrap_or(address);
            let name = name(listener, &config, &doors);
            doors.push(Door {
                socket,
                config: listener.clone(),
                listener: Listener { transport, place },
                bound: Bound { name, transport, address },
            });
        }
        let places = (config.listeners.len()..).zip(&config.inputs);
        let inputs = places.map(|(place, input)| {
            let listener =
                Listener { transport: input.transport(), place: u16::try_from(place).unwrap_or(u16::MAX) };
            let wrong = |what| IngestError::Input { input: input.name.clone(), what };
            InputDoor::new(input.clone(), listener).map_err(wrong)
        });
        let inputs = inputs.collect::<Result<_, _>>()?;
        Ok(Self { config, doors, inputs, tls })
    }

    /// Where they are, in the order of the configuration.
    pub fn bound(&self) -> Vec<Bound> {
        self.doors.iter().map(|door| door.bound.clone()).collect()
    }
}

impl std::fmt::Debug for Doors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.doors.iter().map(|door| &door.bound)).finish()
    }
}

/// The configured name, or the transport's, with a number from the second on; never one that another listener has.
fn name(listener: &ListenerConfig, all: &IngestConfig, before: &[Door]) -> String {
    if let Some(name) = &listener.name {
        return name.clone();
    }
    let taken = |name: &str| {
        before.iter().any(|door| door.bound.name == name)
            || all.listeners.iter().any(|other| other.name.as_deref() == Some(name))
            || all.inputs.iter().any(|input| input.name == name)
    };
    let transport = listener.transport.name();
    let numbered = (2..).map(|number| format!("{transport}-{number}"));
    std::iter::once(transport.to_owned())
        .chain(numbered)
        .find(|name| !taken(name))
        .expect("numbers do not end")
}
