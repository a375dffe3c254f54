import { expect, test } from 'vitest';
import { areaPath, dots, indexAt, linePath, niceMax, pieces, stepSeconds, xOf, yOf, type Frame } from './chart';

const frame: Frame = { width: 100, height: 50, points: 10, max: 10 };

test('what is not known is a gap and never zero', () => {
  expect(pieces([null, 1, 2, null, 0, null, null, 3])).toEqual([
    { start: 1, values: [1, 2] },
    { start: 4, values: [0] },
    { start: 7, values: [3] },
  ]);
  expect(pieces([null, null])).toEqual([]);
  expect(pieces([])).toEqual([]);
});

test('a line has a piece for each stretch, and a dot where a value stands alone', () => {
  const found = pieces([10, 0, null, 5, null, 10, 10]);
  expect(linePath(found, frame)).toBe('M5 0L15 50M55 0L65 0');
  expect(areaPath(found, frame)).toBe('M5 0L15 50L15 50L5 50ZM55 0L65 0L65 50L55 50Z');
  expect(dots(found, frame)).toEqual([{ x: 35, y: 25 }]);
});

test('scales end at a round number above all values', () => {
  const ends: [number[], number][] = [[[], 1], [[0], 1], [[0.3], 0.3], [[0.31], 0.4], [[7], 8], [[10], 10], [[101], 150], [[885.2], 1000], [[12_345], 15_000]];
  for (const [values, max] of ends) expect(niceMax(values)).toBe(max);
  expect(niceMax([null, 3, null])).toBe(3);
});

test('values beyond the scale stay inside', () => {
  expect([yOf(20, frame), yOf(-1, frame), yOf(5, frame)]).toEqual([0, 50, 25]);
});

test('a pointer finds the point that is drawn under it', () => {
  for (let index = 0; index < frame.points; index += 1) expect(indexAt(xOf(index, frame), frame)).toBe(index);
  expect([indexAt(-5, frame), indexAt(0, frame), indexAt(100, frame), indexAt(900, frame)]).toEqual([0, 0, 9, 9]);
});

test('a span is cut into as many points as a chart can show', () => {
  const hour = 3_600_000;
  const steps: [number, number][] = [[5_000, 1], [300_000, 5], [hour / 4, 10], [hour, 30], [6 * hour, 300], [24 * hour, 900], [7 * 24 * hour, 7_200], [30 * 24 * hour, 21_600]];
  for (const [milliseconds, seconds] of steps) expect(stepSeconds(milliseconds)).toBe(seconds);
  const years = 4_000 * 24 * hour;
  expect(years / 1000 / stepSeconds(years)).toBeLessThanOrEqual(120);
});
