// Boards to begin with. They are files as any other that is exported, and tested against the server's check.

import type { Board } from './board';
import delays from './templates/delays.json';
import registrations from './templates/registrations.json';
import trunks from './templates/trunks.json';
import wallboard from './templates/wallboard.json';

export const TEMPLATES: Readonly<Record<string, Board>> = { trunks: trunks as Board, registrations: registrations as Board, delays: delays as Board, wallboard: wallboard as Board };
