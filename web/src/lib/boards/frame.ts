// Answers of the server as what a chart draws: lines over points, cells over ranges, rows, or one number. What is not known
// is null and is drawn as a gap, never as zero.

import type { Value } from '../chart';
import type { Figures, Kpi, RegistrationKpi } from '../kpi-types';
import { amount, conditionOf, finished, isKnown, isOthers, narrowed, NO_DATA, percent, perSecond, type By } from '../overview';
import { kindOf, cellText, type Cell, type SqlColumn } from '../sql/answer';
import { bytes } from '../numbers';
import { span } from '../time';
import { CALL_MEASURES, measuresOf, REGISTRATION_MEASURES, TOP_DEFAULT, type Panel, type Unit } from './board';

export interface Line {
  name: string;
  values: Value[];
  /** Over the whole time. */
  total: Value;
  /** What finds what it counts: the whole text of a search; null where there is none. */
  q: string | null;
}

/** Lines or bars over time. */
export interface Series {
  kind: 'series';
  from: number;
  everySeconds: number;
  points: number;
  lines: Line[];
  unit: Unit;
  isRatio: boolean;
  /** Whether values may be put upon each other. */
  adds: boolean;
}

/** How much of one thing there is at a time: a row of a heat map. */
export interface HeatRow extends Line {
  /** The range of a number, as it is searched for. */
  low: number | null;
  high: number | null;
}

export interface Heat {
  kind: 'heat';
  from: number;
  everySeconds: number;
  points: number;
  /** The lowest first. */
  rows: HeatRow[];
  unit: Unit;
  isRatio: boolean;
  /** The field whose ranges the rows are. */
  field: string | null;
  /** Of all that is counted, whatever its range. */
  q: string | null;
}

/** Names with a number each. */
export interface Rows {
  kind: 'rows';
  rows: { name: string; value: Value; q: string | null }[];
  unit: Unit;
  adds: boolean;
}

/** An answer of SQL as it is. */
export interface Cells {
  kind: 'cells';
  columns: SqlColumn[];
  rows: Cell[][];
}

export interface Single {
  kind: 'single';
  value: Value;
  /** Of the time before. */
  before: Value;
  unit: Unit;
  q: string | null;
}

export type Frame = Series | Heat | Rows | Cells | Single;

/** How many records a search finds over time. */
export interface Counted {
  total: number;
  points: (number | null)[];
}
export interface Counts {
  of: string;
  from: string;
  every_seconds: number;
  all: Counted;
  groups: (Counted & { value: string; alias: string | null; only: string })[];
  others: Counted | null;
  ranges: (Counted & { low: number | null; high: number })[];
  none: number;
  unit: string | null;
  partial: { reason: string } | null;
}

/** A value as it is read. */
export function said(value: Value | undefined, unit: Unit): string {
  if (value === null || value === undefined) return NO_DATA;
  switch (unit) {
    case 'percent':
      return percent(value);
    case 'milliseconds':
      return span(value);
    case 'seconds':
      return span(value * 1_000);
    case 'per_second':
      return `${amount(value)} /s`;
    case 'bytes':
      return bytes(Math.round(value));
    default:
      return amount(value);
  }
}

const top = (panel: Panel): number => panel.top ?? TOP_DEFAULT;
/** How many points are drawn: a line ends with the last one that is over, for it would fall in one that is not; what is
 * counted in boxes is shown as far as it has come. */
function drawn(panel: Panel, isCount: boolean, answer: { from: string; every_seconds: number }, points: number, now: number): number {
  return isCount && (panel.chart === 'bar' || panel.chart === 'heat') ? points : finished(answer, points, now);
}

const adding = (unit: Unit): boolean => unit === 'count' || unit === 'per_second' || unit === 'bytes';

