// One side of a call as a SIPp scenario: what it sent is sent again, what it got is waited for. SIPp fills in what belongs to
// a call of its own: addresses, Call-ID, branch, tags, lengths.

import { splitMessage, type Header } from '../call/sip-text';
import { parseMicros } from '../time';
import type { CallMessage } from '../types';
import { escapeXml } from './ladder-svg';

export interface SippStep {
  message: CallMessage;
  text: string;
}

export interface Side {
  role: 'uac' | 'uas';
  callId: string;
  /** `10.0.0.1:5060`: whose part is played, and with whom. */
  self: string;
  peer: string;
}

const endOf = (ip: string | null, port: number | null) => `${ip ?? ''}:${port ?? ''}`;

/** Sides that can be played: the two ends of every hop that an INVITE, or else any first request, took. */
export function sidesOf(messages: readonly CallMessage[]): Side[] {
  const sip = messages.filter((one) => one.table === 'sip' && one.retransmission_of === null && one.witness_of === null && one.src_ip !== null && one.dst_ip !== null).sort((a, b) => parseMicros(a.ts) - parseMicros(b.ts));
  const found = new Map<string, Side[]>();
  for (const { status, method, call_id: callId, src_ip, src_port, dst_ip, dst_port } of sip) {
    if (status !== null || callId === null || method === 'ACK') continue;
    const [from, to] = [endOf(src_ip, src_port), endOf(dst_ip, dst_port)];
    if (found.has(`${callId} ${from} ${to}`) || found.has(`${callId} ${to} ${from}`)) continue;
    found.set(`${callId} ${from} ${to}`, [{ role: 'uac', callId, self: from, peer: to }, { role: 'uas', callId, self: to, peer: from }]);
  }
  return [...found.values()].flat();
}

/** Waits shorter than this are how fast a program is, not what a person does. */
const PAUSE_MILLISECONDS_MIN = 200;

export function sippScenario(steps: readonly SippStep[], side: Side): string {
  const own = steps
    .filter(({ message }) => message.table === 'sip' && message.call_id === side.callId && message.retransmission_of === null && message.witness_of === null)
    .filter(({ message }) => {
      const [from, to] = [endOf(message.src_ip, message.src_port), endOf(message.dst_ip, message.dst_port)];
      return (from === side.self && to === side.peer) || (from === side.peer && to === side.self);
    })
    .sort((a, b) => parseMicros(a.message.ts) - parseMicros(b.message.ts));
  const out: string[] = [
    '<?xml version="1.0" encoding="UTF-8"?>', '<!DOCTYPE scenario SYSTEM "sipp.dtd">', `<scenario name="${side.role} of a captured call">`,
    ...(own.some(({ text }) => /^(?:Proxy-)?Authorization:/im.test(text)) && side.role === 'uac' ? ['  <!-- Credentials: sipp -au USER -ap PASSWORD -->'] : []),
  ];
  const writer = new Writer(side);
  let before: number | null = null;
  for (const { message, text } of own) {
    const micros = parseMicros(message.ts);
    const sends = endOf(message.src_ip, message.src_port) === side.self;
    const wait = before === null ? 0 : Math.round((micros - before) / 1000);
    if (sends && wait >= PAUSE_MILLISECONDS_MIN) out.push(writer.pause(wait));
    out.push(...(sends ? writer.send(message, text) : writer.receive(message, text)));
    before = micros;
  }
  out.push('</scenario>');
  return `${out.join('\n')}\n`;
}

class Writer {
  /** Elements written: SIPp counts by them, also in branches. */
  private written = 0;
  private inviteAt = 0;
  /** The final reply to the last INVITE. */
  private final: number | null = null;
  private hasRoutes = false;
  /** A request of the dialog has come in since: `[last_...]` speaks of it. */
  private methodGot: string | null = null;

  constructor(private readonly side: Side) {}

  pause(milliseconds: number): string {
    this.written += 1;
    return `  <pause milliseconds="${milliseconds}"/>`;
  }

  receive(message: CallMessage, text: string): string[] {
    this.written += 1;
    if (message.status === null) {
      this.methodGot = message.method;
      return [`  <recv request="${escapeXml(message.method ?? '')}"${message.method === 'INVITE' ? ' rrs="true"' : ''}/>`];
    }
    const provisional = message.status < 200;
    const challenge = message.status === 401 || message.status === 407;
    if (!provisional && message.cseq_method === 'INVITE') this.final = message.status;
    const routes = !provisional && message.status < 300 && message.cseq_method === 'INVITE' && /^(record-route)\s*:/im.test(text);
    this.hasRoutes ||= routes;
    return [`  <recv response="${message.status}"${provisional ? ' optional="true"' : ''}${challenge ? ' auth="true"' : ''}${routes ? ' rrs="true"' : ''}/>`];
  }

