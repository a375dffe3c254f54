// A search text with one more condition.

/** What holds an `or` binds weaker than what is added; parentheses too many do no harm. */
export function also(q: string, condition: string): string {
  const text = q.trim();
  if (text === '') return condition;
  return `${/\bor\b|\|\|/i.test(text) ? `(${text})` : text} and ${condition}`;
}
