// The overview is its URL: which calls, when, and by what they are grouped. Here is also what its figures say in words,
// and which search finds the calls behind one of them.

import { stepSeconds, type Value } from './chart';
import type { Figures, Group, Kpi, Signature } from './kpi-types';
import { DEFAULT_FROM, readRange, resolve, type Search } from './search-url';
import { clock, day } from './time';

export const GROUPINGS = {
  trunk: 'trunk',
  src: 'source',
  dst: 'destination',
  from_host: 'domain of the caller',
  ruri_host: 'domain that was called',
  prefix: 'prefix that was called',
  user_agent: 'user agent',
  answered_by: 'who answered',
  status: 'status',
} as const;
export type By = keyof typeof GROUPINGS;

export interface Overview {
  q: string;
  from: string;
  to: string;
  by: By;
}

const isBy = (text: string | null): text is By => text !== null && Object.hasOwn(GROUPINGS, text);

export function readOverview(params: URLSearchParams): Overview {
  const by = params.get('by');
  return { q: params.get('q') ?? '', ...readRange(params), by: isBy(by) ? by : 'trunk' };
}

export function writeOverview(overview: Overview): string {
  const params = new URLSearchParams();
  if (overview.q.trim() !== '') params.set('q', overview.q.trim());
  if (overview.from !== DEFAULT_FROM) params.set('from', overview.from);
  if (overview.to !== '') params.set('to', overview.to);
  if (overview.by !== 'trunk') params.set('by', overview.by);
  const text = params.toString();
  return text === '' ? '/overview' : `/overview?${text}`;
}

export interface Asked {
  from: string;
  to: string;
  /** Of a point. */
  every: string;
  /** One point for all of it. */
  whole: string;
}

/** A range as the server is asked for it: points that are whole from the first one on, for an unfinished one shows too little. */
export function asked(range: Pick<Search, 'from' | 'to'>, nowMilliseconds: number): Asked {
  const to = resolve(range.to, nowMilliseconds);
  const from = Math.min(resolve(range.from, nowMilliseconds), to - 1_000);
  const step = stepSeconds(to - from) * 1_000;
  const begin = Math.floor(from / step) * step;
  return {
    from: new Date(begin).toISOString(),
    to: range.to === '' ? '' : new Date(to).toISOString(),
    every: `${step / 1_000}s`,
    whole: `${Math.ceil((to - begin) / 1_000)}s`,
  };
}

/** How many of the points are over by then. */
export function finished(answer: { from: string; every_seconds: number }, points: number, nowMilliseconds: number): number {
  const passed = Math.floor((nowMilliseconds - Date.parse(answer.from)) / 1_000 / answer.every_seconds);
  return Math.max(0, Math.min(points, passed));
}

/** Of calls whose fate is open those that fail are known first: until most are known a ratio would be too bad. */
const OPEN_SHARE_MAX = 0.2;

export function isKnown(figures: Pick<Figures, 'attempts' | 'open'>): boolean {
  return figures.open <= OPEN_SHARE_MAX * (figures.attempts + figures.open);
}

/** A line of ratios. */
export function ratios<Point extends { attempts: number; open: number }>(points: readonly Point[], of: (point: Point) => Value): Value[] {
  return points.map((point) => (isKnown(point) ? of(point) : null));
}

/** A total is told by the server over all of its points, of which the last may not be over. */
export function perSecond(total: number, answer: { from: string; every_seconds: number }, points: number, nowMilliseconds: number): number {
  const told = points * answer.every_seconds;
  const passed = Math.min(told, (nowMilliseconds - Date.parse(answer.from)) / 1_000);
  return passed > 0 ? (total * told) / passed : 0;
}

export const NO_DATA = 'no data';

export function percent(value: Value | undefined): string {
  if (value === null || value === undefined) return NO_DATA;
  return `${value >= 99.95 || value === 0 ? Math.round(value) : value.toFixed(1)} %`;
}

/** Three digits, for what may be 0.02 and 40 000. */
export function amount(value: Value | undefined): string {
  if (value === null || value === undefined) return NO_DATA;
  if (value === 0) return '0';
  if (value >= 1_000) return new Intl.NumberFormat('en').format(Math.round(value)).replaceAll(',', '\u202f');
  return String(Number(value.toPrecision(value < 1 ? 2 : 3)));
}

