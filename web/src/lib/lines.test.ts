import { describe, expect, it } from 'vitest';
import { lineSplitter } from './lines';

describe('text that comes in pieces', () => {
  it('is the same lines wherever it is cut', () => {
    const text = '{"a":1}\n{"b":"ü"}\n\n{"c":3}\n';
    for (let first = 0; first <= text.length; first++) {
      for (let second = first; second <= text.length; second++) {
        const split = lineSplitter();
        const pieces = [text.slice(0, first), text.slice(first, second), text.slice(second)];
        expect(pieces.flatMap(split)).toEqual(['{"a":1}', '{"b":"ü"}', '{"c":3}']);
      }
    }
  });

  it('keeps back what no line end has ended', () => {
    const split = lineSplitter();
    expect(split('a\nb')).toEqual(['a']);
    expect(split('c\n')).toEqual(['bc']);
  });
});
