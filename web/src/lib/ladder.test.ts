import { expect, test } from 'vitest';
import { bestGrouping, detailOf, foldRepeats, GAP_HEIGHT, layOut, ROW_HEIGHT, ROW_HEIGHT_DETAIL, scrollToShow, visibleRows, type LadderOptions } from './ladder';
import { barsOf } from './call/bars';
import type { CallMessage, Stream } from './types';

let number = 0;
function message(change: Partial<CallMessage>): CallMessage {
  number += 1;
  return {
    id: String(number), table: 'sip', ts: '2026-11-21T03:00:00.000000Z', received: '2026-11-21T03:00:00.000000Z', sender: '10.0.0.9', node: null, capture_id: null, hep_type: 1,
    transport: 'udp', src_ip: '10.0.0.1', src_port: 5060, dst_ip: '10.0.0.2', dst_port: 5060, call_id: 'a', correlation_id: null, size: 1, flags: [], label: 'INVITE', method: 'INVITE',
    status: null, cseq: 1, cseq_method: 'INVITE', from_user: 'a', to_user: 'b', detail: {}, retransmission_of: null, witness_of: null, delta_ms: 0, ...change,
  };
}
const at = (milliseconds: number) => new Date(Date.UTC(2026, 10, 21, 3) + milliseconds).toISOString().replace('Z', '000Z');
const options: LadderOptions = { grouping: 'ip', fold: true, expanded: new Set(), hidden: new Set(), detail: true, gapMilliseconds: 3000 };

test('hosts become columns in order of appearance, with their names and ports', () => {
  const ladder = layOut(
    [message({ ts: at(5), src_ip: '10.0.0.2', dst_ip: '10.0.0.3' }), message({ ts: at(0), src_ip: '10.0.0.1', dst_ip: '10.0.0.2', src_port: 5062 })],
    options,
    new Map([['10.0.0.3', 'pbx']]),
  );
  expect(ladder.columns).toEqual([
    { id: '10.0.0.1', label: '10.0.0.1', note: ':5062' },
    { id: '10.0.0.2', label: '10.0.0.2', note: ':5060' },
    { id: '10.0.0.3', label: 'pbx', note: ':5060' },
  ]);
  expect(ladder.rows.map((row) => [row.from, row.to])).toEqual([[0, 1], [1, 2]]);
});

test('hosts beyond a number share the last column, the busiest have their own', () => {
  const call = (phone: string, count: number) => Array.from({ length: count }, () => message({ src_ip: phone, dst_ip: '10.0.0.9' }));
  const messages = [...call('10.0.0.1', 1), ...call('10.0.0.2', 3), ...call('10.0.0.3', 2), ...call('10.0.0.4', 2), message({ src_ip: '10.0.0.1', dst_ip: '10.0.0.4' })];
  const ladder = layOut(messages, { ...options, columnsMax: 4 });
  expect(ladder.columns.map((column) => column.label)).toEqual(['10.0.0.9', '10.0.0.2', '10.0.0.4', '2 others']);
  expect(ladder.others).toBe(2);
  expect(ladder.rows.map((row) => [row.from, row.to])).toEqual([[3, 0], [1, 0], [1, 0], [1, 0], [3, 0], [3, 0], [2, 0], [2, 0], [3, 2]]);

  const whole = layOut(messages, { ...options, columnsMax: 5 });
  expect([whole.columns.length, whole.others]).toEqual([5, 0]);
});

test('rows lie in time order, one below the other', () => {
  const ladder = layOut([message({ ts: at(20), label: 'second' }), message({ ts: at(0), label: 'first', detail: { media: '10.0.0.1:4000', codecs: 'PCMA' } }), message({ ts: at(5000), label: 'third' })], options);
  expect(ladder.rows.map((row) => row.label)).toEqual(['first', 'second', 'third']);
  expect(ladder.rows.map((row) => row.y)).toEqual([0, ROW_HEIGHT_DETAIL, ROW_HEIGHT_DETAIL + ROW_HEIGHT]);
  expect(ladder.rows[2]?.gap).toBe(4980);
  expect(ladder.height).toBe(ROW_HEIGHT_DETAIL + 2 * ROW_HEIGHT + GAP_HEIGHT);
});

test('the wait for a media report is no silence', () => {
  const report = { table: 'rtcp', method: null, label: 'RTCP SR' };
  const ladder = layOut([message({ ts: at(0) }), message({ ...report, ts: at(5000) }), message({ ...report, ts: at(25_000) })], options);
  expect(ladder.rows.map((row) => row.gap)).toEqual([null, null, 20_000]);
});

test('retransmissions fold into what they repeat, chains into the first', () => {
  const first = message({ id: 'first', ts: at(0) });
  const second = message({ id: 'second', ts: at(500), retransmission_of: 'first' });
  const third = message({ id: 'third', ts: at(1500), retransmission_of: 'second' });
  const other = message({ id: 'other', ts: at(1600) });
  const all = [first, second, third, other];

  const folded = layOut(all, options);
  expect(folded.rows.map((row) => [row.message.id, row.repeats])).toEqual([['first', 2], ['other', 0]]);

  const opened = layOut(all, { ...options, expanded: new Set(['first']) });
  expect(opened.rows.map((row) => [row.message.id, row.repeat, row.open])).toEqual([['first', false, true], ['second', true, false], ['third', true, false], ['other', false, false]]);

  const flat = layOut(all, { ...options, fold: false });
  expect(flat.rows.map((row) => row.repeats)).toEqual([0, 0, 0, 0]);
});

