import { expect, test } from 'vitest';
import { message } from '../call/testing';
import { sidesOf, sippScenario, type SippStep } from './sipp';

const [A, B] = ['192.0.2.1', '192.0.2.2'] as const;
const sdp = (ip: string) => ['v=0', `o=- 1 1 IN IP4 ${ip}`, 's=-', `c=IN IP4 ${ip}`, 't=0 0', 'm=audio 4000 RTP/AVP 8', 'a=ptime:20', ''].join('\r\n');
const lines = (...all: string[]) => `${all.join('\r\n')}\r\n\r\n`;
const head = (cseq: string, tag = '') => [`Via: SIP/2.0/UDP ${A}:5060;branch=z9hG4bK1`, `From: "Alice" <sip:alice@${A}:5060>;tag=abc`, `To: <sip:bob@example.com>${tag}`, 'Call-ID: a', `CSeq: ${cseq}`];
const request = (method: string, cseq: number, tag = '', more: string[] = []) => lines(`${method} sip:bob@${B}:5060 SIP/2.0`, ...head(`${cseq} ${method}`, tag), ...more, 'Content-Length: 0');
const reply = (status: string, cseq: string, more: string[] = []) => lines(`SIP/2.0 ${status}`, ...head(cseq, ';tag=xyz'), ...more, 'Content-Length: 0');

/** Challenged, then answered, then ended by the caller after three seconds. */
const steps: SippStep[] = [
  { message: message(0, A, B, 'INVITE'), text: request('INVITE', 1, '', [`Contact: <sip:alice@${A}:5060>`]) },
  { message: message(5, B, A, 407), text: reply('407 Proxy Authentication Required', '1 INVITE', ['Proxy-Authenticate: Digest realm="x", nonce="y"']) },
  { message: message(6, A, B, 'ACK'), text: request('ACK', 1, ';tag=xyz') },
  { message: message(7, A, B, 'INVITE', { cseq: 2 }), text: lines(`INVITE sip:bob@${B}:5060 SIP/2.0`, ...head('2 INVITE'), 'Proxy-Authorization: Digest username="alice", response="z"', 'Content-Type: application/sdp', 'Content-Length: 999') + sdp(A) },
  { message: message(9, B, A, 100, { cseq: 2 }), text: reply('100 Trying', '2 INVITE') },
  { message: message(20, B, A, 180, { cseq: 2 }), text: reply('180 Ringing', '2 INVITE') },
  { message: message(900, B, A, 200, { cseq: 2 }), text: reply('200 OK', '2 INVITE', ['Record-Route: <sip:p;lr>', `Contact: <sip:bob@${B}:5060>`]) },
  { message: message(902, A, B, 'ACK', { cseq: 2 }), text: request('ACK', 2, ';tag=xyz') },
  { message: message(3902, A, B, 'BYE', { cseq: 3 }), text: request('BYE', 3, ';tag=xyz') },
  { message: message(3905, B, A, 200, { cseq: 3, cseq_method: 'BYE' }), text: reply('200 OK', '3 BYE') },
];
const caller = { role: 'uac', callId: 'a', self: `${A}:5060`, peer: `${B}:5060` } as const;
const callee = { role: 'uas', callId: 'a', self: `${B}:5060`, peer: `${A}:5060` } as const;
/** Sends by their first line, waits as they are. */
const skeleton = (xml: string) => [...xml.matchAll(/<(recv|pause) [^>]*>|CDATA\[\s+(\S.*)/g)].map(([whole, kind, start]) => (kind ? whole : start));

test('both ends of a hop can be played', () => {
  expect(sidesOf(steps.map((step) => step.message))).toEqual([caller, callee]);
});

test('the caller sends and waits as it did', () => {
  expect(skeleton(sippScenario(steps, caller))).toEqual([
    'INVITE sip:bob@[remote_ip]:[remote_port] SIP/2.0',
    '<recv response="407" auth="true"/>',
    'ACK sip:bob@[remote_ip]:[remote_port] SIP/2.0',
    'INVITE sip:bob@[remote_ip]:[remote_port] SIP/2.0',
    '<recv response="100" optional="true"/>',
    '<recv response="180" optional="true"/>',
    '<recv response="200" rrs="true"/>',
    'ACK [next_url] SIP/2.0',
    '<pause milliseconds="3000"/>',
    'BYE [next_url] SIP/2.0',
    '<recv response="200"/>',
  ]);
});

test('what belongs to one call alone is filled in by SIPp', () => {
  const xml = sippScenario(steps, caller);
  for (const part of ['Call-ID: [call_id]', 'branch=[branch]', 'tag=[pid]SIPpTag00[call_number]', 'To: <sip:bob@example.com>[peer_tag_param]', 'Content-Length: [len]', '[authentication]', 'c=IN IP[media_ip_type] [media_ip]', 'm=audio [auto_media_port] RTP/AVP 8', 'From: "Alice" <sip:alice@[local_ip]:[local_port]>', '[routes]']) expect(xml).toContain(part);
  for (const part of ['z9hG4bK1', 'tag=abc', 'tag=xyz', '999', 'response="z"', A, B]) expect(xml).not.toContain(part);
});

test('the ACK of a refusal is of the same transaction, that of an answer is not', () => {
  const acks = sippScenario(steps, caller).split('<send').filter((part) => part.includes('ACK sip:') || part.includes('ACK [next_url]'));
  expect(acks.map((part) => /branch=(\S+)/.exec(part)?.[1])).toEqual(['[branch-2]', '[branch]']);
});

test('the callee waits for the requests and gives the replies', () => {
  const xml = sippScenario(steps, callee);
  expect(skeleton(xml)).toEqual([
    '<recv request="INVITE" rrs="true"/>', 'SIP/2.0 407 Proxy Authentication Required', '<recv request="ACK"/>', '<recv request="INVITE" rrs="true"/>', 'SIP/2.0 100 Trying', 'SIP/2.0 180 Ringing', '<pause milliseconds="880"/>', 'SIP/2.0 200 OK',
    '<recv request="ACK"/>', '<recv request="BYE"/>', 'SIP/2.0 200 OK',
  ]);
  expect(xml).toContain('[last_To:];tag=[pid]SIPpTag01[call_number]');
  expect(xml.slice(xml.lastIndexOf('SIP/2.0 200'))).not.toContain('SIPpTag01');
});

test('retransmissions and other hops are left out, and a payload cannot end the part it is in', () => {
  const again = { message: message(500, A, B, 'INVITE', { retransmission_of: 'x' }), text: request('INVITE', 1) };
  const onward = { message: message(1, B, '192.0.2.3', 'INVITE'), text: request('INVITE', 1) };
  const odd = { message: message(0, A, B, 'INVITE'), text: request('INVITE', 1, '', ['Subject: ]]> & <x>']) };
  const xml = sippScenario([odd, again, onward], caller);
  expect(skeleton(xml)).toHaveLength(1);
  expect(xml.match(/]]>/g)).toHaveLength(1);
});
