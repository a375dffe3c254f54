// A SIP message as lines, for what compares and rewrites messages here. The server's parser is the one that judges;
// this one only has to take apart what is shown, and loses nothing.

export interface Header {
  /** As written. */
  name: string;
  /** Lower case, compact forms spelled out (RFC 3261 section 7.3.3). */
  key: string;
  /** Folded lines are one. */
  value: string;
}

export interface SipText {
  start: string;
  headers: Header[];
  body: string;
}

const COMPACT: Record<string, string> = {
  a: 'accept-contact', b: 'referred-by', c: 'content-type', d: 'request-disposition', e: 'content-encoding', f: 'from', i: 'call-id', j: 'reject-contact',
  k: 'supported', l: 'content-length', m: 'contact', n: 'identity-info', o: 'event', r: 'refer-to', s: 'subject', t: 'to', u: 'allow-events', v: 'via', x: 'session-expires', y: 'identity',
};

export function canonicalName(name: string): string {
  const key = name.trim().toLowerCase();
  return COMPACT[key] ?? key;
}

export function splitMessage(text: string): SipText {
  const end = /\r?\n\r?\n/.exec(text);
  const head = end ? text.slice(0, end.index) : text;
  const [start = '', ...lines] = head.split(/\r?\n/);
  const headers: Header[] = [];
  for (const line of lines) {
    const last = headers.at(-1);
    if (/^[ \t]/.test(line) && last) {
      last.value = `${last.value} ${line.trim()}`.trim();
      continue;
    }
    const colon = line.indexOf(':');
    const name = colon < 0 ? line : line.slice(0, colon);
    headers.push({ name: name.trim(), key: canonicalName(name), value: colon < 0 ? '' : line.slice(colon + 1).trim() });
  }
  return { start, headers, body: end ? text.slice(end.index + end[0].length) : '' };
}

export function joinMessage({ start, headers, body }: SipText): string {
  return `${[start, ...headers.map(({ name, value }) => `${name}: ${value}`)].join('\r\n')}\r\n\r\n${body}`;
}

/** Cuts at commas outside quotes and angle brackets. */
export function splitList(value: string): string[] {
  const parts: string[] = [];
  let quoted = false;
  let depth = 0;
  let begin = 0;
  for (let index = 0; index < value.length; index += 1) {
    const character = value[index];
    if (quoted) {
      if (character === '\\') index += 1;
      else if (character === '"') quoted = false;
    } else if (character === '"') quoted = true;
    else if (character === '<') depth += 1;
    else if (character === '>') depth = Math.max(0, depth - 1);
    else if (character === ',' && depth === 0) {
      parts.push(value.slice(begin, index).trim());
      begin = index + 1;
    }
  }
  parts.push(value.slice(begin).trim());
  return parts.filter((part) => part !== '');
}

export function isSdpText(body: string): boolean {
  return body.startsWith('v=');
}
