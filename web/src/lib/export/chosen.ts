// Calls that were chosen, as a search that finds their messages and no others.

import { parseMicros } from '../time';

interface Chosen {
  call_id: string;
  first: string;
  last: string;
}

/** A call's row may not tell of its last retransmissions, and a registration's only of its first message. */
const MARGIN_MICROS = 64_000_000;

export function ofCalls(calls: readonly Chosen[]): { q: string; from: string; to: string } {
  const ids = [...new Set(calls.map((one) => one.call_id))].map((id) => `"${id.replace(/[\\"]/g, '\\$&').replace(/[*?]/g, '?')}"`);
  const at = (micros: number) => new Date(micros / 1000).toISOString();
  const first = calls.reduce((least, one) => Math.min(least, parseMicros(one.first)), Infinity);
  const last = calls.reduce((most, one) => Math.max(most, parseMicros(one.last)), -Infinity);
  return { q: ids.length === 1 ? `call_id = ${ids[0]}` : `call_id in (${ids.join(', ')})`, from: at(first - MARGIN_MICROS), to: at(last + MARGIN_MICROS) };
}
