// The HTTP API, played from memory: for looking at screens without a server. Never part of the product.

import { boardRoutes, counts, differences } from './boards.mjs';
import { CALL_FIELDS, kpi, REGISTRATION_FIELDS, registrationKpi, rowOfCall, rowOfRegistration, signatures } from './rows.mjs';
import { sql } from './sql.mjs';
import { storage } from './storage.mjs';
import { traffic } from './traffic.mjs';

const USER = 'admin';
const PASSWORD = 'rhapsode';

const FLAGS = [
  { name: 'bad_time', doc: 'The time of the packet is before 2000 or more than a day ahead: arrival time is used, the original kept in extra' },
  { name: 'truncated', doc: 'The payload is shorter than its headers promise' },
  { name: 'odd_chunk', doc: 'A chunk has a length its type does not allow' },
];
const CORRECTIONS = [
  { name: 'shifted_capture_id', senders: 'sngrep, sipgrep, hep-c, RTPProxy', doc: 'the capture id came shifted left by 16 bits; the column has it shifted back, extra as it was sent', is_default: true },
  { name: 'milliseconds', senders: 'hepipe.js and senders built on early hep-js', doc: 'the field for microseconds held milliseconds; the time is corrected, extra has the number as it was sent', is_default: false },
];
FLAGS.push(...CORRECTIONS.map(({ name, doc }) => ({ name, doc })));
const FIELDS = {
  sip: [['method', 'text', 'Request method, or that of CSeq (RFC 3261 7.1)'], ['status', 'int16', 'Status code of a response (RFC 3261 7.2)'], ['from_user', 'text', 'User part of From (RFC 3261 8.1.1.3)'], ['to_user', 'text', 'User part of To (RFC 3261 8.1.1.2)'], ['user_agent', 'text', 'User-Agent, else Server']],
  rtcp: [['fraction_lost', 'float', 'Loss since the last report, percent (RFC 3550 6.4.1)'], ['jitter', 'int64', 'Interarrival jitter in timestamp units (RFC 3550 6.4.1)']],
  log: [['level', 'text', 'Severity as sent'], ['text', 'text', 'The line']],
  other: [],
};
const DERIVED = { calls: CALL_FIELDS, registrations: REGISTRATION_FIELDS };
const COMMON = [['call_id', 'text', 'What joins records to a call'], ['src_ip', 'ip', 'Source address of the captured traffic'], ['dst_ip', 'ip', 'Destination address of the captured traffic'], ['transport', 'text', 'Transport of the captured traffic'], ['node', 'text', 'Capture node name'], ['size', 'int32', 'Bytes of payload']];

class Refused extends Error {
  constructor(status, code, message, more = {}) {
    super(message);
    this.status = status;
    this.body = { error: { code, message, ...more } };
  }
}

const ALERTS = [{ id: 'a1', rule: 'sender_silent', state: 'firing', severity: 'critical', summary: 'A sender is silent', note: null, labels: { sender: '192.0.2.10', node: 'sbc-1' }, value: 742, usual: null, condition: 'above 600', pending_since: new Date(Date.now() - 36e5).toISOString(), firing_since: new Date(Date.now() - 36e5).toISOString(), evidence: { path: '/#/senders' }, silenced_until: null }];

