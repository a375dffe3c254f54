import { expect, test } from 'vitest';
import { foldSightings } from './sightings';

const row = (id: string, witness_of: string | null = null) => ({ id, witness_of });

test('a further sighting is counted at the row it shows', () => {
  const folded = foldSightings([row('c', 'a'), row('b', 'a'), row('x'), row('a')]);
  expect(folded.rows.map(({ id }) => id)).toEqual(['x', 'a']);
  expect([...folded.witnesses]).toEqual([['a', 3]]);
});

test('a sighting of what is not listed stays', () => {
  expect(foldSightings([row('b', 'gone')]).rows.length).toBe(1);
});
