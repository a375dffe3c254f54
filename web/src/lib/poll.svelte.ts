/** Asks again and again while the page is in sight; keeps the last good answer when one fails. */
export class Poll<T> {
  value: T | null = $state.raw(null);
  failure: string | null = $state(null);

  constructor(ask: (signal: AbortSignal) => Promise<T>, everyMilliseconds: number) {
    $effect(() => {
      const stop = new AbortController();
      let timer: ReturnType<typeof setTimeout> | undefined;
      const run = async (): Promise<void> => {
        if (!document.hidden) {
          try {
            this.value = await ask(stop.signal);
            this.failure = null;
          } catch (problem) {
            if (stop.signal.aborted) return;
            this.failure = problem instanceof Error ? problem.message : String(problem);
          }
        }
        if (!stop.signal.aborted) timer = setTimeout(run, everyMilliseconds);
      };
      void run();
      return () => {
        stop.abort();
        clearTimeout(timer);
      };
    });
  }
}
