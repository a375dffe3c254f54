// A search is its URL: what, when, and which list.

export const TABS = ['calls', 'messages', 'registrations'] as const;
export type Tab = (typeof TABS)[number];

export interface Search {
  tab: Tab;
  q: string;
  /** RFC 3339, or relative to now: `-15m`, `-1h`, `-7d`. */
  from: string;
  /** RFC 3339, or empty for now. */
  to: string;
}

export interface Preset {
  from: string;
  name: string;
}

export const PRESETS: readonly Preset[] = [
  { from: '-5m', name: 'Last 5 minutes' },
  { from: '-15m', name: 'Last 15 minutes' },
  { from: '-1h', name: 'Last hour' },
  { from: '-6h', name: 'Last 6 hours' },
  { from: '-24h', name: 'Last 24 hours' },
  { from: '-7d', name: 'Last 7 days' },
  { from: '-30d', name: 'Last 30 days' },
];

export const DEFAULT_FROM = '-1h';
const RELATIVE = /^-(\d{1,6})([smhd])$/;
const UNITS: Record<string, { name: string; milliseconds: number }> = {
  s: { name: 'second', milliseconds: 1_000 },
  m: { name: 'minute', milliseconds: 60_000 },
  h: { name: 'hour', milliseconds: 3_600_000 },
  d: { name: 'day', milliseconds: 86_400_000 },
};

export function readRange(params: URLSearchParams): Pick<Search, 'from' | 'to'> {
  const from = params.get('from') ?? '';
  const to = params.get('to') ?? '';
  return { from: isTimeText(from) ? from : DEFAULT_FROM, to: isTimeText(to) ? to : '' };
}

export function readSearch(params: URLSearchParams): Search {
  return {
    tab: TABS.find((tab) => tab === params.get('tab')) ?? 'calls',
    q: params.get('q') ?? '',
    ...readRange(params),
  };
}

/** The shortest URL that reads back to the same search. */
export function writeSearch(search: Search): string {
  const params = new URLSearchParams();
  if (search.tab !== 'calls') params.set('tab', search.tab);
  if (search.q.trim() !== '') params.set('q', search.q.trim());
  if (search.from !== DEFAULT_FROM) params.set('from', search.from);
  if (search.to !== '') params.set('to', search.to);
  const text = params.toString();
  return text === '' ? '/search' : `/search?${text}`;
}

export function isTimeText(text: string): boolean {
  return RELATIVE.test(text) || !Number.isNaN(Date.parse(text));
}

/** What the time button says. */
export function rangeName(search: Pick<Search, 'from' | 'to'>): string {
  const preset = PRESETS.find(({ from }) => from === search.from);
  if (search.to === '') {
    if (preset) return preset.name;
    const relative = RELATIVE.exec(search.from);
    if (relative) {
      const number = Number(relative[1]);
      return `Last ${number} ${UNITS[relative[2] ?? 'm']?.name}${number === 1 ? '' : 's'}`;
    }
    return `Since ${moment(search.from)}`;
  }
  const from = moment(search.from);
  const to = moment(search.to);
  // The same day is said once.
  return from.slice(0, 10) === to.slice(0, 10) ? `${from} – ${to.slice(11)}` : `${from} – ${to}`;
}

/** `2026-11-21 03:20` in the local zone, for a time or for one relative to now. */
function moment(text: string): string {
  return toInput(resolve(text, Date.now())).replace('T', ' ');
}

/** Milliseconds since 1970 of an absolute or relative time. */
export function resolve(text: string, nowMilliseconds: number): number {
  const relative = RELATIVE.exec(text);
  if (!relative) return text === '' ? nowMilliseconds : Date.parse(text);
  return nowMilliseconds - Number(relative[1]) * (UNITS[relative[2] ?? 'm']?.milliseconds ?? 0);
}

/** The value of a `datetime-local` input: local zone, whole minutes, seconds only where they matter. */
export function toInput(milliseconds: number): string {
  if (Number.isNaN(milliseconds)) return '';
  const date = new Date(milliseconds);
  const two = (number: number) => String(number).padStart(2, '0');
  const minutes = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}T${two(date.getHours())}:${two(date.getMinutes())}`;
  return date.getSeconds() === 0 ? minutes : `${minutes}:${two(date.getSeconds())}`;
}

/** Back from the input to RFC 3339 in UTC. */
export function fromInput(text: string): string {
  const milliseconds = Date.parse(text);
  return Number.isNaN(milliseconds) ? '' : new Date(milliseconds).toISOString().replace('.000Z', 'Z');
}

/** Twice as long, ending at the same moment: what an empty result offers. */
export function widened(from: string): string | null {
  const index = PRESETS.findIndex((preset) => preset.from === from);
  return index >= 0 ? (PRESETS[index + 1]?.from ?? null) : null;
}
