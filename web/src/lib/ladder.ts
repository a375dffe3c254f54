// The ladder without its drawing: which columns there are, which rows, and where each lies. Pure, so that it can
// be tested, and cheap enough (one pass) to be made anew at every switch for thousands of messages.

import { splitEndpoint, type Bar } from './call/bars';
import { endpoint } from './numbers';
import { classOfMessage, type StatusClass } from './status-class';
import { parseMicros } from './time';
import type { CallMessage } from './types';

export type Grouping = 'ip' | 'port';

export interface LadderOptions {
  grouping: Grouping;
  /** Fold retransmissions into the message they repeat, and further sightings into the first. */
  fold: boolean;
  /** Ids of folded messages that are shown open. */
  expanded: ReadonlySet<string>;
  hidden: ReadonlySet<RowKind>;
  /** Show the second line: media address and codecs, report figures. */
  detail: boolean;
  /** Silence longer than this gets a mark. */
  gapMilliseconds: number;
  /** So many columns at most: the hosts that say least share the last one. */
  columnsMax?: number;
  /** Which messages are wanted; all, if nothing asks. */
  wanted?: ((message: CallMessage) => boolean) | null;
  /** Media to be drawn among the messages. */
  bars?: readonly Bar[];
}

export type RowKind = 'sip' | 'rtcp' | 'log' | 'other';

export interface Column {
  id: string;
  label: string;
  /** Second line of the head: the port, or how many ports were seen. */
  note: string;
}

export interface Row {
  /** Of its own, for a bar shares its message with the report it stands for. */
  key: string;
  message: CallMessage;
  /** Media: the row is no message, but what the reports on a stream say in all. */
  bar: Bar | null;
  kind: RowKind;
  statusClass: StatusClass;
  micros: number;
  /** Of the row shown before, whatever its kind. */
  previousMicros: number | null;
  /** Column numbers; -1 where the message has no such end. */
  from: number;
  to: number;
  /** What happened between actors went neither way. */
  directed: boolean;
  label: string;
  detail: string;
  /** Retransmissions hidden behind this row, or shown below it when `open`. */
  repeats: number;
  open: boolean;
  repeat: boolean;
  /** Capture points that saw this sending, or records of it: 1 unless others are hidden behind this row. */
  witnesses: number;
  /** A further sighting, by whom. */
  witness: string | null;
  /** Milliseconds of silence before this row, when long enough to be marked. */
  gap: number | null;
  y: number;
  height: number;
}

export interface Ladder {
  columns: Column[];
  /** Hosts that share the last column. */
  others: number;
  rows: Row[];
  height: number;
  firstMicros: number;
  kinds: Record<RowKind, number>;
  /** Messages that were left out because nobody asked for them. */
  unwanted: number;
}

const REPORT_PATIENCE = 5;

export const ROW_HEIGHT = 34;
export const ROW_HEIGHT_DETAIL = 48;
export const NOTE_HEIGHT = 26;
export const GAP_HEIGHT = 22;