export function mockApi({ empty = false } = {}) {
  const records = empty ? [] : traffic();
  const byId = new Map(records.map((record) => [record.id, record]));
  const byCall = new Map();
  for (const record of records) {
    if (record.call_id === null) continue;
    const call = byCall.get(record.call_id);
    if (call) call.push(record);
    else byCall.set(record.call_id, [record]);
  }
  const started = Date.now();
  const ofMethod = (method) => [...byCall.values()].filter((all) => all.find((record) => record.table === 'sip')?.method === method);
  const callRows = ofMethod('INVITE').map((all) => rowOfCall(callRow(all), all));
  const registrationRows = ofMethod('REGISTER').map(rowOfRegistration);
  const facts = (rows, params, table) => rowsThatFit(rows, params, table).map((one) => one.facts);

  let tokens = [];
  let aliases = [];
  let shares = [];
  const secretOf = (share) => `rhapsode_mock-secret-of-link-number-${share.id}`;
  let users = [{ name: USER, role: 'admin', scope: null, created: new Date().toISOString(), last_seen: new Date().toISOString() }];
  const iso = (ago = 0) => new Date(Date.now() - ago).toISOString();
  const nextId = (rows) => Math.max(0, ...rows.map((one) => one.id)) + 1;
  const routes = [
    ['POST', /^sql$/, (_, __, body) => sql(body.sql, records, { calls: callRows.map((one) => one.row), registrations: registrationRows.map((one) => one.row) }, Refused)],
    ['GET', /^storage$/, () => storage(empty)],
    ['GET', /^tokens$/, () => ({ tokens })],
    ['POST', /^tokens$/, (_, __, body) => {
      const made = { id: nextId(tokens), user: USER, name: body.name, role: body.role ?? null, scope: body.scope ?? null, addresses: body.addresses ?? [], created: iso(), expires: iso(-864e5 * (body.expires_days ?? 365)), last_used: null };
      tokens = [...tokens, made];
      return { ...made, token: 'rhap_mockmockmockmockmockmockmockmock' };
    }],
    ['GET', /^shares$/, (_, params) => ({ shares: shares.filter((one) => Date.parse(one.expires) > Date.now() && (!params.get('call_id') || one.call_id === params.get('call_id'))) })],
    ['POST', /^shares$/, (_, __, body) => {
      if (!byCall.has(body.call_id)) throw new Refused(404, 'not_found', `no records of call \`${body.call_id}\``);
      const made = { id: nextId(shares), user: USER, call_id: body.call_id, redacted: body.redacted ?? true, note: body.note ?? '', created: iso(), expires: iso(-36e5 * (body.hours ?? 24)), opened: 0, last_opened: null };
      shares = [made, ...shares];
      return { ...made, secret: secretOf(made) };
    }],
    ['DELETE', /^shares\/(\d+)$/, ([, id]) => {
      shares = shares.filter((one) => one.id !== Number(id));
      return {};
    }],
    ['DELETE', /^tokens\/(\d+)$/, ([, id]) => {
      if (!tokens.some((one) => one.id === Number(id))) throw new Refused(404, 'not_found', `no token ${id}`);
      tokens = tokens.filter((one) => one.id !== Number(id));
      return {};
    }],
    ['GET', /^alerts$/, () => ({ alerts: ALERTS, silences: [], rules: [{ name: 'sender_silent', summary: 'A sender is silent', figure: 'sender.silent', query: null, by: 'sender', condition: 'above 600', severity: 'critical', every_seconds: 15, for_seconds: 0, error: null, last: iso(4e3), last_ms: 2 }], notifiers: [] })],
    ['GET', /^alerts\/history$/, () => ({ changes: [{ at: iso(36e5), what: 'firing', why: null, told: true, alert: ALERTS[0] }] })],
    ['POST', /^alerts\/[^/]+\/silence$/, () => ({})],
    ['GET', /^facets$/, () => ({
      of: 'calls', rows: 119, partial: null, elapsed_ms: 3,
      facets: [
        { field: 'status', doc: 'The status code that decided it', others: 0, none: 4, values: [['200', 90], ['486', 17], ['404', 8]].map(([value, number]) => ({ value, alias: null, count: number, only: `status = ${value}`, without: `not status = ${value}` })) },
        { field: 'src_ip', doc: 'Source address', others: 3, none: 0, values: [{ value: '192.0.2.7', alias: 'carrier-a', count: 116, only: 'src_ip = 192.0.2.7', without: 'not src_ip = 192.0.2.7' }] },
      ],
    })],
    ['GET', /^users$/, () => ({ users })],
    ['POST', /^users$/, (_, __, body) => {
      if (users.some((one) => one.name === body.name)) throw new Refused(409, 'conflict', `there is a user \`${body.name}\``);
      users = [...users, { name: body.name, role: body.role, scope: body.scope ?? null, created: iso(), last_seen: null }];
      return { name: body.name, role: body.role, password: 'mock-mock-mock-mock' };
    }],
    ['PATCH', /^users\/(.+)$/, ([, name], __, body) => {
      users = users.map((one) => (one.name === name ? { ...one, ...body } : one));
      return {};
    }],
    ['DELETE', /^users\/(.+)$/, ([, name]) => {
      if (name === USER) throw new Refused(409, 'conflict', 'the last admin cannot be removed');
      users = users.filter((one) => one.name !== name);
      return {};
    }],
    ['GET', /^aliases$/, () => ({ aliases })],
    ['POST', /^aliases$/, (_, __, body) => {
      const made = { id: nextId(aliases), name: body.name, match: body.match, capture_id: body.capture_id, created: iso() };
      aliases = [...aliases, made];
      return made;
    }],
    ['DELETE', /^aliases\/(\d+)$/, ([, id]) => {
      aliases = aliases.filter((one) => one.id !== Number(id));
      return {};
    }],
    ['GET', /^audit$/, () => ({
      entries: [
        { id: 3, at: iso(4e3), user: USER, kind: 'session', token: null, address: '127.0.0.1', action: 'calls', what: 'calls?q=from = 4930*&from=-1h', status: 200, rows: 117, elapsed_ms: 12 },
        { id: 2, at: iso(9e3), user: USER, kind: 'api', token: 'grafana', address: '10.1.0.7', action: 'export', what: 'export?format=pcap&call_id=a@b', status: 403, rows: null, elapsed_ms: 0 },
        { id: 1, at: iso(12e3), user: null, kind: null, token: null, address: '203.0.113.9', action: 'login', what: 'login', status: 401, rows: null, elapsed_ms: 61 },
      ],
      next: null,
    })],
    ['POST', /^login$/, (_, __, body) => {
      if (body.user !== USER || body.password !== PASSWORD) throw new Refused(401, 'login_failed', 'wrong user or password');
      return { token: 'mock', user: USER, role: 'admin', cookie: 'rhapsode_session=mock; HttpOnly; SameSite=Strict; Path=/' };
    }],
    ['POST', /^logout$/, () => ({ cookie: 'rhapsode_session=; Max-Age=0; Path=/' })],
    ['GET', /^me$/, () => ({ user: USER, role: 'admin', scope: null, permissions: ['own', 'search', 'boards', 'export', 'share', 'sql', 'server', 'silence', 'aliases', 'users', 'audit'] })],
    ['GET', /^catalogue$/, () => ({
      tables: Object.entries({ ...FIELDS, ...DERIVED }).map(([name, fields]) => ({ name, doc: name, fields: [...COMMON, ...fields].map(([field, kind, doc]) => ({ name: field, kind, unit: ['pdd', 'talk', 'register_delay'].includes(field) ? 'us' : null, facet: false, indexed: false, doc })) })),
      flags: FLAGS,
      corrections: CORRECTIONS,
    })],
    ['GET', /^status$/, () => status(records, started, empty)],
    ['GET', /^senders$/, () => senders(empty)],
    ['GET', /^calls$/, (_, params) => page(isAboutMessages(params) ? rowsOf(byCall, params) : rowsThatFit(callRows, params, 'calls').map((one) => one.row), params, 'calls', (call) => call.call_id)],
    ['GET', /^registrations$/, (_, params) => page(rowsThatFit(registrationRows, params, 'registrations').map((one) => one.row), params, 'registrations', (one) => one.call_id)],
    ['GET', /^kpi$/, (_, params) => kpi(facts(callRows, params, 'calls'), params, ...window(params))],
    ['GET', /^kpi\/registrations$/, (_, params) => registrationKpi(facts(registrationRows, params, 'registrations'), params, ...window(params))],
    ['GET', /^counts$/, (_, params) => {
      const rows = { calls: callRows, registrations: registrationRows }[params.get('table')];
      return counts(rows ? params.get('table') : 'messages', rows ? facts(rows, params, params.get('table')) : filtered(records, params), params, ...window(params));
    }],
    ['GET', /^differences$/, (_, params) => {
      const rows = { calls: callRows, registrations: registrationRows }[params.get('table')];
      return differences(params.get('table') ?? 'messages', rows ? facts(rows, params, params.get('table')) : filtered(records, params), params);
    }],
    ...boardRoutes(USER, Refused),
    ['GET', /^signatures$/, (_, params) => signatures(facts(callRows, params, 'calls'), ...window(params))],
    ['GET', /^messages$/, (_, params) => page(filtered(records, params).toReversed().map(summary), params, 'messages', (message) => message.id)],
    ['GET', /^messages\/(.+)$/, ([, id]) => {
      const record = byId.get(decodeURIComponent(id));
      if (!record) throw new Refused(404, 'not_found', `no message ${id}`);
      return whole(record);
    }],
    ['GET', /^call\/(.+)$/, ([, id]) => callPage(byCall.get(decodeURIComponent(id)), decodeURIComponent(id))],
    ['GET', /^complete$/, (_, params) => complete(params.get('q') ?? '', Number(params.get('at')))],
    ['GET', /^export$/, () => ({ exported: true })],
  ];

  /** What a link shows; redaction is the server's, here numbers alone lose their digits. */
  function followed(path, secret) {
    const share = shares.find((one) => secret === secretOf(one));
    if (!share) throw new Refused(401, 'unauthorized', 'this link opens nothing');
    const all = byCall.get(share.call_id);
    const told = (value) => (share.redacted ? JSON.parse(JSON.stringify(value).replaceAll(/(?<=sip:)\+?\d{6,}(?=@)/g, (number) => number.replace(/\d/g, '0'))) : value);
    if (path === 'shared/export') return { exported: true };
    if (path === 'shared') {
      shares = shares.map((one) => (one === share ? { ...one, opened: one.opened + 1, last_opened: iso() } : one));
      return { shared_by: share.user, expires: share.expires, redacted: share.redacted, note: share.note, call: told(callPage(all, share.call_id)) };
    }
    const record = all.find((one) => path === `shared/messages/${one.id}`);
    if (!record) throw new Refused(404, 'not_found', 'no such message in this call');
    return told(whole(record));
  }

  return function answer(method, path, params, body, cookie, secret) {
    try {
      if (/^shared\b/.test(path)) return { status: 200, body: followed(path, secret) };
      const found = routes.find(([verb, pattern]) => verb === method && pattern.test(path));
      if (!found) throw new Refused(404, 'not_found', `no route ${path}`);
      if (path !== 'login' && !/rhapsode_session=mock/.test(cookie ?? '')) throw new Refused(401, 'unauthorized', 'log in first');
      return { status: 200, body: found[2](found[1].exec(path), params, body) };
    } catch (failure) {
      if (failure instanceof Refused) return { status: failure.status, body: failure.body };
      throw failure;
    }
  };
}

