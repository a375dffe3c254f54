/** The query cut at the place the server could not read. */
export interface Marked {
  before: string;
  fault: string;
  after: string;
}

const WORD = /^(?:"(?:[^"\\]|\\.)*"?|[\p{L}\p{N}_.@:*+-]+|[<>=!~]+|.)/u;

/** `column` counts characters (not UTF-16 units) from 0; past the end means that something is missing there. */
export function markFault(query: string, column: number): Marked {
  const before = [...query].slice(0, Math.max(0, column)).join('');
  const rest = query.slice(before.length);
  const fault = WORD.exec(rest)?.[0] ?? '';
  return { before, fault, after: rest.slice(fault.length) };
}

/** The query with the fault replaced by what the server suggests. */
export function applySuggestion(query: string, column: number, suggestion: string): string {
  const { before, after } = markFault(query, column);
  return `${before}${suggestion}${after}`;
}
