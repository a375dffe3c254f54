// Queries typed before, newest first, kept in this browser only.

const KEY = 'rhapsode.queries';
const KEPT_MAX = 50;

export function withQuery(history: readonly string[], query: string): string[] {
  const text = query.trim();
  if (text === '') return [...history];
  return [text, ...history.filter((one) => one !== text)].slice(0, KEPT_MAX);
}

export function readHistory(): string[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? '[]');
    return Array.isArray(kept) ? kept.filter((one) => typeof one === 'string') : [];
  } catch {
    return [];
  }
}

export function remember(query: string): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(withQuery(readHistory(), query)));
  } catch {
    // A browser that keeps nothing still searches.
  }
}

export function forgetHistory(): void {
  try {
    localStorage.removeItem(KEY);
  } catch {
    // Nothing was kept.
  }
}
