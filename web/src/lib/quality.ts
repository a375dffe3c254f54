// What the call page shows of a stream: figures, and its course as a line.
import type { StatusClass } from './status-class';
import type { Stream, StreamPoint } from './types';

/** Two digits say all that such a number can. */
export function figure(value: number | null | undefined, unit = ''): string {
  if (value === null || value === undefined) return '–';
  return `${Number(value.toFixed(2))}${unit === '' ? '' : `\u202f${unit}`}`;
}

/** As users judge by the E-model (ITU-T G.107 annex B): most are satisfied above 4.03, many are not below 3.6. */
export function qualityOf(stream: Stream): StatusClass {
  const mos = stream.scores[0]?.mos_mean;
  if (mos === undefined) return 'other';
  return mos >= 4.03 ? 'success' : mos >= 3.6 ? 'client' : 'server';
}

export interface Course {
  /** What is drawn. */
  name: 'MOS' | 'loss';
  /** Of a viewBox of 120 by 24. */
  path: string;
  /** The worst moment, and where it stands. */
  worst: StreamPoint;
  x: number;
  y: number;
  /** The line in words. */
  text: string;
}

const WIDTH = 120;
const HEIGHT = 22;

/** MOS where there is one, else loss; nothing for what was told once. Up is better. */
export function course(stream: Stream): Course | null {
  const scored = stream.points.filter((point) => point.mos !== null);
  const lossy = stream.points.filter((point) => point.loss_percent !== null);
  const points = scored.length >= 2 ? scored : lossy;
  if (points.length < 2) return null;
  const name = points === scored ? 'MOS' : 'loss';
  const value = (point: StreamPoint) => (name === 'MOS' ? (point.mos ?? 1) : -(point.loss_percent ?? 0));
  const values = points.map(value);
  // MOS has a scale of its own; loss is drawn on that of its worst, and of 5 % at least.
  const low = name === 'MOS' ? 1 : Math.min(-5, ...values);
  const high = name === 'MOS' ? 4.5 : 0;
  const times = points.map((point) => Date.parse(point.at));
  const begin = times[0] ?? 0;
  const whole = Math.max(1, (times.at(-1) ?? 0) - begin);
  const place = (index: number): [number, number] => {
    const share = (Math.min(high, Math.max(low, values[index] ?? low)) - low) / (high - low);
    return [round((((times[index] ?? begin) - begin) / whole) * WIDTH), round(1 + (1 - share) * HEIGHT)];
  };
  const path = points.map((_, index) => `${index === 0 ? 'M' : 'L'}${place(index).join(' ')}`).join('');
  const least = values.reduce((at, now, index) => (now < (values[at] ?? Infinity) ? index : at), 0);
  const worst = points[least];
  if (!worst) return null;
  const [x, y] = place(least);
  const shown = name === 'MOS' ? figure(worst.mos) : figure(worst.loss_percent, '%');
  return { name, path, worst, x, y, text: `${name} over ${points.length} reports, worst ${shown}` };
}

function round(number: number): number {
  return Math.round(number * 10) / 10;
}
