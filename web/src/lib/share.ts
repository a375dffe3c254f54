// Links that show one call to whoever has them: how long they live, what they look like, what a list says of them.

import { plural } from './numbers';
import { parseMicros } from './time';

/** In hours: those that are offered, up to the longest that the server makes. */
export const LIFETIMES: readonly number[] = [1, 24, 7 * 24, 30 * 24];
export const LIFETIME_DEFAULT = 24;

export const lifetime = (hours: number): string => (hours % 24 === 0 ? plural(hours / 24, 'day') : plural(hours, 'hour'));

export const sharePath = (secret: string): string => `/share/${encodeURIComponent(secret)}`;

/** The secret stands behind `#`: no server, no proxy and no Referer header is told it. */
export function linkOf(secret: string, base: string): string {
  const url = new URL('.', base);
  url.hash = sharePath(secret);
  return url.toString();
}

/** Time that is left, as one reads it: `6 days`, `3 hours`, `20 minutes`. */
export function left(expires: string, now: number): string {
  // Rounded: a link for a day that was made just now has a day left.
  const minutes = Math.max(0, Math.round((parseMicros(expires) - now) / 60_000_000));
  if (minutes >= 48 * 60) return plural(Math.floor(minutes / 1440), 'day');
  return minutes >= 60 ? plural(Math.floor(minutes / 60), 'hour') : plural(minutes, 'minute');
}
