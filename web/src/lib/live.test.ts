import { describe, expect, it } from 'vitest';
import { kept } from './live.svelte';
import { readLive, writeLive } from './live-url';
import type { Summary } from './types';

const message = (id: number) => ({ id: String(id) }) as Summary;
const ids = (messages: Summary[]) => messages.map(({ id }) => Number(id));

describe('what a live page keeps', () => {
  it('is the newest, and counts the rest', () => {
    const old = [1, 2, 3].map(message);
    expect(kept(old, [4, 5].map(message), 4)).toEqual({ messages: [2, 3, 4, 5].map(message), dropped: 1 });
    expect(ids(kept(old, [4].map(message), 9).messages)).toEqual([1, 2, 3, 4]);
    expect(kept([], [], 3)).toEqual({ messages: [], dropped: 0 });
  });
});

describe('the address of a live page', () => {
  it('holds the filter and the view, and nothing that is usual', () => {
    expect(writeLive({ q: '', view: 'list' })).toBe('/live');
    const live = { q: 'from = "+44*" & more', view: 'ladder' } as const;
    const path = writeLive(live);
    expect(readLive(new URLSearchParams(path.split('?')[1]))).toEqual(live);
    expect(readLive(new URLSearchParams('view=nonsense'))).toEqual({ q: '', view: 'list' });
  });
});
