// Two columns of an answer as a chart: a line over time or numbers, bars over texts. Cells without a number are gaps, never zero.

import { cellText, kindOf, type Cell, type SqlColumn } from './answer';

export interface Plot {
  kind: 'line' | 'bars';
  /** Of a viewBox of WIDTH by HEIGHT. */
  path: string;
  bars: { x: number; width: number; y: number; height: number; label: string; value: number }[];
  low: number;
  high: number;
  first: string;
  last: string;
  points: number;
  /** Rows that a chart has no room for. */
  left: number;
}

export const WIDTH = 1000;
export const HEIGHT = 220;
const POINTS_MAX = 5_000;
const BARS_MAX = 60;

/** What may stand below, and what may be drawn. */
export function axes(columns: readonly SqlColumn[]): { x: number[]; y: number[] } {
  const all = columns.map((column, index) => ({ kind: kindOf(column), index }));
  return { x: all.filter(({ kind }) => kind !== 'other').map(({ index }) => index), y: all.filter(({ kind }) => kind === 'number').map(({ index }) => index) };
}

export function plot(columns: readonly SqlColumn[], rows: readonly Cell[][], x: number, y: number): Plot | null {
  const below = columns[x];
  if (!below || rows.length === 0) return null;
  const values = rows.map((row) => numberOf(row[y] ?? null));
  const kind = kindOf(below);
  if (kind === 'text') return bars(rows.map((row) => cellText(row[x] ?? null)), values);
  const at = rows.map((row) => (kind === 'time' ? timeOf(row[x] ?? null) : numberOf(row[x] ?? null)));
  const points = at.map((place, index) => ({ place, value: values[index] ?? null, name: cellText(rows[index]?.[x] ?? null) })).filter((point): point is { place: number; value: number | null; name: string } => point.place !== null).sort((a, b) => a.place - b.place);
  const shown = points.slice(0, POINTS_MAX);
  const known = shown.flatMap((point) => (point.value === null ? [] : [point.value]));
  const [begin, end] = [shown[0], shown.at(-1)];
  if (!begin || !end || known.length === 0) return null;
  const [low, high] = range(known);
  const across = end.place - begin.place || 1;
  let path = '';
  let drawing = false;
  for (const { place, value } of shown) {
    if (value === null) {
      drawing = false;
      continue;
    }
    path += `${drawing ? 'L' : 'M'}${round(((place - begin.place) / across) * WIDTH)} ${round(HEIGHT - ((value - low) / (high - low)) * HEIGHT)}`;
    drawing = true;
  }
  return { kind: 'line', path, bars: [], low, high, first: begin.name, last: end.name, points: shown.length, left: points.length - shown.length };
}

function bars(labels: string[], values: (number | null)[]): Plot | null {
  const shown = labels.slice(0, BARS_MAX).flatMap((label, index) => (values[index] === null || values[index] === undefined ? [] : [{ label, value: values[index] }]));
  if (shown.length === 0) return null;
  const [low, high] = range([0, ...shown.map(({ value }) => value)]);
  const width = WIDTH / shown.length;
  const level = (value: number) => HEIGHT - ((value - low) / (high - low)) * HEIGHT;
  return {
    kind: 'bars', path: '', low, high, first: shown[0]?.label ?? '', last: shown.at(-1)?.label ?? '', points: shown.length, left: Math.max(0, labels.length - BARS_MAX),
    bars: shown.map(({ label, value }, index) => ({ label, value, x: round(index * width + width * 0.1), width: round(width * 0.8), y: round(Math.min(level(value), level(0))), height: round(Math.max(1, Math.abs(level(value) - level(0)))) })),
  };
}

/** From zero, unless all is far above it: a line of times of day would be flat. */
function range(values: readonly number[]): [number, number] {
  const least = values.reduce((a, b) => Math.min(a, b), Infinity);
  const most = values.reduce((a, b) => Math.max(a, b), -Infinity);
  const low = least > 0 && least < most * 0.8 ? 0 : least === most ? Math.min(0, least) : least;
  return low === most ? [low, low + 1] : [low, most];
}

function numberOf(cell: Cell): number | null {
  if (typeof cell === 'number') return Number.isFinite(cell) ? cell : null;
  // Large ones came as text, to keep their digits.
  return typeof cell === 'string' && /^-?\d+(\.\d+)?$/.test(cell) ? Number(cell) : null;
}

function timeOf(cell: Cell): number | null {
  const time = typeof cell === 'string' ? Date.parse(cell) : Number.NaN;
  return Number.isNaN(time) ? null : time;
}

function round(number: number): number {
  return Math.round(number * 10) / 10;
}
