// The result list of the last search. It outlives the screen, so that coming back from a call is instant and
// finds the same rows, the same place and the same selection.

import { api, ApiError } from './api';
import { writeSearch, type Search } from './search-url';
import type { Call, Incomplete, Listed, Registration } from './types';

const PAGE_ROWS = 200;
/** They become one search text, which the server takes up to 16 KiB long. */
const CHOSEN_MAX = 200;

class Results {
  key = $state('');
  calls: Call[] = $state.raw([]);
  messages: Listed[] = $state.raw([]);
  registrations: Registration[] = $state.raw([]);
  selected = $state(0);
  /** Keys of calls or registrations that are chosen for export. */
  chosen: ReadonlySet<string> = $state.raw(new Set());
  scrollTop = 0;
  loading = $state(false);
  done = $state(false);
  partial: Incomplete | null = $state.raw(null);
  elapsed: number | null = $state(null);
  error: ApiError | null = $state.raw(null);
  /** The query the error speaks of. */
  asked = $state('');
  /** Counts how often a list was asked for from its beginning. */
  round = $state(0);
  next: string | null = $state(null);
  private running: AbortController | null = null;
  private search: Search | null = null;

  /** Asks anew, unless this very search is what is shown. */
  show(search: Search, again = false): void {
    const key = writeSearch(search);
    if (key === this.key && !again) return;
    const another = key !== this.key;
    this.key = key;
    this.search = search;
    this.asked = search.q;
    this.selected = 0;
    if (another) this.chosen = new Set();
    this.scrollTop = 0;
    this.next = null;
    this.partial = null;
    this.error = null;
    if (another) {
      this.clear();
      this.done = false;
      this.elapsed = null;
    }
    this.round += 1;
    void this.load(null);
  }

  choose(key: string): void {
    const changed = new Set(this.chosen);
    if (!changed.delete(key) && changed.size < CHOSEN_MAX) changed.add(key);
    this.chosen = changed;
  }

  more(): void {
    if (this.next !== null && !this.loading) void this.load(this.next);
  }

  /** Another user must not see what the one before found. */
  forget(): void {
    this.running?.abort();
    this.key = '';
    this.clear();
  }

  private clear(): void {
    this.calls = [];
    this.messages = [];
    this.registrations = [];
  }

  private async load(before: string | null): Promise<void> {
    const search = this.search;
    if (!search) return;
    this.running?.abort();
    const running = new AbortController();
    this.running = running;
    this.loading = true;
    try {
      const request = { q: search.q, from: search.from, to: search.to, limit: PAGE_ROWS, before };
      if (search.tab === 'calls') {
        const page = await api.calls(request, running.signal);
        this.calls = joined(before === null ? [] : this.calls, page.calls, callKey);
        this.finish(page);
      } else if (search.tab === 'registrations') {
        const page = await api.registrations(request, running.signal);
        this.registrations = joined(before === null ? [] : this.registrations, page.registrations, registrationKey);
        this.finish(page);
      } else {
        const shown = before === null ? [] : this.messages;
        const found: Listed[] = [];
        const end = await api.messages(request, running.signal, (rows) => {
          found.push(...rows.map((row) => ({ ...row, witness_of: null })));
          const messages = joined(shown, found, (message) => message.id);
          // A list that is asked for once more stays until there is as much of the new one.
          if (messages.length >= this.messages.length) this.messages = messages;
        });
        const rows = found.map((row) => ({ ...row, witness_of: end.witnesses[row.id] ?? null }));
        this.messages = joined(shown, rows, (message) => message.id);
        this.finish(end);
      }
    } catch (failure) {
      if (running.signal.aborted) return;
      if (before === null) this.clear();
      this.error = failure instanceof ApiError ? failure : new ApiError(0, 'unexpected', String(failure));
      this.next = null;
    } finally {
      if (this.running === running) {
        this.loading = false;
        this.done = true;
      }
    }
  }

  private finish(page: { partial: Incomplete | null; elapsed_ms: number; next: string | null }): void {
    this.partial = page.partial;
    this.elapsed = page.elapsed_ms;
    this.next = page.next;
    this.error = null;
  }
}

/** A Call-ID that is used again is a call of its own. */
export const callKey = (call: Call): string => `${call.call_id} ${call.first}`;
/** All renewals of a registration share its Call-ID. */
export const registrationKey = (registration: Registration): string => `${registration.call_id} ${registration.at}`;

/** A call that went on between two pages may be in both. */
function joined<T>(shown: T[], page: T[], idOf: (row: T) => string): T[] {
  const known = new Set(shown.map(idOf));
  return [...shown, ...page.filter((row) => !known.has(idOf(row)) && known.add(idOf(row)))];
}

export const results = new Results();
