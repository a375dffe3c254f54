import { keepChoice, readChoice } from './choice';

export type Theme = 'auto' | 'light' | 'dark';
const ORDER: readonly Theme[] = ['auto', 'light', 'dark'];

class ThemeChoice {
  current: Theme = $state(read());

  constructor() {
    this.apply();
  }

  next(): void {
    this.current = ORDER[(ORDER.indexOf(this.current) + 1) % ORDER.length] ?? 'auto';
    keepChoice('theme', this.current);
    this.apply();
  }

  private apply(): void {
    document.documentElement.dataset['theme'] = this.current;
  }
}

function read(): Theme {
  const kept = readChoice('theme');
  return kept === 'light' || kept === 'dark' ? kept : 'auto';
}

export const theme = new ThemeChoice();
