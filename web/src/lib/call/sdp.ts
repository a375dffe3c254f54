// Session descriptions taken apart (RFC 8866), and offer beside answer (RFC 3264).

import type { CallMessage } from '../types';
import { isSdpText, splitMessage } from './sip-text';
import { parseMicros } from '../time';

export interface Codec {
  payload: string;
  /** `PCMA/8000`; as the RTP profile has it where no rtpmap tells. */
  name: string;
  fmtp: string;
}

export interface MediaSection {
  kind: string;
  port: number;
  transport: string;
  address: string | null;
  direction: string;
  codecs: Codec[];
  ptime: string | null;
  /** `SDES`, `DTLS`, or nothing. */
  keys: string;
  rtcp: string | null;
}

export interface Description {
  origin: string;
  media: MediaSection[];
}

/** RFC 3551 section 6, those in use. */
const STATIC: Record<string, string> = { 0: 'PCMU/8000', 3: 'GSM/8000', 4: 'G723/8000', 8: 'PCMA/8000', 9: 'G722/8000', 13: 'CN/8000', 15: 'G728/8000', 18: 'G729/8000', 26: 'JPEG/90000', 31: 'H261/90000', 34: 'H263/90000' };

/** The description in a message; null where there is none. Of several parts the first that is one. */
export function descriptionOf(message: string): Description | null {
  const { body } = splitMessage(message);
  const start = isSdpText(body) ? 0 : body.search(/(?<=\n)v=0\r?\n/);
  return start < 0 || body === '' ? null : parseSdp(body.slice(start));
}

export function parseSdp(text: string): Description {
  const lines = text.split(/\r?\n/);
  const description: Description = { origin: '', media: [] };
  let address: string | null = null;
  let direction = 'sendrecv';
  let keys = '';
  for (const line of lines) {
    if (line.startsWith('--')) break;
    const value = line.slice(2);
    const last = description.media.at(-1);
    if (line.startsWith('o=')) description.origin = value;
    else if (line.startsWith('m=')) {
      const [kind = '', port = '', transport = '', ...formats] = value.split(/\s+/);
      description.media.push({
        kind, port: Number.parseInt(port, 10) || 0, transport, address, direction, ptime: null, keys, rtcp: null,
        codecs: formats.filter((payload) => payload !== '').map((payload) => ({ payload, name: STATIC[payload] ?? (/^\d+$/.test(payload) ? '' : payload), fmtp: '' })),
      });
    } else if (line.startsWith('c=')) {
      const at = value.split(/\s+/)[2]?.split('/')[0] ?? null;
      if (last) last.address = at;
      else address = at;
    } else if (line.startsWith('a=')) {
      const way = /^(sendrecv|sendonly|recvonly|inactive)$/.exec(value)?.[1];
      const secured = value.startsWith('crypto:') ? 'SDES' : value.startsWith('fingerprint:') ? 'DTLS' : '';
      if (!last) {
        if (way) direction = way;
        keys ||= secured;
        continue;
      }
      if (way) last.direction = way;
      last.keys ||= secured;
      const map = /^(rtpmap|fmtp):(\S+)\s+(.*)$/.exec(value);
      const codec = map ? last.codecs.find(({ payload }) => payload === map[2]) : undefined;
      if (codec && map?.[1] === 'rtpmap') codec.name = (map[3] ?? '').trim();
      else if (codec) codec.fmtp = (map?.[3] ?? '').trim();
      else if (value.startsWith('ptime:')) last.ptime = value.slice('ptime:'.length).trim();
      else if (value.startsWith('rtcp:')) last.rtcp = value.slice('rtcp:'.length).trim();
    }
  }
  return description;
}

export function hasDescription(message: CallMessage): boolean {
  const { media, codecs, content_type: type } = message.detail ?? {};
  return message.table === 'sip' && (filled(media) || filled(codecs) || (typeof type === 'string' && type.toLowerCase().includes('application/sdp')));
}

function filled(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : typeof value === 'string' && value !== '';
}

export interface Exchange {
  offer: CallMessage;
  /** Null: none was seen. */
  answer: CallMessage | null;
}

/** Offers with their answers, on each hop (RFC 3264, RFC 6337 section 2.2): a request's is answered by the first reply that
 * has one; where an INVITE offers nothing its reply does, and the ACK answers. */
