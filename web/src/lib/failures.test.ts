import { expect, test } from 'vitest';
import { readFailures, writeFailures, type Failures } from './failures';

const read = (path: string) => readFailures(new URLSearchParams(path.split('?')[1] ?? ''));

test.each<Failures>([
  { q: '', from: '-24h', to: '', seen: 'all' },
  { q: 'status = 503', from: '-1h', to: '', seen: 'new' },
  { q: '', from: '-24h', to: '2026-11-21T03:00:00Z', seen: 'back' },
  { q: '', from: '2026-11-20T00:00:00Z', to: '2026-11-21T00:00:00Z', seen: 'all' },
])('%j is read back from its address', (failures) => {
  expect(read(writeFailures(failures))).toEqual(failures);
});

test('the shortest address is a day of all, and what makes no sense is that', () => {
  expect(writeFailures({ q: ' ', from: '-24h', to: '', seen: 'all' })).toBe('/failures');
  expect(read('/failures?seen=odd')).toEqual({ q: '', from: '-24h', to: '', seen: 'all' });
});
