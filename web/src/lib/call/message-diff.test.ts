import { expect, test } from 'vitest';
import { diffMessages, isChange, isRoutine, marked } from './message-diff';

const SDP = (ip: string, port: number, more: string[] = []) => ['v=0', `o=- 1 1 IN IP4 ${ip}`, 's=-', `c=IN IP4 ${ip}`, 't=0 0', `m=audio ${port} RTP/AVP 8 0`, 'a=rtpmap:8 PCMA/8000', 'a=ptime:20', ...more, ''].join('\r\n');
const text = (headers: string[], body = '', start = 'INVITE sip:bob@example.com SIP/2.0') => `${[start, ...headers].join('\r\n')}\r\n\r\n${body}`;
const changes = (left: string, right: string) => diffMessages(left, right).filter(isChange).map(({ change, name, left, right }) => [change, name, left, right]);

test('the same message differs in nothing', () => {
  const one = text(['Via: SIP/2.0/UDP a;branch=1', 'Call-ID: 1'], SDP('10.0.0.1', 4000));
  expect(changes(one, one)).toEqual([]);
  expect(diffMessages(one, one)).toHaveLength(11);
});

test('what a proxy changed', () => {
  const left = text(['Via: SIP/2.0/UDP a;branch=1', 'Max-Forwards: 70', 'From: <sip:alice@example.com>;tag=1'], SDP('10.0.0.1', 4000));
  const right = text(['Record-Route: <sip:p;lr>', 'Via: SIP/2.0/UDP p;branch=2', 'Via: SIP/2.0/UDP a;branch=1', 'Max-Forwards: 69', 'From: <sip:alice@example.com>;tag=1'], SDP('10.0.0.9', 30_000), 'INVITE sip:bob@10.0.0.3 SIP/2.0');
  expect(changes(left, right)).toEqual([
    ['changed', '', 'INVITE sip:bob@example.com SIP/2.0', 'INVITE sip:bob@10.0.0.3 SIP/2.0'],
    ['added', 'Record-Route', null, '<sip:p;lr>'],
    ['added', 'Via', null, 'SIP/2.0/UDP p;branch=2'],
    ['changed', 'Max-Forwards', '70', '69'],
    ['changed', 'o', 'o=- 1 1 IN IP4 10.0.0.1', 'o=- 1 1 IN IP4 10.0.0.9'],
    ['changed', 'c', 'c=IN IP4 10.0.0.1', 'c=IN IP4 10.0.0.9'],
    ['changed', 'm', 'm=audio 4000 RTP/AVP 8 0', 'm=audio 30000 RTP/AVP 8 0'],
  ]);
  expect(diffMessages(left, right).filter((line) => isChange(line) && !isRoutine(line)).map(({ name }) => name)).toEqual(['', 'o', 'c', 'm']);
});

test('headers are the same in another order, in compact form, folded, and as a list', () => {
  const left = text(['Via: a', 'Via: b', 'Call-ID: 1', 'Subject: long and folded']);
  const right = text(['i: 1', 'v: a, b', 's: long', '  and folded']);
  expect(changes(left, right)).toEqual([]);
});

test('a comma in a quoted name does not cut a route', () => {
  expect(changes(text(['Route: "a, b" <sip:x;lr>, <sip:y>']), text(['Route: "a, b" <sip:x;lr>', 'Route: <sip:y>']))).toEqual([]);
});

test('attributes of a description are compared with their own kind', () => {
  const left = text(['Call-ID: 1'], SDP('10.0.0.1', 4000, ['a=sendrecv']));
  const right = text(['Call-ID: 1'], SDP('10.0.0.1', 4000, ['a=fmtp:101 0-16', 'a=sendonly']));
  expect(changes(left, right)).toEqual([
    ['removed', 'a', 'a=sendrecv', null],
    ['added', 'a', null, 'a=fmtp:101 0-16'],
    ['added', 'a', null, 'a=sendonly'],
  ]);
});

test('a body that is no description is compared line by line', () => {
  expect(changes(text(['Call-ID: 1'], 'one\ntwo\nthree'), text(['Call-ID: 1'], 'one\nthree'))).toEqual([['removed', '', 'two', null]]);
});

test('in a changed line the words that differ are marked, and both sides are whole', () => {
  const cut = marked('SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK1', 'SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bK1;rport');
  expect(cut.left.filter((piece) => piece.differs).map((piece) => piece.text)).toEqual(['5060']);
  expect(cut.right.filter((piece) => piece.differs).map((piece) => piece.text)).toEqual(['5070', ';rport']);
  expect(cut.right.map((piece) => piece.text).join('')).toBe('SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bK1;rport');
});
