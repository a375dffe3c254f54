import { expect, test } from 'vitest';
import { REDACT_ALL } from '../call/testing';
import { REDACT_NOTHING, redactorOf } from './redact';

const body = 'v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\nc=IN IP4 10.0.0.1\r\nm=audio 4000 RTP/SAVP 8\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\r\n';
const invite = [
  'INVITE sip:+4930555100@voip.example.net SIP/2.0',
  'Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK4930555100x',
  'From: "Ada Byron" <sip:+4989555200@voip.example.net>;tag=1',
  'To: <sip:+4930555100@voip.example.net>',
  'Call-ID: 7f3a@10.0.0.1',
  'CSeq: 1 INVITE',
  'Contact: <sip:alice.byron@[2001:DB8:5::14]:5060>',
  'Proxy-Authorization: Digest username="alice.byron", realm="voip.example.net", nonce="84f1c1ae", uri="sip:+4930555100@voip.example.net", response="7587245234b3434c"',
  'Identity: eyJhbGciOiJFUzI1NiJ9.eyJkZXN0Ijp7InRuIjpbIjQ5MzA1NTUxMDAiXX19.c2ln;info=<https://cert.example.org/x>',
  `Content-Length: ${body.length}`,
].join('\r\n');
const text = `${invite}\r\n\r\n${body}`;

test('nothing of what is to go is left, and what is to stay stays', () => {
  const redacted = redactorOf(REDACT_ALL, [text]).message(text);
  for (const secret of ['4930555100@', '4989555200', 'Ada', 'Byron', 'byron', '10.0.0.1', '2001:DB8:5', 'voip.example.net', '84f1c1ae', '7587245234b3434c', 'eyJ', 'd0RmdmcmVC']) expect(redacted, secret).not.toContain(secret);
  for (const kept of ['CSeq: 1 INVITE', 'branch=z9hG4bK4930555100x', 'm=audio 4000 RTP/SAVP 8', 'Digest username=', 'tag=1']) expect(redacted).toContain(kept);
});

test('one value is one word wherever it stands, in numbers as long as before', () => {
  const redactor = redactorOf({ ...REDACT_NOTHING, numbers: true, addresses: true }, [text]);
  const redacted = redactor.message(text);
  const [, called = '', host = ''] = /^INVITE sip:([^@]+)@(\S+)/.exec(redacted) ?? [];
  expect(called).toMatch(/^\+0+\d$/);
  expect(called).toHaveLength('+4930555100'.length);
  expect(redacted).toContain(`To: <sip:${called}@${host}>`);
  expect(redacted.match(/192\.0\.2\.1\b/g)).toHaveLength(4);
  expect(redactor.address('10.0.0.1')).toBe('192.0.2.1');
  expect(redactor.text('no route to 004930555100, 4930555100')).toBe(`no route to 00${called.slice(1)}, ${called.slice(1)}`);
});

test('the length of the body is right again', () => {
  const redacted = redactorOf(REDACT_ALL, [text]).message(text);
  const [head = '', after = ''] = redacted.split('\r\n\r\n');
  expect(Number(/Content-Length: (\d+)/.exec(head)?.[1])).toBe(after.length);
  expect(after.length).not.toBe(body.length);
});

test('nothing asked for changes nothing, and what has nothing in it stays as it was', () => {
  expect(redactorOf(REDACT_NOTHING, [text]).message(text)).toBe(text);
  const plain = 'OPTIONS sip:127.0.0.1 SIP/2.0\r\nCSeq: 1 OPTIONS\r\nDate: Sat, 21 Nov 2026 03:00:00 GMT\r\nVersion: 10.20.30\r\n\r\n';
  expect(redactorOf(REDACT_ALL, [plain]).message(plain)).toBe(plain);
});

test('users that only the fields tell of are found in lines of logs', () => {
  const redactor = redactorOf(REDACT_ALL, [], [{ from_user: 'grace', to_user: '1003' }]);
  expect(redactor.text('grace calls 1003 in room 10035')).toBe('user-1 calls 0002 in room 10035');
});

test('many addresses stay different', () => {
  const redactor = redactorOf(REDACT_ALL, []);
  const words = new Set(Array.from({ length: 2000 }, (_, index) => redactor.address(`10.1.${index >> 8}.${index & 255}`)));
  expect(words.size).toBe(2000);
});
