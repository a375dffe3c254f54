// Rows of calls and of registrations, and figures over them, as the product makes them of messages; the figures a little
// more simply: enough for the screens.

export const CALL_FIELDS = [['state', 'text', 'What became of it'], ['is_open', 'bool', 'It may go on'], ['status', 'int16', 'The status code that decided it'], ['pdd', 'int64', 'Session request delay (RFC 6076 4.3)'], ['ruri_user', 'text', 'Who was called'], ['user_agent', 'text', 'User-Agent of the caller'], ['talk', 'int64', 'Session duration (RFC 6076 4.5)'], ['ended_by', 'text', 'Who hung up'], ['cause', 'int32', 'Q.850 cause'], ['finding', 'text', 'Rules that found something'], ['severity', 'text', 'The worst of what was found']];
export const REGISTRATION_FIELDS = [['to_user', 'text', 'User of the address of record'], ['state', 'text', 'What became of it'], ['status', 'int16', 'The status code that decided it'], ['expires', 'int64', 'Time granted'], ['user_agent', 'text', 'User-Agent of the request']];

const FINDINGS = { 404: ['NO_ROUTE_404', 'error'], 503: ['DOWNSTREAM_503', 'error'], 408: ['NO_RESPONSE', 'error'], 480: ['ABANDONED', 'info'], 603: ['FORBIDDEN_403', 'warning'] };
const OPEN_FOR_MICROS = 40e6;
const PHONE_AGENT = 'Yealink SIP-T46U 108.86.0.90';

/** Of a call's summary and its records; what is searched by lies beside it, under the names of the columns. */
export function rowOfCall(summary, records) {
  const first = records.find((record) => record.table === 'sip');
  const heard = records.find((record) => record.method === 'INVITE' && (record.status === 180 || record.status === 183 || record.status >= 200) && record.status !== 407 && record.status !== 401);
  const repeats = records.filter((record) => record.retransmission_of).length;
  const [finding, severity] = FINDINGS[summary.status] ?? (repeats > 4 ? ['ACK_MISSING', 'warning'] : []);
  const isOver = summary.state !== 'calling' && summary.state !== 'ringing' && summary.state !== 'answered';
  const isOpen = Date.now() * 1000 - records.at(-1).micros < OPEN_FOR_MICROS || summary.state === 'answered';
  const pdd = heard ? heard.micros - first.micros : null;
  const row = {
    ...summary, method: 'INVITE', pdd_ms: pdd === null ? null : Math.floor(pdd / 1000), findings: finding ? (repeats > 4 ? [finding, 'SDP_PRIVATE_IP'] : [finding]) : [], severity: severity ?? null, is_open: isOpen,
    messages: summary.tables.sip, tables: { sip: summary.tables.sip },
  };
  const facts = {
    call_id: summary.call_id, micros: first.micros, src_ip: first.src_ip, dst_ip: first.dst_ip, from_user: first.from_user, to_user: first.to_user, label: 'INVITE', status: summary.status, state: summary.state, is_open: isOpen,
    pdd, ruri_user: first.to_user, user_agent: first.detail.user_agent ?? PHONE_AGENT, cause: summary.status === 503 ? 34 : null, finding: finding ?? null, severity: severity ?? null, detail: {},
    fate: isOver || summary.state === 'answered' ? 'known' : isOpen ? 'open' : 'known', talk: summary.talk_ms, repeats, messages: row.messages,
  };
  return { row, facts };
}

export function rowOfRegistration(records) {
  const first = records[0];
  const last = records.findLast((record) => record.status >= 200) ?? first;
  const asked = records.findLast((record) => record.status === null);
  const { src_ip, src_port, dst_ip, dst_port, from_user } = first;
  const refused = last.status === 403;
  const row = {
    call_id: first.call_id, at: first.ts, user: from_user, host: 'voip.example.net', contact: `sip:${from_user}@${src_ip}:${src_port}`, src: `${src_ip}:${src_port}`, dst: `${dst_ip}:${dst_port}`, user_agent: first.detail.user_agent ?? PHONE_AGENT,
    state: refused ? 'failed' : 'done', status: last.status, expires_seconds: refused ? null : 600, register_delay_ms: refused ? null : Math.floor((last.micros - asked.micros) / 1000), challenges: 1, messages: records.length,
    findings: refused ? ['FORBIDDEN_403'] : [], severity: refused ? 'warning' : null, is_open: false,
  };
  const facts = { call_id: row.call_id, micros: first.micros, src_ip, dst_ip, to_user: from_user, from_user, label: 'REGISTER', status: row.status, state: row.state, expires: row.expires_seconds, user_agent: row.user_agent, detail: {}, delay: refused ? null : last.micros - asked.micros };
  return { row, facts };
}

const quantile = (sorted, part) => (sorted.length === 0 ? null : sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] / 1000);
function quantiles(micros) {
  const sorted = micros.filter((one) => one !== null).sort((a, b) => a - b);
  return { p50_ms: quantile(sorted, 0.5), p95_ms: quantile(sorted, 0.95), p99_ms: quantile(sorted, 0.99) };
}
const percent = (part, whole) => (whole === 0 ? null : (100 * part) / whole);

