// What is typed over a ladder: words that must all be somewhere in a message, `-word` for those that must not.

import type { CallMessage } from '../types';

/** A narrower place to look: `host:10.0.0.1`. */
const PLACES: Record<string, (message: CallMessage, names: ReadonlyMap<string, string>) => (string | number | null | undefined)[]> = {
  method: (message) => [message.method, message.cseq_method],
  status: (message) => [message.status],
  host: (message, names) => [...ends(message), ...[message.src_ip, message.dst_ip].map((ip) => (ip === null ? null : names.get(ip)))],
  from: (message, names) => [message.src_ip, `${message.src_ip}:${message.src_port}`, names.get(message.src_ip ?? '')],
  to: (message, names) => [message.dst_ip, `${message.dst_ip}:${message.dst_port}`, names.get(message.dst_ip ?? '')],
  user: (message) => [message.from_user, message.to_user],
  leg: (message) => [message.call_id],
  kind: (message) => [message.table],
};
export const FILTER_PLACES = Object.keys(PLACES);

const ends = (message: CallMessage) => [`${message.src_ip}:${message.src_port}`, `${message.dst_ip}:${message.dst_port}`];

interface Term {
  unwanted: boolean;
  place: string | null;
  word: string;
}

export function readFilter(text: string): Term[] {
  const parts = text.match(/-?(?:\w+:)?"[^"]*"|\S+/g) ?? [];
  return parts.flatMap((part) => {
    const unwanted = part.length > 1 && part.startsWith('-');
    const said = unwanted ? part.slice(1) : part;
    const colon = said.indexOf(':');
    const place = colon > 0 && Object.hasOwn(PLACES, said.slice(0, colon).toLowerCase()) ? said.slice(0, colon).toLowerCase() : null;
    const word = (place === null ? said : said.slice(colon + 1)).replaceAll('"', '').toLowerCase();
    return word === '' ? [] : [{ unwanted, place, word }];
  });
}

/** Null where nothing is asked: all messages are wanted. */
export function filterOf(text: string, names: ReadonlyMap<string, string> = new Map()): ((message: CallMessage) => boolean) | null {
  const terms = readFilter(text);
  if (terms.length === 0) return null;
  return (message) =>
    terms.every(({ unwanted, place, word }) => {
      const values = place === null ? everything(message, names) : (PLACES[place]?.(message, names) ?? []);
      const found = values.some((value) => {
        const known = String(value ?? '').toLowerCase();
        // `5xx` is a class of replies; a method or a number asked for by its place is that one.
        if (/^[1-6]xx$/.test(word)) return place === 'status' || place === null ? new RegExp(`^${word[0]}\\d\\d\\b`).test(known) : false;
        return place === 'method' || place === 'status' || place === 'kind' ? known === word : known.includes(word);
      });
      return found !== unwanted;
    });
}

function everything(message: CallMessage, names: ReadonlyMap<string, string>): (string | number | null | undefined)[] {
  return [
    message.label, message.method, message.cseq_method, message.from_user, message.to_user, message.call_id, message.node, message.table, ...ends(message),
    names.get(message.src_ip ?? ''), names.get(message.dst_ip ?? ''), ...message.flags, ...Object.values(message.detail ?? {}).map((value) => (value === null ? null : String(value))),
  ];
}
