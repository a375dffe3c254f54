// A call as one file that needs nothing else: findings, figures, ladder and messages, to be sent to whoever must believe it.
// No script in it: arrows are links to the messages, which fold by themselves.

import type { CallMessage, CallPage } from '../types';
import { dayAndClock, parseMicros, span } from '../time';
import { figure } from '../quality';
import { endpoint } from '../numbers';
import { escapeXml, type Picture } from './ladder-svg';
import type { Redaction, Redactor } from './redact';

export interface Kept {
  message: CallMessage;
  /** Null: not text, or not kept any more. */
  text: string | null;
}

export interface Document {
  page: CallPage;
  messages: readonly Kept[];
  picture: Picture;
  title: string;
  redaction: Redaction;
  redactor: Redactor;
  /** In microseconds: when it was made. */
  made: number;
}

const STYLE = `
:root { color-scheme: light; font: 14px/1.5 system-ui, 'Segoe UI', Roboto, sans-serif; color: #1b1f25; background: #f6f5f1; }
body { max-width: 1180px; margin: 0 auto; padding: 24px; }
h1 { font-size: 21px; margin: 0 0 4px; } h2 { font-size: 16px; margin: 28px 0 8px; }
.facts, .small { color: #4d545f; } .card { background: #fff; border: 1px solid #e5e1d8; border-radius: 8px; padding: 12px 16px; margin: 8px 0; overflow-x: auto; }
.error { border-left: 4px solid #bd2a2f; } .warning { border-left: 4px solid #935600; } .info { border-left: 4px solid #5f6772; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: 4px 14px 4px 0; vertical-align: baseline; } th { font-weight: 500; color: #4d545f; }
details { background: #fff; border: 1px solid #e5e1d8; border-radius: 6px; margin: 4px 0; } details:target { border-color: #1d6386; box-shadow: 0 0 0 2px #1d638655; }
summary { padding: 5px 12px; cursor: pointer; font-variant-numeric: tabular-nums; } summary b { margin: 0 10px; }
pre { margin: 0; padding: 10px 16px 14px; border-top: 1px solid #e5e1d8; font: 12px/1.55 ui-monospace, Menlo, Consolas, monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
a { color: #1d6386; } svg a { cursor: pointer; } svg a:hover text { text-decoration: underline; }
@media print { body { padding: 0; } details:not([open]) > pre { display: none; } }
`;

export const anchorOf = (id: string): string => `m-${id.replace(/[^\w-]/g, '_')}`;

export function htmlDocument({ page, messages, picture, title, redaction, redactor, made }: Document): string {
  const said = (text: string) => escapeXml(redactor.text(text));
  const { summary } = page;
  const labels = new Map(messages.map(({ message }) => [message.id, [message.status, message.method].filter((part) => part !== null).join(' ') || message.table]));
  const facts: [string, string][] = [
    ['Began', dayAndClock(parseMicros(summary.first), 6)],
    ['State', [summary.status, summary.state].filter((part) => part !== null).join(' ')],
    ...(summary.setup_ms === null ? [] : [['Setup', span(summary.setup_ms)] as [string, string]]),
    ...(summary.talk_ms === null ? [] : [['Talk', span(summary.talk_ms)] as [string, string]]),
    ['Messages', String(messages.length)],
    ['Call-ID', redactor.text(page.call_id)],
  ];
  const hidden = [redaction.numbers ? 'numbers and names' : '', redaction.addresses ? 'addresses and hosts' : '', redaction.digest ? 'credentials and keys' : ''].filter((part) => part !== '');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeXml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escapeXml(title)}</h1>
<p class="facts">${facts.map(([name, value]) => `${name} <strong>${escapeXml(value)}</strong>`).join(' · ')}</p>
${hidden.length > 0 ? `<p class="small">Replaced by other words, the same wherever they stood: ${hidden.join('; ')}.</p>` : ''}${page.partial ? `<p class="card warning">Not the whole call: ${escapeXml(page.partial.reason)}</p>` : ''}
${page.findings.length === 0 ? '' : `<h2>Findings</h2>\n${page.findings.map((finding) => `<div class="card ${finding.severity}"><strong>${said(finding.text)}</strong> <span class="small">${escapeXml(finding.id)}, ${finding.severity}</span><br>Blame: ${said(finding.blame.text)}. Confidence: ${finding.confidence}.${finding.ruled_out.length > 0 ? ` Ruled out: ${said(finding.ruled_out.join('; '))}.` : ''}<br>Next: ${said(finding.next)}${finding.proof.length > 0 ? `<br>Proof: ${finding.proof.map((id) => `<a href="#${anchorOf(id)}">${escapeXml(labels.get(id) ?? id)}</a>`).join(' ')}` : ''}</div>`).join('\n')}`}
${page.streams.length === 0 ? '' : `<h2>Media</h2>\n<div class="card"><table><thead><tr><th>Stream</th><th>Codec</th><th>Loss</th><th>Jitter</th><th>Round trip</th><th>MOS</th></tr></thead><tbody>${page.streams.map((stream) => `<tr><td>${said(stream.src ?? 'unknown')} → ${said(stream.dst ?? 'unknown')}</td><td>${escapeXml(stream.codec?.name ?? '–')}</td><td>${figure(stream.loss_percent, '%')}</td><td>${figure(stream.jitter_p95_ms, 'ms')}</td><td>${figure(stream.round_trip_p50_ms, 'ms')}</td><td>${stream.scores[0] ? `${figure(stream.scores[0].mos_mean)} <span class="small">${escapeXml(stream.scores[0].label)}</span>` : '–'}</td></tr>`).join('')}</tbody></table></div>`}
<h2>Ladder</h2>
<div class="card">${picture.svg}</div>
<h2>Messages</h2>
${messages.map((kept) => messageHtml(kept, redactor)).join('\n')}
<p class="small">Made with Rhapsode, ${dayAndClock(made)}. Times are those of ${escapeXml(Intl.DateTimeFormat().resolvedOptions().timeZone)}.</p>
</body>
</html>
`;
}

function messageHtml({ message, text }: Kept, redactor: Redactor): string {
  const at = (ip: string | null, port: number | null) => escapeXml(endpoint(ip === null ? null : redactor.address(ip), port));
  const body = text === null ? '<em>no text is kept of it</em>' : escapeXml((message.table === 'sip' ? redactor.message(text) : redactor.text(text)).replaceAll('\r\n', '\n'));
  return `<details id="${anchorOf(message.id)}"><summary>${dayAndClock(parseMicros(message.ts), 6)}<b>${escapeXml(redactor.text(message.label))}</b>${at(message.src_ip, message.src_port)} → ${at(message.dst_ip, message.dst_port)}${message.retransmission_of === null ? '' : ' (again)'}${message.witness_of === null ? '' : ' (further sighting)'}</summary><pre>${body}</pre></details>`;
}
