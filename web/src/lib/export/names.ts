// What the parts of an exported ladder are called once addresses may have been taken out.

import type { Column, Row } from '../ladder';
import { splitEndpoint } from '../call/bars';
import type { Redaction, Redactor } from './redact';

export interface Head {
  label: string;
  note: string;
}

/** A name that was given to a host says as much as its address. */
export function headOf(column: Column, redaction: Redaction, redactor: Redactor): Head {
  if (!redaction.addresses) return { label: column.label, note: column.note };
  const place = /^[\d.]+(?::\d+)?$|^\[?[0-9a-f]*:[0-9a-f:]*\]?(?::\d+)?( media)?$/i.test(column.id) ? splitEndpoint(column.id.replace(/ media$/, '')) : null;
  return { label: place === null ? redactor.text(column.label) : redactor.address(place.ip), note: column.note };
}

export function labelOf(row: Row, redactor: Redactor): string {
  return redactor.text(row.label) + (row.repeat ? ' (again)' : row.repeats > 0 ? ` ×${row.repeats + 1}` : '');
}