function moment(text, otherwise) {
  const relative = /^-(\d+)([smhd])$/.exec(text ?? '');
  if (relative) return Date.now() - Number(relative[1]) * { s: 1e3, m: 6e4, h: 36e5, d: 864e5 }[relative[2]];
  return text ? Date.parse(text) : otherwise;
}

/** Enough of the language to try the screens: `field = value`, `>=`, `in a..b`, `not exists field`, `and`, bare words. */
function predicate(query) {
  if (query.trim() === '') return () => true;
  const known = [...COMMON.map(([name]) => name), 'call.status', ...Object.entries({ ...FIELDS, ...DERIVED }).flatMap(([table, fields]) => fields.flatMap(([name]) => [name, `${table}.${name}`]))];
  const tests = query.replace(/[()]/g, '').split(/\s+and\s+/i).map((part) => {
    const missing = /^\s*not exists (?:\w+\.)?(\w+)\s*$/.exec(part);
    if (missing) return (record) => (record[missing[1]] ?? null) === null;
    const parts = /^\s*([\w.]+)\s*(=|!=|>=|<=|>|<|\bin\b)\s*(.+?)\s*$/.exec(part);
    if (!parts) {
      const word = part.trim().replaceAll('"', '').replaceAll('*', '').toLowerCase();
      return (record) => [record.call_id, record.from_user, record.to_user, record.src_ip, record.dst_ip, record.label].some((value) => value?.toLowerCase().includes(word));
    }
    const [, field, operator, rawValue] = parts;
    if (!known.includes(field)) {
      const shared = (name) => [...name].filter((letter) => field.includes(letter)).length - Math.abs(name.length - field.length);
      const near = known.toSorted((a, b) => shared(b) - shared(a))[0];
      throw new Refused(400, 'bad_query', `there is no field ${field}`, { column: [...query.slice(0, query.indexOf(field))].length + 1, ...(near ? { suggestion: near } : {}) });
    }
    const name = field.split('.').at(-1);
    const value = rawValue.replaceAll('"', '');
    return (record) => {
      const actual = record[name] ?? record.detail[name];
      if (actual === null || actual === undefined) return false;
      if (operator === 'in') {
        const [low, high] = value.split('..').map(Number);
        return actual >= low && actual <= high;
      }
      if (value.endsWith('*')) return String(actual).startsWith(value.slice(0, -1));
      return { '=': String(actual) === value, '!=': String(actual) !== value, '>': actual > Number(value), '<': actual < Number(value), '>=': actual >= Number(value), '<=': actual <= Number(value) }[operator];
    };
  });
  return (record) => tests.every((test) => test(record));
}

