import { expect, test } from 'vitest';
import { axes, HEIGHT, plot, WIDTH } from './plot';

const columns = [{ name: 'ts', type: 'Timestamp(Microsecond, Some("UTC"))' }, { name: 'n', type: 'Int64' }, { name: 'who', type: 'Utf8' }, { name: 'raw', type: 'Binary' }];
const at = (second: number) => `2026-11-21T03:00:0${second}.000000Z`;

test('only numbers are drawn, over anything that has an order or a name', () => {
  expect(axes(columns)).toEqual({ x: [0, 1, 2], y: [1] });
});

test('a line over time, in time order, with a gap where there is no number', () => {
  const drawn = plot(columns, [[at(4), 0, 'd', ''], [at(0), 10, 'a', ''], [at(1), null, 'b', ''], [at(2), 5, 'c', '']], 0, 1);
  expect(drawn).toMatchObject({ kind: 'line', path: `M0 0M${WIDTH / 2} ${HEIGHT / 2}L${WIDTH} ${HEIGHT}`, low: 0, high: 10, first: at(0), last: at(4), left: 0 });
});

test('bars over texts stand on zero', () => {
  const drawn = plot(columns, [[at(0), 4, 'x', ''], [at(0), -4, 'y', '']], 2, 1);
  expect(drawn?.bars.map(({ label, y, height }) => [label, y, height])).toEqual([['x', 0, HEIGHT / 2], ['y', HEIGHT / 2, HEIGHT / 2]]);
});

test('one value, equal values and none', () => {
  expect(plot(columns, [[at(0), 3, 'x', '']], 0, 1)).toMatchObject({ low: 0, high: 3 });
  expect(plot(columns, [[at(0), 0, 'x', ''], [at(1), 0, 'x', '']], 0, 1)).toMatchObject({ low: 0, high: 1 });
  expect(plot(columns, [[at(0), null, 'x', '']], 0, 1)).toBeNull();
  expect(plot(columns, [], 0, 1)).toBeNull();
});

test('what a chart has no room for is counted', () => {
  const rows = Array.from({ length: 70 }, (_, index) => [at(0), index, `x${index}`, '']);
  expect(plot(columns, rows, 2, 1)).toMatchObject({ points: 60, left: 10 });
});
