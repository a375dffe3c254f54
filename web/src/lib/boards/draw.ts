// Lines, bars and cells of a panel without their drawing.

import { niceMax, type Value } from '../chart';
import type { Heat, Series } from './frame';

/** Colours of lines, told apart by dashes too; what is "others" has none of them. */
export const LINES: readonly { colour: string; dash: string }[] = [
  { colour: 'var(--accent)', dash: '' },
  { colour: 'var(--client)', dash: '6 3' },
  { colour: 'var(--success)', dash: '2 2' },
  { colour: 'var(--challenge)', dash: '9 3 2 3' },
  { colour: 'var(--server)', dash: '' },
  { colour: 'var(--media)', dash: '6 3' },
  { colour: 'var(--redirect)', dash: '2 2' },
  { colour: 'var(--log)', dash: '9 3 2 3' },
];
export const OTHERS = { colour: 'var(--other)', dash: '1 3' };
export const styleOf = (index: number, name: string) => (name === 'others' ? OTHERS : (LINES[index % LINES.length] ?? OTHERS));

/** The end of the scale. */
export function scaleOf(series: Series, stacked: boolean): number {
  if (series.isRatio) return 100;
  if (!stacked) return niceMax(series.lines.flatMap((line) => line.values));
  return niceMax(Array.from({ length: series.points }, (_, at) => series.lines.reduce((sum, line) => sum + (line.values[at] ?? 0), 0)));
}

export interface Bar {
  line: number;
  at: number;
  x: number;
  y: number;
  width: number;
  height: number;
}

/** Bars of each point, upon each other or side by side. What is zero or not known has none. */
export function bars(series: Series, stacked: boolean, width: number, height: number, max: number): Bar[] {
  const found: Bar[] = [];
  const slot = width / Math.max(1, series.points);
  const room = slot > 4 ? slot * 0.82 : slot;
  for (let at = 0; at < series.points; at += 1) {
    let ground = 0;
    series.lines.forEach((line, index) => {
      const value = line.values[at] ?? 0;
      if (value <= 0) return;
      const tall = Math.max(0.5, (Math.min(value, max) / max) * height);
      const wide = stacked ? room : room / series.lines.length;
      const x = at * slot + (slot - room) / 2 + (stacked ? 0 : wide * index);
      found.push({ line: index, at, x, y: height - ground - tall, width: wide, height: tall });
      if (stacked) ground += tall;
    });
  }
  return found;
}

const short = (number: number): string => String(Math.round(number * 10) / 10);
/** All bars of a line as one path. */
export const barPath = (all: readonly Bar[], line: number): string => all.filter((bar) => bar.line === line).map(({ x, y, width, height }) => `M${short(x)} ${short(y)}h${short(width)}v${short(height)}h${short(-width)}z`).join('');

export const SHADES = 7;

/** Shades of a heat map: 0 is nothing, null not known. By the root, so that few are seen beside many; ratios as they are. */
export function shades(heat: Heat): (number | null)[][] {
  const most = heat.isRatio ? 100 : Math.max(0, ...heat.rows.flatMap((row) => row.values.map((value) => value ?? 0)));
  const shade = (value: Value): number | null => {
    if (value === null) return null;
    if (value <= 0 || most <= 0) return 0;
    const part = Math.min(1, value / most);
    return Math.max(1, Math.ceil((heat.isRatio ? part : Math.sqrt(part)) * SHADES));
  };
  return heat.rows.map((row) => row.values.slice(0, heat.points).map(shade));
}

/** Cells of one shade as one path; the first row lies lowest. On whole pixels, so that no seam is left between them. */
export function cellPath(all: readonly (readonly (number | null)[])[], shade: number, points: number, width: number, height: number): string {
  const edge = (place: number, of: number, size: number) => Math.round((place / Math.max(1, of)) * size);
  let path = '';
  all.forEach((row, index) => {
    const [top, bottom] = [height - edge(index + 1, all.length, height), height - edge(index, all.length, height)];
    for (let at = 0; at < points; at += 1) {
      if (row[at] !== shade) continue;
      const [left, right] = [edge(at, points, width), edge(at + 1, points, width)];
      path += `M${left} ${top}H${right}V${bottom}H${left}z`;
    }
  });
  return path;
}