function window(params) {
  return [moment(params.get('from'), Date.now() - 36e5) * 1000, moment(params.get('to'), Date.now() + 1000) * 1000];
}

function filtered(records, params) {
  const [from, to] = window(params);
  const matches = predicate(params.get('q') ?? '');
  return records.filter((record) => record.micros >= from && record.micros <= to && matches(record));
}

const isAboutMessages = (params) => /\b(?:sip|rtcp|log|other)\.|^"|\bmethod\b/.test(params.get('q') ?? '');

/** Of rows of calls or of registrations, the latest first. */
function rowsThatFit(rows, params, table) {
  const query = params.get('q') ?? '';
  const matches = predicate(query);
  const has = [...COMMON, ...DERIVED[table], ['from_user'], ['to_user']].map(([name]) => name);
  for (const [, field] of query.matchAll(/([\w.]+)\s*(?:=|!=|>|<|\bin\b)/g)) {
    if (!has.includes(field.replace(/^calls?\./, ''))) throw new Refused(400, 'bad_request', `${table} have no \`${field}\``);
  }
  const [from, to] = window(params);
  return rows.filter(({ facts }) => facts.micros >= from && facts.micros <= to && matches(facts)).sort((a, b) => b.facts.micros - a.facts.micros);
}

function rowsOf(byCall, params) {
  const ids = new Set(filtered([...byCall.values()].flat(), params).map((record) => record.call_id));
  return [...ids].map((id) => callRow(byCall.get(id))).sort((a, b) => (a.first < b.first ? 1 : -1));
}

