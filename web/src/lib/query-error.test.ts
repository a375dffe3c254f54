import { expect, test } from 'vitest';
import { withQuery } from './history';
import { applySuggestion, markFault } from './query-error';

test('marks the word at the column', () => {
  expect(markFault('sip.metod = INVITE', 1)).toEqual({ before: '', fault: 'sip.metod', after: ' = INVITE' });
  expect(markFault('a = 1 and stats > 5', 11)).toEqual({ before: 'a = 1 and ', fault: 'stats', after: ' > 5' });
  expect(markFault('a == 1', 3)).toEqual({ before: 'a ', fault: '==', after: ' 1' });
});

test('counts characters, not UTF-16 units', () => {
  expect(markFault('x = "🎻" and fo = 1', 13).fault).toBe('fo');
});

test('past the end something is missing', () => {
  expect(markFault('a =', 4)).toEqual({ before: 'a =', fault: '', after: '' });
  expect(markFault('a', 99)).toEqual({ before: 'a', fault: '', after: '' });
});

test('puts the suggestion in place', () => {
  expect(applySuggestion('a = 1 and sip.metod = BYE', 11, 'sip.method')).toBe('a = 1 and sip.method = BYE');
  expect(applySuggestion('spi.method = BYE', 1, 'sip')).toBe('sip.method = BYE');
  expect(applySuggestion('src_ip = 10.0.0.1:5060', 10, '10.0.0.1')).toBe('src_ip = 10.0.0.1');
});

test('the history has each query once, the newest first, and an end', () => {
  expect(withQuery(['a', 'b'], 'b')).toEqual(['b', 'a']);
  expect(withQuery(['a'], '  ')).toEqual(['a']);
  expect(withQuery(Array.from({ length: 50 }, (_, index) => String(index)), 'x').length).toBe(50);
});
