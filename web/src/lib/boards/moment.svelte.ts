/** The time that is read, on all panels at once: their points may be of different lengths. */
export class Moment {
  /** Milliseconds since 1970. */
  at: number | null = $state(null);
}