function callRow(records) {
  const sip = records.filter((record) => record.table === 'sip');
  const first = sip[0] ?? records[0];
  const finals = sip.filter((record) => record.status >= 200 && record.cseq_method === first.method && record.status !== 401 && record.status !== 407);
  const status = finals.findLast((record) => record.src_ip === first.dst_ip)?.status ?? finals.at(-1)?.status ?? null;
  const answeredAt = finals.find((record) => record.status < 300)?.micros;
  const bye = sip.find((record) => record.method === 'BYE')?.micros;
  let state = sip.some((record) => record.status > 100) ? 'ringing' : 'calling';
  if (status === 487) state = 'cancelled';
  else if (status >= 300) state = 'failed';
  else if (first.method !== 'INVITE') state = status ? 'done' : 'pending';
  else if (bye) state = 'ended';
  else if (status) state = 'answered';
  const tables = {};
  for (const record of records) tables[record.table] = (tables[record.table] ?? 0) + 1;
  return {
    call_id: first.call_id, first: records[0].ts, last: records.at(-1).ts, duration_ms: Math.round((records.at(-1).micros - records[0].micros) / 1000), setup_ms: answeredAt && first.method === 'INVITE' ? Math.round((answeredAt - first.micros) / 1000) : null, talk_ms: answeredAt && bye ? Math.round((bye - answeredAt) / 1000) : null, method: first.method,
    from_user: first.from_user, to_user: first.to_user, src: endpoint(first.src_ip, first.src_port), dst: endpoint(first.dst_ip, first.dst_port), status, state, messages: records.filter((record) => !record.witness_of).length, witnesses: records.filter((record) => record.witness_of).length, tables, cursor: first.id,
  };
}

