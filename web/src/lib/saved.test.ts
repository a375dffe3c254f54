import { expect, test } from 'vitest';
import { SAVED_MAX, withSaved } from './saved';

test('saved searches are in order of their names, and a name stands for the last', () => {
  const all = withSaved(withSaved(withSaved([], 'trunk b', '/search?q=b'), ' Drops ', '/search?q=a'), 'trunk b', '/search?q=c');
  expect(all).toEqual([{ name: 'Drops', path: '/search?q=a' }, { name: 'trunk b', path: '/search?q=c' }]);
});

test('without a name nothing is saved, and beyond the limit none is lost', () => {
  expect(withSaved([], '  ', '/search')).toEqual([]);
  let all = withSaved([], 'first', '/search');
  for (let number = 0; number < SAVED_MAX; number += 1) all = withSaved(all, `n${String(number).padStart(2, '0')}`, '/search');
  expect(all).toHaveLength(SAVED_MAX);
  expect(all[0]?.name).toBe('first');
});
