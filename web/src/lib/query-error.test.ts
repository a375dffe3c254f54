import { expect, test } from 'vitest';
import { withQuery } from './history';
import { applySuggestion, markFault } from './query-error';

test('marks the word at the column', () => {
  expect(markFault('sip.metod = INVITE', 0)).toEqual({ before: '', fault: 'sip.metod', after: ' = INVITE' });
  expect(markFault('a = 1 and stats > 5', 10)).toEqual({ before: 'a = 1 and ', fault: 'stats', after: ' > 5' });
  expect(markFault('a == 1', 2)).toEqual({ before: 'a ', fault: '==', after: ' 1' });
});

test('counts characters, not UTF-16 units', () => {
  expect(markFault('x = "🎻" and fo = 1', 12).fault).toBe('fo');
});

test('past the end something is missing', () => {
  expect(markFault('a =', 3)).toEqual({ before: 'a =', fault: '', after: '' });
  expect(markFault('a', 99)).toEqual({ before: 'a', fault: '', after: '' });
});

test('puts the suggestion in place', () => {
  expect(applySuggestion('a = 1 and sip.metod = BYE', 10, 'sip.method')).toBe('a = 1 and sip.method = BYE');
});

test('the history has each query once, the newest first, and an end', () => {
  expect(withQuery(['a', 'b'], 'b')).toEqual(['b', 'a']);
  expect(withQuery(['a'], '  ')).toEqual(['a']);
  expect(withQuery(Array.from({ length: 50 }, (_, index) => String(index)), 'x').length).toBe(50);
});
