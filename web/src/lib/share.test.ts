import { expect, test } from 'vitest';
import { left, lifetime, LIFETIMES, linkOf } from './share';
import { parseMicros } from './time';

test('the secret is behind the # wherever the product is served', () => {
  expect(linkOf('rhapsode_a-b_c', 'https://voice.example/')).toBe('https://voice.example/#/share/rhapsode_a-b_c');
  expect(linkOf('s', 'https://voice.example/behind/a/proxy/?x=1')).toBe('https://voice.example/behind/a/proxy/#/share/s');
  expect(linkOf('s', 'http://127.0.0.1:9080/index.html#/call/a%40b')).toBe('http://127.0.0.1:9080/#/share/s');
});

test('lifetimes are said in words', () => {
  expect(LIFETIMES.map(lifetime)).toEqual(['1 hour', '1 day', '7 days', '30 days']);
});

test('what is left is said in the unit one reads', () => {
  const now = parseMicros('2026-11-28T12:00:00Z');
  expect(left('2026-12-05T12:00:00Z', now)).toBe('7 days');
  expect(left('2026-11-30T11:59:00Z', now)).toBe('47 hours');
  expect(left('2026-11-29T11:59:59.5Z', now), 'made just now for a day').toBe('24 hours');
  expect(left('2026-11-28T12:20:30Z', now)).toBe('21 minutes');
  expect(left('2026-11-28T12:20:29Z', now)).toBe('20 minutes');
  expect(left('2026-11-28T11:00:00Z', now)).toBe('0 minutes');
});
