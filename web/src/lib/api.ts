// The one door to the server. The session lives in an HttpOnly cookie: no script here ever holds a token.

import type { Kpi, RegistrationKpi, Signatures } from './kpi-types';
import type { Board, BoardEntry, KeptBoard } from './boards/board';
import type { Differences } from './boards/box';
import type { Counts } from './boards/frame';
import { lineSplitter } from './lines';
import { AnswerReader, type Piece } from './sql/answer';
import type { AlertChange, Alerts, Alias, AuditEntry, Call, Calls, CallPage, Catalogue, Completion, Facets, Me, Message, MessagesEnd, Registrations, Share, SharedCall, ShareRequest, Incomplete, NewToken, Senders, Status, Storage, Summary, Token, TokenRequest, User } from './types';

export class ApiError extends Error {
  constructor(
    readonly httpStatus: number,
    readonly code: string,
    message: string,
    /** Place in the query text, counted in characters from 1. */
    readonly column: number | null = null,
    readonly suggestion: string | null = null,
  ) {
    super(message);
  }
}

type Params = Record<string, string | number | null | undefined>;

/** Called when the server no longer knows us: the session ended or never began. */
let onLoggedOut: () => void = () => {};
export function whenLoggedOut(callback: () => void): void {
  onLoggedOut = callback;
}

/** Relative to the page, so that a path prefix of a reverse proxy does no harm. */
export function address(path: string, params: Params = {}): string {
  const url = new URL(`api/v1/${path}`, document.baseURI);
  url.hash = '';
  for (const [name, value] of Object.entries(params)) {
    if (value !== null && value !== undefined && value !== '') url.searchParams.set(name, String(value));
  }
  return url.toString();
}

async function request(path: string, params: Params, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(address(path, params), { credentials: 'same-origin', ...init });
  } catch (failure) {
    if (init.signal?.aborted) throw failure;
    throw new ApiError(0, 'unreachable', 'The server does not answer. Is it running, and is the network up?');
  }
  if (response.ok) return response;
  const error = await readError(response);
  // A link that opens nothing says nothing of a session.
  if (response.status === 401 && path !== 'login' && !/^shared\b/.test(path)) onLoggedOut();
  throw error;
}

async function ask<T>(path: string, params: Params = {}, init: RequestInit = {}): Promise<T> {
  const response = await request(path, params, init);
  if (response.status === 204) return undefined as T;
  const text = await response.text();
  return (text === '' ? undefined : JSON.parse(text)) as T;
}

/** Hands out the rows of a list as they come, and answers with its last line. */
async function askLines<Row, End>(path: string, params: Params, signal: AbortSignal, found: (rows: Row[]) => void): Promise<End> {
  const response = await request(path, params, { signal, headers: { accept: 'application/x-ndjson' } });
  const split = lineSplitter();
  let last: string | undefined;
  try {
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      const lines = split(piece.value);
      if (lines.length === 0) continue;
      // The last line that has come may be the last of all.
      const rows = last === undefined ? lines : [last, ...lines];
      last = rows.pop();
      if (rows.length > 0) found(rows.map((line) => JSON.parse(line) as Row));
    }
  } catch (failure) {
    if (signal.aborted) throw failure;
    throw new ApiError(0, 'unreachable', 'The connection to the server broke before all of the answer was here.');
  }
  if (last === undefined) throw new ApiError(0, 'unreachable', 'The answer of the server was empty.');
  return JSON.parse(last) as End;
}

const askSql = (sql: string, accept: string, signal: AbortSignal): Promise<Response> =>
  request('sql', {}, { method: 'POST', signal, headers: { 'content-type': 'application/json', accept }, body: JSON.stringify({ sql }) });

/** Hands out rows as they come, and answers with why they are not all. */
async function sqlRows(sql: string, signal: AbortSignal, found: (piece: Piece) => void): Promise<Incomplete | null> {
  const response = await askSql(sql, 'application/json', signal);
  const read = new AnswerReader();
  try {
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) found(read.take(piece.value));
  } catch (failure) {
    if (signal.aborted) throw failure;
  }
  return read.end();
}

