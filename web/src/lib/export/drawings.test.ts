import { expect, test } from 'vitest';
import { message } from '../call/testing';
import { layOut, type LadderOptions } from '../ladder';
import type { CallPage } from '../types';
import { anchorOf, htmlDocument } from './html';
import { drawLadder } from './ladder-svg';
import { mermaid } from './mermaid';
import { REDACT_ALL } from '../call/testing';
import { REDACT_NOTHING, redactorOf } from './redact';
import { fileName, pngScale } from './save';

const options: LadderOptions = { grouping: 'ip', fold: true, expanded: new Set(), hidden: new Set(), detail: true, gapMilliseconds: 3000 };
const invite = message(0, '10.0.0.1', '10.0.0.2', 'INVITE', { detail: { media: '10.0.0.1:4000', codecs: 'PCMA' } });
const messages = [
  invite,
  message(20, '10.0.0.2', '10.0.0.1', 486, { label: '486 <Busy> & gone; #1' }),
  message(5_000, '10.0.0.2', '10.0.0.9', 'x', { table: 'log', method: null, label: 'log', detail: { text: 'call of +4930555100 failed' } }),
];
const ladder = layOut(messages, options, new Map([['10.0.0.2', 'edge-fra-1']]));
const open = { redaction: REDACT_NOTHING, redactor: redactorOf(REDACT_NOTHING, []) };
const closed = { redaction: REDACT_ALL, redactor: redactorOf(REDACT_ALL, ['sip:+4930555100@x'], messages) };

test('the picture has all that the ladder has, as well-formed XML without anything from elsewhere', () => {
  const { svg, height } = drawLadder(ladder, { title: 'a & b', timeMode: 'start', ...open });
  for (const part of ['>INVITE<', '486 &lt;Busy&gt; &amp; gone; #1', 'edge-fra-1', 'SDP 10.0.0.1:4000 PCMA', '4.98 s later', '+0.020', '>a &amp; b<']) expect(svg).toContain(part);
  expect(svg.replace('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:|url\(|<script|<style/);
  const tags = [...svg.matchAll(/<(\/?)(\w+)[^>]*?(\/?)>/g)];
  expect(tags.filter(([, end, , alone]) => end === '' && alone === '').map(([, , name]) => name).sort()).toEqual(tags.filter(([, end]) => end === '/').map(([, , name]) => name).sort());
  expect(height).toBeGreaterThan(ladder.height);
});

test('a redacted picture shows neither addresses, nor names of hosts, nor numbers', () => {
  const { svg } = drawLadder(ladder, { title: 't', timeMode: 'start', ...closed });
  for (const secret of ['10.0.0', 'edge-fra', '4930555100']) expect(svg).not.toContain(secret);
  expect(svg).toContain('192.0.2.1');
});

test('Mermaid reads what is drawn', () => {
  expect(mermaid(ladder, { title: 't', ...open }).split('\n')).toEqual([
    '---', 'title: "t"', '---', 'sequenceDiagram',
    '  participant h0 as 10.0.0.1<br/>:5060', '  participant h1 as edge-fra-1<br/>:5060',
    '  h0->>h1: +0.000 INVITE<br/>SDP 10.0.0.1:4000 PCMA', '  h1-->>h0: +0.020 486 #60;Busy#62; #38; gone#59; #35;1',
    '  Note over h0,h1: 4.98 s later', '  Note over h1: +5.000 call of +4930555100 failed', '',
  ]);
});

const page: CallPage = {
  call_id: 'a', hosts: [], streams: [], legs: [], messages, partial: { reason: 'time is up' },
  findings: [{ id: 'BUSY', call_id: 'a', severity: 'info', text: 'busy at 10.0.0.2', blame: { kind: 'callee', host: null, from: null, text: 'callee' }, proof: [invite.id], ruled_out: [], next: 'nothing', confidence: 'high' }],
  summary: { call_id: 'a', first: invite.ts, last: invite.ts, duration_ms: 5000, method: 'INVITE', from_user: 'alice', to_user: 'bob', src: null, dst: null, status: 486, state: 'failed', setup_ms: null, talk_ms: null, messages: 3, witnesses: 0, tables: { sip: 2, log: 1 } },
};

test('the document holds every message, proof leads to it, and no script can run in it', () => {
  const text = 'INVITE sip:bob@10.0.0.2 SIP/2.0\r\nSubject: <script>alert(1)</script>\r\n\r\n';
  const html = htmlDocument({ page, messages: messages.map((one) => ({ message: one, text: one === invite ? text : null })), picture: drawLadder(ladder, { title: 't', timeMode: 'absolute', ...open }), title: '<b>', made: 0, ...open });
  expect(html).toContain(`href="#${anchorOf(invite.id)}"`);
  expect(html.match(/<details id=/g)).toHaveLength(3);
  for (const part of ['busy at 10.0.0.2', 'Not the whole call: time is up', '&lt;script&gt;', '<title>&lt;b&gt;</title>', "default-src 'none'"]) expect(html).toContain(part);
  expect(html).not.toMatch(/<script|\son\w+=|src=|url\(/i);
});

test('a redacted document says so and keeps to it everywhere', () => {
  const text = 'INVITE sip:+4930555100@10.0.0.2 SIP/2.0\r\n\r\n';
  const html = htmlDocument({ page, messages: messages.map((one) => ({ message: one, text })), picture: drawLadder(ladder, { title: 't', timeMode: 'absolute', ...closed }), title: 't', made: 0, ...closed });
  for (const secret of ['10.0.0', 'edge-fra', '4930555100', '>alice']) expect(html).not.toContain(secret);
  expect(html).toContain('numbers and names; addresses and hosts; credentials and keys');
});

test('a picture of points has as many as browsers draw, or there is none', () => {
  expect(pngScale({ width: 1000, height: 900 })).toBe(2);
  expect(pngScale({ width: 1000, height: 16_384 })).toBe(1);
  expect(pngScale({ width: 1000, height: 100_000 })).toBeNull();
});

test('names of files are harmless', () => {
  expect([fileName('../a b/c@10.0.0.1', '.html'), fileName('', '.svg')]).toEqual(['.._a_b_c@10.0.0.1.html', 'call.svg']);
});
