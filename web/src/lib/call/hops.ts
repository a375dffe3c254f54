// The way of a message from host to host, and where the time went on it. Times are those of capture: what a host takes
// is from the sighting of what it got to the sighting of what it sent, the wire between it and the probe included.

import type { Grouping } from '../ladder';
import { endpoint } from '../numbers';
import { parseMicros } from '../time';
import type { CallMessage } from '../types';

interface Sent {
  message: CallMessage;
  micros: number;
  from: string;
  to: string;
}

export type Doing = 'passes on' | 'answers' | 'passes back' | 'not seen';

export interface Stay {
  doing: Doing;
  host: string;
  begin: number;
  end: number;
  /** What it got and what it sent: ids. */
  received: string;
  sent: string;
}

/** A request and one of its replies, as the one who asked saw them. */
export interface Journey {
  request: CallMessage;
  reply: CallMessage;
  begin: number;
  end: number;
  stays: Stay[];
}

export class Hops {
  private readonly all: Sent[];
  private readonly places = new Map<string, number>();
  /** What a host got, by kind: places in `all`, rising. */
  private readonly got = new Map<string, number[]>();
  private readonly earlier = new Map<number, number>();

  constructor(messages: readonly CallMessage[], grouping: Grouping) {
    const hostOf = (ip: string | null, port: number | null) => (grouping === 'ip' ? (ip ?? '') : endpoint(ip, port));
    this.all = messages
      .filter((one) => one.table === 'sip' && one.retransmission_of === null && one.witness_of === null && one.src_ip !== null && one.dst_ip !== null)
      .map((message) => ({ message, micros: parseMicros(message.ts), from: hostOf(message.src_ip, message.src_port), to: hostOf(message.dst_ip, message.dst_port) }))
      .sort((a, b) => a.micros - b.micros);
    this.all.forEach((sent, place) => {
      this.places.set(sent.message.id, place);
      const before = this.before(sent);
      if (before !== null) this.earlier.set(place, before);
      const key = `${sent.to} ${kind(sent.message)}`;
      const list = this.got.get(key);
      if (list) list.push(place);
      else this.got.set(key, [place]);
    });
  }

  /** The same message one hop before: what its sender had got. */
  previous(id: string): CallMessage | null {
    const place = this.places.get(id);
    const before = place === undefined ? undefined : this.earlier.get(place);
    return before === undefined ? null : (this.all[before]?.message ?? null);
  }

  /** One hop on; the first, where there are several. */
  next(id: string): CallMessage | null {
    const place = this.places.get(id);
    for (const [later, before] of this.earlier) if (before === place) return this.all[later]?.message ?? null;
    return null;
  }

  /** Of its own Call-ID the latest; else, behind a host that makes two calls of one, the latest of another. */
  private before(sent: Sent): number | null {
    const candidates = this.got.get(`${sent.from} ${kind(sent.message)}`) ?? [];
    let other: number | null = null;
    for (const place of candidates.toReversed()) {
      const { message } = this.all[place] ?? sent;
      // Sent back to where it came from: not passed on.
      if (this.all[place]?.from === sent.to) continue;
      if (message.call_id !== sent.message.call_id) other ??= place;
      else if (message.cseq === sent.message.cseq) return place;
    }
    return other;
  }

  /** Requests that nobody had sent before, each with its replies: the first of each status, 100 left out, which says
   * that the next hop is there (RFC 3261 section 17.2.1). */
  journeys(): Journey[] {
    const journeys: Journey[] = [];
    this.all.forEach((sent, place) => {
      const { message } = sent;
      if (message.status !== null || message.method === 'ACK' || this.earlier.has(place)) return;
      const told = new Set<number>();
      for (let at = place + 1; at < this.all.length; at += 1) {
        const reply = this.all[at];
        const status = reply?.message.status ?? null;
        if (!reply || status === null || status === 100 || reply.to !== sent.from || reply.from !== sent.to || told.has(status)) continue;
        if (reply.message.call_id !== message.call_id || reply.message.cseq !== message.cseq || reply.message.cseq_method !== message.method) continue;
        told.add(status);
        journeys.push({ request: message, reply: reply.message, begin: sent.micros, end: reply.micros, stays: this.stays(place, at) });
        if (status >= 200) break;
      }
    });
    return journeys;
  }

  /** From the reply back to who gave it, and from the request that one got back to the first. */
  private stays(request: number, reply: number): Stay[] {
    const stays: Stay[] = [];
    const add = (doing: Doing, received: number, sent: number) => {
      const got = this.all[received];
      const gave = this.all[sent];
      if (got && gave) stays.unshift({ doing, host: doing === 'not seen' ? '' : gave.from, begin: got.micros, end: gave.micros, received: got.message.id, sent: gave.message.id });
    };
    let at = reply;
    for (let before = this.earlier.get(at); before !== undefined && before > request; before = this.earlier.get(at)) {
      add('passes back', before, at);
      at = before;
    }
    const asked = this.asked(at);
    if (asked === null || asked < request) {
      add('not seen', request, at);
      return stays;
    }
    add('answers', asked, at);
    at = asked;
    for (let before = this.earlier.get(at); at !== request && before !== undefined && before >= request; before = this.earlier.get(at)) {
      add('passes on', before, at);
      at = before;
    }
    if (at !== request) add('not seen', request, at);
    return stays;
  }

  /** The request that who sent a reply had got. */
  private asked(reply: number): number | null {
    const sent = this.all[reply];
    if (!sent) return null;
    const candidates = this.got.get(`${sent.from} ${sent.message.cseq_method ?? ''} `) ?? [];
    return candidates.findLast((place) => place < reply && this.all[place]?.message.call_id === sent.message.call_id && this.all[place]?.message.cseq === sent.message.cseq) ?? null;
  }
}

function kind(message: CallMessage): string {
  return message.status === null ? `${message.method ?? ''} ` : `${message.cseq_method ?? ''} ${message.status}`;
}

/** The longest. */
export function slowest(journey: Journey): Stay | null {
  return journey.stays.reduce<Stay | null>((most, stay) => (most === null || stay.end - stay.begin > most.end - most.begin ? stay : most), null);
}
