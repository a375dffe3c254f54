// A line over time without its drawing: the scale, the pieces between gaps, and which point lies under a pointer.

/** A point of which nothing can be told is null: the line has a gap there, it does not fall to zero. */
export type Value = number | null;

export interface Piece {
  /** Index of its first value. */
  start: number;
  values: number[];
}

/** What is known without a gap. */
export function pieces(values: readonly Value[]): Piece[] {
  const found: Piece[] = [];
  let open: Piece | null = null;
  for (const [index, value] of values.entries()) {
    if (value === null) {
      open = null;
    } else if (open === null) {
      open = { start: index, values: [value] };
      found.push(open);
    } else {
      open.values.push(value);
    }
  }
  return found;
}

const ROUND = [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10];

/** The end of a scale from zero: the next round number, so that it does not jump with every value. */
export function niceMax(values: readonly Value[]): number {
  const highest = Math.max(0, ...values.map((value) => value ?? 0));
  if (highest === 0) return 1;
  const size = 10 ** Math.floor(Math.log10(highest));
  // A quotient such as 0.3 / 0.1 lies a little above the round number.
  const step = ROUND.find((round) => round * size >= highest * (1 - 1e-9)) ?? 10;
  return Number((step * size).toPrecision(3));
}

export interface Frame {
  width: number;
  height: number;
  /** How many points there are from edge to edge. */
  points: number;
  max: number;
}

/** A point is a span of time: it is drawn in its middle. */
export function xOf(index: number, frame: Pick<Frame, 'width' | 'points'>): number {
  return ((index + 0.5) / Math.max(1, frame.points)) * frame.width;
}

export function yOf(value: number, frame: Pick<Frame, 'height' | 'max'>): number {
  return frame.height - (Math.min(Math.max(value, 0), frame.max) / frame.max) * frame.height;
}

const short = (number: number): string => String(Math.round(number * 10) / 10);

/** `M0 10L5 7`; a value alone between gaps has no line, see `dots`. */
export function linePath(found: readonly Piece[], frame: Frame): string {
  return found
    .filter((piece) => piece.values.length > 1)
    .map((piece) => piece.values.map((value, offset) => `${offset === 0 ? 'M' : 'L'}${short(xOf(piece.start + offset, frame))} ${short(yOf(value, frame))}`).join(''))
    .join('');
}

/** The same down to the ground. */
export function areaPath(found: readonly Piece[], frame: Frame): string {
  return found
    .filter((piece) => piece.values.length > 1)
    .map((piece) => {
      const ground = short(frame.height);
      const left = short(xOf(piece.start, frame));
      const right = short(xOf(piece.start + piece.values.length - 1, frame));
      return `${linePath([piece], frame)}L${right} ${ground}L${left} ${ground}Z`;
    })
    .join('');
}

export function dots(found: readonly Piece[], frame: Frame): { x: number; y: number }[] {
  return found.filter((piece) => piece.values.length === 1).map((piece) => ({ x: xOf(piece.start, frame), y: yOf(piece.values[0] ?? 0, frame) }));
}

/** The point at a place from the left edge. */
export function indexAt(x: number, frame: Pick<Frame, 'width' | 'points'>): number {
  const index = Math.floor((x / Math.max(1, frame.width)) * frame.points);
  return Math.max(0, Math.min(frame.points - 1, index));
}

const STEPS = [1, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 21_600, 43_200, 86_400, 604_800];
const POINTS_MAX = 120;

/** Seconds of a point: as fine as a chart can show. */
export function stepSeconds(spanMilliseconds: number): number {
  const seconds = Math.max(1, spanMilliseconds / 1000);
  const last = STEPS[STEPS.length - 1] ?? 1;
  return STEPS.find((step) => seconds / step <= POINTS_MAX) ?? Math.ceil(seconds / POINTS_MAX / last) * last;
}
