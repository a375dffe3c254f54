// Lays out JSON without reading it into values: rtpengine repeats keys in one object and counters exceed 2^53,
// and both would be lost by JSON.parse. Text that is no JSON comes back as it is.

export type JsonKind = 'key' | 'string' | 'number' | 'word' | 'mark';

export interface JsonPiece {
  kind: JsonKind;
  text: string;
}

const TOKEN = /\s+|"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|[A-Za-z]+|[{}[\],:]/gy;

/** Pieces that join to indented JSON; null when the text cannot be cut into JSON tokens. */
export function layOutJson(text: string): JsonPiece[] | null {
  const tokens = tokensOf(text);
  if (!tokens || tokens.length === 0 || !/^[{[]$/.test(tokens[0] ?? '')) return null;
  const pieces: JsonPiece[] = [];
  let depth = 0;
  const line = () => pieces.push({ kind: 'mark', text: `\n${'  '.repeat(Math.max(depth, 0))}` });
  tokens.forEach((token, index) => {
    const next = tokens[index + 1];
    switch (token) {
      case '{':
      case '[':
        // A second document after the first: rtpproxy writes compound reports so.
        if (depth === 0 && index > 0) line();
        pieces.push({ kind: 'mark', text: token });
        depth += 1;
        if (next !== '}' && next !== ']') line();
        break;
      case '}':
      case ']':
        depth -= 1;
        if (tokens[index - 1] !== '{' && tokens[index - 1] !== '[') line();
        pieces.push({ kind: 'mark', text: token });
        break;
      case ',':
        pieces.push({ kind: 'mark', text: token });
        line();
        break;
      case ':':
        pieces.push({ kind: 'mark', text: ': ' });
        break;
      default:
        pieces.push({ kind: kindOf(token, next), text: token });
    }
  });
  return depth === 0 ? pieces : null;
}

function tokensOf(text: string): string[] | null {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  let end = 0;
  for (const match of text.matchAll(TOKEN)) {
    if (match.index !== end) return null;
    end = match.index + match[0].length;
    if (match[0].trim() !== '') tokens.push(match[0]);
  }
  return end === text.length ? tokens : null;
}

function kindOf(token: string, next: string | undefined): JsonKind {
  if (token.startsWith('"')) return next === ':' ? 'key' : 'string';
  return /^[-\d]/.test(token) ? 'number' : 'word';
}
