import { expect, test } from 'vitest';
import { also } from './also';

test.each([
  ['', 'status = 486', 'status = 486'],
  ['  ', 'not status = 486', 'not status = 486'],
  ['method = BYE', 'status = 486', 'method = BYE and status = 486'],
  ['a = 1 or b = 2', 'status = 486', '(a = 1 or b = 2) and status = 486'],
  ['a = 1 || b = 2', 'status = 486', '(a = 1 || b = 2) and status = 486'],
  ["from = o'brien or user = d'arc", 'status = 486', "(from = o'brien or user = d'arc) and status = 486"],
  ['a = "this or that"', 'status = 486', '(a = "this or that") and status = 486'],
  ['a = "\\" or " OR b = 2', 'status = 486', '(a = "\\" or " OR b = 2) and status = 486'],
  ['from = doctor', 'status = 486', 'from = doctor and status = 486'],
])('%j and %j', (q, condition, both) => expect(also(q, condition)).toBe(both));