export function layOut(messages: readonly CallMessage[], options: LadderOptions, names: ReadonlyMap<string, string> = new Map()): Ladder {
  const ordered = inTimeOrder(messages);
  const columns = new Columns(ordered.map(({ message }) => message), options.grouping, names, options.columnsMax);
  const folds = foldRepeats(ordered.map(({ message }) => message));
  const kinds: Record<RowKind, number> = { sip: 0, rtcp: 0, log: 0, other: 0 };
  const rows: Row[] = [];
  let y = 0;
  let previousMicros: number | null = null;
  let unwanted = 0;
  const byId = new Map(messages.map((message) => [message.id, message]));
  const bars = [...(options.bars ?? [])].sort((a, b) => a.micros - b.micros);
  const drawBars = (until: number): void => {
    for (let bar = bars[0]; bar && bar.micros <= until; bar = bars[0]) {
      bars.shift();
      const message = byId.get(bar.message ?? '');
      const [from, to] = columns.ofMedia(bar.stream.src, bar.stream.dst);
      if (!message || (from < 0 && to < 0) || (options.wanted && !options.wanted(message))) continue;
      const height = bar.detail === '' || !options.detail ? ROW_HEIGHT : ROW_HEIGHT_DETAIL;
      rows.push({
        key: `stream-${bar.number}`, message, bar, kind: kindOf(message), statusClass: bar.quality, micros: bar.micros, previousMicros, from, to, directed: true, label: bar.label,
        detail: options.detail ? bar.detail : '', repeats: 0, open: false, repeat: false, witnesses: 1, witness: null, gap: null, y, height,
      });
      y += height;
    }
  };

  for (const { message, micros } of ordered) {
    drawBars(micros);
    const kind = kindOf(message);
    kinds[kind] += 1;
    if (options.wanted && !options.wanted(message)) {
      unwanted += 1;
      continue;
    }
    const original = folds.originalOf.get(message.id);
    if (options.hidden.has(kind)) continue;
    if (options.fold && original !== undefined && !options.expanded.has(original)) continue;
    const repeatCount = folds.countOf.get(message.id) ?? 0;
    const silence = previousMicros === null ? 0 : (micros - previousMicros) / 1000;
    // Media reports come every few seconds by nature (RFC 3550 section 6.2): the wait for one says nothing.
    const gap = silence >= options.gapMilliseconds * (kind === 'rtcp' ? REPORT_PATIENCE : 1) ? silence : null;
    const detail = options.detail ? detailOf(message) : '';
    const [from, to] = columns.ends(message, kind);
    const rowHeight = kind === 'log' ? NOTE_HEIGHT : detail === '' ? ROW_HEIGHT : ROW_HEIGHT_DETAIL;
    const height = rowHeight + (gap === null ? 0 : GAP_HEIGHT);
    rows.push({
      key: message.id,
      message,
      bar: null,
      kind,
      statusClass: classOfMessage(message),
      micros,
      previousMicros,
      from,
      to,
      directed: actorsOf(message).length === 0,
      label: labelOf(message, kind),
      detail,
      repeats: options.fold ? repeatCount : 0,
      open: options.expanded.has(message.id),
      repeat: original !== undefined && isKnown(message.retransmission_of),
      witnesses: options.fold ? 1 + (folds.witnessesOf.get(message.id) ?? 0) : 1,
      witness: original !== undefined && isKnown(message.witness_of) ? capturePoint(message) : null,
      gap,
      y,
      height,
    });
    y += height;
    previousMicros = micros;
  }
  drawBars(Infinity);
  return { columns: columns.list, others: columns.others, rows, height: y, firstMicros: ordered[0]?.micros ?? 0, kinds, unwanted };
}

function inTimeOrder(messages: readonly CallMessage[]): { message: CallMessage; micros: number }[] {
  return messages
    .map((message, index) => ({ message, micros: parseMicros(message.ts), index }))
    .sort((a, b) => a.micros - b.micros || a.index - b.index);
}

export function kindOf(message: Pick<CallMessage, 'table'>): RowKind {
  return message.table === 'sip' || message.table === 'rtcp' || message.table === 'log' ? message.table : 'other';
}

export interface Folds {
  /** Folded message -> the row it is folded into. */
  originalOf: Map<string, string>;
  /** How often a message was sent again. */
  countOf: Map<string, number>;
  /** How many further sightings of it there are. */
  witnessesOf: Map<string, number>;
}

/** Every repeat belongs to the first of its chain, and every sighting to what it shows: a repeat of a repeat is the third
 * sending of one message, a sighting of a repeat is folded with it. */
export function foldRepeats(messages: readonly CallMessage[]): Folds {
  const parents = new Map(messages.map((message) => [message.id, message.retransmission_of ?? message.witness_of]));
  const folds: Folds = { originalOf: new Map(), countOf: new Map(), witnessesOf: new Map() };
  for (const { id, retransmission_of: repeated } of messages) {
    const parent = parents.get(id);
    if (!isKnown(parent) || !parents.has(parent)) continue;
    let root = parent;
    const seen = new Set([id]);
    for (let next = parents.get(root); next && parents.has(next) && !seen.has(root); next = parents.get(root)) {
      seen.add(root);
      root = next;
    }
    if (root === id) continue;
    folds.originalOf.set(id, root);
    const counts = isKnown(repeated) ? folds.countOf : folds.witnessesOf;
    const counted = isKnown(repeated) ? root : parent;
    counts.set(counted, (counts.get(counted) ?? 0) + 1);
  }
  return folds;
}

function isKnown(id: string | null | undefined): id is string {
  return id !== null && id !== undefined;
}

