// What differs between two SIP messages. Headers are compared by name, for their order among others says nothing
// (RFC 3261 section 7.3.1); values of one name in their order, for that of Via and Route does. Bodies line by line,
// descriptions of sessions by their media sections.

import { inCommon } from './lcs';
import { isSdpText, splitList, splitMessage, type Header } from './sip-text';

export type Change = 'same' | 'added' | 'removed' | 'changed';

export interface DiffLine {
  change: Change;
  part: 'start' | 'header' | 'body';
  /** Of the header; or the letter of a line of SDP. */
  name: string;
  left: string | null;
  right: string | null;
}

/** Headers that every hop adds to: a list in one header is the same as several headers. */
const HOPS: ReadonlySet<string> = new Set(['via', 'route', 'record-route', 'path', 'service-route', 'history-info', 'diversion']);

export function diffMessages(left: string, right: string): DiffLine[] {
  const one = splitMessage(left);
  const other = splitMessage(right);
  return [
    { ...compared(one.start, other.start), part: 'start', name: '' },
    ...diffHeaders(one.headers, other.headers),
    ...diffBodies(one.body, other.body),
  ];
}

export function isChange(line: DiffLine): boolean {
  return line.change !== 'same';
}

/** Nothing but what a proxy must do: its Via, one hop less, its place in the way back (RFC 3261 section 16.6). */
export function isRoutine(line: DiffLine): boolean {
  if (line.part !== 'header') return false;
  const name = line.name.toLowerCase();
  return ['via', 'max-forwards', 'record-route', 'route', 'content-length'].includes(name);
}

function compared(left: string, right: string): Pick<DiffLine, 'change' | 'left' | 'right'> {
  return { change: left === right ? 'same' : 'changed', left, right };
}

function diffHeaders(left: readonly Header[], right: readonly Header[]): DiffLine[] {
  const names = new Map<string, string>();
  for (const { key, name } of [...right, ...left]) if (!names.has(key)) names.set(key, name);
  return inOrder(left, right).flatMap((key) =>
    diffValues(values(left, key), values(right, key)).map((line): DiffLine => ({ ...line, part: 'header', name: names.get(key) ?? key })),
  );
}

/** Names as the left has them; those that only the right has stand behind the one they follow there. */
function inOrder(left: readonly Header[], right: readonly Header[]): string[] {
  const order = [...new Set(left.map(({ key }) => key))];
  let after = -1;
  for (const { key } of right) {
    const at = order.indexOf(key);
    if (at >= 0) after = at;
    else order.splice((after += 1), 0, key);
  }
  return order;
}

function values(headers: readonly Header[], key: string): string[] {
  const own = headers.filter((header) => header.key === key).map(({ value }) => value);
  return HOPS.has(key) ? own.flatMap(splitList) : own;
}

type Line = Pick<DiffLine, 'change' | 'left' | 'right'>;

/** Between what both have, what was removed and what was added are one change as far as there is of both. */
function diffValues(left: readonly string[], right: readonly string[]): Line[] {
  const lines: Line[] = [];
  let at = 0;
  let also = 0;
  for (const [leftStop, rightStop] of [...inCommon(left, right), [left.length, right.length] as [number, number]]) {
    const paired = Math.min(leftStop - at, rightStop - also);
    // Who adds to a list does so at its head (RFC 3261 section 18.2.1): what is left over is the first.
    for (; leftStop - at > paired; at += 1) lines.push({ change: 'removed', left: left[at] ?? '', right: null });
    for (; rightStop - also > paired; also += 1) lines.push({ change: 'added', left: null, right: right[also] ?? '' });
    for (; at < leftStop; at += 1, also += 1) lines.push({ change: 'changed', left: left[at] ?? '', right: right[also] ?? '' });
    if (at < left.length) {
      lines.push({ change: 'same', left: left[at] ?? '', right: right[also] ?? '' });
      at += 1;
      also += 1;
    }
  }
  return lines;
}

function diffBodies(left: string, right: string): DiffLine[] {
  const one = lines(left);
  const other = lines(right);
  if (!isSdpText(left) || !isSdpText(right)) {
    return diffValues(one, other).map((line) => ({ ...line, part: 'body', name: '' }));
  }
  const sections = [cutAtMedia(one), cutAtMedia(other)] as const;
  const number = Math.max(sections[0].length, sections[1].length);
  return Array.from({ length: number }, (_, index) => diffSection(sections[0][index] ?? [], sections[1][index] ?? [])).flat();
}

/** Lines of one letter are compared with each other: `a=` never with `c=`. */
function diffSection(left: readonly string[], right: readonly string[]): DiffLine[] {
  const nameOf = (line: string) => (line[1] === '=' ? line[0] ?? '' : '');
  const order = [...new Set([...left, ...right].map(nameOf))];
  // Of attributes each kind has its own line.
  const keyOf = (line: string) => (line.startsWith('a=') ? `a=${/^a=([\w-]*)/.exec(line)?.[1] ?? ''}` : nameOf(line));
  return order.flatMap((name) => {
    const own = (list: readonly string[]) => list.filter((line) => nameOf(line) === name);
    const keys = [...new Set([...own(left), ...own(right)].map(keyOf))];
    return keys.flatMap((key) =>
      diffValues(own(left).filter((line) => keyOf(line) === key), own(right).filter((line) => keyOf(line) === key)).map((line): DiffLine => ({ ...line, part: 'body', name })),
    );
  });
}

function cutAtMedia(all: readonly string[]): string[][] {
  const sections: string[][] = [[]];
  for (const line of all) {
    if (line.startsWith('m=')) sections.push([]);
    sections.at(-1)?.push(line);
  }
  return sections;
}

function lines(body: string): string[] {
  const all = body.split(/\r?\n/);
  if (all.at(-1) === '') all.pop();
  return all;
}

export interface Piece {
  text: string;
  differs: boolean;
}

/** Both sides of a changed line, cut where they differ: by words, so that a changed port is one piece. */
export function marked(left: string, right: string): { left: Piece[]; right: Piece[] } {
  const words = (text: string) => text.match(/[\w.+-]+|[^\w.+-]/g) ?? [];
  const one = words(left);
  const other = words(right);
  const pairs = inCommon(one, other);
  const cut = (all: string[], common: ReadonlySet<number>): Piece[] => {
    const pieces: Piece[] = [];
    all.forEach((text, index) => {
      const differs = !common.has(index);
      const last = pieces.at(-1);
      if (last && last.differs === differs) last.text += text;
      else pieces.push({ text, differs });
    });
    return pieces;
  };
  return { left: cut(one, new Set(pairs.map(([at]) => at))), right: cut(other, new Set(pairs.map(([, at]) => at))) };
}
