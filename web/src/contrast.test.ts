// Every text colour on every ground it is used on, in both lights: WCAG 2.2 criterion 1.4.3 asks for 4.5 to 1.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const css = readFileSync(new URL('./app.css', import.meta.url), 'utf8');
const colours = new Map([...css.matchAll(/--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)/g)].map(([, name, light, dark]) => [name, { light, dark }] as const));

const TEXTS = ['ink', 'ink-2', 'ink-3', 'accent', 'request', 'provisional', 'success', 'redirect', 'challenge', 'client', 'server', 'cancelled', 'media', 'log', 'other'];
const GROUNDS = ['paper', 'surface', 'sunken', 'hover', 'selected'];

function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((start) => {
    const part = Number.parseInt(colour.slice(start, start + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one: string, other: string): number {
  const [low = 0, high = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

for (const light of ['light', 'dark'] as const) {
  test(`text can be read in ${light}`, () => {
    const tooFaint: string[] = [];
    const pairs = [...TEXTS.flatMap((text) => GROUNDS.map((ground) => [text, ground])), ['server', 'error-fill'], ['ink', 'error-fill'], ['ink', 'warn-fill'], ['client', 'warn-fill'], ['ink', 'mark-fill'], ...['added-fill', 'removed-fill'].flatMap((ground) => ['ink', 'accent'].map((text) => [text, ground])), ['success', 'added-fill'], ['server', 'removed-fill']];
    for (const [text = '', ground = ''] of pairs) {
      const ratio = contrast(colours.get(text)?.[light] ?? '', colours.get(ground)?.[light] ?? '');
      if (!(ratio >= 4.5)) tooFaint.push(`${text} on ${ground}: ${ratio.toFixed(2)}`);
    }
    expect(tooFaint).toEqual([]);
  });
}
