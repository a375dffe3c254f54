// A ladder as a picture of its own: SVG without a style sheet, a font or a script from anywhere.

import { GAP_HEIGHT, type Ladder, type Row } from '../ladder';
import type { StatusClass } from '../status-class';
import { ladderTime, span, type TimeMode } from '../time';
import { headOf, labelOf } from './names';
import type { Redaction, Redactor } from './redact';

export interface Picture {
  svg: string;
  width: number;
  height: number;
}

export interface Drawing {
  title: string;
  timeMode: TimeMode;
  redaction: Redaction;
  redactor: Redactor;
  /** Where an arrow leads to in the document it stands in. */
  linkOf?: (row: Row) => string | null;
}

const MARGIN = 16;
const TITLE_HEIGHT = 34;
const HEAD_HEIGHT = 46;
const TIME_WIDTH = 104;
const COLUMN_MIN = 150;
const COLUMN_MAX = 260;
/** A ladder of few columns is drawn about this wide. */
const WIDTH_WISHED = 980;
const SELF_REACH = 46;
const HEAD = 7;
const CHARACTER = 6.4;

/** The light palette of app.css: a picture is most often put on paper. */
export const PRINT: Record<StatusClass, string> = {
  request: '#24455f', provisional: '#5f6772', success: '#187443', redirect: '#2460bd', challenge: '#7a3fb0', client: '#935600', server: '#bd2a2f', cancelled: '#5f6772', media: '#0a6c7c', log: '#6b5a36', other: '#5f6772',
};
const INK = '#1b1f25';
const FAINT = '#626974';
const GUIDE = '#d6d1c5';
const FONT = "font-family=\"Inter, 'Segoe UI', Roboto, 'Helvetica Neue', 'DejaVu Sans', sans-serif\"";

