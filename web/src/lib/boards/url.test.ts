import { expect, test } from 'vitest';
import { readPlace, writePlace } from './url';

test('the address of a board reads back to where one was', () => {
  for (const path of ['/boards/7', '/boards/7?from=-6h', '/boards/7?from=2026-11-28T10%3A00%3A00Z&to=2026-11-28T11%3A00%3A00Z', '/boards/7?edit=1', '/boards/7?edit=1&panel=3', '/boards/7?edit=1&panel=-1', '/boards/7?full=1', '/boards/7?box=2_1764324000_1764325800_200000_1000000', '/boards/7?box=2_1764324000_1764325800__0', '/boards/new?template=trunks', '/boards/new']) {
    const [place = '', text = ''] = path.split('?');
    expect(writePlace(readPlace(place.split('/')[2] ?? '', new URLSearchParams(text)))).toBe(path);
  }
  expect(readPlace('7', new URLSearchParams('from=yesterday&panel=x'))).toMatchObject({ from: null, panel: null });
});
