// Cuts a SIP message into pieces with a meaning, by the byte ranges the server found. What the server did not
// mark is still shown: the pieces always join up to the whole payload.

import { textOf } from './bytes';
import type { ByteRange } from './types';

export type PieceKind = 'start' | 'name' | 'value' | 'separator' | 'sdp-name' | 'sdp-value' | 'body';

export interface Piece {
  kind: PieceKind;
  text: string;
  /** Text of the problem that lies here. */
  problem?: string;
}

interface Span {
  kind: PieceKind;
  start: number;
  end: number;
}

export interface Marks {
  headers: { name: ByteRange; value: ByteRange }[];
  problems?: { message: string; at: ByteRange }[];
}

const CR = 13;
const LF = 10;

export function highlightSip(bytes: Uint8Array, marks: Marks): Piece[] {
  const spans = headSpans(bytes, marks.headers);
  const bodyStart = startOfBody(bytes, spans.at(-1)?.end ?? 0);
  if (bodyStart < bytes.length) {
    spans.push(...(isSdp(bytes, bodyStart) ? sdpSpans(bytes, bodyStart) : [{ kind: 'body' as const, start: bodyStart, end: bytes.length }]));
  }
  return pieces(bytes, filled(spans, bytes.length), marks.problems ?? []);
}

function headSpans(bytes: Uint8Array, headers: Marks['headers']): Span[] {
  const firstLineEnd = lineEnd(bytes, 0);
  const spans: Span[] = firstLineEnd > 0 ? [{ kind: 'start', start: 0, end: firstLineEnd }] : [];
  let last = firstLineEnd;
  const sorted = [...headers].sort((a, b) => a.name[0] - b.name[0]);
  for (const { name, value } of sorted) {
    // A range that overlaps its neighbour or leaves the payload is a mistake not worth a broken screen.
    if (name[0] < last || name[1] < name[0] || value[0] < name[1] || value[1] < value[0] || value[1] > bytes.length) continue;
    spans.push({ kind: 'name', start: name[0], end: name[1] }, { kind: 'value', start: value[0], end: value[1] });
    last = value[1];
  }
  return spans;
}

function lineEnd(bytes: Uint8Array, from: number): number {
  for (let index = from; index < bytes.length; index += 1) {
    if (bytes[index] === LF) return index > from && bytes[index - 1] === CR ? index - 1 : index;
  }
  return bytes.length;
}

/** After the empty line that ends the head (RFC 3261 section 7), CRLF or bare LF. */
function startOfBody(bytes: Uint8Array, from: number): number {
  for (let index = from; index < bytes.length; index += 1) {
    if (bytes[index] !== LF) continue;
    if (bytes[index + 1] === LF) return index + 2;
    if (bytes[index + 1] === CR && bytes[index + 2] === LF) return index + 3;
  }
  return bytes.length;
}

/** An SDP body begins with its version line (RFC 8866 section 5.1). */
function isSdp(bytes: Uint8Array, start: number): boolean {
  return bytes[start] === 0x76 && bytes[start + 1] === 0x3d;
}

function sdpSpans(bytes: Uint8Array, bodyStart: number): Span[] {
  const spans: Span[] = [];
  let start = bodyStart;
  while (start < bytes.length) {
    const end = lineEnd(bytes, start);
    if (bytes[start + 1] === 0x3d) {
      spans.push({ kind: 'sdp-name', start, end: start + 2 }, { kind: 'sdp-value', start: start + 2, end });
    } else if (end > start) {
      spans.push({ kind: 'body', start, end });
    }
    start = end + (bytes[end] === CR ? 2 : 1);
  }
  return spans;
}

/** The spans with what lies between them as separators, so that nothing is lost. */
function filled(spans: Span[], length: number): Span[] {
  const whole: Span[] = [];
  let position = 0;
  for (const span of spans) {
    if (span.start > position) whole.push({ kind: 'separator', start: position, end: span.start });
    if (span.end > span.start) whole.push(span);
    position = Math.max(position, span.end);
  }
  if (position < length) whole.push({ kind: 'separator', start: position, end: length });
  return whole;
}

function pieces(bytes: Uint8Array, spans: Span[], problems: NonNullable<Marks['problems']>): Piece[] {
  const marked = problems.flatMap(({ message, at }) => (at[1] > at[0] ? [{ message, start: at[0], end: at[1] }] : []));
  return spans.flatMap(({ kind, start, end }) => {
    const cuts = new Set([start, end]);
    for (const problem of marked) {
      for (const edge of [problem.start, problem.end]) if (edge > start && edge < end) cuts.add(edge);
    }
    const edges = [...cuts].sort((a, b) => a - b);
    return edges.slice(0, -1).map((from, index): Piece => {
      const to = edges[index + 1] ?? end;
      const text = textOf(bytes, from, to).replaceAll('\r\n', '\n').replaceAll('\r', '\n');
      const problem = marked.find((one) => one.start < to && one.end > from);
      return problem ? { kind, text, problem: problem.message } : { kind, text };
    });
  });
}

/** Header ranges found here, for payloads the server sent none for. */
export function findHeaders(bytes: Uint8Array): Marks['headers'] {
  const headers: Marks['headers'] = [];
  let start = lineEnd(bytes, 0);
  while (start < bytes.length) {
    start += bytes[start] === CR ? 2 : 1;
    const end = lineEnd(bytes, start);
    if (end <= start) break;
    const colon = bytes.subarray(start, end).indexOf(0x3a);
    if (colon > 0) {
      let valueStart = start + colon + 1;
      while (valueStart < end && (bytes[valueStart] === 32 || bytes[valueStart] === 9)) valueStart += 1;
      headers.push({ name: [start, start + colon], value: [valueStart, end] });
    }
    start = end;
  }
  return headers;
}