/** Who saw it. */
export function capturePoint(message: Pick<CallMessage, 'node' | 'sender' | 'capture_id'>): string {
  const who = message.node ?? message.sender ?? 'unknown';
  return message.capture_id === null ? who : `${who} ${message.capture_id}`;
}

/** On one machine every end has the same address: then only ports tell the programs apart. */
export function bestGrouping(messages: readonly CallMessage[]): Grouping {
  const sip = messages.filter((message) => kindOf(message) === 'sip');
  return sip.some((message) => message.src_ip !== null && message.src_ip === message.dst_ip) ? 'port' : 'ip';
}

/** Columns in order of first appearance: who begins stands left. */
class Columns {
  list: Column[] = [];
  others = 0;
  private readonly numbers = new Map<string, number>();
  private readonly ports = new Map<string, Set<number>>();
  /** Media address -> the column of the program whose SDP named it. */
  private readonly media = new Map<string, string>();

  constructor(
    messages: readonly CallMessage[],
    private readonly grouping: Grouping,
    private readonly names: ReadonlyMap<string, string>,
    most = Infinity,
  ) {
    for (const message of messages) {
      if (kindOf(message) !== 'sip') continue;
      this.add(message.src_ip, message.src_port);
      this.add(message.dst_ip, message.dst_port);
      const media = text(message.detail?.['media']);
      // A proxy passes the SDP of others on: the first to name an address is its owner.
      if (media && message.src_ip && !this.media.has(media)) this.media.set(media, this.idOf(message.src_ip, message.src_port));
    }
    for (const message of messages) {
      const kind = kindOf(message);
      if (kind === 'sip') continue;
      const actors = actorsOf(message);
      for (const actor of actors) this.addActor(actor);
      // The host they are in took no other part.
      if (actors.length > 0) continue;
      this.addOther(message.src_ip, message.src_port);
      // A log line goes to the collector, which is no party to the call.
      if (kind !== 'log') this.addOther(message.dst_ip, message.dst_port);
    }
    for (const column of this.list) column.note ||= this.noteOf(column.id);
    if (this.list.length > most) this.share(messages, most);
  }

  /** Puts the hosts with the fewest messages into one last column. */
  private share(messages: readonly CallMessage[], most: number): void {
    const said = this.list.map(() => 0);
    for (const message of messages) {
      for (const end of new Set(this.ends(message, kindOf(message)))) if (end >= 0) said[end] = (said[end] ?? 0) + 1;
    }
    // Of equals, who came first stays: a sort is stable.
    const busiest = this.list.map((_, number) => number).sort((a, b) => (said[b] ?? 0) - (said[a] ?? 0));
    const own = new Set(busiest.slice(0, most - 1));
    const all = this.list;
    this.list = all.filter((_, number) => own.has(number));
    this.others = all.length - this.list.length;
    for (const { id } of all) this.numbers.set(id, this.list.length);
    this.list.forEach(({ id }, number) => this.numbers.set(id, number));
    this.list.push({ id: 'others', label: `${this.others} others`, note: '' });
  }

  ends(message: CallMessage, kind: RowKind): [number, number] {
    if (kind === 'sip') {
      return [this.numberOf(message.src_ip, message.src_port), this.numberOf(message.dst_ip, message.dst_port)];
    }
    const [first, ...inner] = actorsOf(message);
    if (first !== undefined) return [this.numbers.get(first) ?? -1, this.numbers.get(inner.at(-1) ?? '') ?? -1];
    const from = this.numbers.get(this.otherId(message.src_ip, message.src_port)) ?? -1;
    if (kind === 'log') return [from, -1];
    return [from, this.numbers.get(this.otherId(message.dst_ip, message.dst_port)) ?? -1];
  }

  /** The columns whose programs named these addresses in SDP, or that are at them. */
  ofMedia(src: string | null, dst: string | null): [number, number] {
    const at = (text: string | null) => {
      const place = splitEndpoint(text);
      return place === null ? -1 : (this.numbers.get(this.otherId(place.ip, place.port)) ?? -1);
    };
    return [at(src), at(dst)];
  }

  private numberOf(ip: string | null, port: number | null): number {
    return ip === null ? -1 : (this.numbers.get(this.idOf(ip, port)) ?? -1);
  }

  private idOf(ip: string, port: number | null): string {
    return this.grouping === 'ip' ? ip : endpoint(ip, port);
  }

