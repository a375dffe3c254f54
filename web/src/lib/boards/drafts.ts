// Boards that are being changed, while this page is open: who looks something up in between finds the changes again.

import type { Board } from './board';

export interface Draft {
  board: Board;
  /** The version it was made from; null for a new one. */
  version: number | null;
}

export const drafts = new Map<string, Draft>();
