import { expect, test } from 'vitest';
import { comment, indent, insert, newLine, outdent, placeOf } from './editing';

test('Tab writes two spaces, or moves the chosen lines', () => {
  expect(indent('ab', 1, 1)).toEqual({ text: 'a  b', start: 3, end: 3 });
  expect(indent('a\nb\nc', 0, 3)).toEqual({ text: '  a\n  b\nc', start: 2, end: 7 });
  expect(outdent('  a\n b\nc', 0, 8)).toEqual({ text: 'a\nb\nc', start: 0, end: 5 });
});

test('a selection up to the start of a line leaves that line alone', () => {
  expect(indent('a\nb', 0, 2).text).toBe('  a\nb');
});

test('comments come and go', () => {
  const once = comment('SELECT 1\n\nFROM x', 0, 16);
  expect(once.text).toBe('-- SELECT 1\n\n-- FROM x');
  expect(comment(once.text, 0, once.text.length).text).toBe('SELECT 1\n\nFROM x');
});

test('a new line begins where the one before did', () => {
  expect(newLine('  a', 3, 3)).toEqual({ text: '  a\n  ', start: 6, end: 6 });
});

test('a name does not run into the word before', () => {
  expect(insert('SELECT', 6, 6, 'ts').text).toBe('SELECT ts');
  expect(insert('SELECT ', 7, 7, 'ts').text).toBe('SELECT ts');
});

test.each([
  ['SQL error: Expected: an expression, found: FROM at Line: 2, Column: 1', 'SELECT a,\nFROM sip', 'FROM'],
  ['Schema error: No field named metod. Valid fields are sip.method', 'SELECT metod FROM sip', 'metod'],
  ["table 'datafusion.public.sipp' not found", 'SELECT * FROM sipp', 'sipp'],
])('%s', (message, sql, word) => {
  const place = placeOf(message, sql);
  expect(place && sql.slice(place.start, place.end)).toBe(word);
});

test('an error without a place has none', () => {
  expect(placeOf('memory is used up', 'SELECT 1')).toBeNull();
});