/** Figures of calls for a panel. */
export function ofKpi(panel: Panel, answer: Kpi, now: number): Frame {
  const source = panel.source ?? { kind: 'kpi' };
  const [first = 'count'] = source.measures ?? [];
  const measure = CALL_MEASURES[first] ?? CALL_MEASURES.count!;
  const all = answer.all.points.length;
  const points = drawn(panel, first === 'count' || first === 'answered', answer, all, now);
  const line = (name: string, series: { total: Figures; points: Figures[] }, of: typeof measure, q: string | null): Line => ({
    name,
    values: series.points.slice(0, points).map((point) => (of.isRatio && !isKnown(point) ? null : of.of(point))),
    total: totalOf(of.of(series.total), of === CALL_MEASURES.rate || of === CALL_MEASURES.concurrent, answer, all, now),
    q,
  });
  const q = source.q ?? '';
  const groups = answer.groups.map((group, index) => {
    const others = isOthers(answer, index);
    const condition = others ? null : conditionOf(source.by as By, group.key);
    return line(others ? 'others' : (group.key ?? 'none'), group, measure, condition === null ? null : narrowed(q, condition));
  });
  const lines = source.by ? groups.slice(0, top(panel)) : (source.measures ?? []).map((name) => line(CALL_MEASURES[name]?.name ?? name, answer.all, CALL_MEASURES[name] ?? measure, q));
  return shaped(panel, { from: Date.parse(answer.from), everySeconds: answer.every_seconds, points, lines, unit: measure.unit, isRatio: measure.isRatio === true && lines.every((_, index) => source.by || CALL_MEASURES[source.measures?.[index] ?? '']?.isRatio), adds: adding(measure.unit) && first !== 'concurrent' });
}

/** A total that is told for each second is of points of which the last may not be over. */
function totalOf(value: Value, isRate: boolean, answer: { from: string; every_seconds: number }, points: number, now: number): Value {
  return value !== null && isRate ? perSecond(value, answer, points, now) : value;
}

export function ofRegistrations(panel: Panel, answer: RegistrationKpi, now: number): Frame {
  const source = panel.source ?? { kind: 'kpi' };
  const all = answer.points.length;
  const [first = 'count'] = source.measures ?? [];
  const points = drawn(panel, first === 'count', answer, all, now);
  const unit = REGISTRATION_MEASURES[first]?.unit ?? 'count';
  const lines = (source.measures ?? []).flatMap((name): Line[] => {
    const measure = REGISTRATION_MEASURES[name];
    if (!measure) return [];
    const values = answer.points.slice(0, points).map((point) => (measure.isRatio && !isKnown(point) ? null : measure.of(point, answer.every_seconds)));
    const total = measure.of(answer.total, all * answer.every_seconds);
    return [{ name: measure.name, values, total: totalOf(total, name === 'rate', answer, all, now), q: source.q ?? '' }];
  });
  return shaped(panel, { from: Date.parse(answer.from), everySeconds: answer.every_seconds, points, lines, unit, isRatio: measuresOf('registrations')[first]?.isRatio === true && lines.length === 1, adds: adding(unit) });
}

/** Ranges are of what is kept; what is read is in units of people. */
const RANGE_UNIT: Record<string, [Unit, number]> = { us: ['milliseconds', 1 / 1_000], ms: ['milliseconds', 1], s: ['seconds', 1], bytes: ['bytes', 1], percent: ['percent', 1] };

export function rangeName(low: number | null, stored: string | null): string {
  const [unit, factor] = RANGE_UNIT[stored ?? ''] ?? ['count' as Unit, 1];
  return low === null ? `to ${said(0, unit)}` : `from ${said(low * factor, unit)}`;
}

