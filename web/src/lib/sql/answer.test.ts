import { expect, test } from 'vitest';
import { AnswerReader, columnWidths, kindOf, type Cell } from './answer';

const document = (rows: string, partial = 'null') => `{"columns":[{"name":"call_id","type":"Utf8"},{"name":"n","type":"Int64"}],"rows":[${rows}],"partial":${partial}}\n`;

/** Whole, and in pieces of every size. */
function read(text: string, size = text.length): { columns: string[]; rows: Cell[][]; partial: string | null } {
  const reader = new AnswerReader();
  const columns: string[] = [];
  const rows: Cell[][] = [];
  for (let at = 0; at < text.length; at += size) {
    const piece = reader.take(text.slice(at, at + size));
    columns.push(...(piece.columns ?? []).map((column) => column.name));
    rows.push(...piece.rows);
  }
  return { columns, rows, partial: reader.end()?.reason ?? null };
}

const ODD = '\n["a,[\\"]}{",1],\n["\\\\",null],\n[{"x":[1,[2]]},-0.5]\n';

test.each([1, 2, 3, 7, 64, 10_000])('rows come whole, in pieces of %i characters', (size) => {
  expect(read(document(ODD), size)).toEqual({ columns: ['call_id', 'n'], rows: [['a,[\"]}{', 1], ['\\', null], [{ x: [1, [2]] }, -0.5]], partial: null });
});

test('an answer without rows has its columns, a cut one its reason', () => {
  expect(read(document(''), 5)).toEqual({ columns: ['call_id', 'n'], rows: [], partial: null });
  expect(read(document('["a",1]', '{"reason":"stopped after 300 s"}'), 5)).toMatchObject({ rows: [['a', 1]], partial: 'stopped after 300 s' });
});

test('an answer that broke off says so and keeps what came', () => {
  const broken = read(document('["a",1],["b",2]').slice(0, -22), 9);
  expect(broken.rows[0]).toEqual(['a', 1]);
  expect(broken.partial).toContain('broke');
});

test('large numbers keep every digit, digits in texts stay texts', () => {
  expect(read(document('["1234567890123456789",9223372036854775807],["x",42],["y",1.5e300]')).rows).toEqual([['1234567890123456789', '9223372036854775807'], ['x', 42], ['y', 1.5e300]]);
});

test('kinds by Arrow type', () => {
  expect(['Timestamp(Microsecond, Some("UTC"))', 'Int16', 'UInt64', 'Float64', 'Utf8View', 'Boolean', 'Binary', 'List(Utf8)'].map((type) => kindOf({ name: 'x', type }))).toEqual(['time', 'number', 'number', 'number', 'text', 'text', 'other', 'other']);
});

test('columns are as wide as their cells, within bounds', () => {
  const [narrow = 0, wide = 0] = columnWidths([{ name: 'a', type: 'Utf8' }, { name: 'b', type: 'Utf8' }], [['x', 'y'.repeat(1000)]]);
  expect([narrow, wide]).toEqual([64, 420]);
});
