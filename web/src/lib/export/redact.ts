// Takes out of a call what outsiders should not see: numbers, addresses, credentials. One value becomes the same word
// everywhere, so that the call can still be followed; nothing leads back from the word to the value.

import { joinMessage, splitMessage } from '../call/sip-text';
import type { CallMessage } from '../types';

export interface Redaction {
  /** Numbers and names of users, names that phones show, and signed identities, which hold both. */
  numbers: boolean;
  /** IP addresses, and names of hosts in URIs. */
  addresses: boolean;
  /** What digest authentication computes, keys of media, passwords. */
  digest: boolean;
}

export const REDACT_NOTHING: Redaction = { numbers: false, addresses: false, digest: false };

export interface Redactor {
  /** Any text: a label, a line of a log. */
  text(text: string): string;
  /** A whole SIP message: its length of body stays right. */
  message(text: string): string;
  address(ip: string): string;
}

/** Of users shorter ones are words that stand everywhere (`a`, `to`). */
const USER_LENGTH_MIN = 3;
/** What proxies and specifications write where a user could be. */
const NOT_USERS: ReadonlySet<string> = new Set(['sip', 'sips', 'tel', 'anonymous', 'invalid', 'unknown', 'INVITE', 'ACK', 'BYE', 'CANCEL', 'OPTIONS', 'REGISTER', 'udp', 'tcp', 'tls', 'UDP', 'TCP', 'TLS', 'SIP']);