  private add(ip: string | null, port: number | null): void {
    if (ip === null) return;
    this.push(this.idOf(ip, port), ip, this.grouping === 'port' && port !== null ? `:${port}` : '');
    if (this.grouping === 'ip' && port !== null) this.ports.set(ip, (this.ports.get(ip) ?? new Set()).add(port));
  }

  private push(id: string, ip: string, note: string): void {
    if (this.numbers.has(id)) return;
    this.numbers.set(id, this.list.length);
    this.list.push({ id, label: this.names.get(id) ?? this.names.get(ip) ?? ip, note });
  }

  /** `session 12`: its kind as the name, its number below. */
  private addActor(actor: string): void {
    const [kind = '', ...id] = actor.split(' ');
    this.push(actor, kind, id.join(' '));
  }

  private addOther(ip: string | null, port: number | null): void {
    if (ip === null) return;
    const id = this.otherId(ip, port);
    if (id === `${ip} media`) this.push(id, ip, 'other ports');
    else this.push(id, ip, '');
  }

  /** Media ports change with every call and would each be a column: they belong to whoever offered them in SDP. */
  private otherId(ip: string | null, port: number | null): string {
    if (ip === null) return '';
    const owner = port === null ? undefined : (this.media.get(endpoint(ip, port)) ?? this.media.get(endpoint(ip, port - 1)));
    if (owner !== undefined) return owner;
    const exact = this.idOf(ip, port);
    if (this.grouping === 'ip' || this.numbers.has(exact)) return exact;
    const sameAddress = this.list.filter((column) => column.id.startsWith(endpoint(ip, 0).slice(0, -1)));
    return sameAddress.length === 1 ? (sameAddress[0]?.id ?? exact) : `${ip} media`;
  }

  private noteOf(id: string): string {
    const ports = [...(this.ports.get(id) ?? [])];
    if (ports.length === 0) return '';
    return ports.length <= 2 ? ports.map((port) => `:${port}`).join(' ') : `${ports.length} ports`;
  }
}

/** Who took part in what happened inside a host, outermost first. */
export function actorsOf(message: Pick<CallMessage, 'actors'>): readonly string[] {
  return message.actors ?? [];
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function labelOf(message: CallMessage, kind: RowKind): string {
  if (kind === 'log') return text(message.detail?.['text']) || message.label;
  return message.label;
}

const CODECS_SHOWN = 3;

/** What stands below the arrow: the media a message offers, the figures a report brings. */
export function detailOf(message: CallMessage): string {
  const detail = message.detail ?? {};
  if (message.table === 'sip') {
    const media = text(detail['media']);
    const codecs = listOf(detail['codecs']);
    if (media === '' && codecs.length === 0) return '';
    const more = codecs.length > CODECS_SHOWN ? ` +${codecs.length - CODECS_SHOWN}` : '';
    return ['SDP', media, codecs.slice(0, CODECS_SHOWN).join(' ') + more].filter((part) => part !== '').join(' ');
  }
  if (message.table === 'rtcp') {
    const parts: string[] = [];
    const fraction = detail['fraction_lost'];
    if (typeof fraction === 'number') parts.push(`loss ${Number(fraction.toFixed(1))} %`);
    if (typeof detail['jitter'] === 'number') parts.push(`jitter ${detail['jitter']}`);
    if (typeof detail['packets'] === 'number') parts.push(`${detail['packets']} packets`);
    return parts.join(' · ');
  }
  return '';
}

function listOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.filter((one) => typeof one === 'string');
  return text(value)
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');
}

/** The rows that a window from `top`, `height` tall, shows, with some more on both sides. */
export function visibleRows(rows: readonly Row[], top: number, height: number, overscan = 8): { start: number; end: number } {
  const start = Math.max(0, firstEndingAfter(rows, top) - overscan);
  let end = start;
  while (end < rows.length && (rows[end]?.y ?? 0) < top + height) end += 1;
  return { start, end: Math.min(rows.length, end + overscan) };
}

function firstEndingAfter(rows: readonly Row[], y: number): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const row = rows[middle];
    if (row && row.y + row.height <= y) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Scroll position that shows the row whole, moving as little as possible. */
export function scrollToShow(row: Row, top: number, height: number): number {
  if (row.y < top) return row.y;
  if (row.y + row.height > top + height) return row.y + row.height - height;
  return top;
}
