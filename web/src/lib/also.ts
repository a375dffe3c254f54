// A search text with one more condition.

/** What holds `or` or `,` binds weaker than what is added. */
export function also(q: string, condition: string): string {
  const text = q.trim();
  if (text === '') return condition;
  const outside = text.replace(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g, '""');
  return `${/\bor\b/i.test(outside) ? `(${text})` : text} and ${condition}`;
}