const IPV4 = /(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)/g;
const IPV6 = /(?<![\w:.])(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{0,4}(?![\w:])/g;
const URI = /\b(?:sips?|tel):(?:([^\s@<>";?]+)@)?(\[[^\]\s]*\]|[\w.-]+)/g;

export function redactorOf(redaction: Redaction, texts: readonly string[], messages: readonly Pick<CallMessage, 'from_user' | 'to_user'>[] = []): Redactor {
  const users = redaction.numbers ? usersOf(texts, messages) : [];
  const words = new Map<string, string>();
  users.forEach((user, index) => words.set(user, userWord(user, index + 1)));
  // `+4930...` is `004930...` or `4930...` to others: the digits are replaced by those of the same word.
  for (const [user, word] of [...words]) {
    if (/^\+\d{5,}$/.test(user)) for (const prefix of ['', '00']) if (!words.has(prefix + user.slice(1))) words.set(prefix + user.slice(1), prefix + word.replace('+', ''));
  }
  const hosts = redaction.addresses ? hostsOf(texts) : [];
  const hostWords = new Map(hosts.map((host, index) => [host, `host-${index + 1}.example`]));
  const findWords = finder([...words.keys()]);
  const findHosts = finder(hosts);
  const addresses = new Map<string, string>();
  const given = { v4: 0, v6: 0 };

  const address = (ip: string): string => {
    if (!redaction.addresses || isNobody(ip)) return ip;
    const known = addresses.get(ip);
    if (known !== undefined) return known;
    const family = ip.includes(':') ? 'v6' : 'v4';
    given[family] += 1;
    const word = addressWord(ip, given[family]);
    addresses.set(ip, word);
    return word;
  };

  const text = (plain: string): string => {
    let out = plain;
    if (redaction.digest) out = withoutSecrets(out);
    if (redaction.numbers) {
      out = withoutNames(out);
      if (findWords) out = out.replace(findWords, (user) => words.get(user) ?? user);
    }
    if (redaction.addresses) {
      if (findHosts) out = out.replace(findHosts, (host) => hostWords.get(host) ?? host);
      out = out.replace(IPV4, (ip) => (ip.split('.').every((part) => Number(part) < 256) ? address(ip) : ip));
      out = out.replace(IPV6, (ip) => (isIpv6(ip) ? address(ip.toLowerCase()) : ip));
    }
    return out;
  };

  const message = (plain: string): string => {
    const changed = text(plain);
    if (changed === plain) return plain;
    const before = splitMessage(plain);
    const after = splitMessage(changed);
    const length = after.headers.find((header) => header.key === 'content-length');
    const size = (body: string) => new TextEncoder().encode(body).length;
    if (length && Number(length.value) === size(before.body)) length.value = String(size(after.body));
    return joinMessage(after);
  };

  return { text, message, address: (ip) => address(ip.includes(':') ? ip.toLowerCase() : ip) };
}

function usersOf(texts: readonly string[], messages: readonly Pick<CallMessage, 'from_user' | 'to_user'>[]): string[] {
  const found = new Set<string>();
  for (const message of messages) for (const user of [message.from_user, message.to_user]) if (user) found.add(user);
  for (const text of texts) {
    for (const [whole, user, host] of text.matchAll(URI)) {
      if (user) found.add(user.split(':')[0] ?? '');
      else if (whole.startsWith('tel:') && host) found.add(host);
    }
    for (const [, user] of text.matchAll(/\busername="([^"]*)"/g)) found.add(user?.split('@')[0] ?? '');
  }
  return [...found].filter((user) => user.length >= USER_LENGTH_MIN && !NOT_USERS.has(user) && !isAddress(user));
}

/** Of domains in URIs; a host that is an address is replaced as one. */
function hostsOf(texts: readonly string[]): string[] {
  const found = new Set<string>();
  for (const text of texts) {
    for (const [whole, , host = ''] of text.matchAll(URI)) if (!whole.startsWith('tel:') && /[a-z]/i.test(host) && !host.startsWith('[')) found.add(host);
    for (const [, realm = ''] of text.matchAll(/\brealm="([^"]*)"/g)) if (/^[\w.-]+\.[a-z]+$/i.test(realm)) found.add(realm);
  }
  return [...found].filter((host) => host.includes('.') || host.length > USER_LENGTH_MIN);
}

/** As long as it was, and a number if it was one. */
function userWord(user: string, index: number): string {
  if (!/^\+?[\d-]{3,}$/.test(user)) return `user-${index}`;
  const plus = user.startsWith('+') ? '+' : '';
  return plus + String(index).padStart(user.length - plus.length, '0');
}

/** Ranges for documentation (RFC 5737, RFC 3849), then the one for benchmarks (RFC 2544). */
function addressWord(ip: string, index: number): string {
  if (ip.includes(':')) return `2001:db8::${index.toString(16)}`;
  const range = ['192.0.2', '198.51.100', '203.0.113'][Math.floor((index - 1) / 254)];
  return range === undefined ? `198.18.${(index >> 8) & 255}.${index & 255}` : `${range}.${((index - 1) % 254) + 1}`;
}

/** Addresses that name nobody. */
function isNobody(ip: string): boolean {
  return ip === '0.0.0.0' || ip.startsWith('127.') || ip === '::1' || ip === '::';
}

function isIpv6(text: string): boolean {
  const groups = text.split(':');
  return (text.includes('::') ? groups.length <= 9 && text.split('::').length === 2 : groups.length === 8) && /[0-9a-f]/i.test(text) && text.length > 3;
}

function isAddress(text: string): boolean {
  return /^\d{1,3}(\.\d{1,3}){3}$/.test(text) || (text.includes(':') && isIpv6(text));
}

/** All at once and the longest first, as whole words: the user `100` is not in `z9hG4bK1001`. */
function finder(words: readonly string[]): RegExp | null {
  if (words.length === 0) return null;
  const escaped = [...words].sort((a, b) => b.length - a.length).map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`(?<![\\w+])(?:${escaped.join('|')})(?![\\w])`, 'g');
}

const GONE = 'redacted';

function withoutSecrets(text: string): string {
  return text
    .replace(/\b((?:response|nonce|cnonce|opaque|nextnonce|rspauth|auts|ik|ck)\s*=\s*)(?:"[^"]*"|[^\s,;"]+)/gi, `$1"${GONE}"`)
    .replace(/^((?:Proxy-)?Authorization:\s*(?:Basic|Bearer)\s+).*$/gim, `$1${GONE}`)
    .replace(/\binline:[^\s|;]+/g, `inline:${GONE}`)
    .replace(/^(a=(?:ice-pwd|ice-ufrag|key-mgmt):).*$/gm, `$1${GONE}`)
    .replace(/^(k=\w+:).*$/gm, `$1${GONE}`)
    .replace(/((?:password|passwd|pwd|secret)["']?\s*[=:]\s*["']?)[^\s"'&,;]+/gi, `$1${GONE}`);
}

/** Names before an address, and identities signed over numbers (RFC 8224). */
function withoutNames(text: string): string {
  return text
    .replace(/^((?:Identity|y)\s*:\s*).*$/gim, `$1${GONE}`)
    .replace(/"(?:[^"\\\r\n]|\\.)*"(\s*<(?:sips?|tel):)/g, `"${GONE}"$1`)
    .replace(/^((?:From|To|Contact|f|t|m|P-Asserted-Identity|P-Preferred-Identity|Remote-Party-ID|Reply-To|Referred-By|Diversion|History-Info)\s*:\s*)[^"<\r\n:\s][^"<\r\n:]*(?=<(?:sips?|tel):)/gim, `$1${GONE} `)
    .replace(/^(Subject\s*:\s*).*$/gim, `$1${GONE}`);
}