  send(message: CallMessage, text: string): string[] {
    const { start, headers, body } = splitMessage(text);
    const lines = message.status === null ? this.request(message, start, headers) : this.reply(start, headers, message);
    const content = this.body(body);
    // SIPp sends a request again by itself until it is answered, an ACK never.
    const retrans = message.method === 'ACK' || (message.status !== null && message.status < 200) ? '' : ' retrans="500"';
    this.written += 1;
    return [`  <send${retrans}>`, '    <![CDATA[', '', ...[...lines, 'Content-Length: [len]', '', ...content].map((line) => `      ${line}`.trimEnd()), '', '    ]]>', '  </send>'].map((line) => line.replaceAll(']]>', line === '    ]]>' ? ']]>' : ']] >'));
  }

  private request(message: CallMessage, start: string, headers: readonly Header[]): string[] {
    const inDialog = /;\s*tag=/i.test(headers.find(({ key }) => key === 'to')?.value ?? '');
    // The ACK of a refusal and a CANCEL belong to the INVITE's transaction (RFC 3261 sections 17.1.1.3, 9.1).
    const ofInvite = message.method === 'CANCEL' || (message.method === 'ACK' && this.final !== null && this.final >= 300);
    if (message.method === 'INVITE') this.inviteAt = this.written;
    const [method = '', uri = ''] = start.split(' ');
    const lines = [inDialog && !ofInvite && this.side.role === 'uac' && this.hasRoutes ? `${method} [next_url] SIP/2.0` : `${method} ${here(uri, this.side)} SIP/2.0`];
    lines.push(`Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch${ofInvite ? `-${this.written - this.inviteAt}` : ''}]`);
    if (inDialog && !ofInvite && this.hasRoutes) lines.push('[routes]');
    for (const { key, name, value } of headers) {
      if (['via', 'route', 'record-route', 'content-length'].includes(key)) continue;
      else if (key === 'call-id') lines.push('Call-ID: [call_id]');
      else if (key === 'from') lines.push(`From: ${withoutTag(here(value, this.side))};tag=[pid]SIPpTag${this.side.role === 'uac' ? '00' : '01'}[call_number]`);
      else if (key === 'to') lines.push(`To: ${withoutTag(here(value, this.side))}${inDialog ? '[peer_tag_param]' : ''}`);
      else if (key === 'contact') lines.push(contact(value));
      else if (key === 'authorization' || key === 'proxy-authorization') lines.push('[authentication]');
      else lines.push(`${name}: ${here(value, this.side)}`);
    }
    return lines;
  }

  private reply(start: string, headers: readonly Header[], message: CallMessage): string[] {
    const lines = [start, '[last_Via:]', '[last_From:]'];
    // In a dialog the request has our tag already.
    lines.push(message.status === 100 || this.methodGot !== 'INVITE' ? '[last_To:]' : '[last_To:];tag=[pid]SIPpTag01[call_number]', '[last_Call-ID:]', '[last_CSeq:]');
    if (message.status !== null && message.status < 300 && message.status > 100 && message.cseq_method === 'INVITE') lines.push('[last_Record-Route:]');
    for (const { key, name, value } of headers) {
      if (['via', 'from', 'to', 'call-id', 'cseq', 'record-route', 'content-length'].includes(key)) continue;
      lines.push(key === 'contact' ? contact(value) : `${name}: ${here(value, this.side)}`);
    }
    return lines;
  }

  private body(body: string): string[] {
    if (body === '') return [];
    const lines = body.split(/\r?\n/);
    if (lines.at(-1) === '') lines.pop();
    return lines.map((line) =>
      line
        .replace(/^c=IN IP[46] .*$/, 'c=IN IP[media_ip_type] [media_ip]')
        .replace(/^(o=\S+ \S+ \S+) IN IP[46] .*$/, '$1 IN IP[local_ip_type] [local_ip]')
        .replace(/^m=audio \d+ /, 'm=audio [auto_media_port] '),
    );
  }
}

/** Addresses of the two ends become those SIPp runs between. */
function here(text: string, side: Side): string {
  const [self, peer] = [side.self, side.peer].map((end) => ({ ip: end.slice(0, end.lastIndexOf(':')), port: end.slice(end.lastIndexOf(':') + 1) }));
  const place = (value: string, end: typeof self, ip: string, port: string): string => {
    if (!end || end.ip === '') return value;
    const address = end.ip.includes(':') ? `[${end.ip}]` : end.ip;
    return value.replaceAll(`${address}:${end.port}`, `${ip}:${port}`).replace(new RegExp(`(?<![\\w.])${address.replace(/[.[\]]/g, '\\$&')}(?![\\w.])`, 'g'), ip);
  };
  return place(place(text, peer, '[remote_ip]', '[remote_port]'), self, '[local_ip]', '[local_port]');
}

function withoutTag(value: string): string {
  return value.replace(/;\s*tag=[^;,\s]*/i, '');
}

function contact(value: string): string {
  const user = /sips?:([^@>;\s]+)@/.exec(value)?.[1];
  const expires = /;\s*expires=\d+/i.exec(value)?.[0] ?? '';
  return value.trim() === '*' ? 'Contact: *' : `Contact: <sip:${user ? `${user}@` : ''}[local_ip]:[local_port];transport=[transport]>${expires}`;
}
