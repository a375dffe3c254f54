import { expect, test } from 'vitest';
import { bars, cellPath, scaleOf, SHADES, shades, styleOf } from './draw';
import type { Heat, Series } from './frame';

const line = (name: string, values: (number | null)[]) => ({ name, values, total: 0, q: null });
const series = (isRatio = false): Series => ({ kind: 'series', from: 0, everySeconds: 60, points: 2, lines: [line('a', [4, null]), line('b', [2, 0])], unit: 'count', isRatio, adds: true });

test('the scale holds what is put upon each other, and all of a ratio', () => {
  expect(scaleOf(series(), true)).toBe(6);
  expect(scaleOf(series(), false)).toBe(4);
  expect(scaleOf(series(true), false)).toBe(100);
});

test('bars lie upon each other or side by side, and nothing has none', () => {
  const stacked = bars(series(), true, 20, 60, 6);
  expect(stacked.map(({ line: of, at, y, height }) => [of, at, y, height])).toEqual([[0, 0, 20, 40], [1, 0, 0, 20]]);
  const beside = bars(series(), false, 20, 60, 6);
  expect(beside.map(({ y, height }) => y + height)).toEqual([60, 60]);
  expect(beside[1]!.x).toBeCloseTo(beside[0]!.x + beside[0]!.width);
});

test('few are seen beside many, and none is not the same as not known', () => {
  const heat: Heat = { kind: 'heat', from: 0, everySeconds: 60, points: 4, rows: [{ ...line('r', [null, 0, 1, 10_000]), low: null, high: null }], unit: 'count', isRatio: false, field: null, q: null };
  expect(shades(heat)).toEqual([[null, 0, 1, SHADES]]);
  expect(shades({ ...heat, isRatio: true, rows: [{ ...heat.rows[0]!, values: [null, 0, 50, 100] }] })).toEqual([[null, 0, 4, SHADES]]);
});

test('cells lie on whole pixels, the first row lowest, and leave no seam', () => {
  const shaded = [[1, 2], [2, 1]];
  expect(cellPath(shaded, 1, 2, 5, 5)).toBe('M0 2H3V5H0zM3 0H5V2H3z');
  expect(cellPath(shaded, 2, 2, 5, 5)).toBe('M3 2H5V5H3zM0 0H3V2H0z');
});

test('neighbours differ in colour, and lines of one colour in dashes', () => {
  const all = Array.from({ length: 8 }, (_, index) => styleOf(index, 'x'));
  expect(new Set(all.map(({ colour }) => colour)).size).toBe(8);
  expect(styleOf(3, 'others')).toEqual({ colour: 'var(--other)', dash: '1 3' });
});