function figures(calls, talkingMicros, seconds) {
  const known = calls.filter((call) => call.fate === 'known');
  const answered = known.filter((call) => call.state === 'answered' || call.state === 'ended');
  const delivered = known.filter((call) => call.state === 'cancelled' || [480, 486, 600, 603].includes(call.status));
  const talks = answered.map((call) => call.talk).filter((talk) => talk !== null);
  return {
    attempts: known.length, open: calls.length - known.length, answered: answered.length, cps: calls.length / seconds, concurrent: talkingMicros / 1e6 / seconds,
    asr: percent(answered.length, known.length), ner: percent(answered.length + delivered.length, known.length), acd_seconds: talks.length === 0 ? null : talks.reduce((a, b) => a + b, 0) / talks.length / 1000,
    ser: percent(answered.length, known.length), seer: null, isa: null, scr: percent(talks.length, answered.length), short_ratio: percent(talks.filter((talk) => talk < 10_000).length, talks.length), abandoned_ratio: percent(known.filter((call) => call.state === 'cancelled').length, known.length),
    retransmission_ratio: percent(calls.reduce((all, call) => all + call.repeats, 0), calls.reduce((all, call) => all + call.messages, 0)),
    pdd: quantiles(known.filter((call) => call.state !== 'failed').map((call) => call.pdd)),
  };
}

function talking(calls, from, to) {
  return calls.reduce((all, call) => {
    if (call.state !== 'answered' && call.state !== 'ended') return all;
    const begin = call.micros + 2e6;
    return all + Math.max(0, Math.min(to, call.talk === null ? to : begin + call.talk * 1000) - Math.max(from, begin));
  }, 0);
}

const UNITS = { s: 1e6, m: 60e6, h: 3600e6, d: 86_400e6 };
function grid(params, fromMicros, toMicros) {
  const parts = /^(\d+)([smhd])$/.exec(params.get('every') || '1m');
  const every = Number(parts[1]) * UNITS[parts[2]];
  const from = Math.floor(fromMicros / every) * every;
  return { from, every, points: Math.floor((Math.min(toMicros, Date.now() * 1000) - from) / every) + 1 };
}
const iso = (micros) => new Date(micros / 1000).toISOString().replace('Z', '000Z');

function series(calls, { from, every, points }) {
  const by = Array.from({ length: points }, () => []);
  for (const call of calls) by[Math.floor((call.micros - from) / every)]?.push(call);
  return {
    total: figures(calls, talking(calls, from, from + points * every), (points * every) / 1e6),
    points: by.map((some, index) => figures(some, talking(calls, from + index * every, from + (index + 1) * every), every / 1e6)),
  };
}

const KEYS = {
  src: (call) => call.src_ip, dst: (call) => call.dst_ip, trunk: (call) => `${call.src_ip} > ${call.dst_ip}`, prefix: (call) => /^\+\d{4}/.exec(call.ruri_user ?? '')?.[0] ?? null,
  user_agent: (call) => call.user_agent?.replace(/[ /][\d(].*$/, '') ?? null, answered_by: () => null, from_host: () => 'voip.example.net', ruri_host: () => 'voip.example.net', status: (call) => (call.status === null ? null : String(call.status)),
};

export function kpi(calls, params, fromMicros, toMicros) {
  const points = grid(params, fromMicros, toMicros);
  const groups = new Map();
  const keyOf = KEYS[params.get('by')];
  if (keyOf) for (const call of calls) groups.set(keyOf(call), [...(groups.get(keyOf(call)) ?? []), call]);
  const largest = [...groups].sort((a, b) => b[1].length - a[1].length);
  const others = largest.splice(50).flatMap(([, some]) => some);
  if (others.length > 0) largest.push(['other', others]);
  return { from: iso(points.from), every_seconds: points.every / 1e6, all: series(calls, points), groups: largest.map(([key, some]) => ({ key, ...series(some, points) })), partial: null, elapsed_ms: 9 };
}

export function registrationKpi(registrations, params, fromMicros, toMicros) {
  const { from, every, points } = grid(params, fromMicros, toMicros);
  const tell = (some) => ({ attempts: some.length, succeeded: some.filter((one) => one.state === 'done').length, open: 0, ira: percent(some.filter((one) => one.state === 'failed').length, some.length), delay: quantiles(some.map((one) => one.delay)) });
  const by = Array.from({ length: points }, () => []);
  for (const one of registrations) by[Math.floor((one.micros - from) / every)]?.push(one);
  return { from: iso(from), every_seconds: every / 1e6, total: tell(registrations), points: by.map(tell), partial: null, elapsed_ms: 4 };
}

const TREND = 24;
export function signatures(calls, fromMicros, toMicros) {
  const length = Math.min(toMicros, Date.now() * 1000) - fromMicros;
  const found = new Map();
  for (const call of calls.filter((one) => one.state === 'failed' || one.severity === 'error' || one.severity === 'warning').toSorted((a, b) => b.micros - a.micros)) {
    const { src_ip, dst_ip, status, cause, finding } = call;
    const key = [src_ip, dst_ip, status, finding].join();
    const seen = found.get(key) ?? { src_ip, sources: 1, dst_ip, status, cause, finding, calls: 0, first: null, last: iso(call.micros), trend: Array(TREND).fill(0), is_new: status === 404, is_back: status === 408, before: status === 408 ? iso(fromMicros - 3 * 86_400e6) : null, examples: [] };
    found.set(key, seen);
    seen.calls += 1;
    seen.first = iso(call.micros);
    seen.trend[Math.min(TREND - 1, Math.floor(((call.micros - fromMicros) / length) * TREND))] += 1;
    if (seen.examples.length < 3) seen.examples.push(call.call_id);
  }
  const weight = (one) => one.is_new * 1e9 + one.is_back * 1e6 + one.calls;
  return { signatures: [...found.values()].sort((a, b) => weight(b) - weight(a)), partial: null, elapsed_ms: 6 };
}
