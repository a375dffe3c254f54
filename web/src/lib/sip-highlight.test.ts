import { expect, test } from 'vitest';
import { fromBase64, hexLines, readableText } from './bytes';
import { findHeaders, highlightSip } from './sip-highlight';

const bytesOf = (text: string) => new TextEncoder().encode(text);
const short = (text: string, marks = { headers: findHeaders(bytesOf(text)) }) => highlightSip(bytesOf(text), marks).map((piece) => [piece.kind, piece.text]);

const OK = 'SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a\r\nl:0\r\n\r\nv=0\r\nm=audio 4000 RTP/AVP 8\r\n';

test('cuts start line, names, values and SDP', () => {
  expect(short(OK)).toEqual([
    ['start', 'SIP/2.0 200 OK'], ['separator', '\n'], ['name', 'Via'], ['separator', ': '], ['value', 'SIP/2.0/UDP a'], ['separator', '\n'], ['name', 'l'], ['separator', ':'], ['value', '0'],
    ['separator', '\n\n'], ['sdp-name', 'v='], ['sdp-value', '0'], ['separator', '\n'], ['sdp-name', 'm='], ['sdp-value', 'audio 4000 RTP/AVP 8'], ['separator', '\n'],
  ]);
});

test('the pieces always join to the whole', () => {
  for (const text of [OK, '', 'x', '\r\n\r\n', 'INVITE a SIP/2.0\nTo: b\n\nbody\n', 'INVITE\r\nno colon\r\n\r\n{}', 'ACK x SIP/2.0\r\nFrom: a;\r\n tag=1\r\n\r\n']) {
    const joined = highlightSip(bytesOf(text), { headers: findHeaders(bytesOf(text)) }).map((piece) => piece.text).join('');
    expect(joined).toBe(text.replaceAll('\r\n', '\n'));
  }
});

test('ranges count bytes, not characters', () => {
  const text = 'INVITE a SIP/2.0\r\nSubject: Grüße 🎻\r\nTo: b\r\n\r\n';
  const start = bytesOf('INVITE a SIP/2.0\r\n').length;
  const value = start + 'Subject: '.length;
  const end = value + bytesOf('Grüße 🎻').length;
  const pieces = highlightSip(bytesOf(text), { headers: [{ name: [start, start + 7], value: [value, end] }] });
  expect(pieces.find((piece) => piece.kind === 'value')?.text).toBe('Grüße 🎻');
});

test('a folded value is one piece', () => {
  const text = 'ACK x SIP/2.0\r\nFrom: a;\r\n tag=1\r\nTo: b\r\n\r\n';
  const start = 'ACK x SIP/2.0\r\n'.length;
  const pieces = highlightSip(bytesOf(text), { headers: [{ name: [start, start + 4], value: [start + 6, start + 16] }] });
  expect(pieces.find((piece) => piece.kind === 'value')?.text).toBe('a;\n tag=1');
});

test('ranges that overlap or leave the payload are passed over', () => {
  const text = 'ACK x SIP/2.0\r\nTo: b\r\n\r\n';
  const pieces = highlightSip(bytesOf(text), { headers: [{ name: [3, 9], value: [11, 12] }, { name: [15, 17], value: [19, 400] }, { name: [15, 17], value: [19, 20] }] });
  expect(pieces.map((piece) => piece.text).join('')).toBe(text.replaceAll('\r\n', '\n'));
  expect(pieces.filter((piece) => piece.kind === 'name').map((piece) => piece.text)).toEqual(['To']);
});

test('problems mark exactly their bytes, across pieces', () => {
  const text = 'ACK x SIP/2.0\r\nTo: bob\r\n\r\n';
  const pieces = highlightSip(bytesOf(text), { headers: findHeaders(bytesOf(text)), problems: [{ message: 'odd', at: [16, 20] }, { message: 'nowhere', at: [0, 0] }] });
  expect(pieces.filter((piece) => piece.problem === 'odd').map((piece) => piece.text)).toEqual(['o', ': ', 'b']);
});

test('text and binary are told apart', () => {
  expect(readableText(bytesOf('INVITE\r\n\tä'))).toBe('INVITE\r\n\tä');
  expect(readableText(bytesOf('log line\0\0'))).toBe('log line');
  expect(readableText(bytesOf('a\0b'))).toBeNull();
  expect(readableText(new Uint8Array([0x80, 0xc9]))).toBeNull();
});

test('base64 and hex keep every byte', () => {
  const bytes = fromBase64('AAECf4D/QUI=');
  expect([...bytes]).toEqual([0, 1, 2, 127, 128, 255, 65, 66]);
  expect(hexLines(bytes)).toEqual([{ offset: '000000', hex: '00 01 02 7f 80 ff 41 42', ascii: '······AB' }]);
  expect(hexLines(new Uint8Array(40)).map((line) => line.offset)).toEqual(['000000', '000010', '000020']);
  expect(hexLines(new Uint8Array(40), 2).length).toBe(2);
});
