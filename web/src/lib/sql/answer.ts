// Rows of an SQL answer as they come: `{"columns": [...], "rows": [[...], ...], "partial": ...}`, read piece by piece.

import type { Incomplete } from '../types';

export type Cell = string | number | boolean | null | object;

export interface SqlColumn {
  name: string;
  /** Its Arrow type. */
  type: string;
}

export interface Piece {
  columns: SqlColumn[] | null;
  rows: Cell[][];
}

/** Takes text as it comes. The document is cut where a value in it ends; nothing is parsed twice. */
export class AnswerReader {
  private text = '';
  private at = 0;
  private depth = 0;
  private quoted = false;
  private columns: SqlColumn[] | null = null;
  /** Where the value begins that is being read. */
  private begin = -1;
  private inRows = false;
  private isOver = false;

  take(piece: string): Piece {
    this.text += piece;
    const found: Piece = { columns: null, rows: [] };
    for (; this.at < this.text.length; this.at += 1) {
      const code = this.text.charCodeAt(this.at);
      if (this.quoted) {
        if (code === BACKSLASH) {
          // What is escaped has not come yet.
          if (this.at + 1 >= this.text.length) break;
          this.at += 1;
        } else if (code === QUOTE) this.quoted = false;
      } else if (code === QUOTE) this.quoted = true;
      else if (code === OPEN || code === BRACE) {
        this.depth += 1;
        if (code === OPEN && this.depth === 2 && this.columns === null) this.begin = this.at;
        else if (code === OPEN && this.depth === 2) this.inRows = true;
        else if (code === OPEN && this.depth === 3 && this.inRows) this.begin = this.at;
      } else if (code === CLOSE || code === BRACE_END) {
        if (code === CLOSE && this.depth === 2 && this.columns === null) {
          this.columns = found.columns = JSON.parse(this.text.slice(this.begin, this.at + 1)) as SqlColumn[];
        } else if (code === CLOSE && this.depth === 3 && this.inRows) {
          found.rows.push(JSON.parse(exact(this.text.slice(this.begin, this.at + 1))) as Cell[]);
          this.drop();
        } else if (code === CLOSE && this.depth === 2 && this.inRows) {
          this.inRows = false;
          this.drop();
        }
        this.depth -= 1;
        if (this.depth === 0) this.isOver = true;
      }
    }
    // A row is cut off at its start: what came before it is not needed any more.
    if (this.inRows && this.begin > 0) {
      this.text = this.text.slice(this.begin);
      this.at -= this.begin;
      this.begin = 0;
    }
    return found;
  }

  /** Why it is not complete; an answer that broke off says so too. */
  end(): Incomplete | null {
    if (!this.isOver) return { reason: 'the connection broke before all of the answer was here' };
    const told = /"partial"\s*:\s*(\{[\s\S]*\}|null)\s*\}\s*$/.exec(this.text)?.[1] ?? 'null';
    return JSON.parse(told) as Incomplete | null;
  }

  private drop(): void {
    this.text = this.text.slice(this.at + 1);
    this.at = -1;
    this.begin = -1;
  }
}

const QUOTE = 34;
const BACKSLASH = 92;
const OPEN = 91;
const CLOSE = 93;
const BRACE = 123;
const BRACE_END = 125;

/** Numbers that a JavaScript number would round stay as they are written. */
function exact(json: string): string {
  return json.replace(/"(?:[^"\\]|\\.)*"|-?\d{16,}(?![\d.eE])/g, (token) => (token.startsWith('"') ? token : `"${token}"`));
}

export type Kind = 'time' | 'number' | 'text' | 'other';

export function kindOf(column: SqlColumn): Kind {
  if (/^(Timestamp|Date)/.test(column.type)) return 'time';
  if (/^(U?Int|Float|Decimal)/.test(column.type)) return 'number';
  if (/^(Large)?Utf8|^Boolean|^Dictionary/.test(column.type)) return 'text';
  return 'other';
}

export function cellText(cell: Cell): string {
  if (cell === null) return '';
  return typeof cell === 'object' ? JSON.stringify(cell) : String(cell);
}

/** Pixels a column needs for its name and the cells of the first rows. */
export function columnWidths(columns: readonly SqlColumn[], rows: readonly Cell[][]): number[] {
  return columns.map((column, index) => {
    const longest = rows.slice(0, SAMPLE_ROWS).reduce((most, row) => Math.max(most, cellText(row[index] ?? null).length), column.name.length);
    return Math.min(WIDTH_MAX, Math.max(WIDTH_MIN, Math.ceil(longest * CHARACTER) + PADDING));
  });
}

const SAMPLE_ROWS = 60;
const WIDTH_MIN = 64;
const WIDTH_MAX = 420;
const CHARACTER = 7.1;
const PADDING = 24;
