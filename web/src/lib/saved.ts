// Searches that were given a name, kept in this browser only: a search is its address.

const KEY = 'rhapsode.saved';
export const SAVED_MAX = 40;
export const NAME_MAX = 60;

export interface Saved {
  name: string;
  path: string;
}

/** A name that is there already is taken over; beyond the limit nothing is added. */
export function withSaved(all: readonly Saved[], name: string, path: string): Saved[] {
  const said = name.trim().slice(0, NAME_MAX);
  if (said === '') return [...all];
  const others = all.filter((one) => one.name !== said);
  if (others.length >= SAVED_MAX) return [...all];
  return [...others, { name: said, path }].sort((a, b) => a.name.localeCompare(b.name, 'en'));
}

export function readSaved(): Saved[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? '[]');
    return Array.isArray(kept) ? kept.filter((one): one is Saved => typeof one?.name === 'string' && typeof one?.path === 'string' && one.path.startsWith('/')) : [];
  } catch {
    return [];
  }
}

function write(all: Saved[]): Saved[] {
  try {
    localStorage.setItem(KEY, JSON.stringify(all));
    return all;
  } catch {
    // A browser that keeps nothing has none.
    return readSaved();
  }
}

export const addSaved = (name: string, path: string): Saved[] => write(withSaved(readSaved(), name, path));
export const removeSaved = (name: string): Saved[] => write(readSaved().filter((one) => one.name !== name));
