export type Theme = 'auto' | 'light' | 'dark';
const KEY = 'rhapsode.theme';
const ORDER: readonly Theme[] = ['auto', 'light', 'dark'];

class ThemeChoice {
  current: Theme = $state(read());

  constructor() {
    this.apply();
  }

  next(): void {
    this.current = ORDER[(ORDER.indexOf(this.current) + 1) % ORDER.length] ?? 'auto';
    try {
      localStorage.setItem(KEY, this.current);
    } catch {
      // Holds for this page then.
    }
    this.apply();
  }

  private apply(): void {
    document.documentElement.dataset['theme'] = this.current;
  }
}

function read(): Theme {
  try {
    const kept = localStorage.getItem(KEY);
    return kept === 'light' || kept === 'dark' ? kept : 'auto';
  } catch {
    return 'auto';
  }
}

export const theme = new ThemeChoice();
