// The answers of the HTTP API (docs/openapi.json), as far as the screens read them.

export interface Me {
  user: string;
  role: string;
  /** What records must satisfy, so that they are shown. */
  scope: string | null;
  /** What routes may be asked. */
  permissions: string[];
}

export type Counts = Record<string, number>;

export interface Counters {
  received: number;
  stored: number;
  refused: Counts;
  dropped: Counts;
  duplicates: number;
  pending: number;
  bytes: number;
}

export interface Listener extends Counters {
  name: string;
  address: string;
}

export interface StoredTable {
  name: string;
  rows: number;
  bytes: number;
  files: number;
  retention_days: number | null;
}

export interface Status {
  version: string;
  started: string;
  now: string;
  uptime_seconds: number;
  listeners: Listener[];
  total: Counters;
  store: {
    hot_rows: number;
    hot_bytes: number;
    lake_rows: number;
    lake_bytes: number;
    lake_files: number;
    log_bytes: number;
    oldest: string | null;
    newest: string | null;
    tables: StoredTable[];
  };
  alarms: { name: string; since: string; message: string }[];
  alerts: { firing: Alert[]; silenced: number; pending: number };
}

export interface Alert {
  id: string;
  rule: string;
  state: 'pending' | 'firing';
  severity: string;
  summary: string;
  note: string | null;
  labels: Record<string, string>;
  value: number;
  /** What it usually is at this time of day. */
  usual: number | null;
  condition: string;
  pending_since: string;
  firing_since: string | null;
  evidence: { path: string };
}

export interface AlertChange {
  at: string;
  what: string;
  why: string | null;
  told: boolean;
  alert: Alert;
}

export interface AlertRule {
  name: string;
  summary: string;
  figure: string;
  query: string | null;
  by: string | null;
  condition: string;
  severity: string;
  every_seconds: number;
  for_seconds: number;
  error: string | null;
  last: string | null;
  last_ms: number;
}

export interface Alerts {
  alerts: (Alert & { silenced_until: string | null })[];
  silences: { of: string; until: string; comment: string; by: string }[];
  rules: AlertRule[];
  notifiers: { name: string; kind: string; sent: number; given_up: number; dropped: number; waiting: number; error: string | null }[];
}

export interface Sender {
  sender: string;
  node: string | null;
  capture_ids: number[];
  hep_versions: number[];
  listeners: string[];
  types: Counts;
  packets: number;
  bytes: number;
  rate_per_second: number;
  first_seen: string;
  last_seen: string;
  flags: Counts;
  /** Corrections that are off for it and that it seems to need. */
  suspected: string[];
  /** Packets dropped as copies of what another capture point told. */
  duplicates: number;
  refused: Counts;
}

export interface Senders {
  senders: Sender[];
  listening: { name: string; address: string }[];
}

export interface CatalogueField {
  name: string;
  kind: string;
  unit: string | null;
  facet: boolean;
  indexed: boolean;
  doc: string;
}

export interface Catalogue {
  tables: { name: string; doc: string; fields: CatalogueField[]; hep_types?: number[] }[];
  flags: { name: string; doc: string }[];
  /** Those of the flags that name a correction. */
  corrections?: { name: string; senders: string; doc: string; is_default: boolean }[];
  refusals?: { name: string; doc: string }[];
}

/** Why an answer is not complete. */
export interface Incomplete {
  reason: string;
}

export interface Call {
  call_id: string;
  first: string;
  last: string;
  /** First to last record. */
  duration_ms: number;
  method: string | null;
  from_user: string | null;
  to_user: string | null;
  src: string | null;
  dst: string | null;
  status: number | null;
  state: string;
  /** First request to first 2xx. */
  setup_ms: number | null;
  /** Post-dial delay, session request delay in RFC 6076 4.3. Null for calls read from messages, as the next three. */
  pdd_ms?: number | null;
  /** First 2xx to first BYE. */
  talk_ms: number | null;
  /** Names of rules, the worst first. */
  findings?: string[];
  /** Of the worst. */
  severity?: Severity | null;
  /** Further messages may come. */
  is_open?: boolean | null;
  messages: number;
  /** Further sightings of them by other capture points, not counted in them. */
  witnesses: number;
  tables: Counts;
}

