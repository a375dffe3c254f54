import { expect, test } from 'vitest';
import type { Figures, Kpi } from '../kpi-types';
import { newPanel, type Panel, type Source } from './board';
import { change, filledIn, grade, isEmpty, ofCounts, ofKpi, ofSql, rangeCondition, rangeOf, stepOf, type Counts, type Window } from './frame';

const NOW = Date.parse('2026-11-28T12:00:00Z');
const FROM = '2026-11-28T11:57:00.000Z';
const window: Window = { from: FROM, to: '', everySeconds: 60 };
const panel = (change: Partial<Panel>, source: Partial<Source> = {}): Panel => ({ ...newPanel(), ...change, source: { ...newPanel().source!, ...source } });
const quantiles = { p50_ms: null, p95_ms: null, p99_ms: null };
const figures = (attempts: number, asr: number | null, open = 0): Figures => ({ attempts, open, answered: 0, cps: attempts / 60, concurrent: 0, ser: null, seer: null, isa: null, scr: null, asr, ner: null, acd_seconds: null, short_ratio: null, abandoned_ratio: null, retransmission_ratio: null, pdd: quantiles });
const kpi = (points: Figures[], groups: Kpi['groups'] = []): Kpi => ({ from: FROM, every_seconds: 60, all: { total: figures(9, 50), points }, groups, partial: null, elapsed_ms: 1 });

test('figures are lines: a point that is not over is left out, and one that is not known is a gap', () => {
  const frame = ofKpi(panel({}, { measures: ['asr'] }), kpi([figures(4, 50), figures(0, null), figures(2, 0, 8), figures(1, 100)]), NOW);
  expect(frame).toMatchObject({ kind: 'series', points: 3, unit: 'percent', isRatio: true });
  expect(frame.kind === 'series' && frame.lines[0]?.values).toEqual([50, null, null]);
});

test('what is counted in bars is shown as far as it has come', () => {
  const answer = kpi([figures(4, 50), figures(3, 50), figures(2, 50), figures(1, 50)]);
  const values = (change: Partial<Panel>, measure: string) => {
    const frame = ofKpi(panel(change, { measures: [measure] }), answer, NOW);
    return frame.kind === 'series' ? frame.lines[0]?.values : null;
  };
  expect(values({ chart: 'bar' }, 'count')).toEqual([4, 3, 2, 1]);
  expect(values({ chart: 'line' }, 'count')).toEqual([4, 3, 2]);
  expect(values({ chart: 'bar' }, 'asr')).toHaveLength(3);
});

test('groups have the search that finds their calls', () => {
  const answer = kpi([figures(4, 50)], [{ key: '192.0.2.1 > 192.0.2.2', total: figures(4, 50), points: [figures(4, 50)] }]);
  const frame = ofKpi(panel({ chart: 'table' }, { measures: ['count'], by: 'trunk', q: 'status = 486' }), answer, NOW);
  expect(frame).toMatchObject({ kind: 'rows', rows: [{ name: '192.0.2.1 > 192.0.2.2', value: 4, q: '(status = 486) and src_ip = 192.0.2.1 and dst_ip = 192.0.2.2' }] });
  expect(ofKpi(panel({ chart: 'number' }, { measures: ['asr'] }), answer, NOW)).toMatchObject({ kind: 'single', value: 50 });
});

test('what is counted in ranges has a row for those in between', () => {
  const answer: Counts = {
    of: 'calls', from: FROM, every_seconds: 60, all: { total: 3, points: [1, 1, 1] }, groups: [], others: null, none: 0, unit: 'us', partial: null,
    ranges: [{ low: 200_000, high: 500_000, total: 2, points: [1, 1, 0] }, { low: 2_000_000, high: 5_000_000, total: 1, points: [0, 0, 1] }],
  };
  const frame = ofCounts(panel({ chart: 'heat' }, { kind: 'search', value: 'pdd' }), answer, NOW);
  expect(frame.kind === 'heat' && frame.rows.map((row) => [row.name, row.total, row.q])).toEqual([
    ['from 200 ms', 2, 'pdd >= 200ms and pdd < 500ms'],
    ['from 500 ms', 0, 'pdd >= 500ms and pdd < 1s'],
    ['from 1.00 s', 0, 'pdd >= 1s and pdd < 2s'],
    ['from 2.00 s', 1, 'pdd >= 2s and pdd < 5s'],
  ]);
  expect(isEmpty(frame)).toBe(false);
  expect(rangeCondition('size', 200, 500, 'bytes')).toBe('size >= 200B and size < 500B');
  expect(rangeCondition('pdd', null, 0, 'us')).toBe('pdd <= 0');
  expect([rangeCondition('pdd', null, 1_000_000, 'us'), rangeCondition('pdd', 2_000_000, null, 'us')]).toEqual(['pdd < 1s', 'pdd >= 2s']);
  expect(rangeCondition('pdd', 200, 500, 'us')).toBe('pdd >= 200us and pdd < 500us');
});

