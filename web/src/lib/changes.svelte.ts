// What a page changes on the server, one thing at a time, with the reason where it could not be.

export class Changes {
  asking = $state(false);
  failure: string | null = $state(null);

  /** Answers whether it was done. */
  async make(action: () => Promise<void>): Promise<boolean> {
    this.asking = true;
    this.failure = null;
    try {
      await action();
      return true;
    } catch (problem) {
      this.failure = problem instanceof Error ? problem.message : String(problem);
      return false;
    } finally {
      this.asking = false;
    }
  }
}
