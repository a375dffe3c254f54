import { expect, test } from 'vitest';
import { Turns } from './turns';

const soon = () => new Promise<void>((done) => setTimeout(done));

test('no more run at once than may, and all run', async () => {
  const turns = new Turns(2);
  const { signal } = new AbortController();
  let [now, most, done] = [0, 0, 0];
  const one = () => turns.take(signal, async () => {
    now += 1;
    most = Math.max(most, now);
    await soon();
    now -= 1;
    done += 1;
  });
  await Promise.all(Array.from({ length: 9 }, one));
  expect([most, done]).toEqual([2, 9]);
});

test('one that left while it waited holds up nobody, nor does one that fails', async () => {
  const turns = new Turns(1);
  const stays = new AbortController();
  const leaves = new AbortController();
  let open = () => {};
  const first = turns.take(stays.signal, () => new Promise<string>((done) => (open = () => done('first'))));
  const second = turns.take(leaves.signal, () => Promise.resolve('second'));
  const third = turns.take(stays.signal, () => Promise.reject(new Error('third')));
  const fourth = turns.take(stays.signal, () => Promise.resolve('fourth'));
  leaves.abort();
  await expect(second).rejects.toThrow();
  open();
  await expect(first).resolves.toBe('first');
  await expect(third).rejects.toThrow('third');
  await expect(fourth).resolves.toBe('fourth');
});
