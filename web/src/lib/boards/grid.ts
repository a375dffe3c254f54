// Where panels lie: on twelve columns, none over another, none with room above it.

import { COLUMNS, PANEL_ROWS_MAX } from './board';

export interface Place {
  x: number;
  y: number;
  w: number;
  h: number;
}

export const ROW_PIXELS = 72;
export const GAP_PIXELS = 12;

export function overlap(one: Place, other: Place): boolean {
  return one.x < other.x + other.w && other.x < one.x + one.w && one.y < other.y + other.h && other.y < one.y + one.h;
}

const clamp = (number: number, least: number, most: number): number => Math.max(least, Math.min(most, Math.round(number)));

/** Inside of the grid; the size is kept where it can be. */
export function inside(place: Place): Place {
  const w = clamp(place.w, 1, COLUMNS);
  return { w, h: clamp(place.h, 1, PANEL_ROWS_MAX), x: clamp(place.x, 0, COLUMNS - w), y: Math.max(0, Math.round(place.y)) };
}

/** Puts one in its place and the others around it: those that lie before its middle stay above it, the others go below. */
export function put<P extends Place>(panels: readonly P[], index: number, wanted: Partial<Place>): P[] {
  const one = panels[index];
  if (!one) return [...panels];
  const moved = { ...one, ...inside({ ...one, ...wanted }) };
  const middle = (place: Place) => place.y + place.h / 2;
  // Half way past another they change places, from either side.
  const isAbove = (other: P) => (moved.y > one.y ? middle(other) <= middle(moved) : middle(other) < middle(moved));
  const others = inOrder(panels.map((panel, at) => ({ panel, at })).filter(({ at }) => at !== index));
  return laid(panels, [...others.filter(({ panel }) => isAbove(panel)), { panel: moved, at: index }, ...others.filter(({ panel }) => !isAbove(panel))]);
}

/** All of them without gaps. */
export const settled = <P extends Place>(panels: readonly P[]): P[] => laid(panels, inOrder(panels.map((panel, at) => ({ panel, at }))));

interface Numbered<P> {
  panel: P;
  at: number;
}

const inOrder = <P extends Place>(all: Numbered<P>[]): Numbered<P>[] => all.sort((a, b) => a.panel.y - b.panel.y || a.panel.x - b.panel.x);

/** One after the other, each as high as it comes. */
function laid<P extends Place>(panels: readonly P[], order: readonly Numbered<P>[]): P[] {
  const done: P[] = [];
  const found = [...panels];
  for (const { panel, at } of order) {
    const placed = { ...panel, y: highest(panel, done) };
    done.push(placed);
    found[at] = placed;
  }
  return found;
}

/** The row it can have: as high as it comes without passing through others, else below those in its way. */
function highest(one: Place, others: readonly Place[]): number {
  const free = (y: number) => !others.some((other) => overlap({ ...one, y }, other));
  let y = one.y;
  while (!free(y)) y += 1;
  while (y > 0 && free(y - 1)) y -= 1;
  return y;
}

export function added<P extends Place>(panels: readonly P[], panel: P): P[] {
  const placed = inside(panel);
  const y = bottom(panels);
  // Beside others where there is room, else below all.
  for (let row = 0; row < y; row += 1) {
    for (let x = 0; x <= COLUMNS - placed.w; x += 1) {
      const here = { ...placed, x, y: row };
      if (!panels.some((other) => overlap(here, other))) return settled([...panels, { ...panel, ...here }]);
    }
  }
  return [...panels, { ...panel, ...placed, x: 0, y }];
}

export const removed = <P extends Place>(panels: readonly P[], index: number): P[] => settled(panels.filter((_, at) => at !== index));

export const bottom = (panels: readonly Place[]): number => panels.reduce((most, panel) => Math.max(most, panel.y + panel.h), 0);

/** As they are read on one column: from above, and from the left. */
export function readingOrder<P extends Place>(panels: readonly P[]): number[] {
  return panels.map((panel, index) => ({ panel, index })).sort((a, b) => a.panel.y - b.panel.y || a.panel.x - b.panel.x).map(({ index }) => index);
}

/** What an arrow key does to one of them: moves it, or with `sizes` makes it larger or smaller. Null: it is no such key. */
export function byKey<P extends Place>(panels: readonly P[], index: number, key: string, sizes: boolean): P[] | null {
  const place = panels[index];
  const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
  if (!step || !place) return null;
  const [x = 0, y = 0] = step;
  if (sizes) return put(panels, index, { w: Math.min(COLUMNS - place.x, Math.max(1, place.w + x)), h: Math.max(1, place.h + y) });
  if (x !== 0) return put(panels, index, { x: place.x + x });
  // So far that something changes: a step may not be half way past its neighbour.
  for (let row = place.y + y; row >= 0 && row <= bottom(panels); row += y) {
    const found = put(panels, index, { y: row });
    if (found.some((panel, at) => panel.y !== panels[at]?.y)) return found;
  }
  return [...panels];
}
