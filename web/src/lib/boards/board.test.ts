import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { documentOf, EMPTY, fileName, newPanel, readFile, tidied, titleOf, written, type KeptBoard, type Panel } from './board';
import { overlap, settled } from './grid';

const folder = new URL('./templates/', import.meta.url);
const templates = readdirSync(folder).map((name) => readFileSync(new URL(name, folder), 'utf8'));

test('a file holds the document and nothing of the server it was on', () => {
  const kept: KeptBoard = { ...EMPTY, title: 'Trunks', panels: [newPanel()], id: 7, owner: 'ann', is_mine: true, shared: true, version: 3, created: '', changed: '' };
  const text = written(kept);
  expect(JSON.parse(text)).toEqual(documentOf(kept));
  expect(readFile(text)).toEqual(documentOf(kept));
  expect(readFile(JSON.stringify(kept))).not.toHaveProperty('shared');
  expect(() => readFile('{')).toThrow('no JSON');
  expect(() => readFile('{"title": "x"}')).toThrow('no board');
  expect(fileName('Trunks at a glance!')).toBe('trunks-at-a-glance.board.json');
  expect(fileName('–')).toBe('board.board.json');
});

test('a panel keeps only what its chart and its source have', () => {
  const all: Panel = { ...newPanel(), title: ' A ', stacked: true, top: 5, unit: 'bytes', warn: 1, bad: 2, zone: 'UTC', text: 'x', source: { kind: 'kpi', of: 'calls', q: ' ', measures: ['asr', 'ner'], by: 'trunk', value: 'pdd', sql: 'SELECT 1' } };
  const place = { title: 'A', x: 0, y: 0, w: 6, h: 4 };
  expect(tidied({ ...all, chart: 'clock' })).toEqual({ ...place, chart: 'clock', zone: 'UTC' });
  expect(tidied({ ...all, chart: 'note' })).toEqual({ ...place, chart: 'note', text: 'x' });
  expect(tidied({ ...all, chart: 'bar' })).toEqual({ ...place, chart: 'bar', stacked: true, top: 5, source: { kind: 'kpi', of: 'calls', measures: ['asr'], by: 'trunk' } });
  expect(tidied({ ...all, chart: 'number' })).toEqual({ ...place, chart: 'number', warn: 1, bad: 2, source: { kind: 'kpi', of: 'calls', measures: ['asr'] } });
  expect(tidied({ ...all, chart: 'heat', source: { ...all.source!, kind: 'search' } })).toEqual({ ...place, chart: 'heat', top: 5, source: { kind: 'search', of: 'calls', value: 'pdd' } });
  expect(tidied({ ...all, chart: 'line', source: { ...all.source!, kind: 'sql' } })).toEqual({ ...place, chart: 'line', top: 5, unit: 'bytes', source: { kind: 'sql', sql: 'SELECT 1' } });
  expect(tidied({ ...all, chart: 'line', source: { ...all.source!, of: 'registrations' } }).source).toEqual({ kind: 'kpi', of: 'registrations', measures: ['count'] });
  expect(tidied({ ...all, chart: 'number', bad: undefined })).not.toHaveProperty('warn');
});

test('what is shipped to begin with is tidy', () => {
  expect(templates.length).toBeGreaterThanOrEqual(3);
  for (const text of templates) {
    const board = readFile(text);
    expect(board.panels.map(tidied)).toEqual(board.panels);
    expect(settled(board.panels)).toEqual(board.panels);
    board.panels.forEach((one, at) => expect(board.panels.slice(0, at).some((other) => overlap(one, other))).toBe(false));
  }
});

test('a panel without a title is called after what it shows', () => {
  expect(titleOf(newPanel())).toBe('Calls');
  expect(titleOf({ ...newPanel(), chart: 'clock', zone: 'UTC' })).toBe('UTC');
  expect(titleOf({ ...newPanel(), title: 'x' })).toBe('x');
});
