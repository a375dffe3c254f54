// Panels ask at once, but not all at the same moment: the server has few turns, and other pages want some too.

/** Of the eight that the server takes at once. */
export const AT_ONCE = 4;

export class Turns {
  private running = 0;
  private waiting: (() => void)[] = [];

  constructor(private readonly most = AT_ONCE) {}

  /** Runs it when it is its turn; one that is not wanted any more gives its turn away. */
  async take<T>(signal: AbortSignal, run: () => Promise<T>): Promise<T> {
    if (this.running >= this.most) {
      await new Promise<void>((next) => {
        const leave = () => {
          const place = this.waiting.indexOf(called);
          if (place < 0) return;
          this.waiting.splice(place, 1);
          next();
        };
        // The signal lives as long as the panel: what listens to it must not outlive the turn.
        const called = () => {
          signal.removeEventListener('abort', leave);
          next();
        };
        this.waiting.push(called);
        signal.addEventListener('abort', leave, { once: true });
      });
    }
    signal.throwIfAborted();
    this.running += 1;
    try {
      return await run();
    } finally {
      this.running -= 1;
      // Who is told of a free turn takes it in the same breath or has left: then the next is told.
      this.waiting.shift()?.();
    }
  }
}
