// Times travel as RFC 3339 with microseconds and are computed with as whole microseconds: a Date would cut them to milliseconds.

const RFC_3339 = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/;

/** Microseconds since 1970; NaN for what is no time. */
export function parseMicros(text: string | null | undefined): number {
  const parts = RFC_3339.exec(text ?? '');
  if (!parts) return Number.NaN;
  const fraction = (parts[2] ?? '').padEnd(6, '0').slice(0, 6);
  return Date.parse(`${parts[1]}${parts[3]}`) * 1000 + Number(fraction);
}

const pad = (number: number, digits = 2) => String(number).padStart(digits, '0');

/** `12:03:07.041523` in the local zone; `digits` of the fraction, cut, never rounded up into the next second. */
export function clock(micros: number, digits: 0 | 3 | 6 = 3): string {
  if (Number.isNaN(micros)) return '–';
  const date = new Date(Math.floor(micros / 1000));
  const time = `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
  if (digits === 0) return time;
  const fraction = pad(((micros % 1_000_000) + 1_000_000) % 1_000_000, 6).slice(0, digits);
  return `${time}.${fraction}`;
}

/** `2026-11-21` in the local zone. */
export function day(micros: number): string {
  if (Number.isNaN(micros)) return '–';
  const date = new Date(Math.floor(micros / 1000));
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
}

export function dayAndClock(micros: number, digits: 0 | 3 | 6 = 0): string {
  return Number.isNaN(micros) ? '–' : `${day(micros)} ${clock(micros, digits)}`;
}

/** How the local zone is written beside a time: `UTC`, `UTC+2`, `UTC-3:30`. */
export function zoneName(at: Date = new Date()): string {
  const minutes = -at.getTimezoneOffset();
  if (minutes === 0) return 'UTC';
  const sign = minutes < 0 ? '-' : '+';
  const size = Math.abs(minutes);
  return `UTC${sign}${Math.floor(size / 60)}${size % 60 ? `:${pad(size % 60)}` : ''}`;
}

/** A span as people say it: `0.4 ms`, `180 ms`, `3.21 s`, `1 m 04 s`, `2 h 05 m`. */
export function span(milliseconds: number | null | undefined): string {
  if (milliseconds === null || milliseconds === undefined || Number.isNaN(milliseconds)) return '–';
  const sign = milliseconds < 0 ? '−' : '';
  const size = Math.abs(milliseconds);
  if (size === 0) return '0 ms';
  if (size < 10) return `${sign}${Number(size.toFixed(size < 1 ? 2 : 1))} ms`;
  if (size < 999.5) return `${sign}${Math.round(size)} ms`;
  if (size < 9_995) return `${sign}${(size / 1000).toFixed(2)} s`;
  if (size < 59_950) return `${sign}${(size / 1000).toFixed(1)} s`;
  const seconds = Math.round(size / 1000);
  if (seconds < 3600) return `${sign}${Math.floor(seconds / 60)} m ${pad(seconds % 60)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 48 * 60) return `${sign}${Math.floor(minutes / 60)} h ${pad(minutes % 60)} m`;
  return `${sign}${Math.floor(minutes / 1440)} d ${Math.floor((minutes % 1440) / 60)} h`;
}

/** Of a time that is told in whole milliseconds: zero is less than one. */
export function wholeSpan(milliseconds: number | null | undefined): string {
  return milliseconds === 0 ? '< 1 ms' : span(milliseconds);
}

/** `just now`, `12 s ago`, `3 m 20 s ago`. */
export function ago(micros: number, nowMicros: number): string {
  const milliseconds = (nowMicros - micros) / 1000;
  if (Number.isNaN(milliseconds)) return 'never';
  if (milliseconds < 1_500) return 'just now';
  if (milliseconds < 60_000) return `${Math.round(milliseconds / 1000)} s ago`;
  return `${span(milliseconds)} ago`;
}

export type TimeMode = 'absolute' | 'start' | 'delta';
export const TIME_MODES: readonly TimeMode[] = ['absolute', 'start', 'delta'];

/** The cell of the ladder's time column. */
export function ladderTime(mode: TimeMode, micros: number, firstMicros: number, previousMicros: number | null): string {
  switch (mode) {
    case 'absolute':
      return clock(micros, 3);
    case 'start':
      return signedSeconds(micros - firstMicros);
    case 'delta':
      return previousMicros === null ? '0' : signedSeconds(micros - previousMicros);
  }
}

/** Seconds with milliseconds and a sign, so that a column of them aligns: `+0.181`, `+92.004`. */
function signedSeconds(micros: number): string {
  return `${micros < 0 ? '−' : '+'}${(Math.abs(micros) / 1_000_000).toFixed(3)}`;
}
