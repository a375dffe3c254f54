import { expect, test } from 'vitest';
import type { Signature } from './kpi-types';
import { amount, asked, conditionOf, conditionOfSignature, finished, isKnown, isOthers, narrowed, percent, pointName, perSecond, ratios, readOverview, writeOverview, zoomed, zoomedOut, type Overview } from './overview';

const read = (path: string) => readOverview(new URLSearchParams(path.split('?')[1] ?? ''));
const NOW = Date.parse('2026-11-21T12:00:17Z');

test('what is written reads back', () => {
  const overviews: Overview[] = [
    { q: '', from: '-1h', to: '', by: 'trunk' },
    { q: 'ruri_user = "+44*"', from: '2026-11-21T03:00:00Z', to: '2026-11-21T04:00:00Z', by: 'user_agent' },
  ];
  for (const overview of overviews) expect(read(writeOverview(overview))).toEqual(overview);
  expect(writeOverview({ q: ' ', from: '-1h', to: '', by: 'trunk' })).toBe('/overview');
  expect(read('/overview?by=toString&from=soon')).toEqual({ q: '', from: '-1h', to: '', by: 'trunk' });
});

test('points begin where clocks have them, and the first is whole', () => {
  expect(asked({ from: '-1h', to: '' }, NOW)).toEqual({ from: '2026-11-21T11:00:00.000Z', to: '', every: '30s', whole: '3617s' });
  expect(asked({ from: '2026-11-21T03:00:07Z', to: '2026-11-21T03:05:07Z' }, NOW)).toEqual({ from: '2026-11-21T03:00:05.000Z', to: '2026-11-21T03:05:07.000Z', every: '5s', whole: '302s' });
});

test('a point that is not over is not drawn', () => {
  const answer = { from: '2026-11-21T11:00:00.000000Z', every_seconds: 30 };
  expect(finished(answer, 121, NOW)).toBe(120);
  expect(finished(answer, 100, NOW)).toBe(100);
  expect(finished(answer, 100, 0)).toBe(0);
});

test('what is counted by the second is counted over the time that has passed', () => {
  const answer = { from: '2026-11-21T12:00:00.000000Z', every_seconds: 30 };
  // 17 calls in 17 of 30 seconds.
  expect(perSecond(17 / 30, answer, 1, NOW)).toBeCloseTo(1);
  expect(perSecond(2, { ...answer, from: '2026-11-21T11:00:00Z' }, 10, NOW)).toBe(2);
});

test('a ratio waits until most fates are known', () => {
  expect([isKnown({ attempts: 0, open: 0 }), isKnown({ attempts: 8, open: 2 }), isKnown({ attempts: 2, open: 13 })]).toEqual([true, true, false]);
  expect(ratios([{ attempts: 2, open: 13, asr: 0 }, { attempts: 10, open: 0, asr: 70 }, { attempts: 0, open: 0, asr: null }], (point) => point.asr)).toEqual([null, 70, null]);
});

test('nothing to tell of is said so, zero is zero', () => {
  expect([null, 0, 74.4186, 99.97, 100].map(percent)).toEqual(['no data', '0 %', '74.4 %', '100 %', '100 %']);
  expect([null, 0, 0.0213, 2.7111, 179.61, 12_345.6].map(amount)).toEqual(['no data', '0', '0.021', '2.71', '180', '12\u202f346']);
});

test('a point is named as exactly as it is long', () => {
  const at = new Date(2026, 10, 21, 9, 5, 30).getTime();
  expect([5, 60, 900].map((seconds) => pointName(at, seconds))).toEqual(['09:05:30', '09:05', '11-21 09:05']);
});

test('a group is found again by a search', () => {
  expect(conditionOf('trunk', '198.18.0.0 > 2001:db8::1')).toBe('src_ip = 198.18.0.0 and dst_ip = 2001:db8::1');
  expect(conditionOf('src', '10.0.0.1')).toBe('src_ip = 10.0.0.1');
  expect(conditionOf('prefix', '+4930')).toBe('ruri_user = "+4930*"');
  expect(conditionOf('prefix', '110')).toBe('ruri_user = "110"');
  expect(conditionOf('user_agent', 'a "b" \\ *')).toBe('user_agent = "a \\"b\\" \\\\ ?*"');
  expect(conditionOf('status', '486')).toBe('status = 486');
  expect(conditionOf('user_agent', null)).toBe('not exists user_agent');
  expect(conditionOf('prefix', null)).toBeNull();
  expect(conditionOf('trunk', null)).toBeNull();
  expect(narrowed(' a or b ', 'c')).toBe('(a or b) and c');
  expect(narrowed('', 'c')).toBe('c');
});

test('only the 51st group holds all others', () => {
  const groups = Array.from({ length: 51 }, (_, index) => ({ key: index === 50 ? 'other' : `${index}` }));
  expect(isOthers({ groups } as never, 50)).toBe(true);
  expect(isOthers({ groups: [{ key: 'other' }] } as never, 0)).toBe(false);
});

test('a signature is found again by a search', () => {
  const signature = { src_ip: '10.0.0.1', dst_ip: '10.0.0.2', status: 503, cause: 34, finding: 'DOWNSTREAM_503' } as Signature;
  expect(conditionOfSignature(signature)).toBe('src_ip = 10.0.0.1 and dst_ip = 10.0.0.2 and call.status = 503 and cause = 34 and finding = DOWNSTREAM_503');
  expect(conditionOfSignature({ ...signature, src_ip: null, dst_ip: null, status: null, cause: null, finding: null })).toBe('not exists call.status');
});

test('zooming takes whole points, and out again twice the time', () => {
  const answer = { from: '2026-11-21T11:00:00.000000Z', every_seconds: 30 };
  expect(zoomed(answer, 4, 2)).toEqual({ from: '2026-11-21T11:01:00Z', to: '2026-11-21T11:02:30Z' });
  expect(zoomed(answer, 3, 3)).toEqual({ from: '2026-11-21T11:01:30Z', to: '2026-11-21T11:02:00Z' });
  expect(zoomedOut({ from: '2026-11-21T03:00:00Z', to: '2026-11-21T04:00:00Z' }, NOW)).toEqual({ from: '2026-11-21T02:30:00Z', to: '2026-11-21T04:30:00Z' });
  expect(zoomedOut({ from: '-1h', to: '' }, NOW)).toEqual({ from: '-2h', to: '' });
});
