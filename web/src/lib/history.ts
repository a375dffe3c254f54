// Queries typed before, newest first, kept in this browser only.

const KEY = 'rhapsode.queries';
export const SQL_KEY = 'rhapsode.sql';
const KEPT_MAX = 50;

export function withQuery(history: readonly string[], query: string): string[] {
  const text = query.trim();
  if (text === '') return [...history];
  return [text, ...history.filter((one) => one !== text)].slice(0, KEPT_MAX);
}

export function readHistory(key = KEY): string[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(key) ?? '[]');
    return Array.isArray(kept) ? kept.filter((one) => typeof one === 'string') : [];
  } catch {
    return [];
  }
}

export function remember(query: string, key = KEY): void {
  try {
    localStorage.setItem(key, JSON.stringify(withQuery(readHistory(key), query)));
  } catch {
    // A browser that keeps nothing still searches.
  }
}

export function forgetHistory(key = KEY): void {
  try {
    localStorage.removeItem(key);
  } catch {
    // Nothing was kept.
  }
}
