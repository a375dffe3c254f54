// What somebody chose, kept in this browser. Where nothing can be kept it holds for the page.

export function readChoice(key: string): string | null {
  try {
    return localStorage.getItem(`rhapsode.${key}`);
  } catch {
    return null;
  }
}

export function keepChoice(key: string, value: string): void {
  try {
    localStorage.setItem(`rhapsode.${key}`, value);
  } catch {
    // As said above.
  }
}
