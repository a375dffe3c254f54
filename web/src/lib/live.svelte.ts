// Watching: one WebSocket, and what came through it. Messages are taken over once a picture, however fast they come.

import { address, api, ApiError } from './api';
import type { Summary } from './types';

/** Messages kept on the page; older ones are in the search. */
export const KEPT_MAX = 2_000;

const AGAIN_AFTER_MILLISECONDS = 2_000;

export type Connection = 'opening' | 'open' | 'lost';

interface News {
  messages?: Summary[];
  skipped?: number;
  heartbeat?: string;
  error?: { message: string };
}

/** Adds news to what is kept: the newest stay, and what fell out is counted. */
export function kept(old: readonly Summary[], news: readonly Summary[], most = KEPT_MAX): { messages: Summary[]; dropped: number } {
  const all = old.length === 0 ? [...news] : [...old, ...news];
  const dropped = Math.max(0, all.length - most);
  return { messages: dropped === 0 ? all : all.slice(dropped), dropped };
}

export class Live {
  /** Oldest first. */
  messages: Summary[] = $state.raw([]);
  /** Came while the page stood still. */
  waiting: Summary[] = $state.raw([]);
  /** Too much for the server to send, or for this page to hold while it stood still. */
  skipped = $state(0);
  seen = $state(0);
  connection: Connection = $state('opening');
  error = $state.raw<ApiError | null>(null);
  still = $state(false);

  private socket: WebSocket | null = null;
  private again: ReturnType<typeof setTimeout> | undefined;
  private incoming: Summary[] = [];
  private picture = 0;
  private query = '';
  private asking = new AbortController();
  /** Counts the openings: an answer to an earlier one is of no interest any more. */
  private turn = 0;

  /** Watches from now on, with another filter or again. */
  open(query: string): void {
    this.close();
    this.clear();
    this.query = query;
    void this.connect();
  }

  close(): void {
    this.turn += 1;
    this.asking.abort();
    this.asking = new AbortController();
    clearTimeout(this.again);
    cancelAnimationFrame(this.picture);
    this.picture = 0;
    this.incoming = [];
    this.socket?.close();
    this.socket = null;
  }

  clear(): void {
    this.messages = [];
    this.waiting = [];
    this.skipped = 0;
    this.seen = 0;
  }

  /** Stands still, or goes on with what has come meanwhile. */
  hold(still: boolean): void {
    this.still = still;
    if (still || this.waiting.length === 0) return;
    this.messages = kept(this.messages, this.waiting).messages;
    this.waiting = [];
  }

  private async connect(): Promise<void> {
    const mine = ++this.turn;
    this.connection = 'opening';
    this.error = null;
    try {
      // A WebSocket that is refused does not say why; a search for the same does.
      await api.messages({ q: this.query, from: '-1s', to: '', limit: 1, before: null }, this.asking.signal, () => {});
    } catch (problem) {
      if (mine !== this.turn) return;
      if (problem instanceof ApiError && problem.code !== 'unreachable' && problem.code !== 'busy') this.error = problem;
      else this.lost();
      return;
    }
    if (mine !== this.turn) return;
    const socket = new WebSocket(address('tail', { q: this.query }).replace(/^http/, 'ws'));
    this.socket = socket;
    socket.onopen = () => mine === this.turn && (this.connection = 'open');
    socket.onmessage = (event: MessageEvent<string>) => mine === this.turn && this.take(JSON.parse(event.data) as News);
    socket.onclose = () => mine === this.turn && this.lost();
  }

  private lost(): void {
    this.connection = 'lost';
    this.again = setTimeout(() => void this.connect(), AGAIN_AFTER_MILLISECONDS);
  }

  private take(news: News): void {
    if (news.skipped) this.skipped += news.skipped;
    if (!news.messages) return;
    this.incoming.push(...news.messages);
    // No picture is drawn in a tab behind others; then the messages wait here, bounded as well.
    const { messages, dropped } = kept([], this.incoming);
    this.incoming = messages;
    this.skipped += dropped;
    if (this.picture === 0) this.picture = requestAnimationFrame(() => this.draw());
  }

  private draw(): void {
    this.picture = 0;
    const news = this.incoming;
    this.incoming = [];
    this.seen += news.length;
    if (this.still) {
      const { messages, dropped } = kept(this.waiting, news);
      this.waiting = messages;
      this.skipped += dropped;
    } else {
      this.messages = kept(this.messages, news).messages;
    }
  }
}