const tell = <T>(method: 'POST' | 'PUT' | 'PATCH', path: string, body: object): Promise<T> =>
  ask<T>(path, {}, { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
/** With the secret of a link, and nothing else that this browser may have. */
const bearing = (secret: string, signal?: AbortSignal): RequestInit => ({ headers: { authorization: `Bearer ${secret}` }, credentials: 'omit', signal: signal ?? null });
const remove = (path: string): Promise<void> => ask<void>(path, {}, { method: 'DELETE' });

async function readError(response: Response): Promise<ApiError> {
  try {
    const { error } = await response.json();
    return new ApiError(response.status, error.code, error.message, error.column ?? null, error.suggestion ?? null);
  } catch {
    return new ApiError(response.status, 'http', `The server answered ${response.status} ${response.statusText}`.trim());
  }
}

export type ExportFormat = 'pcap' | 'text' | 'json' | 'hepjs';

export interface ListRequest {
  q: string;
  from: string;
  to: string;
  limit: number;
  before: string | null;
}

export interface KpiRequest {
  q: string;
  from: string;
  to: string;
  /** Length of a point: `30s`. */
  every: string;
  by?: string;
}

export const api = {
  /** What the session may is told by `me`. */
  login: (user: string, password: string) => tell<unknown>('POST', 'login', { user, password }),
  logout: () => ask<void>('logout', {}, { method: 'POST' }),
  me: () => ask<Me>('me'),
  status: (signal?: AbortSignal) => ask<Status>('status', {}, { signal: signal ?? null }),
  senders: (signal?: AbortSignal) => ask<Senders>('senders', {}, { signal: signal ?? null }),
  catalogue: () => ask<Catalogue>('catalogue'),
  calls: (request: ListRequest, signal: AbortSignal) => ask<Calls>('calls', { ...request }, { signal }),
  messages: (request: ListRequest, signal: AbortSignal, found: (rows: Summary[]) => void) =>
    askLines<Summary, MessagesEnd>('messages', { ...request }, signal, found),
  registrations: (request: ListRequest, signal: AbortSignal) => ask<Registrations>('registrations', { ...request }, { signal }),
  kpi: (request: KpiRequest, signal: AbortSignal) => ask<Kpi>('kpi', { ...request }, { signal }),
  registrationKpi: (request: KpiRequest, signal: AbortSignal) => ask<RegistrationKpi>('kpi/registrations', { ...request }, { signal }),
  signatures: (request: Pick<ListRequest, 'q' | 'from' | 'to' | 'limit'>, signal: AbortSignal) => ask<Signatures>('signatures', { ...request }, { signal }),
  call: (callId: string, signal?: AbortSignal, legs = true) => ask<CallPage>(`call/${encodeURIComponent(callId)}`, { legs: legs ? null : 'off' }, { signal: signal ?? null }),
  message: (id: string, signal?: AbortSignal) => ask<Message>(`messages/${encodeURIComponent(id)}`, {}, { signal: signal ?? null }),
  facets: (params: Params, signal: AbortSignal) => ask<Facets>('facets', params, { signal }),
  complete: (q: string, at: number, signal: AbortSignal) => ask<Completion>('complete', { q, at }, { signal }),
  counts: (params: Params, signal: AbortSignal) => ask<Counts>('counts', params, { signal }),
  differences: (params: Params, signal: AbortSignal) => ask<Differences>('differences', params, { signal }),
  boards: () => ask<{ boards: BoardEntry[] }>('boards'),
  board: (id: number) => ask<KeptBoard>(`boards/${id}`),
  addBoard: (board: Board & { shared?: boolean }) => tell<KeptBoard>('POST', 'boards', board),
  changeBoard: (id: number, board: Board & { shared: boolean; version: number }) => tell<KeptBoard>('PUT', `boards/${id}`, board),
  removeBoard: (id: number) => remove(`boards/${id}`),
  sql: sqlRows,
  sqlCsv: async (sql: string, signal: AbortSignal) => (await askSql(sql, 'text/csv', signal)).blob(),
  storage: (signal?: AbortSignal) => ask<Storage>('storage', {}, { signal: signal ?? null }),
  tokens: (all: boolean) => ask<{ tokens: Token[] }>('tokens', { all: all ? 'true' : null }),
  makeToken: (request: TokenRequest) => tell<NewToken>('POST', 'tokens', request),
  removeToken: (id: number) => remove(`tokens/${id}`),
  shares: (params: { all?: boolean; callId?: string }) => ask<{ shares: Share[] }>('shares', { all: params.all ? 'true' : null, call_id: params.callId }),
  share: (request: ShareRequest) => tell<Share & { secret: string }>('POST', 'shares', request),
  unshare: (id: number) => remove(`shares/${id}`),
  shared: (secret: string, signal: AbortSignal) => ask<SharedCall>('shared', {}, bearing(secret, signal)),
  sharedMessage: (secret: string, id: string) => ask<Message>(`shared/messages/${encodeURIComponent(id)}`, {}, bearing(secret)),
  sharedFile: async (secret: string, format: ExportFormat) => (await request('shared/export', { format }, bearing(secret))).blob(),
  changePassword: (current: string, wanted: string) => tell<void>('PUT', 'me/password', { current, new: wanted }),
  users: () => ask<{ users: User[] }>('users'),
  addUser: (request: Pick<User, 'name' | 'role' | 'scope'>) => tell<{ name: string; password: string | null }>('POST', 'users', request),
  changeUser: (name: string, change: Pick<User, 'role' | 'scope'>) => tell<void>('PATCH', `users/${encodeURIComponent(name)}`, change),
  removeUser: (name: string) => remove(`users/${encodeURIComponent(name)}`),
  aliases: () => ask<{ aliases: Alias[] }>('aliases'),
  addAlias: (request: Pick<Alias, 'name' | 'match' | 'capture_id'>) => tell<Alias>('POST', 'aliases', request),
  removeAlias: (id: number) => remove(`aliases/${id}`),
  alerts: (signal?: AbortSignal) => ask<Alerts>('alerts', {}, { signal: signal ?? null }),
  alertHistory: () => ask<{ changes: AlertChange[] }>('alerts/history'),
  silence: (of: string, until: string, comment: string) => tell<unknown>('POST', `alerts/${encodeURIComponent(of)}/silence`, { until, comment }),
  unsilence: (of: string) => remove(`alerts/${encodeURIComponent(of)}/silence`),
  audit: (params: Params) => ask<{ entries: AuditEntry[]; next: number | null }>('audit', params),
  exportAddress: (format: ExportFormat, params: Params) => address('export', { format, ...params }),
};

export type { Call };
