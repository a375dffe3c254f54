// Payloads arrive as base64 and are cut by byte ranges; a JavaScript string counts differently.

const utf8 = new TextDecoder('utf-8');
const strictUtf8 = new TextDecoder('utf-8', { fatal: true });

export function fromBase64(text: string): Uint8Array {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let index = 0; index < binary.length; index += 1) bytes[index] = binary.charCodeAt(index);
  return bytes;
}

/** Text of a range; what is no UTF-8 becomes the replacement character. */
export function textOf(bytes: Uint8Array, start = 0, end = bytes.length): string {
  return utf8.decode(bytes.subarray(start, end));
}

/** The whole as text if it reads as text: valid UTF-8 and no control characters but white space and trailing NULs. */
export function readableText(bytes: Uint8Array): string | null {
  try {
    const text = strictUtf8.decode(bytes);
    return /[\u0001-\u0008\u000e-\u001f]|\u0000[^\u0000]/.test(text) ? null : text.replace(/\u0000+$/, '');
  } catch {
    return null;
  }
}

/** One line of a hex view: offset, sixteen bytes, and what they say in ASCII. */
export interface HexLine {
  offset: string;
  hex: string;
  ascii: string;
}

const WIDTH = 16;

export function hexLines(bytes: Uint8Array, linesMax = Number.POSITIVE_INFINITY): HexLine[] {
  const lines: HexLine[] = [];
  for (let start = 0; start < bytes.length && lines.length < linesMax; start += WIDTH) {
    const part = bytes.subarray(start, start + WIDTH);
    let hex = '';
    let ascii = '';
    part.forEach((byte, index) => {
      hex += `${index === 0 ? '' : index === 8 ? '  ' : ' '}${byte.toString(16).padStart(2, '0')}`;
      ascii += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '·';
    });
    lines.push({ offset: start.toString(16).padStart(6, '0'), hex, ascii });
  }
  return lines;
}
