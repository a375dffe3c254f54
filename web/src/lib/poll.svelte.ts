import { ApiError } from './api';

/** How soon it is seen that somebody looks at the page again. */
const HIDDEN_MILLISECONDS = 1_000;

/** Asks again and again while the page is in sight; keeps the last good answer when one fails. */
export class Poll<T> {
  value: T | null = $state.raw(null);
  failure: string | null = $state(null);
  /** The failure, where the server said what it is. */
  error: ApiError | null = $state.raw(null);

  /** What `ask` reads before it first waits is watched: when it changes the next question is asked at once. After a pause of null there is none. */
  constructor(ask: (signal: AbortSignal) => Promise<T>, pause: number | (() => number | null)) {
    $effect(() => {
      const stop = new AbortController();
      let timer: ReturnType<typeof setTimeout> | undefined;
      const run = async (): Promise<void> => {
        const seen = !document.hidden;
        if (seen) {
          try {
            this.value = await ask(stop.signal);
            this.failure = null;
            this.error = null;
          } catch (problem) {
            if (stop.signal.aborted) return;
            this.failure = problem instanceof Error ? problem.message : String(problem);
            this.error = problem instanceof ApiError ? problem : null;
          }
        }
        const next = seen && typeof pause === 'function' ? pause() : pause;
        if (!stop.signal.aborted && next !== null) timer = setTimeout(run, typeof next === 'number' ? next : HIDDEN_MILLISECONDS);
      };
      void run();
      return () => {
        stop.abort();
        clearTimeout(timer);
      };
    });
  }
}
