/** Where charts that stand side by side are read: all at the same point. */
export class Reading {
  /** Index of the point under the pointer or the cursor. */
  at: number | null = $state(null);
  /** Where a stretch to look at closer begins, in milliseconds: points move on while it is chosen. */
  mark: number | null = $state(null);
}