test('further sightings fold into the first, those of a repeat with it', () => {
  const first = message({ id: 'first', ts: at(0) });
  const seen = message({ id: 'seen', ts: at(1), witness_of: 'first', node: 'edge-2', capture_id: 3003 });
  const again = message({ id: 'again', ts: at(500), retransmission_of: 'first' });
  const seenAgain = message({ id: 'seen again', ts: at(501), witness_of: 'again' });
  const all = [first, seen, again, seenAgain];

  const folded = layOut(all, options);
  expect(folded.rows.map((row) => [row.message.id, row.repeats, row.witnesses])).toEqual([['first', 1, 2]]);

  const opened = layOut(all, { ...options, expanded: new Set(['first']) });
  expect(opened.rows.map((row) => [row.message.id, row.repeat, row.witness !== null])).toEqual([['first', false, false], ['seen', false, true], ['again', true, false], ['seen again', false, true]]);
  expect(opened.rows[1]?.witness).toBe('edge-2 3003');
});

test('a repeat of what is not here stays, and circles do not hang', () => {
  expect(foldRepeats([message({ id: 'a', retransmission_of: 'gone' })]).originalOf.size).toBe(0);
  const circle = foldRepeats([message({ id: 'a', retransmission_of: 'b' }), message({ id: 'b', retransmission_of: 'a' })]);
  expect(circle.originalOf.size).toBe(0);
});

test('hidden kinds leave, but are counted', () => {
  const all = [message({}), message({ table: 'rtcp', method: null }), message({ table: 'log', method: null }), message({ table: 'dns', method: null })];
  const ladder = layOut(all, { ...options, hidden: new Set(['rtcp', 'log'] as const) });
  expect(ladder.rows.map((row) => row.kind)).toEqual(['sip', 'other']);
  expect(ladder.kinds).toEqual({ sip: 1, rtcp: 1, log: 1, other: 1 });
});

test('on one machine ports tell the programs apart', () => {
  const local = { src_ip: '127.0.0.1', dst_ip: '127.0.0.1' };
  const all = [message({ ...local, src_port: 5084, dst_port: 5060 }), message({ ...local, src_port: 5060, dst_port: 5086, ts: at(1) })];
  expect(bestGrouping(all)).toBe('port');
  expect(bestGrouping([message({})])).toBe('ip');
  const ladder = layOut(all, { ...options, grouping: 'port' });
  expect(ladder.columns.map((column) => column.id)).toEqual(['127.0.0.1:5084', '127.0.0.1:5060', '127.0.0.1:5086']);
  expect(ladder.rows.map((row) => [row.from, row.to])).toEqual([[0, 1], [1, 2]]);
});

test('media reports belong to the programs whose SDP named their ports', () => {
  const local = { src_ip: '127.0.0.1', dst_ip: '127.0.0.1' };
  const all = [
    message({ ...local, src_port: 5084, dst_port: 5060, detail: { media: '127.0.0.1:16000' } }),
    message({ ...local, src_port: 5060, dst_port: 5086, ts: at(1), detail: { media: '127.0.0.1:30010' } }),
    // RTCP goes one port above RTP (RFC 3550 section 11).
    message({ ...local, table: 'rtcp', src_port: 16_001, dst_port: 30_011, ts: at(5000) }),
    message({ ...local, table: 'rtcp', src_port: 40_001, dst_port: 30_011, ts: at(6000) }),
  ];
  const ladder = layOut(all, { ...options, grouping: 'port' });
  expect([ladder.rows[2]?.from, ladder.rows[2]?.to]).toEqual([0, 1]);
  expect(ladder.columns.map((column) => column.note)).toEqual([':5084', ':5060', ':5086', 'other ports']);
  expect(ladder.rows[3]?.from).toBe(3);
});

test('a log line stands at its sender and makes no column of the collector', () => {
  const ladder = layOut([message({}), message({ table: 'log', src_ip: '10.0.0.2', dst_ip: '10.0.0.50', dst_port: 9060, detail: { text: 'routed' }, method: null })], options);
  expect(ladder.columns.length).toBe(2);
  expect([ladder.rows[1]?.from, ladder.rows[1]?.to, ladder.rows[1]?.label]).toEqual([1, -1, 'routed']);
});

test('what happens inside a host is drawn between its actors, headless', () => {
  const event = { table: 'event', method: null, src_ip: '10.0.0.9', src_port: 0, dst_ip: '10.0.0.9', dst_port: 0 };
  const ladder = layOut(
    [message({}), message({ ...event, actors: ['session 1', 'handle 2'], ts: at(1) }), message({ ...event, actors: ['session 1'], ts: at(2) })],
    options,
  );
  expect(ladder.columns.map((column) => [column.label, column.note])).toEqual([['10.0.0.1', ':5060'], ['10.0.0.2', ':5060'], ['session', '1'], ['handle', '2']]);
  expect(ladder.rows.map((row) => [row.from, row.to, row.directed])).toEqual([[0, 1, true], [2, 3, false], [2, -1, false]]);
});

