import { expect, test } from 'vitest';
import { filterOf } from './filter';
import { message } from './testing';

const invite = message(0, '10.0.0.1', '10.0.0.2', 'INVITE', { detail: { codecs: 'PCMA,G729' }, flags: ['truncated'] });
const ringing = message(1, '10.0.0.2', '10.0.0.1', 180);
const failed = message(2, '10.0.0.2', '10.0.0.1', 503);
const line = message(3, '10.0.0.2', '10.0.0.9', 'x', { table: 'log', method: null, cseq_method: null, label: 'next gateway', detail: { text: 'no answer, next gateway' } });
const all = [invite, ringing, failed, line];
const found = (text: string, names = new Map<string, string>()) => all.filter(filterOf(text, names) ?? (() => true)).map((one) => one.id);

test('nothing typed asks for nothing', () => {
  expect(filterOf('   ')).toBeNull();
});

test.each([
  ['invite', [invite, ringing, failed]],
  ['g729', [invite]],
  ['kind:log', [line]],
  ['GATEWAY "no answer"', [line]],
  ['method:invite -5xx -180', [invite]],
  ['status:5xx', [failed]],
  ['status:18', []],
  ['from:10.0.0.1', [invite]],
  ['to:10.0.0.1:5060', [ringing, failed]],
  ['host:10.0.0.9', [line]],
  ['truncated', [invite]],
  ['-kind:sip', [line]],
])('%s', (text, wanted) => {
  expect(found(text)).toEqual(wanted.map((one) => one.id));
});

test('a host is found by its name', () => {
  expect(found('host:edge', new Map([['10.0.0.9', 'edge-1']]))).toEqual([line.id]);
});
