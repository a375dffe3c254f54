// One look at what a panel shows: which question is asked of the server, and the answer as it is drawn.

import { api } from '../api';
import { stepSeconds } from '../chart';
import { resolve, type Search } from '../search-url';
import { AT_ONCE, Turns } from './turns';
import type { Panel, Source } from './board';
import { filledIn, ofCounts, ofKpi, ofRegistrations, ofSql, SQL_ROWS_MAX, type Frame, type Window } from './frame';
import type { Cell, SqlColumn } from '../sql/answer';

export interface Looked {
  frame: Frame;
  /** Why it is not all. */
  partial: string | null;
  /** When it was asked for. */
  at: number;
}

/** All panels of this page share them. */
const turns = new Turns(AT_ONCE);
/** Points of a heat map and of bars are boxes: half as many are seen better. */
const BOXES_SHARE = 0.5;

/** The time that is asked for, in points that are whole from the first one on. */
export function windowOf(range: Pick<Search, 'from' | 'to'>, now: number, coarser = 1): Window {
  const to = resolve(range.to, now);
  const from = Math.min(resolve(range.from, now), to - 1_000);
  const everySeconds = stepSeconds((to - from) * coarser);
  const begin = Math.floor(from / 1_000 / everySeconds) * everySeconds;
  return { from: new Date(begin * 1_000).toISOString(), to: range.to === '' ? '' : new Date(to).toISOString(), everySeconds };
}

/** The time before, just as long. */
export function before(range: Pick<Search, 'from' | 'to'>, now: number): Pick<Search, 'from' | 'to'> {
  const to = resolve(range.to, now);
  const from = resolve(range.from, now);
  return { from: new Date(2 * from - to).toISOString(), to: new Date(from).toISOString() };
}

export async function look(panel: Panel, range: Pick<Search, 'from' | 'to'>, signal: AbortSignal): Promise<Looked> {
  const now = Date.now();
  const source = panel.source;
  if (!source) throw new Error('This panel has no source.');
  if (panel.chart === 'number') {
    const earlier = before(range, now);
    // Figures count from the first point on, which begins where clocks have it: short points are near what is asked for.
    const window = source.kind === 'kpi' ? windowOf : wholeOf;
    const [here, there] = await Promise.all([ask(panel, source, window(range, now), now, signal), ask(panel, source, window(earlier, now), Date.parse(earlier.to), signal)]);
    const frame = here.frame.kind === 'single' && there.frame.kind === 'single' ? { ...here.frame, before: there.frame.value } : here.frame;
    return { frame, partial: here.partial, at: now };
  }
  return { ...(await ask(panel, source, windowOf(range, now, panel.chart === 'heat' || panel.chart === 'bar' ? 1 / BOXES_SHARE : 1), now, signal)), at: now };
}

/** One point for all of it. */
function wholeOf(range: Pick<Search, 'from' | 'to'>, now: number): Window {
  const to = resolve(range.to, now);
  const from = Math.floor(Math.min(resolve(range.from, now), to - 1_000) / 1_000) * 1_000;
  return { from: new Date(from).toISOString(), to: range.to === '' ? '' : new Date(to).toISOString(), everySeconds: Math.max(1, Math.ceil((to - from) / 1_000)) };
}

async function ask(panel: Panel, source: Source, window: Window, now: number, signal: AbortSignal): Promise<Omit<Looked, 'at'>> {
  const { from, to, everySeconds } = window;
  const common = { q: source.q ?? '', from, to, every: `${everySeconds}s` };
  // A number is of its whole time, of which a point would not be over.
  const over = panel.chart === 'number' || panel.chart === 'table' ? Number.MAX_SAFE_INTEGER : now;
  return turns.take(signal, async () => {
    if (source.kind === 'sql') {
      const found: Cell[][] = [];
      let columns: SqlColumn[] = [];
      const enough = new AbortController();
      const cut = await api.sql(filledIn(source.sql ?? '', window, now), AbortSignal.any([signal, enough.signal]), (piece) => {
        if (piece.columns) columns = piece.columns;
        for (const row of piece.rows) if (found.length < SQL_ROWS_MAX) found.push(row);
        if (found.length >= SQL_ROWS_MAX && piece.rows.length > 0) enough.abort();
      });
      signal.throwIfAborted();
      const partial = enough.signal.aborted ? `of the first ${SQL_ROWS_MAX} rows` : (cut?.reason ?? null);
      return { frame: ofSql(panel, columns, found, window, now), partial };
    }
    if (source.kind === 'search') {
      const answer = await api.counts({ ...common, table: source.of === 'messages' ? null : (source.of ?? 'calls'), by: source.by, value: source.value, top: panel.top ?? 8 }, signal);
      return { frame: ofCounts(panel, answer, over), partial: answer.partial?.reason ?? null };
    }
    if (source.of === 'registrations') {
      const answer = await api.registrationKpi(common, signal);
      return { frame: ofRegistrations(panel, answer, panel.chart === 'number' ? now : over), partial: answer.partial?.reason ?? null };
    }
    const answer = await api.kpi({ ...common, ...(source.by ? { by: source.by } : {}) }, signal);
    return { frame: ofKpi(panel, answer, panel.chart === 'number' || panel.chart === 'table' ? now : over), partial: answer.partial?.reason ?? null };
  });
}
