import { expect, test } from 'vitest';
import { boxOf, readBox, writeBox } from './box';
import type { Heat } from './frame';

const row = (low: number | null, high: number) => ({ name: '', values: [], total: 0, q: null, low, high });
const heat: Heat = { kind: 'heat', from: 60_000, everySeconds: 60, points: 3, rows: [row(null, 0), row(1_000, 2_000), row(2_000, 5_000)], unit: 'count', isRatio: false, field: 'pdd', q: '' };

test('a box has the times and numbers of its cells, both ends inside', () => {
  expect(boxOf(4, heat, { from: 1, to: 2, low: 1, high: 2 })).toEqual({ panel: 4, from: 120_000, to: 240_000, low: 1_000, high: 5_000 });
  expect(boxOf(4, heat, { from: 0, to: 0, low: 0, high: 1 })).toEqual({ panel: 4, from: 60_000, to: 120_000, low: null, high: 2_000 });
});

test('it reads back from the address, and nonsense is none', () => {
  for (const box of [boxOf(0, heat, { from: 0, to: 2, low: 0, high: 2 }), { panel: 1, from: 0, to: 1_000, low: 1e-7, high: 2e21 }]) expect(readBox(writeBox(box))).toEqual(box);
  for (const text of [null, '', '1_2_3', '1_5_5__', '1_1_2_x_', '1_1_2_--_']) expect(readBox(text)).toBeNull();
});
