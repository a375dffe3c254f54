// What a board is: the document that is kept, exported and imported. The server checks it; here it is made and changed.

import type { Figures, RegistrationFigures } from '../kpi-types';
import type { Value } from '../chart';

export const COLUMNS = 12;
export const PANELS_MAX = 40;
export const PANEL_ROWS_MAX = 24;
export const TITLE_MAX = 80;
export const TOP_DEFAULT = 8;
export const MEASURES_MAX = 4;

export const CHARTS = { line: 'line', bar: 'bars', heat: 'heat map', table: 'table', number: 'number', clock: 'clock', note: 'note' } as const;
export type ChartKind = keyof typeof CHARTS;
export type Subject = 'calls' | 'registrations' | 'messages';
export type Unit = 'count' | 'percent' | 'milliseconds' | 'seconds' | 'per_second' | 'bytes';
export const UNITS: Record<Unit, string> = { count: 'a count', percent: 'percent', milliseconds: 'milliseconds', seconds: 'seconds', per_second: 'each second', bytes: 'bytes' };

export interface Source {
  kind: 'kpi' | 'search' | 'sql';
  of?: Subject;
  q?: string;
  measures?: string[];
  by?: string;
  value?: string;
  sql?: string;
}

export interface Panel {
  title: string;
  x: number;
  y: number;
  w: number;
  h: number;
  chart: ChartKind;
  source?: Source;
  stacked?: boolean;
  top?: number;
  unit?: Unit;
  warn?: number;
  bad?: number;
  zone?: string;
  text?: string;
}

export interface Board {
  rhapsode_board: 1;
  title: string;
  note?: string;
  from: string;
  refresh_seconds: number;
  wall?: boolean;
  panels: Panel[];
}

/** What the server knows of one. */
export interface Kept {
  id: number;
  owner: string;
  is_mine: boolean;
  shared: boolean;
  version: number;
  created: string;
  changed: string;
}
export type KeptBoard = Board & Kept;
export type BoardEntry = Kept & { title: string; panels: number };

export const EMPTY: Board = { rhapsode_board: 1, title: '', from: '-1h', refresh_seconds: 30, panels: [] };

/** The document alone, as it goes into a file: what the server said of it is of that server. */
export function documentOf(board: Board): Board {
  const { rhapsode_board, title, note, from, refresh_seconds, wall, panels } = board;
  return { rhapsode_board, title, ...(note ? { note } : {}), from, refresh_seconds, ...(wall ? { wall } : {}), panels };
}

/** As it lies in a file. */
export function written(board: Board): string {
  return `${JSON.stringify(documentOf(board), null, 2)}\n`;
}

export function fileName(title: string): string {
  const plain = title.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '');
  return `${plain === '' ? 'board' : plain}.board.json`;
}

/** Reads a file as far as it takes to send it on: the server says what is wrong inside. Throws in words. */
export function readFile(text: string): Board {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error('The file is no JSON.');
  }
  if (typeof value !== 'object' || value === null || !('rhapsode_board' in value)) throw new Error('The file is no board: it lacks "rhapsode_board".');
  const { id: _, owner: __, is_mine: ___, shared: ____, version: _____, created: ______, changed: _______, ...board } = value as KeptBoard;
  return board;
}

export interface Measure {
  name: string;
  unit: Unit;
  /** What it is, and by which standard. */
  about: string;
  /** Drawn up to 100. */
  isRatio?: boolean;
}

export const CALL_MEASURES: Record<string, Measure & { of: (figures: Figures) => Value }> = {
  count: { name: 'Calls', unit: 'count', about: 'Calls begun, whatever became of them', of: (one) => one.attempts + one.open },
  rate: { name: 'Calls per second', unit: 'per_second', about: 'Calls begun each second', of: (one) => one.cps },
  answered: { name: 'Answered', unit: 'count', about: 'Calls that were answered', of: (one) => one.answered },
  concurrent: { name: 'Concurrent calls', unit: 'count', about: 'Conversations at a time, on average', of: (one) => one.concurrent },
  asr: { name: 'ASR', unit: 'percent', isRatio: true, about: 'Answer-seizure ratio (ITU-T E.411)', of: (one) => one.asr },
  ner: { name: 'NER', unit: 'percent', isRatio: true, about: 'Network effectiveness ratio (ITU-T E.425)', of: (one) => one.ner },
  ser: { name: 'SER', unit: 'percent', isRatio: true, about: 'Session establishment ratio (RFC 6076 4.6)', of: (one) => one.ser },
  seer: { name: 'SEER', unit: 'percent', isRatio: true, about: 'Session establishment effectiveness ratio (RFC 6076 4.7)', of: (one) => one.seer },
  isa: { name: 'ISA', unit: 'percent', isRatio: true, about: 'Ineffective session attempts (RFC 6076 4.8)', of: (one) => one.isa },
  scr: { name: 'SCR', unit: 'percent', isRatio: true, about: 'Session completion ratio (RFC 6076 4.9)', of: (one) => one.scr },
  acd_seconds: { name: 'ACD', unit: 'seconds', about: 'Average call duration', of: (one) => one.acd_seconds },
  short_ratio: { name: 'Short calls', unit: 'percent', isRatio: true, about: 'Conversations shorter than 10 s', of: (one) => one.short_ratio },
  abandoned_ratio: { name: 'Abandoned', unit: 'percent', isRatio: true, about: 'Given up by the caller', of: (one) => one.abandoned_ratio },
  retransmission_ratio: { name: 'Retransmissions', unit: 'percent', about: 'Messages that were sent again', of: (one) => one.retransmission_ratio },
  pdd_p50: { name: 'PDD p50', unit: 'milliseconds', about: 'Post-dial delay, half are below (RFC 6076 4.3.1)', of: (one) => one.pdd.p50_ms },
  pdd_p95: { name: 'PDD p95', unit: 'milliseconds', about: 'Post-dial delay, 95 of 100 are below (RFC 6076 4.3.1)', of: (one) => one.pdd.p95_ms },
  pdd_p99: { name: 'PDD p99', unit: 'milliseconds', about: 'Post-dial delay, 99 of 100 are below (RFC 6076 4.3.1)', of: (one) => one.pdd.p99_ms },
};