const endpoint = (ip, port) => (ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`);

function page(rows, params, name, cursorOf) {
  const limit = Number(params.get('limit') ?? 100);
  const before = params.get('before');
  const start = before ? rows.findIndex((row) => cursorOf(row) === before) + 1 : 0;
  const part = rows.slice(start, start + limit);
  const more = start + limit < rows.length;
  return { [name]: part, partial: /partial/.test(params.get('q') ?? '') ? { reason: 'the query ran out of its 10 s' } : null, elapsed_ms: 12 + rows.length / 400, next: more ? cursorOf(part.at(-1)) : null };
}

function summary({ micros: _, bytes: __, problems: ___, extra: ____, ...rest }) {
  return rest;
}

function whole(record) {
  const text = record.bytes.toString('utf8');
  const readable = !text.includes('\ufffd');
  const headers = [];
  if (record.table === 'sip') {
    for (const match of text.split('\r\n\r\n')[0].matchAll(/\r\n([A-Za-z-]+)(:\s*)((?:[^\r]|\r\n[ \t])*)/g)) {
      const start = Buffer.byteLength(text.slice(0, match.index + 2));
      const valueStart = start + Buffer.byteLength(match[1] + match[2]);
      headers.push({ name: [start, start + match[1].length], value: [valueStart, valueStart + Buffer.byteLength(match[3])] });
    }
  }
  return { ...summary(record), raw: record.bytes.toString('base64'), text: readable ? text : null, headers, sdp: null, problems: record.problems, extra: record.extra };
}

/** Some of what the server says of such calls. */
function findings(records) {
  const found = [];
  const rest = { call_id: records[0].call_id, ruled_out: [], confidence: 'high' };
  const unknown = records.find((record) => record.cseq_method === 'INVITE' && record.status === 404);
  const invite = records.find((record) => record.method === 'INVITE' && record.status === null);
  if (unknown && invite) {
    found.push({
      ...rest, id: 'NO_ROUTE_404', severity: 'error', proof: [invite.id, unknown.id],
      text: `${unknown.src_ip}:5060 does not know ${invite.to_user}: ${unknown.label}`, blame: { kind: 'unknown', host: null, from: null, text: 'unknown' },
      next: `is ${invite.to_user} right as ${unknown.src_ip}:5060 was asked for it (prefix, +, leading zeros), and is it provisioned there?`,
    });
  }
  const bye = records.find((record) => record.method === 'BYE' && record.status === null);
  if (bye) {
    found.push({
      ...rest, id: 'WHO_HUNG_UP', severity: 'info', text: 'the caller hung up', proof: [bye.id],
      blame: { kind: 'caller', host: null, from: null, text: 'caller' }, next: 'nothing, unless they say that they did not',
    });
  }
  return found;
}

/** The reports of each end, as streams of what it received. */
function streams(records) {
  const ends = new Map();
  for (const record of records.filter((record) => record.table === 'rtcp')) {
    const end = `${record.src_ip}:${record.src_port}`;
    ends.set(end, [...(ends.get(end) ?? []), record]);
  }
  return [...ends].map(([end, reports], index) => {
    const points = reports.map((record) => {
      const loss = record.detail.fraction_lost;
      // G.711 with concealment (docs/quality.md).
      const r = 93.2 - (95 * loss) / (loss + 25.1);
      const mos = Math.max(1, 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6);
      return { at: new Date(record.micros / 1000).toISOString(), message: record.id, loss_percent: loss, jitter_ms: record.detail.jitter / 8, round_trip_ms: null, mos };
    });
    const mean = (field) => points.reduce((sum, point) => sum + point[field], 0) / points.length;
    const last = reports.at(-1);
    return {
      ssrc: 1000 + index, src: `${last.dst_ip}:${last.dst_port}`, dst: end, media: 'audio', codec: { name: 'PCMA', clock_rate: 8000, source: 'agreed' },
      packets_sent: null, packets_received: null, packets_expected: last.detail.packets, packets_lost: last.detail.packets_lost, loss_percent: mean('loss_percent'), discard_percent: null, burst_ratio: null,
      jitter_p95_ms: Math.max(...points.map((point) => point.jitter_ms)), jitter_max_ms: Math.max(...points.map((point) => point.jitter_ms)), round_trip_p50_ms: null, round_trip_max_ms: null,
      scores: [{
        kind: 'listening', band: 'narrow', source: 'from_rtcp', mos_mean: mean('mos'), mos_min: Math.min(...points.map((point) => point.mos)), r_mean: null, count: points.length, estimated: false, reporter: 0,
        label: 'LQ, narrowband, computed from RTCP',
      }],
      reporters: [], speaker: 0, problems: [], reports: reports.length, copies: 0, points,
    };
  });
}

function callPage(records, id) {
  if (!records) throw new Refused(404, 'not_found', `no call ${id}`);
  const row = callRow(records);
  const names = { '198.51.100.5': 'edge-fra-1', '10.20.0.31': 'pbx-1' };
  const hosts = [...new Set(records.flatMap((record) => [record.src_ip, record.dst_ip]))].map((ip) => ({ id: ip, label: names[ip] ?? ip }));
  return {
    call_id: id, hosts, partial: null, findings: findings(records), streams: streams(records), legs: [],
    messages: records.map((record, index) => ({ ...summary(record), delta_ms: index === 0 ? 0 : (record.micros - records[index - 1].micros) / 1000 })),
    summary: row,
  };
}

function complete(query, at) {
  const before = query.slice(0, at);
  const word = /[\w.]*$/.exec(before)[0];
  const from = at - word.length;
  if (/[=<>]\s*$/.test(before.slice(0, from))) {
    const values = /method/.test(before) ? ['INVITE', 'REGISTER', 'OPTIONS', 'BYE'] : /status/.test(before) ? ['200', '401', '404', '486', '503'] : [];
    return { from, options: values.filter((value) => value.toLowerCase().startsWith(word.toLowerCase())).map((text) => ({ text, doc: null })) };
  }
  const fields = [...COMMON.map(([name, , doc]) => ({ text: name, doc })), ...Object.entries(FIELDS).flatMap(([table, list]) => list.map(([name, , doc]) => ({ text: `${table}.${name}`, doc })))];
  return { from, options: word === '' ? [] : fields.filter((field) => field.text.includes(word)) };
}

function status(records, started, empty) {
  const received = empty ? 0 : 48_211_903 + Math.floor((Date.now() - started) * 1.9);
  const counters = (share, refused, dropped) => {
    const all = Math.floor(received * share);
    const out = Object.values(refused).reduce((a, b) => a + b, 0) + Object.values(dropped).reduce((a, b) => a + b, 0);
    const pending = empty ? 0 : 180;
    return { received: all, stored: all - out - pending, refused, dropped, duplicates: 0, pending, bytes: all * 702 };
  };
  const listeners = [
    { name: 'udp', address: '0.0.0.0:9060', ...counters(0.9, empty ? {} : { not_hep: 41, bad_length: 7 }, {}) },
    { name: 'tcp', address: '0.0.0.0:9060', ...counters(0.09, empty ? {} : { unframeable: 3 }, {}) },
    { name: 'http', address: '0.0.0.0:9080', ...counters(0.01, {}, {}) },
  ];
  const sumOf = (name) => listeners.reduce((total, one) => total + one[name], 0);
  const total = { received: sumOf('received'), stored: sumOf('stored'), refused: Object.assign({}, ...listeners.map((one) => one.refused)), dropped: {}, duplicates: 0, pending: sumOf('pending'), bytes: sumOf('bytes') };
  const iso = (milliseconds) => new Date(milliseconds).toISOString();
  return {
    version: '0.1.0', started: iso(started), now: iso(Date.now()), uptime_seconds: (Date.now() - started) / 1000 + 93_784, listeners, total,
    store: {
      hot_rows: empty ? 0 : 40_112, hot_bytes: empty ? 0 : 31_400_000, lake_bytes: empty ? 0 : 6_310_442_000, lake_files: empty ? 0 : 214, lake_rows: empty ? 0 : received - 40_112, log_bytes: empty ? 4096 : 22_804_000,
      oldest: empty ? null : iso(Date.now() - 26 * 36e5), newest: empty ? null : iso(Date.now() - 400),
      tables: empty ? [] : [
        { name: 'sip', rows: 41_200_310, bytes: 5_710_000_000, files: 102, retention_days: 30 },
        { name: 'rtcp', rows: 6_400_212, bytes: 540_000_000, files: 61, retention_days: 14 },
        { name: 'log', rows: 601_003, bytes: 59_000_000, files: 40, retention_days: 7 },
        { name: 'other', rows: 300, bytes: 1_442_000, files: 11, retention_days: 7 },
      ],
    },
    alerts: { firing: empty ? [] : ALERTS, silenced: 0, pending: 0 },
    alarms: empty || records.length === 0 ? [] : [{ name: 'receive_buffer_small', since: iso(started - 3.6e6), message: 'the UDP receive buffer is 208 kB; set net.core.rmem_max to 33554432 or bursts will be lost' }],
  };
}

function senders(empty) {
  const iso = (ago) => new Date(Date.now() - ago).toISOString();
  return {
    listening: [{ name: 'udp', address: '0.0.0.0:9060' }, { name: 'tcp', address: '0.0.0.0:9060' }, { name: 'http', address: '0.0.0.0:9080' }],
    senders: empty ? [] : [
      { sender: '10.20.0.11', node: 'edge-fra-1', capture_ids: [2001], hep_versions: [3], listeners: ['udp'], types: { 1: 41_020_000, 100: 601_003 }, packets: 41_621_003, bytes: 29_200_000_000, rate_per_second: 1632.4, first_seen: iso(9e7), last_seen: iso(300), flags: {}, refused: {} },
      { sender: '10.20.0.12', node: 'sniffer', capture_ids: [2002], hep_versions: [3], listeners: ['udp'], types: { 1: 88_020 }, packets: 88_020, bytes: 62_000_000, rate_per_second: 12, first_seen: iso(9e7), last_seen: iso(900), flags: { shifted_capture_id: 88_020, bad_time: 2 }, suspected: ['milliseconds'], duplicates: 1_204, refused: {} },
      { sender: '10.20.0.21', node: 'rtpengine-1', capture_ids: [2002], hep_versions: [3], listeners: ['udp'], types: { 5: 6_400_212 }, packets: 6_400_212, bytes: 3_900_000_000, rate_per_second: 251, first_seen: iso(9e7), last_seen: iso(1100), flags: { odd_chunk: 214 }, refused: {} },
      { sender: '10.20.0.31', node: null, capture_ids: [104], hep_versions: [3], listeners: ['tcp'], types: { 1: 180_310 }, packets: 180_310, bytes: 120_000_000, rate_per_second: 4.25, first_seen: iso(8e7), last_seen: iso(4200), flags: { bad_time: 180_310 }, refused: {} },
      { sender: '2001:db8:1::5060', node: 'sbc-paris', capture_ids: [7], hep_versions: [2], listeners: ['udp'], types: { 1: 9_911 }, packets: 9_911, bytes: 6_000_000, rate_per_second: 0, first_seen: iso(8e7), last_seen: iso(9.4e6), flags: {}, refused: {} },
      { sender: '192.0.2.9', node: null, capture_ids: [], hep_versions: [], listeners: ['udp', 'tcp'], types: {}, packets: 51, bytes: 9_000, rate_per_second: 0.02, first_seen: iso(4e6), last_seen: iso(42_000), flags: {}, refused: { not_hep: 41, bad_length: 7, unframeable: 3 } },
    ].map((sender) => ({ suspected: [], duplicates: 0, ...sender })),
  };
}