export interface Calls {
  calls: Call[];
  partial: Incomplete | null;
  elapsed_ms: number;
  next: string | null;
}

/** A REGISTER and what came of it. */
export interface Registration {
  call_id: string;
  at: string;
  user: string | null;
  host: string | null;
  contact: string | null;
  src: string | null;
  dst: string | null;
  user_agent: string | null;
  state: string;
  status: number | null;
  /** 0: removed. */
  expires_seconds: number | null;
  register_delay_ms: number | null;
  challenges: number;
  messages: number;
  findings: string[];
  severity: Severity | null;
  is_open: boolean | null;
}

export interface Registrations {
  registrations: Registration[];
  partial: Incomplete | null;
  elapsed_ms: number;
  next: string | null;
}

export type Detail = Record<string, unknown>;

export interface Summary {
  id: string;
  table: string;
  ts: string;
  received: string;
  sender: string | null;
  node: string | null;
  capture_id: number | null;
  hep_type: number | null;
  transport: string | null;
  src_ip: string | null;
  src_port: number | null;
  dst_ip: string | null;
  dst_port: number | null;
  call_id: string | null;
  correlation_id: string | null;
  size: number;
  flags: string[];
  label: string;
  method: string | null;
  status: number | null;
  cseq: number | null;
  cseq_method: string | null;
  from_user: string | null;
  to_user: string | null;
  /** Who took part in what happened inside a host, outermost first: `session 1`. */
  actors?: string[];
  detail: Detail | null;
}

/** A row of the list of messages. */
export interface Listed extends Summary {
  witness_of: string | null;
}

/** What is known once all messages of a list have come. */
export interface MessagesEnd {
  /** `witness_of` of the rows that have one, by their ids. */
  witnesses: Record<string, string>;
  partial: Incomplete | null;
  elapsed_ms: number;
  next: string | null;
}

/** Start and end in bytes of the payload. */
export type ByteRange = [number, number];

export interface Message extends Summary {
  /** Null once the payload's age has passed. */
  raw: string | null;
  payload_gone: boolean;
  text: string | null;
  /** What the payload is read as, where it wraps something else. */
  shown: string | null;
  headers: { name: ByteRange; value: ByteRange }[];
  problems: { message: string; at: ByteRange }[];
  extra: unknown;
}

export interface CallMessage extends Summary {
  retransmission_of: string | null;
  /** The record that shows the same message, seen by another capture point before. */
  witness_of: string | null;
  delta_ms: number;
}

export type Severity = 'error' | 'warning' | 'info';

/** What a rule found in a call. */
export interface Finding {
  /** Name of the rule. */
  id: string;
  call_id: string | null;
  severity: Severity;
  text: string;
  blame: { kind: string; host: string | null; from: string | null; text: string };
  /** Ids of messages. */
  proof: string[];
  ruled_out: string[];
  next: string;
  confidence: 'high' | 'medium' | 'low';
}

/** The media of one direction, as far as the call page reads it. */
export interface Stream {
  ssrc: number | null;
  src: string | null;
  dst: string | null;
  /** audio, video, where a session description says so. */
  media: string | null;
  codec: { name: string } | null;
  packets_received: number | null;
  packets_lost: number | null;
  loss_percent: number | null;
  discard_percent: number | null;
  jitter_p95_ms: number | null;
  round_trip_p50_ms: number | null;
  /** What can be compared best first. */
  scores: { kind: string; band: string | null; source: string; mos_mean: number; mos_min: number; label: string }[];
  problems: { id: string; text: string }[];
  points: StreamPoint[];
}

export interface StreamPoint {
  at: string;
  /** The record that told. */
  message: string;
  loss_percent: number | null;
  jitter_ms: number | null;
  round_trip_ms: number | null;
  mos: number | null;
}

