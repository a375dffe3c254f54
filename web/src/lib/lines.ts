// Text that comes in pieces, cut into lines.

/** A function that takes the next piece and gives the lines that it ends. */
export function lineSplitter(): (piece: string) => string[] {
  let begun = '';
  return (piece) => {
    const lines = (begun + piece).split('\n');
    begun = lines.pop() ?? '';
    return lines.filter((line) => line !== '');
  };
}
