use std::fmt;
use std::net::{Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use protocols::{Protocols, Redactions};
use reach::{Address, TlsFiles, mqtt, nats};
use scripts::Scripts;
use store::log::Block;

use crate::network::Network;
use crate::rules::SenderRules;
use crate::tls::TlsConfig;
use crate::transport::Transport;
use crate::watch::Watcher;

/// Where to listen and what the limits are. [`IngestConfig::default`] is what `rhapsode serve` does unasked, but for
/// the web.
#[derive(Clone, Debug)]
pub struct IngestConfig {
    /// What each payload type means. The store must have been opened with its tables.
    pub protocols: &'static Protocols,
    pub listeners: Vec<ListenerConfig>,
    /// Brokers that packets are fetched from.
    pub inputs: Vec<InputConfig>,
    /// Certificate and key of the listeners that encrypt.
    pub tls: Option<TlsConfig>,
    /// HEP keys (chunk 0x000e) that are accepted where a listener has none of its own. With none configured any packet
    /// is, with a key or without.
    pub keys: Vec<Vec<u8>>,
    /// Who may send where a listener does not say so itself; with none anybody may.
    pub allow: Vec<Network>,
    /// Packets a second that one address may send, with bursts of twice as many.
    pub sender_packets_per_second_max: Option<u32>,
    /// Whose mistakes are put right, and whose copies are dropped.
    pub senders: SenderRules,
    /// What sees packets before they are written anywhere, and may change or drop them.
    pub scripts: Option<Arc<Scripts>>,
    /// What is overwritten in payloads before they are written anywhere.
    pub redactions: Redactions,
    /// Messages remembered where copies are dropped: those of the last quarter of a second, at 100,000 a second and
    /// four times that.
    pub recent_max: usize,
    /// Longest time a packet waits for its group commit.
    pub commit_every: Duration,
    /// A block is committed at once when it holds this many bytes: larger ones compress no better.
    pub commit_bytes: usize,
    /// Longest time a committed packet waits to become searchable.
    pub publish_every: Duration,
    /// Rows are published at once when there are this many: the size of batch the query engine works in.
    pub publish_rows: usize,
    /// Bytes of packets that may wait for the log: half a second at 100,000 messages a second and twice that again
    /// for a slow disk. Beyond it UDP drops, TCP and HTTP wait.
    pub queue_bytes_max: usize,
    /// Receive buffer asked of the kernel for UDP: most of a second at 100,000 messages a second, for the times
    /// when this process does not run.
    pub udp_buffer_bytes: usize,
    /// Bytes of one `POST /hep`: sixty packets of the largest kind, thousands of the ordinary one.
    pub http_body_bytes_max: usize,
    /// Requests to `POST /hep` at a time, which bounds the memory their bodies take.
    pub http_requests_max: usize,
    /// A `POST /hep` must be read and stored within this time, or it is answered with 503.
    pub http_time_max: Duration,
    /// Senders that are remembered; beyond it those silent for longest are forgotten.
    pub senders_max: usize,
    /// Who is told what becomes searchable.
    pub watchers: Vec<Arc<dyn Watcher>>,
    /// Who else sees each accepted block, before the rows made of it are published.
    pub tap: Option<Tap>,
    /// The figures of a minute are made after this long at the earliest, counted from the end of one of its calls: most
    /// of the others end in this time, and until then its rows are read whenever somebody asks.
    pub minute_after: Duration,
    /// How long a stop may take before what is still in kernel buffers, or cannot be logged, is given up.
    pub stop_time_max: Duration,
}

impl IngestConfig {
    /// The port agents send HEP to by default, and HOMER's.
    pub const PORT: u16 = 9060;
}

impl Default for IngestConfig {
    fn default() -> Self {
        let any = SocketAddr::from((Ipv6Addr::UNSPECIFIED, Self::PORT));
        Self {
            protocols: Protocols::built_in(),
            listeners: vec![
                ListenerConfig::new(Transport::Udp, any),
                ListenerConfig::new(Transport::Tcp, any),
            ],
            inputs: Vec::new(),
            tls: None,
            keys: Vec::new(),
            allow: Vec::new(),
            sender_packets_per_second_max: None,
            senders: SenderRules::default(),
            scripts: None,
            redactions: Redactions::default(),
            recent_max: 100_000,
            commit_every: Duration::from_millis(100),
            commit_bytes: 1 << 20,
            publish_every: Duration::from_millis(250),
            publish_rows: 8_192,
            queue_bytes_max: 64 << 20,
            udp_buffer_bytes: 64 << 20,
            http_body_bytes_max: 4 << 20,
            http_requests_max: 32,
            http_time_max: Duration::from_secs(10),
            senders_max: 10_000,
            watchers: Vec::new(),
            tap: None,
            minute_after: Duration::from_secs(600),
            stop_time_max: Duration::from_secs(8),
        }
    }
}

/// Sees the packets as they are kept, on the thread that understands them: it must be quick.
#[derive(Clone)]
pub struct Tap(Arc<dyn Fn(&Block) + Send + Sync>);

impl Tap {
    pub fn new(see: impl Fn(&Block) + Send + Sync + 'static) -> Self {
        Self(Arc::new(see))
    }

    pub(crate) fn see(&self, block: &Block) {
        (self.0)(block);
    }
}

impl fmt::Debug for Tap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tap")
    }
}

