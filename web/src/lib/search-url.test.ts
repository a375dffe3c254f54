import { expect, test } from 'vitest';
import { readSearch, rangeName, resolve, widened, writeSearch, type Search } from './search-url';

const read = (path: string) => readSearch(new URLSearchParams(path.split('?')[1] ?? ''));

test('what is written reads back', () => {
  const searches: Search[] = [
    { tab: 'calls', q: '', from: '-1h', to: '' },
    { tab: 'messages', q: 'from_user = "+44*" and sip.status in 500..599', from: '-7d', to: '' },
    { tab: 'registrations', q: 'expires < 60', from: '-6h', to: '' },
    { tab: 'calls', q: 'a&b=c#d?e%20ä', from: '2026-11-21T03:00:00Z', to: '2026-11-21T04:00:00Z' },
  ];
  for (const search of searches) expect(read(writeSearch(search))).toEqual(search);
});

test('the common search has a short address', () => {
  expect(writeSearch({ tab: 'calls', q: ' ', from: '-1h', to: '' })).toBe('/search');
});

test('nonsense in a URL becomes the default', () => {
  expect(read('/search?tab=x&from=soon&to=later')).toEqual({ tab: 'calls', q: '', from: '-1h', to: '' });
});

test('ranges have names', () => {
  expect(rangeName({ from: '-15m', to: '' })).toBe('Last 15 minutes');
  expect(rangeName({ from: '-90s', to: '' })).toBe('Last 90 seconds');
  expect(rangeName({ from: '-1d', to: '' })).toBe('Last 1 day');
});

test('relative times resolve against now, widening goes one preset on', () => {
  expect(resolve('-15m', 1_000_000_000)).toBe(1_000_000_000 - 900_000);
  expect(resolve('2026-11-21T03:00:00Z', 0)).toBe(Date.UTC(2026, 10, 21, 3));
  expect(resolve('', 77)).toBe(77);
  expect(widened('-1h')).toBe('-6h');
  expect(widened('-30d')).toBeNull();
  expect(widened('2026-11-21T03:00:00Z')).toBeNull();
});
