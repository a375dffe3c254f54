import { expect, test } from 'vitest';
import { ago, ladderTime, parseMicros, span, wholeSpan } from './time';

test('keeps microseconds that a Date would lose', () => {
  expect(parseMicros('2020-06-24T05:16:26.669278Z')).toBe(1_592_975_786_669_278);
  expect(parseMicros('1970-01-01T00:00:00Z')).toBe(0);
  expect(parseMicros('1970-01-01T01:00:00.000001+01:00')).toBe(1);
});

test('reads short and long fractions as the same place after the point', () => {
  expect(parseMicros('1970-01-01T00:00:01.5Z')).toBe(1_500_000);
  expect(parseMicros('1970-01-01T00:00:01.123456789Z')).toBe(1_123_456);
});

test('what is no time is not a number, and is shown as a dash', () => {
  expect(parseMicros('yesterday')).toBeNaN();
  expect(parseMicros(null)).toBeNaN();
  expect(ladderTime('absolute', Number.NaN, 0, null)).toBe('–');
});

test('spans are said in the unit that fits', () => {
  const said: [number | null, string][] = [
    [null, '–'], [0, '0 ms'], [0.04, '0.04 ms'], [2.13, '2.1 ms'], [180, '180 ms'], [999.7, '1.00 s'], [3210, '3.21 s'], [9996, '10.0 s'], [59_960, '1 m 00 s'],
    [64_000, '1 m 04 s'], [3_600_000, '1 h 00 m'], [7_500_000, '2 h 05 m'], [180_000_000, '2 d 2 h'], [-31, '−31 ms'],
  ];
  for (const [milliseconds, text] of said) expect(span(milliseconds)).toBe(text);
  expect([null, 0, 1, 1500].map(wholeSpan)).toEqual(['–', '< 1 ms', '1 ms', '1.50 s']);
});

test('ladder times relative to the start and to the row before', () => {
  expect(ladderTime('start', 5_181_000, 5_000_000, 5_100_000)).toBe('+0.181');
  expect(ladderTime('delta', 5_181_000, 5_000_000, 5_100_000)).toBe('+0.081');
  expect(ladderTime('delta', 5_000_000, 5_000_000, null)).toBe('0');
  expect(ladderTime('start', 4_999_000, 5_000_000, null)).toBe('−0.001');
});

test('how long ago', () => {
  expect(ago(0, 900_000)).toBe('just now');
  expect(ago(0, 12_000_000)).toBe('12 s ago');
  expect(ago(0, 200_000_000)).toBe('3 m 20 s ago');
  expect(ago(Number.NaN, 1)).toBe('never');
});
