import { expect, test } from 'vitest';
import { ofCalls } from './chosen';

const call = (id: string, second: number) => ({ call_id: id, first: `2026-11-21T03:00:${second}.000000Z`, last: `2026-11-21T03:00:${second + 5}.000000Z` });

test('chosen calls are a search by their Call-IDs over the time they took', () => {
  expect(ofCalls([call('b@x', 20), call('a"1', 10), call('b@x', 40)])).toEqual({ q: 'call_id in ("b@x", "a\\"1")', from: '2026-11-21T02:59:06.000Z', to: '2026-11-21T03:01:49.000Z' });
  expect(ofCalls([call('b', 20)]).q).toBe('call_id = "b"');
});
