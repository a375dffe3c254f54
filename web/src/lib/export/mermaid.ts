// A ladder as a Mermaid sequence diagram, for wikis and tickets that draw them.

import type { Ladder } from '../ladder';
import { ladderTime, span } from '../time';
import { headOf, labelOf } from './names';
import type { Redaction, Redactor } from './redact';

/** Mermaid's own `maxTextSize`: it draws nothing beyond. */
export const MERMAID_CHARACTERS_MAX = 50_000;

export function mermaid(ladder: Ladder, { title, redaction, redactor }: { title: string; redaction: Redaction; redactor: Redactor }): string {
  const lines = ['---', `title: ${JSON.stringify(title)}`, '---', 'sequenceDiagram'];
  ladder.columns.forEach((column, index) => {
    const head = headOf(column, redaction, redactor);
    lines.push(`  participant h${index} as ${escaped(head.label)}${head.note === '' ? '' : `<br/>${escaped(head.note)}`}`);
  });
  for (const row of ladder.rows) {
    if (row.gap !== null && ladder.columns.length > 0) lines.push(`  Note over ${ladder.columns.length === 1 ? 'h0' : `h0,h${ladder.columns.length - 1}`}: ${span(row.gap)} later`);
    const time = ladderTime('start', row.micros, ladder.firstMicros, row.previousMicros);
    const detail = row.detail === '' ? '' : `<br/>${escaped(redactor.text(row.detail))}`;
    const text = `${escaped(`${time} ${labelOf(row, redactor)}`)}${detail}`;
    if (row.from < 0 || row.to < 0) {
      const at = Math.max(row.from, row.to);
      if (at >= 0) lines.push(`  Note over h${at}: ${text}`);
    } else lines.push(`  h${row.from}${row.bar ? '-)' : row.message.status === null ? '->>' : '-->>'}h${row.to}: ${text}`);
  }
  return `${lines.join('\n')}\n`;
}

/** `#` begins an entity there and `;` ends a line; the rest would be read as markup. */
function escaped(text: string): string {
  return text.replace(/[#;<>&:]/g, (character) => (character === ':' ? ':' : `#${character.charCodeAt(0)};`)).replace(/[\r\n]+/g, ' ');
}