test('a statement gets the time that is shown, but not inside of quotes', () => {
  const sql = "SELECT date_bin($step, ts), '$from' FROM sip -- $to\nWHERE ts >= $from AND ts < $to;";
  expect(filledIn(sql, window, NOW)).toBe("SELECT date_bin(INTERVAL '60 seconds', ts), '$from' FROM sip -- $to\nWHERE ts >= TIMESTAMP '2026-11-28T11:57:00.000Z' AND ts < TIMESTAMP '2026-11-28T12:00:00.000Z'");
});

const TIME = { name: 't', type: 'Timestamp(Microsecond, Some("UTC"))' };
const TEXT = { name: 'method', type: 'Utf8' };
const NUMBER = { name: 'n', type: 'Int64' };

test('rows of SQL are lines by their text, and a minute without a row is a gap', () => {
  const sql = panel({}, { kind: 'sql' });
  const rows = [['2026-11-28T11:57:00.000000Z', 'INVITE', 4], ['2026-11-28T11:59:00.000000Z', 'INVITE', 2], ['2026-11-28T11:58:00.000000Z', 'BYE', 9], ['2026-11-28T11:50:00.000000Z', 'BYE', 1]];
  const frame = ofSql(sql, [TIME, TEXT, NUMBER], rows, window, NOW);
  expect(frame.kind === 'series' && frame.lines.map(({ name, values, total }) => [name, values, total])).toEqual([['BYE', [null, 9, null], 9], ['INVITE', [4, null, 2], 6]]);
  expect(ofSql({ ...sql, chart: 'heat' }, [TIME, NUMBER], [['2026-11-28T11:57:10.000000Z', 7], ['2026-11-28T11:57:20.000000Z', 30]], window, NOW)).toMatchObject({ kind: 'heat', rows: [{ low: 5, high: 10, values: [1, null, null] }, { low: 10, high: 20, total: 0 }, { low: 20, high: 50, values: [1, null, null] }] });
  expect(ofSql({ ...sql, chart: 'bar' }, [TEXT, NUMBER], [['INVITE', 4]], window, NOW)).toMatchObject({ kind: 'rows', rows: [{ name: 'INVITE', value: 4 }] });
  expect(ofSql({ ...sql, chart: 'number' }, [NUMBER], [[null]], window, NOW)).toMatchObject({ kind: 'single', value: null });
  expect(isEmpty(ofSql(sql, [TIME, NUMBER], [], window, NOW))).toBe(true);
});

test('ranges are 1, 2, 5', () => {
  for (const [value, low, high] of [[1, 1, 2], [1.99, 1, 2], [2, 2, 5], [700, 500, 1000], [0.3, 0.2, 0.5], [1000, 1000, 2000]] as const) expect([stepOf(rangeOf(value)), stepOf(rangeOf(value) + 1)]).toEqual([low, high]);
  expect([rangeOf(0), rangeOf(-1), rangeOf(Number.NaN)]).toEqual(Array(3).fill(Number.NEGATIVE_INFINITY));
});

test('limits grade a number from either side, and nothing is no grade', () => {
  expect([grade(60, 50, 35), grade(50, 50, 35), grade(34, 50, 35)]).toEqual(['good', 'warn', 'bad']);
  expect([grade(100, 4000, 8000), grade(4000, 4000, 8000), grade(9000, 4000, 8000)]).toEqual(['good', 'warn', 'bad']);
  expect([grade(null, 50, 35), grade(60, undefined, undefined)]).toEqual([null, null]);
});

test('a change is told with its direction, and none where there was nothing', () => {
  expect(change(110, 100, 'count')).toEqual({ text: '10 %', direction: 1 });
  expect(change(48, 50.5, 'percent')).toEqual({ text: '2.5 points', direction: -1 });
  expect(change(5, 0, 'count')).toEqual({ text: 'from 0', direction: 1 });
  expect(change(null, 3, 'count')).toBeNull();
  expect(change(3, null, 'count')).toBeNull();
});
