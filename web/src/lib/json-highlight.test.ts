import { expect, test } from 'vitest';
import { layOutJson } from './json-highlight';

const laidOut = (text: string) => layOutJson(text)?.map((piece) => piece.text).join('') ?? null;

test('indents', () => {
  expect(laidOut('{"a":1,"b":[true,{}],"c":"x\\"y"}')).toBe('{\n  "a": 1,\n  "b": [\n    true,\n    {}\n  ],\n  "c": "x\\"y"\n}');
});

test('keeps repeated keys and numbers beyond 2^53 as they came', () => {
  expect(laidOut('{"ssrc":1,"ssrc":2,"n":18446744073709551615}')).toBe('{\n  "ssrc": 1,\n  "ssrc": 2,\n  "n": 18446744073709551615\n}');
});

test('two documents in a row', () => {
  expect(laidOut('{"a":1}\n{"b":2}')).toBe('{\n  "a": 1\n}\n{\n  "b": 2\n}');
});

test('knows keys from strings', () => {
  expect(layOutJson('{"a":"b"}')?.filter((piece) => piece.kind !== 'mark')).toEqual([{ kind: 'key', text: '"a"' }, { kind: 'string', text: '"b"' }]);
});

test('leaves what is no JSON alone', () => {
  for (const text of ['', 'plain words', '"just a string"', '{"open": 1', '{"a": <xml>}', 'INVITE sip:x SIP/2.0']) expect(layOutJson(text)).toBeNull();
});