/// One door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerConfig {
    pub transport: Transport,
    /// `[::]` takes IPv4 too, and means `0.0.0.0` on a machine without IPv6.
    pub address: SocketAddr,
    /// What it is called among the counters; `None` for the transport's name, numbered from the second on.
    pub name: Option<String>,
    /// HEP keys that are accepted here, instead of those for all listeners.
    pub keys: Option<Vec<Vec<u8>>>,
    /// Who may send here, instead of those who may everywhere.
    pub allow: Option<Vec<Network>>,
    /// Proxies in front. With any, connections come only from them and start with a PROXY header.
    pub proxies: Vec<Network>,
    /// Connections at a time. Each costs a thread (but not on the web) and at most a packet or a gzip member (1 MiB)
    /// of memory.
    pub connections_max: usize,
    /// Connections of one peer at a time, so that no single one takes all places: an address of IPv4, or a /64 of
    /// IPv6.
    pub connections_per_peer_max: usize,
    /// A packet, or the headers of a request, must be complete this long after the first byte: real senders write them
    /// whole. A connection to the web may be idle, or not read its answer, for as long; a WebSocket is then asked for a
    /// sign of life and has as long again to give one.
    pub packet_time_max: Duration,
    /// PROXY header and TLS handshake together must be done in this time.
    pub handshake_time_max: Duration,
}

impl ListenerConfig {
    pub const CONNECTIONS_MAX: usize = 1_024;
    /// A proxy with a connection for each of its processes has dozens; a relay of many agents perhaps more.
    pub const CONNECTIONS_PER_PEER_MAX: usize = 256;
    pub const PACKET_TIME_MAX: Duration = Duration::from_secs(30);

    /// With the limits that fit most.
    pub fn new(transport: Transport, address: SocketAddr) -> Self {
        Self {
            transport,
            address,
            name: None,
            keys: None,
            allow: None,
            proxies: Vec::new(),
            connections_max: Self::CONNECTIONS_MAX,
            connections_per_peer_max: Self::CONNECTIONS_PER_PEER_MAX,
            packet_time_max: Self::PACKET_TIME_MAX,
            handshake_time_max: Duration::from_secs(10),
        }
    }
}

/// A broker, and what is fetched from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputConfig {
    /// What it is called among the counters.
    pub name: String,
    pub address: Address,
    pub tls: TlsFiles,
    /// HEP keys that are accepted by it, instead of those for all listeners.
    pub keys: Option<Vec<Vec<u8>>>,
    pub kind: InputKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InputKind {
    Nats(NatsInput),
    Mqtt(MqttInput),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NatsInput {
    pub login: nats::Login,
    /// What is listened to; wildcards may be in it.
    pub subject: String,
    pub from: NatsFrom,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NatsFrom {
    /// What is published while we listen. Of all who name the same group, one has each message.
    Now { queue_group: Option<String> },
    /// A consumer of JetStream: what the stream has, each message until it is stored here.
    Stream { stream: String, durable: String },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MqttInput {
    pub login: Option<mqtt::Login>,
    /// The broker keeps what is for us under this name.
    pub client_id: String,
    /// What is subscribed to; wildcards may be in it, and `$share/GROUP/` before it.
    pub topic: String,
    pub quality: mqtt::Quality,
    /// How long the broker keeps what is for us when we are away, at QoS 1.
    pub session: Duration,
}

impl InputConfig {
    pub const INPUTS_MAX: usize = 16;

    pub(crate) fn transport(&self) -> Transport {
        match self.kind {
            InputKind::Nats(_) => Transport::Nats,
            InputKind::Mqtt(_) => Transport::Mqtt,
        }
    }
}