export function ofCounts(panel: Panel, answer: Counts, now: number): Frame {
  const source = panel.source ?? { kind: 'search' };
  const points = drawn(panel, true, answer, answer.all.points.length, now);
  const q = source.q ?? '';
  // Of a count that was cut the sum is not known either.
  const line = (name: string, one: Counted, condition: string | null): Line => ({ name, values: one.points.slice(0, points), total: one.points.includes(null) ? null : one.total, q: condition === null ? null : condition === '' ? q : narrowed(q, condition) });
  const place = { from: Date.parse(answer.from), everySeconds: answer.every_seconds, points, unit: 'count' as Unit, isRatio: false };
  if (source.value) {
    // Ranges in between that nothing lies in are rows too.
    const rows = filled(answer.ranges).map(({ low, high, counted }): HeatRow => ({ ...line(rangeName(low, answer.unit), counted ?? { total: 0, points: answer.all.points.map((one) => (one === null ? null : 0)) }, rangeCondition(source.value ?? '', low, high, answer.unit)), low, high }));
    return { kind: 'heat', ...place, rows, field: source.value, q };
  }
  const lines = source.by
    ? [...answer.groups.map((group) => line(group.alias ?? group.value, group, group.only)), ...(answer.others ? [line('others', answer.others, null)] : [])]
    : [line(source.of ?? answer.of, answer.all, '')];
  return shaped(panel, { ...place, lines, adds: true });
}

const STEPS = [1, 2, 5];
/** The ranges without holes: each ends where the next begins. */
function filled(ranges: Counts['ranges']): { low: number | null; high: number; counted: Counted | null }[] {
  const found: { low: number | null; high: number; counted: Counted | null }[] = [];
  for (const { low, high, ...counted } of ranges) {
    for (let last = found.at(-1); last && last.low !== null && low !== null && last.high < low * (1 - 1e-9) && found.length < 90; last = found.at(-1)) {
      const next = [...STEPS, 10].map((step) => step * 10 ** Math.floor(Math.log10(last.high * (1 + 1e-9)))).find((step) => step > last.high * (1 + 1e-9));
      if (next === undefined) break;
      found.push({ low: last.high, high: next, counted: null });
    }
    found.push({ low, high, counted });
  }
  return found;
}

const SUFFIX: Record<string, string> = { us: 'us', ms: 'ms', s: 's', bytes: 'B' };

/** A number as the query language has it, with its unit. */
function written(number: number, stored: string | null): string {
  if (stored === 'us' && number % 1_000 === 0) return number % 1_000_000 === 0 ? `${number / 1_000_000}s` : `${number / 1_000}ms`;
  return `${number}${SUFFIX[stored ?? ''] ?? ''}`;
}

/** What finds the records of a range; null is no end. What is not above zero is one range, that ends with it. */
export function rangeCondition(field: string, low: number | null, high: number | null, stored: string | null): string {
  if (high === 0) return `${field} <= 0`;
  return [low === null ? '' : `${field} >= ${written(low, stored)}`, high === null ? '' : `${field} < ${written(high, stored)}`].filter((one) => one !== '').join(' and ');
}

/** Lines as the chart of the panel has them. */
function shaped(panel: Panel, series: Omit<Series, 'kind'>): Frame {
  const { lines, unit } = series;
  if (panel.chart === 'number') return { kind: 'single', value: lines[0]?.total ?? null, before: null, unit, q: lines[0]?.q ?? null };
  if (panel.chart === 'table') return { kind: 'rows', rows: lines.map(({ name, total, q }) => ({ name, value: total, q })), unit, adds: series.adds };
  if (panel.chart === 'heat') return { kind: 'heat', from: series.from, everySeconds: series.everySeconds, points: series.points, rows: lines.map((line) => ({ ...line, low: null, high: null })).reverse(), unit, isRatio: series.isRatio, field: null, q: null };
  return { kind: 'series', ...series };
}

export const SQL_ROWS_MAX = 20_000;
const SQL_LINES_MAX = 20;

export interface Window {
  from: string;
  /** Empty for now. */
  to: string;
  everySeconds: number;
}

