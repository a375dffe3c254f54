// Media between hosts as bars of the ladder: one for each stream that reports tell of, where the first of them stands.

import { figure, qualityOf } from '../quality';
import { parseMicros } from '../time';
import type { StatusClass } from '../status-class';
import type { Stream } from '../types';

export interface Bar {
  stream: Stream;
  number: number;
  micros: number;
  /** When the last report came. */
  end: number;
  /** A report of it: the worst moment, else the first. */
  message: string | null;
  label: string;
  detail: string;
  quality: StatusClass;
}

export function barsOf(streams: readonly Stream[]): Bar[] {
  return streams.flatMap((stream, number) => {
    const times = stream.points.map((point) => parseMicros(point.at)).filter((micros) => !Number.isNaN(micros));
    // A stream that nobody put a time to has no place in the ladder; the table above tells of it.
    if (times.length === 0) return [];
    const score = stream.scores[0];
    const worst = stream.points.reduce((most, point) => (badness(point) > badness(most) ? point : most), stream.points[0] ?? { message: '', mos: null, loss_percent: null });
    const label = [stream.media ?? 'RTP', stream.codec?.name ?? '', score ? `MOS ${figure(score.mos_mean)}` : ''].filter((part) => part !== '').join(' · ');
    const detail = [
      stream.loss_percent === null ? '' : `loss ${figure(stream.loss_percent, '%')}`,
      stream.jitter_p95_ms === null ? '' : `jitter ${figure(stream.jitter_p95_ms, 'ms')}`,
      stream.packets_received === null || stream.packets_received === undefined ? '' : `${stream.packets_received} packets`,
    ].filter((part) => part !== '').join(' · ');
    return [{ stream, number, micros: Math.min(...times), end: Math.max(...times), message: worst.message === '' ? null : worst.message, label, detail, quality: qualityOf(stream) }];
  });
}

function badness(point: { mos: number | null; loss_percent: number | null }): number {
  return point.mos === null ? (point.loss_percent ?? 0) / 100 : 5 - point.mos;
}

/** `192.0.2.1:4000` or `[2001:db8::1]:4000`. */
export function splitEndpoint(text: string | null): { ip: string; port: number | null } | null {
  if (text === null) return null;
  const parts = /^\[?(.*?)\]?(?::(\d+))?$/.exec(text.includes(']') || text.split(':').length <= 2 ? text : `[${text}]`);
  return parts?.[1] ? { ip: parts[1], port: parts[2] === undefined ? null : Number(parts[2]) } : null;
}
