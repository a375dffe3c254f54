// What two lists have in common, in order.

/** Cells of the table: 4 MB and some milliseconds. Beyond it only the equal ends are found. */
const CELLS_MAX = 1_000_000;

/** Pairs of places at which both have the same, rising in both: a longest common subsequence. */
export function inCommon<T>(left: readonly T[], right: readonly T[]): [number, number][] {
  const pairs: [number, number][] = [];
  let begin = 0;
  while (begin < left.length && begin < right.length && left[begin] === right[begin]) {
    pairs.push([begin, begin]);
    begin += 1;
  }
  let leftEnd = left.length;
  let rightEnd = right.length;
  const tail: [number, number][] = [];
  while (leftEnd > begin && rightEnd > begin && left[leftEnd - 1] === right[rightEnd - 1]) tail.push([(leftEnd -= 1), (rightEnd -= 1)]);
  const rows = leftEnd - begin;
  const columns = rightEnd - begin;
  if (rows > 0 && columns > 0 && rows * columns <= CELLS_MAX) {
    const width = columns + 1;
    const table = new Uint16Array((rows + 1) * width);
    for (let row = rows - 1; row >= 0; row -= 1) {
      for (let column = columns - 1; column >= 0; column -= 1) {
        table[row * width + column] =
          left[begin + row] === right[begin + column]
            ? (table[(row + 1) * width + column + 1] ?? 0) + 1
            : Math.max(table[(row + 1) * width + column] ?? 0, table[row * width + column + 1] ?? 0);
      }
    }
    for (let row = 0, column = 0; row < rows && column < columns; ) {
      if (left[begin + row] === right[begin + column]) pairs.push([begin + row++, begin + column++]);
      else if ((table[(row + 1) * width + column] ?? 0) >= (table[row * width + column + 1] ?? 0)) row += 1;
      else column += 1;
    }
  }
  return [...pairs, ...tail.reverse()];
}