export function exchanges(messages: readonly CallMessage[]): Exchange[] {
  const sip = messages.filter((one) => one.table === 'sip' && one.retransmission_of === null && one.witness_of === null).sort((a, b) => parseMicros(a.ts) - parseMicros(b.ts));
  const found: Exchange[] = [];
  const answers = new Set<string>();
  sip.forEach((message, index) => {
    if (!hasDescription(message) || answers.has(message.id)) return;
    const later = sip.slice(index + 1);
    const isReply = message.status !== null;
    if (!isReply && message.method === 'ACK') return;
    // 183 and 200 of one INVITE both have the answer: the 200 is no offer of its own.
    if (isReply && found.some(({ offer }) => offer.status === null && isReplyTo(message, offer))) return;
    if (isReply && found.some(({ offer }) => offer.status !== null && sameWay(offer, message) && offer.cseq === message.cseq && offer.call_id === message.call_id)) return;
    const answer = later.find((one) => hasDescription(one) && (isReply ? one.method === 'ACK' && one.status === null && one.call_id === message.call_id && one.cseq === message.cseq && back(message, one) : isReplyTo(one, message))) ?? null;
    if (answer) answers.add(answer.id);
    found.push({ offer: message, answer });
  });
  return found;
}

function isReplyTo(reply: CallMessage, request: CallMessage): boolean {
  return reply.status !== null && reply.call_id === request.call_id && reply.cseq === request.cseq && reply.cseq_method === request.method && back(request, reply);
}

const back = (one: CallMessage, other: CallMessage): boolean => one.src_ip === other.dst_ip && one.src_port === other.dst_port && one.dst_ip === other.src_ip && one.dst_port === other.src_port;
const sameWay = (one: CallMessage, other: CallMessage): boolean => one.src_ip === other.src_ip && one.dst_ip === other.dst_ip && one.src_port === other.src_port && one.dst_port === other.dst_port;

export interface Note {
  /** How bad it is for the media. */
  severity: 'error' | 'warning' | 'info';
  text: string;
}

const FITS: Record<string, readonly string[]> = { sendrecv: ['sendrecv', 'sendonly', 'recvonly', 'inactive'], sendonly: ['recvonly', 'inactive'], recvonly: ['sendonly', 'inactive'], inactive: ['inactive'] };

/** What the answer makes of the offer, section by section. */
export function judge(offer: Description, answer: Description): Note[][] {
  return offer.media.map((offered, index) => {
    const taken = answer.media[index];
    if (!taken) return [{ severity: 'error', text: 'the answer lacks this section (RFC 3264 section 6)' }];
    if (offered.port === 0) return [{ severity: 'info', text: 'the offer has it switched off' }];
    if (taken.port === 0) return [{ severity: 'warning', text: 'refused: the answer has port 0' }];
    const notes: Note[] = [];
    if (taken.kind !== offered.kind) notes.push({ severity: 'error', text: `${offered.kind} was offered, ${taken.kind} answered` });
    if (taken.transport !== offered.transport) notes.push({ severity: 'error', text: `${offered.transport} was offered, ${taken.transport} answered` });
    const names = new Set(offered.codecs.map(codecKey));
    const sound = (codec: Codec) => !/^(telephone-event|cn|red)\b/i.test(codec.name);
    const common = taken.codecs.filter((codec) => names.has(codecKey(codec)));
    const foreign = taken.codecs.filter((codec) => !names.has(codecKey(codec)));
    const first = common.find(sound);
    if (first) notes.push({ severity: 'info', text: `agreed on ${first.name || first.payload}` });
    else if (taken.codecs.length > 0) notes.push({ severity: 'error', text: 'no codec in common' });
    if (foreign.length > 0) notes.push({ severity: 'warning', text: `answered but not offered: ${foreign.map((codec) => codec.name || codec.payload).join(', ')}` });
    if (!(FITS[offered.direction] ?? []).includes(taken.direction)) notes.push({ severity: 'error', text: `${taken.direction} is no answer to ${offered.direction}` });
    else if (taken.direction !== 'sendrecv') notes.push({ severity: 'info', text: `media ${taken.direction} as the answer has it` });
    if (offered.keys !== taken.keys) notes.push({ severity: 'error', text: `keys: ${offered.keys || 'none'} offered, ${taken.keys || 'none'} answered` });
    if (offered.ptime !== null && taken.ptime !== null && offered.ptime !== taken.ptime) notes.push({ severity: 'info', text: `packets of ${offered.ptime} ms offered, of ${taken.ptime} ms answered` });
    const numbers = new Map(offered.codecs.map((codec) => [codecKey(codec), codec.payload]));
    const moved = common.filter((codec) => numbers.get(codecKey(codec)) !== codec.payload);
    if (moved.length > 0) notes.push({ severity: 'info', text: `other payload numbers: ${moved.map((codec) => `${codec.name} ${numbers.get(codecKey(codec))} and ${codec.payload}`).join(', ')}` });
    return notes;
  });
}

/** Without the number of channels, of which one is what goes without saying (RFC 8866 section 6.6). */
function codecKey(codec: Codec): string {
  return (codec.name || codec.payload).toLowerCase().replace(/\/1$/, '');
}
