// What keys do in the field for SQL. Texts and places in, texts and places out.

export interface Edited {
  text: string;
  start: number;
  end: number;
}

const INDENT = '  ';

/** The lines that a selection touches, from the start of the first to the end of the last. */
function touched(text: string, start: number, end: number): [number, number] {
  const from = text.lastIndexOf('\n', start - 1) + 1;
  // A selection that ends before a line's first character does not touch it.
  const last = end > start && text[end - 1] === '\n' ? end - 1 : end;
  const to = text.indexOf('\n', last);
  return [from, to < 0 ? text.length : to];
}

function eachLine(text: string, start: number, end: number, change: (line: string) => string): Edited {
  const [from, to] = touched(text, start, end);
  const lines = text.slice(from, to).split('\n');
  const changed = lines.map(change);
  const first = (changed[0]?.length ?? 0) - (lines[0]?.length ?? 0);
  const whole = changed.join('\n');
  return { text: text.slice(0, from) + whole + text.slice(to), start: Math.max(from, start + first), end: Math.max(from, end + whole.length - (to - from)) };
}

export function indent(text: string, start: number, end: number): Edited {
  if (start === end) return { text: text.slice(0, start) + INDENT + text.slice(end), start: start + INDENT.length, end: start + INDENT.length };
  return eachLine(text, start, end, (line) => (line === '' ? line : INDENT + line));
}

export function outdent(text: string, start: number, end: number): Edited {
  return eachLine(text, start, end, (line) => line.replace(/^(?: {1,2}|\t)/, ''));
}

/** All lines become comments; if all are, none. */
export function comment(text: string, start: number, end: number): Edited {
  const [from, to] = touched(text, start, end);
  const all = text.slice(from, to).split('\n').filter((line) => line.trim() !== '');
  const remove = all.length > 0 && all.every((line) => /^\s*--/.test(line));
  return eachLine(text, start, end, (line) => (line.trim() === '' ? line : remove ? line.replace(/^(\s*)-- ?/, '$1') : `-- ${line}`));
}

/** A new line as far in as the one before. */
export function newLine(text: string, start: number, end: number): Edited {
  const from = text.lastIndexOf('\n', start - 1) + 1;
  const lead = /^[ \t]*/.exec(text.slice(from, start))?.[0] ?? '';
  return { text: `${text.slice(0, start)}\n${lead}${text.slice(end)}`, start: start + 1 + lead.length, end: start + 1 + lead.length };
}

/** A name put where the hand is, with a space where it would touch a word. */
export function insert(text: string, start: number, end: number, name: string): Edited {
  const lead = /[\w"]$/.test(text.slice(0, start)) ? ' ' : '';
  const whole = lead + name;
  return { text: text.slice(0, start) + whole + text.slice(end), start: start + whole.length, end: start + whole.length };
}

/** The place an error speaks of: `Line: 2, Column: 8`, or the name it quotes. */
export function placeOf(message: string, sql: string): { start: number; end: number } | null {
  const told = /\bline:?\s*(\d+),?\s*column:?\s*(\d+)/i.exec(message);
  if (told) {
    const lines = sql.split('\n');
    const line = Number(told[1]) - 1;
    if (line >= 0 && line < lines.length) {
      const start = Math.min(sql.length, lines.slice(0, line).reduce((sum, one) => sum + one.length + 1, 0) + Number(told[2]) - 1);
      const word = /^(?:[\w.]+|\S)/.exec(sql.slice(start))?.[0] ?? '';
      return { start, end: start + word.length };
    }
  }
  const names = [...message.matchAll(/(?:no field named|table|column|function)\s+['"`]?((?:\w+\.)*"?\w+"?)['"`]?/gi)].map(([, name]) => (name ?? '').replaceAll('"', ''));
  for (const name of names) {
    const last = name.split('.').at(-1) ?? '';
    const at = last.length < 2 ? -1 : sql.search(new RegExp(`(?<![\\w])${last.replace(/[^\w]/g, '')}(?![\\w])`, 'i'));
    if (at >= 0) return { start: at, end: at + last.length };
  }
  return null;
}
