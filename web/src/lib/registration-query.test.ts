import { expect, test } from 'vitest';
import { ofRegistrations } from './registration-query';

test('a bare word asks who registers', () => {
  expect(ofRegistrations(' +4930123 ')).toBe('to_user = "*4930123"');
  expect(ofRegistrations('alice')).toBe('to_user = "alice"');
  expect(ofRegistrations('7f3a91@10.0.0.1')).toBe('call_id = "7f3a91@10.0.0.1"');
});

test('what says more than a word stays as it was written', () => {
  for (const q of ['', 'REGISTER', '10.0.0.1', 'to_user = alice', 'alice bob', '"alice"', 'status = 403']) expect(ofRegistrations(q)).toBe(q);
});
