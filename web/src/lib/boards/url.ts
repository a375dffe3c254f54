// A board is its URL: which one, what time, and whether it is being changed.

import { isTimeText, type Search } from '../search-url';
import type { Board, Subject } from './board';
import { readBox, writeBox, type Box } from './box';

export interface Place {
  /** `new` before it is kept. */
  id: string;
  /** Null: the board's own. */
  from: string | null;
  to: string;
  edit: boolean;
  /** The panel whose form is open; `-1` for one that is new. */
  panel: number | null;
  /** Nothing but the board, for a screen on the wall. */
  full: boolean;
  /** Drawn on a heat map. */
  box: Box | null;
  /** What a new one begins with. */
  template: string | null;
}

export function readPlace(id: string, params: URLSearchParams): Place {
  const time = (name: string) => {
    const text = params.get(name) ?? '';
    return isTimeText(text) ? text : null;
  };
  const panel = params.get('panel');
  return { id, from: time('from'), to: time('to') ?? '', edit: id === 'new' || params.has('edit'), panel: panel !== null && /^-?\d{1,3}$/.test(panel) ? Number(panel) : null, full: params.has('full'), box: readBox(params.get('box')), template: params.get('template') };
}

export function writePlace(place: Place): string {
  const params = new URLSearchParams();
  if (place.from !== null) params.set('from', place.from);
  if (place.to !== '') params.set('to', place.to);
  if (place.id === 'new' && place.template !== null) params.set('template', place.template);
  if (place.edit && place.id !== 'new') params.set('edit', '1');
  if (place.edit && place.panel !== null) params.set('panel', String(place.panel));
  if (place.full && !place.edit) params.set('full', '1');
  if (place.box !== null && !place.edit) params.set('box', writeBox(place.box));
  const text = params.toString();
  return `/boards/${encodeURIComponent(place.id)}${text === '' ? '' : `?${text}`}`;
}

export const rangeOf = (place: Place, board: Board): Pick<Search, 'from' | 'to'> => ({ from: place.from ?? board.from, to: place.to });

/** The list of a search that has what a panel counts. */
export const tabOf = (of: Subject | undefined): Search['tab'] => of ?? 'calls';