const LIMIT_OF_GROUPS = 50;

/** Beyond 50 groups the last holds all others: no search finds them. */
export function isOthers(answer: Pick<Kpi, 'groups'>, index: number): boolean {
  return index === LIMIT_OF_GROUPS && answer.groups[index]?.key === 'other';
}

const quoted = (text: string): string => `"${text.replace(/[\\"]/g, '\\$&')}"`;
/** Wildcards of the language that are meant as letters have no other writing than a question mark each. */
const beginsWith = (text: string): string => quoted(`${text.replaceAll('*', '?')}*`);

const FIELD: Partial<Record<By, string>> = { src: 'src_ip', dst: 'dst_ip', prefix: 'ruri_user' };
export const PREFIX_DIGITS = 4;

/** The condition that a group's calls satisfy; null where there is none to write. */
export function conditionOf(by: By, key: Group['key']): string | null {
  const field = FIELD[by] ?? by;
  if (by === 'trunk') {
    const [from, to] = key?.split(' > ') ?? [];
    return from && to ? `src_ip = ${from} and dst_ip = ${to}` : null;
  }
  // Names have no prefix, and no field says that a user is one.
  if (key === null) return by === 'prefix' ? null : `not exists ${field}`;
  switch (by) {
    case 'prefix':
      return `${field} = ${key.replace(/\D/g, '').length < PREFIX_DIGITS ? quoted(key) : beginsWith(key)}`;
    case 'user_agent':
    case 'answered_by':
      return `${field} = ${beginsWith(key)}`;
    case 'from_host':
    case 'ruri_host':
      return `${field} = ${quoted(key)}`;
    default:
      return `${field} = ${key}`;
  }
}

/** The condition that calls of a signature satisfy. */
export function conditionOfSignature(signature: Signature): string {
  const { src_ip, dst_ip, status, cause, finding } = signature;
  const said = [
    src_ip === null ? null : `src_ip = ${src_ip}`,
    dst_ip === null ? null : `dst_ip = ${dst_ip}`,
    status === null ? 'not exists call.status' : `call.status = ${status}`,
    cause === null ? null : `cause = ${cause}`,
    finding === null ? null : `finding = ${finding}`,
  ];
  return said.filter((one) => one !== null).join(' and ');
}

/** Both must hold. */
export function narrowed(q: string, condition: string): string {
  return q.trim() === '' ? condition : `(${q.trim()}) and ${condition}`;
}

/** When a point begins, as exactly as it is long. */
export function pointName(milliseconds: number, everySeconds: number): string {
  const micros = milliseconds * 1_000;
  if (everySeconds < 60) return clock(micros, 0);
  const minute = clock(micros, 0).slice(0, 5);
  return everySeconds < 900 ? minute : `${day(micros).slice(5)} ${minute}`;
}

/** A stretch of the chart as a range, whole seconds, at least a point long. */
export function zoomed(answer: { from: string; every_seconds: number }, one: number, other: number): Pick<Search, 'from' | 'to'> {
  const start = Date.parse(answer.from);
  const at = (index: number) => new Date(start + index * answer.every_seconds * 1_000).toISOString().replace('.000Z', 'Z');
  return { from: at(Math.min(one, other)), to: at(Math.max(one, other) + 1) };
}

/** Twice as long about the same middle, not beyond now. */
export function zoomedOut(range: Pick<Search, 'from' | 'to'>, nowMilliseconds: number): Pick<Search, 'from' | 'to'> {
  const to = resolve(range.to, nowMilliseconds);
  const length = to - resolve(range.from, nowMilliseconds);
  const end = to + length / 2;
  const whole = (milliseconds: number) => new Date(Math.round(milliseconds / 1_000) * 1_000).toISOString().replace('.000Z', 'Z');
  if (range.to === '' || end >= nowMilliseconds) {
    const minutes = Math.ceil((2 * length) / 60_000);
    return { from: minutes % 60 === 0 ? `-${minutes / 60}h` : `-${minutes}m`, to: '' };
  }
  return { from: whole(to - length * 1.5), to: whole(end) };
}