test('a message without addresses is a row all the same', () => {
  const ladder = layOut([message({ src_ip: null, dst_ip: null, src_port: null, dst_port: null })], options);
  expect(ladder.rows.map((row) => [row.from, row.to])).toEqual([[-1, -1]]);
});

test('what stands below an arrow', () => {
  expect(detailOf(message({ detail: { media: '10.0.0.1:4000', codecs: 'PCMA,PCMU,G729,telephone-event' } }))).toBe('SDP 10.0.0.1:4000 PCMA PCMU G729 +1');
  expect(detailOf(message({ table: 'rtcp', detail: { fraction_lost: 4.296, jitter: 18, packets: 750 } }))).toBe('loss 4.3 % · jitter 18 · 750 packets');
  expect(detailOf(message({ detail: null }))).toBe('');
});

test('only the rows in sight, found fast among many', () => {
  const many = Array.from({ length: 2000 }, (_, index) => message({ id: `m${index}`, ts: at(index) }));
  const { rows, height } = layOut(many, options);
  expect(height).toBe(2000 * ROW_HEIGHT);
  expect(visibleRows(rows, 0, 340, 0)).toEqual({ start: 0, end: 10 });
  expect(visibleRows(rows, 1000 * ROW_HEIGHT + 1, 340, 0)).toEqual({ start: 1000, end: 1011 });
  expect(visibleRows(rows, height - 10, 340, 3)).toEqual({ start: 1996, end: 2000 });
  expect(visibleRows([], 0, 340)).toEqual({ start: 0, end: 0 });
});

test('scrolls no further than needed to show a row', () => {
  const { rows } = layOut([message({ ts: at(0) }), message({ ts: at(1) }), message({ ts: at(2) })], options);
  const last = rows[2];
  if (!last) throw new Error('three rows were laid out');
  expect(scrollToShow(last, 0, 500)).toBe(0);
  expect(scrollToShow(last, 0, 50)).toBe(3 * ROW_HEIGHT - 50);
  expect(scrollToShow(last, 90, 50)).toBe(2 * ROW_HEIGHT);
});

test('a filter leaves rows out and counts them, and columns stay', () => {
  const ladder = layOut([message({ ts: at(0) }), message({ ts: at(9), label: 'BYE', method: 'BYE', dst_ip: '10.0.0.3' })], { ...options, wanted: (one) => one.method === 'BYE' });
  expect(ladder.rows.map((row) => [row.label, row.y])).toEqual([['BYE', 0]]);
  expect([ladder.unwanted, ladder.columns.length]).toEqual([1, 3]);
});

test('media is a bar between those who named its addresses, where its first report stands', () => {
  const invite = message({ ts: at(0), detail: { media: '192.0.2.1:4000' } });
  const answer = message({ ts: at(5), src_ip: '10.0.0.2', dst_ip: '10.0.0.1', label: '200 OK', status: 200, detail: { media: '192.0.2.2:6000' } });
  const report = message({ ts: at(5000), table: 'rtcp', method: null, label: 'RTCP SR', src_ip: '192.0.2.1', src_port: 4001, dst_ip: '192.0.2.2', dst_port: 6001 });
  const point = { at: at(5000), message: report.id, loss_percent: 1, jitter_ms: 2, round_trip_ms: null, mos: 3.1 };
  const stream: Stream = {
    ssrc: 1, src: '192.0.2.1:4000', dst: '192.0.2.2:6000', media: 'audio', codec: { name: 'PCMA' }, packets_received: null, packets_lost: null, loss_percent: 1, discard_percent: null, jitter_p95_ms: null,
    round_trip_p50_ms: null, scores: [{ kind: 'listening', band: null, source: 'from_rtcp', mos_mean: 3.1, mos_min: 3.1, label: 'LQ' }], problems: [], points: [point],
  };
  const ladder = layOut([invite, answer, report], { ...options, bars: barsOf([stream]) });
  expect(ladder.rows.map((row) => [row.key, row.from, row.to])).toEqual([[invite.id, 0, 1], [answer.id, 1, 0], ['stream-0', 0, 1], [report.id, 0, 1]]);
  expect(ladder.rows[2]).toMatchObject({ label: 'audio · PCMA · MOS 3.1', detail: 'loss 1\u202f%', statusClass: 'server', message: { id: report.id } });
});

test('of 2,000 messages only those in sight are drawn', () => {
  const all = Array.from({ length: 2000 }, (_, index) => message({ ts: at(index * 10), src_ip: `10.0.0.${index % 5}`, dst_ip: `10.0.0.${(index + 1) % 5}`, cseq: index }));
  const ladder = layOut(all, options);
  expect(ladder.rows).toHaveLength(2000);
  expect(visibleRows(ladder.rows, ladder.height / 2, 700).end - visibleRows(ladder.rows, ladder.height / 2, 700).start).toBeLessThan(45);
});
