// The page of failures is its URL: which, when, and whether only what is new or back.

import { readRange, type Search } from './search-url';

export const SEEN = ['all', 'new', 'back'] as const;
export type Seen = (typeof SEEN)[number];

export interface Failures extends Pick<Search, 'q' | 'from' | 'to'> {
  seen: Seen;
}

/** A day: what is new is asked for in the morning. */
export const FAILURES_FROM = '-24h';

export function readFailures(params: URLSearchParams): Failures {
  const range = params.has('from') || params.has('to') ? readRange(params) : { from: FAILURES_FROM, to: '' };
  return { q: params.get('q') ?? '', ...range, seen: SEEN.find((one) => one === params.get('seen')) ?? 'all' };
}

export function writeFailures({ q, from, to, seen }: Failures): string {
  const params = new URLSearchParams();
  if (q.trim() !== '') params.set('q', q.trim());
  if (from !== FAILURES_FROM || to !== '') params.set('from', from);
  if (to !== '') params.set('to', to);
  if (seen !== 'all') params.set('seen', seen);
  const text = params.toString();
  return text === '' ? '/failures' : `/failures?${text}`;
}
