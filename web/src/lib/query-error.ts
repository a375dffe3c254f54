/** The query cut at the place the server could not read. */
export interface Marked {
  before: string;
  fault: string;
  after: string;
}

const WORD = /^(?:"(?:[^"\\]|\\.)*"?|[\p{L}\p{N}_.@:*+-]+|[<>=!~]+|.)/u;

/** `column` counts characters (not UTF-16 units) from 1; past the end means that something is missing there. */
export function markFault(query: string, column: number): Marked {
  const before = [...query].slice(0, Math.max(0, column - 1)).join('');
  const rest = query.slice(before.length);
  const fault = WORD.exec(rest)?.[0] ?? '';
  return { before, fault, after: rest.slice(fault.length) };
}

/** The query with the fault replaced by what the server suggests. */
export function applySuggestion(query: string, column: number, suggestion: string): string {
  const { before, fault, after } = markFault(query, column);
  // Of `spi.method` only the table may be at fault: a suggestion without a dot is for the part before it.
  const kept = /^[a-z_]\w*\./i.test(fault) && !suggestion.includes('.') ? fault.slice(fault.indexOf('.')) : '';
  return `${before}${suggestion}${kept}${after}`;
}