/** Why two legs are joined. */
export interface LegEdge {
  /** The Call-ID of the other leg. */
  with: string;
  /** Name of the rule. */
  rule: string;
  text: string;
  score: number;
  standing: 'certain' | 'possible' | 'withdrawn';
  /** Ids of messages. */
  evidence: string[];
}

/** One Call-ID of the call, or one that may be of it. */
export interface Leg {
  call_id: string;
  standing: 'own' | 'certain' | 'possible';
  started: string;
  source: string | null;
  hosts: string[];
  callers: string[];
  callees: string[];
  why: LegEdge[];
}

export interface CallPage {
  call_id: string;
  hosts: { id: string; label: string }[];
  /** Worst first. */
  findings: Finding[];
  /** One for each direction and SSRC that reports tell of. */
  streams: Stream[];
  /** The asked one first. */
  legs: Leg[];
  messages: CallMessage[];
  summary: Call;
  partial: Incomplete | null;
}

export interface Completion {
  /** Where the options begin, in UTF-16 units. */
  from: number;
  options: { text: string; doc: string | null }[];
}

/** An API token, without the token: that was shown once. */
export interface Token {
  id: number;
  user: string;
  name: string;
  /** Narrower than the owner's; null and none: as the owner's. */
  role: string | null;
  scope: string | null;
  addresses: string[];
  created: string;
  expires: string;
  last_used: string | null;
}

/** A link that shows one call to whoever has it, without its secret: that was told once. */
export interface Share {
  id: number;
  user: string;
  call_id: string;
  redacted: boolean;
  note: string;
  created: string;
  expires: string;
  opened: number;
  last_opened: string | null;
}

export interface ShareRequest {
  call_id: string;
  hours: number;
  redacted: boolean;
  note: string;
}

/** What a link shows. */
export interface SharedCall {
  shared_by: string;
  expires: string;
  redacted: boolean;
  note: string;
  call: CallPage;
}

export interface Facet {
  field: string;
  doc: string;
  /** The most frequent first, each with what a search must say to find it, and to leave it out. */
  values: { value: string; alias: string | null; count: number; only: string; without: string }[];
  others: number;
  none: number;
}

export interface Facets {
  /** calls, messages or registrations. */
  of: string;
  rows: number;
  facets: Facet[];
  partial: Incomplete | null;
  elapsed_ms: number;
}

export interface TokenRequest {
  name: string;
  expires_days: number;
  role?: string | null;
  scope?: string | null;
  addresses?: string[];
}

export interface User {
  name: string;
  role: string;
  scope: string | null;
  created: string;
  last_seen: string | null;
}

export interface Alias {
  id: number;
  name: string;
  /** Null: the capture point itself has the name. */
  match: string | null;
  capture_id: number | null;
  created: string;
}

export interface AuditEntry {
  id: number;
  at: string;
  user: string | null;
  /** How they came: session, api, local. */
  kind: string | null;
  token: string | null;
  address: string | null;
  action: string;
  what: string;
  status: number;
  rows: number | null;
  elapsed_ms: number;
}

export interface NewToken {
  id: number;
  name: string;
  expires: string;
  token: string;
}

export interface StorageAmount {
  files: number;
  rows: number;
  rows_without_payload: number;
  bytes: number;
  bytes_per_row: number | null;
  compression: { files: number; payload_bytes: number; bytes: number; ratio: number } | null;
}

export interface StorageNext {
  table: string;
  rows: number;
  bytes: number;
  newest: string;
  leaves: string;
}

export interface StorageTable extends StorageAmount {
  name: string;
  retention_days: number;
  /** The oldest first; the last is filling. */
  days: (StorageAmount & { day: string })[];
  /** What leaves first by age. */
  next?: StorageNext | null;
}

/** The lake by table and day; rows that have not settled are not in it. */
export interface Storage {
  tables: StorageTable[];
  bytes_max: number | null;
  free_disk: number | null;
  free_disk_min: number;
  next_for_room: StorageNext | null;
}
