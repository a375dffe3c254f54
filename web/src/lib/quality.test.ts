import { expect, test } from 'vitest';
import { course, figure, qualityOf } from './quality';
import type { Stream, StreamPoint } from './types';

function point(second: number, mos: number | null, loss: number | null = null): StreamPoint {
  const at = new Date(1_700_000_000_000 + second * 1000).toISOString();
  return { at, message: String(second), mos, loss_percent: loss, jitter_ms: null, round_trip_ms: null };
}

function stream(points: StreamPoint[], mos?: number): Stream {
  const score = { kind: 'listening', band: 'narrow', source: 'from_rtcp', mos_mean: mos ?? 0, mos_min: mos ?? 0, label: 'LQ' } as const;
  return {
    ssrc: 1, src: 'a', dst: 'b', media: null, codec: null, packets_received: null, packets_lost: null, loss_percent: null, discard_percent: null,
    jitter_p95_ms: null, round_trip_p50_ms: null, scores: mos === undefined ? [] : [score], problems: [], points,
  };
}

test('figures have two digits and a unit', () => {
  expect([figure(1.005, '%'), figure(10, 'ms'), figure(null, 'ms'), figure(4.326)]).toEqual(['1\u202f%', '10\u202fms', '–', '4.33']);
});

test('the course is drawn over time, its worst moment marked', () => {
  const drawn = course(stream([point(0, 4.5), point(5, 1), point(20, 4.5)]));
  expect(drawn?.path).toBe('M0 1L30 23L120 1');
  expect([drawn?.name, drawn?.worst.message, drawn?.x, drawn?.y]).toEqual(['MOS', '5', 30, 23]);
  expect(drawn?.text).toBe('MOS over 3 reports, worst 1');
});

test('without scores loss is drawn; what was told once is not', () => {
  const drawn = course(stream([point(0, null, 0), point(5, null, 5), point(10, null, 0)]));
  expect([drawn?.name, drawn?.worst.message, drawn?.path]).toEqual(['loss', '5', 'M0 1L60 23L120 1']);
  expect(course(stream([point(0, 4)]))).toBeNull();
  expect(course(stream([]))).toBeNull();
});

test('users are satisfied, or not', () => {
  expect([4.3, 3.8, 2, undefined].map((mos) => qualityOf(stream([], mos)))).toEqual(['success', 'client', 'server', 'other']);
});
