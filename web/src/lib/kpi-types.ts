// Answers about many calls at once: figures over time and failures that are alike. Null is "nothing to tell of", never zero.

import type { Incomplete } from './types';

export interface Quantiles {
  p50_ms: number | null;
  p95_ms: number | null;
  p99_ms: number | null;
}

/** Of a span of time; ratios in percent. */
export interface Figures {
  /** Calls begun, without those of which the fate is open. */
  attempts: number;
  open: number;
  answered: number;
  cps: number;
  concurrent: number;
  ser: number | null;
  seer: number | null;
  isa: number | null;
  scr: number | null;
  asr: number | null;
  ner: number | null;
  acd_seconds: number | null;
  short_ratio: number | null;
  abandoned_ratio: number | null;
  retransmission_ratio: number | null;
  pdd: Quantiles;
}

export interface Series<Point> {
  total: Point;
  points: Point[];
}

interface Over {
  /** When the first point begins. */
  from: string;
  every_seconds: number;
  partial: Incomplete | null;
  elapsed_ms: number;
}

export interface Group extends Series<Figures> {
  /** Null: calls that have no such thing. */
  key: string | null;
}

export interface Kpi extends Over {
  all: Series<Figures>;
  /** The largest first. */
  groups: Group[];
}

export interface RegistrationFigures {
  attempts: number;
  succeeded: number;
  open: number;
  /** Ineffective attempts, in percent. */
  ira: number | null;
  delay: Quantiles;
}

export interface RegistrationKpi extends Over, Series<RegistrationFigures> {}

/** Calls that failed alike. */
export interface Signature {
  /** If always from there. */
  src_ip: string | null;
  /** From how many addresses. */
  sources: number;
  dst_ip: string | null;
  status: number | null;
  /** Q.850. */
  cause: number | null;
  finding: string | null;
  calls: number;
  first: string;
  last: string;
  /** Calls over the asked time, in equal parts. */
  trend: number[];
  is_new: boolean;
  is_back: boolean;
  /** When it was seen last before the asked time. */
  before: string | null;
  /** Call-IDs, the newest first. */
  examples: string[];
}

export interface Signatures {
  signatures: Signature[];
  partial: Incomplete | null;
  elapsed_ms: number;
}
