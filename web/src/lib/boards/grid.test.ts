import { expect, test } from 'vitest';
import { added, bottom, byKey, overlap, put, readingOrder, removed, settled, type Place } from './grid';

const place = (x: number, y: number, w: number, h: number): Place => ({ x, y, w, h });
const two = [place(0, 0, 6, 3), place(0, 3, 6, 3)];

function isWhole(panels: readonly Place[]): boolean {
  return panels.every((one, at) => one.x >= 0 && one.x + one.w <= 12 && one.y >= 0 && panels.every((other, index) => index === at || !overlap(one, other)));
}

test('a panel changes places half way past its neighbour, and nothing has a gap above it', () => {
  expect(put(two, 0, { y: 1 })).toEqual(two);
  expect(put(two, 0, { y: 3 })).toEqual([place(0, 3, 6, 3), place(0, 0, 6, 3)]);
  expect(put(two, 1, { y: 2 })).toEqual(two);
  expect(put(two, 1, { y: 0 })).toEqual([place(0, 3, 6, 3), place(0, 0, 6, 3)]);
  expect(put(put(two, 0, { y: 3 }), 0, { y: 0 })).toEqual(two);
  expect(put([place(0, 0, 6, 3), place(0, 3, 6, 2)], 1, { y: 0 })).toEqual([place(0, 2, 6, 3), place(0, 0, 6, 2)]);
  expect(put(two, 1, { x: 6 })).toEqual([place(0, 0, 6, 3), place(6, 0, 6, 3)]);
});

test('the edge of the grid holds', () => {
  expect(put([place(0, 0, 6, 3)], 0, { x: 40 })).toEqual([place(6, 0, 6, 3)]);
  expect(put([place(0, 0, 6, 3)], 0, { w: 40, h: 99 })).toEqual([place(0, 0, 12, 24)]);
  expect(put([place(4, 0, 2, 1)], 0, { x: -3, w: 0 })).toEqual([place(0, 0, 1, 1)]);
});

test('arrow keys move and size, also past a taller neighbour', () => {
  expect(byKey(two, 0, 'ArrowDown', false)).toEqual([place(0, 3, 6, 3), place(0, 0, 6, 3)]);
  expect(byKey(two, 1, 'ArrowUp', false)).toEqual([place(0, 3, 6, 3), place(0, 0, 6, 3)]);
  expect(byKey(two, 1, 'ArrowDown', false)).toEqual(two);
  expect(byKey(two, 0, 'ArrowRight', false)?.[0]).toEqual(place(1, 0, 6, 3));
  expect(byKey(two, 0, 'ArrowDown', true)).toEqual([place(0, 0, 6, 4), place(0, 4, 6, 3)]);
  expect(byKey(two, 0, 'ArrowLeft', true)?.[0]).toEqual(place(0, 0, 5, 3));
  expect(byKey([place(6, 0, 6, 1)], 0, 'ArrowRight', true)).toEqual([place(6, 0, 6, 1)]);
  expect(byKey(two, 0, 'Enter', false)).toBeNull();
});

test('whatever is done, none lies over another', () => {
  let panels: Place[] = [];
  let seed = 7;
  const dice = (most: number) => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) % most;
  for (let turn = 0; turn < 200; turn += 1) {
    const one = dice(Math.max(1, panels.length));
    const what = dice(10);
    if (what < 3 && panels.length < 40) panels = added(panels, place(0, 0, 1 + dice(12), 1 + dice(6)));
    else if (what === 3) panels = removed(panels, one);
    else if (what < 7) panels = put(panels, one, { x: dice(14) - 1, y: dice(40) });
    else panels = put(panels, one, { w: dice(14), h: 1 + dice(9) });
    expect(isWhole(panels)).toBe(true);
    expect(settled(panels)).toEqual(panels);
  }
});

test('a new one lies where there is room', () => {
  expect(added([place(0, 0, 6, 3)], place(0, 0, 6, 3))[1]).toEqual(place(6, 0, 6, 3));
  expect(added(two.map((one) => ({ ...one, w: 12 })), place(0, 0, 4, 2))[2]).toEqual(place(0, 6, 4, 2));
  expect(bottom(two)).toBe(6);
  expect(readingOrder([place(6, 0, 6, 1), place(0, 1, 6, 1), place(0, 0, 6, 1)])).toEqual([2, 0, 1]);
});
