// A box on a heat map as a part of the address: of which panel, from when to when, and over which range of its number.

import type { Heat } from './frame';

export interface Box {
  panel: number;
  /** Milliseconds since 1970; what is inside ends before `to`. */
  from: number;
  to: number;
  /** As they are stored; null: without an end. */
  low: number | null;
  high: number | null;
}

/** Points and rows, both ends inside. */
export interface CellBox {
  from: number;
  to: number;
  low: number;
  high: number;
}

export function boxOf(panel: number, heat: Heat, cells: CellBox): Box {
  const begin = (point: number) => heat.from + point * heat.everySeconds * 1_000;
  return { panel, from: begin(cells.from), to: begin(cells.to + 1), low: heat.rows[cells.low]?.low ?? null, high: heat.rows[cells.high]?.high ?? null };
}

const number = (value: number | null): string => (value === null ? '' : String(value));
export const writeBox = (box: Box): string => [box.panel, box.from / 1_000, box.to / 1_000, number(box.low), number(box.high)].join('_');

export function readBox(text: string | null): Box | null {
  const parts = /^(\d{1,3})_(\d{1,12})_(\d{1,12})_(-?[\d.e+-]{0,24})_(-?[\d.e+-]{0,24})$/.exec(text ?? '');
  if (!parts) return null;
  const [panel = 0, from = 0, to = 0] = parts.slice(1, 4).map(Number);
  const [low = null, high = null] = parts.slice(4).map((part) => (part === '' ? null : Number(part)));
  return to > from && !Number.isNaN(low ?? 0) && !Number.isNaN(high ?? 0) ? { panel, from: from * 1_000, to: to * 1_000, low, high } : null;
}

export interface Differences {
  of: string;
  inside: number;
  outside: number;
  fields: {
    field: string;
    doc: string;
    difference: number;
    values: { value: string; alias: string | null; inside: number; inside_share: number; outside: number; outside_share: number; only: string; without: string }[];
  }[];
  partial: { reason: string } | null;
}