export function drawLadder(ladder: Ladder, drawing: Drawing): Picture {
  const { redaction, redactor } = drawing;
  const gap = Math.max(COLUMN_MIN, Math.min(COLUMN_MAX, (WIDTH_WISHED - TIME_WIDTH) / Math.max(1, ladder.columns.length)));
  const width = Math.ceil(MARGIN * 2 + TIME_WIDTH + gap * Math.max(1, ladder.columns.length));
  const top = MARGIN + TITLE_HEIGHT + HEAD_HEIGHT;
  const height = Math.ceil(top + ladder.height + MARGIN * 2);
  const x = (column: number) => round(MARGIN + TIME_WIDTH + gap * (column + 0.5));
  const parts: string[] = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" ${FONT} font-size="12">`,
    `<title>${escapeXml(drawing.title)}</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    write(MARGIN, MARGIN + 16, drawing.title, { size: 15, weight: 600 }),
  ];
  ladder.columns.forEach((column, index) => {
    const head = headOf(column, redaction, redactor);
    const fits = Math.floor((gap - 8) / CHARACTER);
    parts.push(write(x(index), MARGIN + TITLE_HEIGHT + 14, cut(head.label, fits), { anchor: 'middle', weight: 600 }));
    if (head.note !== '') parts.push(write(x(index), MARGIN + TITLE_HEIGHT + 30, cut(head.note, fits), { anchor: 'middle', fill: FAINT, size: 11 }));
    parts.push(`<path d="M${x(index)} ${top - 6}V${height - MARGIN}" stroke="${GUIDE}"/>`);
  });
  for (const row of ladder.rows) {
    const lead = row.gap === null ? 0 : GAP_HEIGHT;
    const y = top + row.y;
    if (row.gap !== null) parts.push(write(MARGIN + TIME_WIDTH, y + 15, `${span(row.gap)} later`, { fill: FAINT, size: 11 }));
    const link = drawing.linkOf?.(row) ?? null;
    if (link !== null) parts.push(`<a href="${escapeXml(link)}">`);
    parts.push(...drawRow(row, y + lead, row.height - lead, x, width, drawing));
    if (link !== null) parts.push('</a>');
  }
  parts.push('</svg>');
  return { svg: parts.join('\n'), width, height };

  function drawRow(row: Row, y: number, tall: number, at: (column: number) => number, wide: number, { timeMode }: Drawing): string[] {
    const colour = PRINT[row.statusClass];
    const middle = y + (row.kind === 'log' && !row.bar ? tall / 2 : 24);
    const label = labelOf(row, redactor);
    const detail = redactor.text(row.detail);
    const out = [write(MARGIN, y + (row.kind === 'log' ? tall / 2 + 4 : 21), ladderTime(timeMode, row.micros, ladder.firstMicros, row.previousMicros), { fill: FAINT })];
    if ((row.kind === 'log' && !row.bar) || row.from < 0 || row.to < 0) {
      const place = row.from < 0 && row.to < 0 ? MARGIN + TIME_WIDTH : at(Math.max(row.from, row.to));
      const right = wide - MARGIN - place - 10;
      const left = place - MARGIN - TIME_WIDTH;
      const onRight = right >= left;
      const fits = Math.max(8, Math.floor(Math.max(right, left) / CHARACTER));
      return [...out, `<circle cx="${place}" cy="${middle}" r="3.5" fill="${colour}"/>`, write(place + (onRight ? 10 : -10), middle + 4, cut(label, fits), { anchor: onRight ? 'start' : 'end', fill: colour })];
    }
    const start = at(row.from);
    const end = at(row.to);
    const dash = row.kind !== 'sip' || row.repeat || row.witness !== null ? ' stroke-dasharray="5 3"' : '';
    if (row.from === row.to) {
      return [
        ...out,
        `<path d="M${start} ${middle - 4}h${SELF_REACH}v8h${HEAD - SELF_REACH}" fill="none" stroke="${colour}" stroke-width="1.6"${dash}/><path d="M${start} ${middle + 4}l${HEAD} -4v8z" fill="${colour}"/>`,
        write(start + SELF_REACH + 8, middle + 4, label, { fill: colour, weight: 600 }),
      ];
    }
    const way = end > start ? 1 : -1;
    out.push(
      row.bar
        ? `<path d="M${start + way * 3} ${middle - 4}H${end - way * 9}L${end - way * 2} ${middle}L${end - way * 9} ${middle + 4}H${start + way * 3}z" fill="${colour}" fill-opacity="0.25" stroke="${colour}"/>`
        : `<path d="M${start} ${middle}H${row.directed ? end - way * HEAD : end}" fill="none" stroke="${colour}" stroke-width="1.6"${dash}/>${row.directed ? `<path d="M${end} ${middle}l${-way * HEAD} -4v8z" fill="${row.repeat ? '#ffffff' : colour}" stroke="${colour}"/>` : ''}`,
    );
    const centre = (start + end) / 2;
    const room = Math.floor((2 * Math.min(centre - MARGIN - TIME_WIDTH, wide - MARGIN - centre)) / CHARACTER);
    out.push(write(centre, y + 15, cut(label, room), { anchor: 'middle', fill: colour, weight: 600, halo: true }));
    if (detail !== '') out.push(write(centre, middle + 16, cut(detail, room), { anchor: 'middle', fill: FAINT, size: 11, halo: true }));
    return out;
  }
}

interface Style {
  anchor?: 'start' | 'middle' | 'end';
  fill?: string;
  size?: number;
  weight?: number;
  /** White around it, for it lies over lines. */
  halo?: boolean;
}

function write(x: number, y: number, text: string, { anchor = 'start', fill = INK, size, weight, halo = false }: Style = {}): string {
  const more = [size ? ` font-size="${size}"` : '', weight ? ` font-weight="${weight}"` : '', anchor === 'start' ? '' : ` text-anchor="${anchor}"`, halo ? ' paint-order="stroke" stroke="#ffffff" stroke-width="4" stroke-linejoin="round"' : ''].join('');
  return `<text x="${round(x)}" y="${round(y)}" fill="${fill}"${more}>${escapeXml(text)}</text>`;
}

function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, Math.max(1, length - 1))}…` : text;
}

function round(number: number): number {
  return Math.round(number * 10) / 10;
}

/** What XML 1.0 has no way to write goes. */
export function escapeXml(text: string): string {
  return text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd').replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;').replaceAll("'", '&#39;');
}
