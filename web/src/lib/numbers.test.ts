import { expect, test } from 'vitest';
import { bytes, count, endpoint, plural, rate } from './numbers';
import { snippets, targetOf } from './snippets';
import { classOfMessage, classOfState, classOfStatus, goesOn } from './status-class';

test('numbers are grouped by thin spaces', () => {
  expect(count(1234567)).toBe('1\u202f234\u202f567');
  expect(count(null)).toBe('–');
  expect(plural(1, 'file')).toBe('1 file');
  expect(plural(0, 'file')).toBe('0 files');
});

test('sizes and rates', () => {
  expect([0, 999, 1000, 31_400_000, 999_600].map(bytes)).toEqual(['0 B', '999 B', '1.00 kB', '31.4 MB', '1.00 MB']);
  expect([0, 0.02, 4.25, 251, 1632.4].map(rate)).toEqual(['0 /s', '0.02 /s', '4.3 /s', '251 /s', '1\u202f632 /s']);
});

test('an IPv6 address keeps its port readable', () => {
  expect(endpoint('2001:db8::1', 5060)).toBe('[2001:db8::1]:5060');
  expect(endpoint('192.0.2.1', 5060)).toBe('192.0.2.1:5060');
  expect(endpoint('192.0.2.1', null)).toBe('192.0.2.1');
  expect(endpoint(null, null)).toBe('–');
});

test('classes by status; a challenge is no failure', () => {
  expect([100, 180, 200, 302, 401, 407, 404, 487, 503, 603].map(classOfStatus)).toEqual(['provisional', 'provisional', 'success', 'redirect', 'challenge', 'challenge', 'client', 'client', 'server', 'server']);
  expect(classOfMessage({ table: 'rtcp', status: null, method: null })).toBe('media');
  expect(classOfMessage({ table: 'sip', status: null, method: 'ACK' })).toBe('request');
  expect(classOfMessage({ table: 'sip', status: 486, method: 'INVITE' })).toBe('client');
});

test('classes by state, with the status where the state says only that it failed', () => {
  expect(classOfState('failed', 503)).toBe('server');
  expect(classOfState('failed', 404)).toBe('client');
  expect(classOfState('failed', null)).toBe('server');
  expect(classOfState('something new', 200)).toBe('success');
  expect(classOfState('something new', null)).toBe('other');
});

test('a call that is over does not go on, though stray messages may come', () => {
  expect(goesOn({ state: 'ringing', is_open: true })).toBe(true);
  expect(goesOn({ state: 'ended', is_open: true })).toBe(false);
  expect(goesOn({ state: 'ringing', is_open: false })).toBe(false);
  // Of calls read from messages nobody knows.
  expect(goesOn({ state: 'ringing', is_open: null })).toBe(false);
});

test('snippets name the address a sender can reach', () => {
  const target = targetOf([{ name: 'udp', address: '0.0.0.0:9060' }, { name: 'tcp', address: '[::]:9061' }, { name: 'http', address: '192.0.2.5:9080' }], 'capture.example.net');
  expect(target).toEqual({ host: 'capture.example.net', udp: 'capture.example.net:9060', tcp: 'capture.example.net:9061', http: '192.0.2.5:9080' });
  const all = snippets(target);
  expect(all.map((one) => one.name)).toEqual(['Kamailio', 'OpenSIPS', 'FreeSWITCH', 'Asterisk', 'rtpengine', 'HTTP']);
  for (const one of all.slice(0, 5)) expect(one.text).toContain('capture.example.net:9060');
});

test('without UDP the snippets use TCP', () => {
  const all = snippets(targetOf([{ name: 'hep-tcp', address: '192.0.2.5:9060' }], 'x'));
  expect(all[0]?.text).toContain('sip:192.0.2.5:9060;transport=tcp');
  expect(all.some((one) => one.id === 'http')).toBe(false);
});