/** A statement with the time that is shown in it. Words inside of quotes are left alone, as SQL does. */
export function filledIn(sql: string, window: Window, now: number): string {
  const stands: Record<string, string> = {
    $from: `TIMESTAMP '${new Date(Date.parse(window.from)).toISOString()}'`,
    $to: `TIMESTAMP '${new Date(window.to === '' ? now : Date.parse(window.to)).toISOString()}'`,
    $step: `INTERVAL '${window.everySeconds} seconds'`,
  };
  return sql.trim().replace(/;\s*$/, '').replace(/'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\$(?:from|to|step)\b/g, (part) => stands[part] ?? part);
}

const numberOf = (cell: Cell | undefined): Value => {
  if (typeof cell === 'number') return Number.isFinite(cell) ? cell : null;
  return typeof cell === 'string' && /^-?\d+(\.\d+)?$/.test(cell) ? Number(cell) : null;
};

/** Rows of SQL for a panel. A first column of times makes lines: one for each number, or one for each text beside one number. */
export function ofSql(panel: Panel, columns: SqlColumn[], rows: Cell[][], window: Window, now: number): Frame {
  const unit = panel.unit ?? 'count';
  const kinds = columns.map(kindOf);
  const numbers = kinds.flatMap((kind, index) => (kind === 'number' ? [index] : []));
  const texts = kinds.flatMap((kind, index) => (kind === 'text' ? [index] : []));
  if (panel.chart === 'number') return { kind: 'single', value: numberOf(rows[0]?.[numbers[0] ?? -1]), before: null, unit, q: null };
  if (panel.chart === 'table') return { kind: 'cells', columns, rows };
  if (kinds[0] !== 'time') {
    const [value] = numbers;
    const name = kinds.findIndex((_, index) => index !== value);
    if (value === undefined) return { kind: 'rows', rows: [], unit, adds: false };
    return { kind: 'rows', rows: rows.slice(0, top(panel)).map((row) => ({ name: name < 0 ? '' : cellText(row[name] ?? null), value: numberOf(row[value]), q: null })), unit, adds: adding(unit) };
  }
  const begin = Math.floor(Date.parse(window.from) / 1_000 / window.everySeconds) * window.everySeconds * 1_000;
  const end = window.to === '' ? now : Date.parse(window.to);
  const points = Math.max(1, Math.ceil((end - begin) / 1_000 / window.everySeconds));
  const place = { from: begin, everySeconds: window.everySeconds, points, unit, isRatio: unit === 'percent' };
  const pointOf = (cell: Cell | undefined) => (typeof cell === 'string' ? Math.floor((Date.parse(cell) - begin) / 1_000 / window.everySeconds) : Number.NaN);
  if (panel.chart === 'heat' && texts.length === 0) return { kind: 'heat', ...place, unit: 'count', isRatio: false, rows: sqlRanges(rows, numbers, points, pointOf, unit), field: null, q: null };
  const lines = new Map<string, Line>();
  const put = (name: string, point: number, value: Value) => {
    if (!(point >= 0 && point < points) || (!lines.has(name) && lines.size >= SQL_LINES_MAX)) return;
    const line = lines.get(name) ?? { name, values: Array<Value>(points).fill(null), total: null, q: null };
    lines.set(name, line);
    if (value === null) return;
    // Two rows of one point, where a statement has no steps: what adds up is added, of the rest the last counts.
    line.values[point] = adding(unit) ? (line.values[point] ?? 0) + value : value;
    line.total = adding(unit) ? (line.total ?? 0) + value : value;
  };
  const [text] = texts;
  for (const row of rows) {
    const point = pointOf(row[0]);
    if (text !== undefined) put(cellText(row[text] ?? null) || 'none', point, numberOf(row[numbers[0] ?? -1]));
    else for (const index of numbers) put(columns[index]?.name ?? '', point, numberOf(row[index]));
  }
  const largest = [...lines.values()].sort((a, b) => (text === undefined ? 0 : (b.total ?? 0) - (a.total ?? 0))).slice(0, top(panel));
  return shaped(panel, { ...place, lines: largest, adds: adding(unit) });
}

/** Numbers of rows in ranges of 1, 2, 5; a second number says how often. */
function sqlRanges(rows: Cell[][], numbers: number[], points: number, pointOf: (cell: Cell | undefined) => number, unit: Unit): HeatRow[] {
  const found = new Map<number, Value[]>();
  for (const row of rows) {
    const point = pointOf(row[0]);
    const value = numberOf(row[numbers[0] ?? -1]);
    if (value === null || !(point >= 0 && point < points)) continue;
    const range = rangeOf(value);
    const values = found.get(range) ?? Array<Value>(points).fill(null);
    found.set(range, values);
    values[point] = (values[point] ?? 0) + (numbers.length > 1 ? (numberOf(row[numbers[1] ?? -1]) ?? 0) : 1);
  }
  const ranges = [...found.keys()].sort((a, b) => a - b);
  const [lowest = 0, highest = -1] = [ranges.find((range) => range > Number.NEGATIVE_INFINITY), ranges.at(-1)];
  const all = [...(found.has(Number.NEGATIVE_INFINITY) ? [Number.NEGATIVE_INFINITY] : []), ...Array.from({ length: Math.max(0, Math.min(90, highest - lowest + 1)) }, (_, index) => lowest + index)];
  return all.map((range) => {
    const values = found.get(range) ?? Array<Value>(points).fill(null);
    const low = range === Number.NEGATIVE_INFINITY ? null : stepOf(range);
    return { name: low === null ? `to ${said(0, unit)}` : `from ${said(low, unit)}`, values, total: values.reduce<number>((sum, one) => sum + (one ?? 0), 0), q: null, low, high: low === null ? 0 : stepOf(range + 1) };
  });
}

export function stepOf(range: number): number {
  const power = Math.floor(range / 3);
  return Number(`${STEPS[range - power * 3]}e${power}`);
}

export function rangeOf(value: number): number {
  if (!(value > 0)) return Number.NEGATIVE_INFINITY;
  const about = Math.floor(Math.log10(value)) * 3 - 1;
  return [3, 2, 1, 0].map((more) => about + more).find((range) => stepOf(range) <= value) ?? about;
}

/** Change against the time before, in words and as a direction. */
export function change(value: Value, before: Value, unit: Unit): { text: string; direction: -1 | 0 | 1 } | null {
  if (value === null || before === null) return null;
  const difference = value - before;
  const direction = difference > 0 ? 1 : difference < 0 ? -1 : 0;
  if (unit === 'percent') return { text: `${Math.abs(difference) < 0.05 ? '0' : Math.abs(difference).toFixed(1)} points`, direction: Math.abs(difference) < 0.05 ? 0 : direction };
  if (before === 0) return direction === 0 ? { text: '0 %', direction: 0 } : { text: `from ${said(before, unit)}`, direction };
  const part = Math.abs((100 * difference) / before);
  return { text: part >= 1_000 ? `× ${amount(value / before)}` : `${part < 10 ? Number(part.toFixed(1)) : Math.round(part)} %`, direction: part < 0.05 ? 0 : direction };
}

export type Grade = 'good' | 'warn' | 'bad';
/** Where a number lies by its limits: the side of `bad` is the bad one. */
export function grade(value: Value, warn: number | undefined, bad: number | undefined): Grade | null {
  if (value === null || warn === undefined || bad === undefined) return null;
  const reached = (limit: number) => (bad > warn ? value >= limit : value <= limit);
  return reached(bad) ? 'bad' : reached(warn) ? 'warn' : 'good';
}

export function isEmpty(frame: Frame): boolean {
  if (frame.kind === 'single') return false;
  if (frame.kind === 'series') return frame.lines.every((line) => line.values.every((value) => value === null));
  if (frame.kind === 'heat') return frame.rows.every((row) => row.values.every((value) => value === null || (value === 0 && !frame.isRatio)));
  return frame.rows.length === 0;
}