export const REGISTRATION_MEASURES: Record<string, Measure & { of: (figures: RegistrationFigures, seconds: number) => Value }> = {
  count: { name: 'Registrations', unit: 'count', about: 'Made, renewed or removed', of: (one) => one.attempts + one.open },
  rate: { name: 'Registrations per second', unit: 'per_second', about: 'Made, renewed or removed, each second', of: (one, seconds) => (one.attempts + one.open) / seconds },
  ira: { name: 'Ineffective', unit: 'percent', isRatio: true, about: 'Ineffective registration attempts (RFC 6076 4.2)', of: (one) => one.ira },
  delay_p50: { name: 'Delay p50', unit: 'milliseconds', about: 'Registration request delay, half are below (RFC 6076 4.1)', of: (one) => one.delay.p50_ms },
  delay_p95: { name: 'Delay p95', unit: 'milliseconds', about: 'Registration request delay, 95 of 100 are below (RFC 6076 4.1)', of: (one) => one.delay.p95_ms },
  delay_p99: { name: 'Delay p99', unit: 'milliseconds', about: 'Registration request delay, 99 of 100 are below (RFC 6076 4.1)', of: (one) => one.delay.p99_ms },
};

export const measuresOf = (of: Subject | undefined): Record<string, Measure> => (of === 'registrations' ? REGISTRATION_MEASURES : CALL_MEASURES);

/** A panel to begin with. */
export function newPanel(): Panel {
  return { title: '', x: 0, y: 0, w: 6, h: 4, chart: 'line', source: { kind: 'kpi', of: 'calls', measures: ['count'] } };
}

const sourced = (chart: ChartKind): boolean => chart !== 'clock' && chart !== 'note';

/** What a panel keeps of all that a form may hold: only what its chart and its source have. */
export function tidied(panel: Panel): Panel {
  const { title, x, y, w, h, chart } = panel;
  const place = { title: title.trim(), x, y, w, h, chart };
  if (chart === 'clock') return panel.zone?.trim() ? { ...place, zone: panel.zone.trim() } : place;
  if (chart === 'note') return { ...place, text: panel.text ?? '' };
  const source = tidiedSource(panel.source ?? { kind: 'kpi', of: 'calls', measures: ['count'] }, chart);
  const limits = chart === 'number' && panel.warn !== undefined && panel.bad !== undefined ? { warn: panel.warn, bad: panel.bad } : {};
  return {
    ...place,
    source,
    ...(chart === 'bar' && panel.stacked ? { stacked: true } : {}),
    ...(panel.top !== undefined && panel.top !== TOP_DEFAULT && chart !== 'number' ? { top: panel.top } : {}),
    ...(source.kind === 'sql' && panel.unit ? { unit: panel.unit } : {}),
    ...limits,
  };
}

function tidiedSource(source: Source, chart: ChartKind): Source {
  if (source.kind === 'sql') return { kind: 'sql', sql: source.sql ?? '' };
  const q = source.q?.trim() ? { q: source.q.trim() } : {};
  const by = source.by && chart !== 'number' ? { by: source.by } : {};
  if (source.kind === 'search') {
    const of = source.of ?? 'calls';
    if (chart === 'heat') return source.value ? { kind: 'search', of, ...q, value: source.value } : { kind: 'search', of, ...q, ...by };
    return { kind: 'search', of, ...q, ...by };
  }
  const of = source.of === 'registrations' ? 'registrations' : 'calls';
  const known = measuresOf(of);
  const named = (source.measures ?? []).filter((name) => name in known);
  const measures = named.length === 0 ? ['count'] : named;
  const grouped = of === 'calls' && by.by !== undefined;
  return { kind: 'kpi', of, ...q, measures: measures.slice(0, grouped || chart === 'number' ? 1 : MEASURES_MAX), ...(grouped ? by : {}) };
}

/** What it is called where nobody gave it a title. */
export function titleOf(panel: Panel): string {
  if (panel.title.trim() !== '') return panel.title;
  if (panel.chart === 'clock') return panel.zone ?? 'Local time';
  if (!sourced(panel.chart)) return CHARTS[panel.chart];
  const source = panel.source;
  if (source?.kind === 'kpi') return (source.measures ?? []).map((name) => measuresOf(source.of)[name]?.name ?? name).join(', ');
  return source?.kind === 'search' ? (source.q ?? `all ${source.of}`) : 'SQL';
}
