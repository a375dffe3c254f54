// Meaning before identity: what a message is decides its colour and, for those who do not see colours, its shape.

import type { Severity, Summary } from './types';

export type StatusClass =
  | 'request'
  | 'provisional'
  | 'success'
  | 'redirect'
  | 'challenge'
  | 'client'
  | 'server'
  | 'cancelled'
  | 'media'
  | 'log'
  | 'other';

export const CLASS_NAMES: Record<StatusClass, string> = {
  request: 'request',
  provisional: 'provisional (1xx)',
  success: 'success (2xx)',
  redirect: 'redirection (3xx)',
  challenge: 'authentication asked (401, 407)',
  client: 'client failure (4xx)',
  server: 'server or global failure (5xx, 6xx)',
  cancelled: 'cancelled',
  media: 'media report',
  log: 'log line',
  other: 'other',
};

/** RFC 3261 section 7.2; 401 and 407 (sections 22.2, 22.3) are a question, not a failure. */
export function classOfStatus(status: number): StatusClass {
  if (status === 401 || status === 407) return 'challenge';
  if (status < 200) return 'provisional';
  if (status < 300) return 'success';
  if (status < 400) return 'redirect';
  if (status < 500) return 'client';
  return 'server';
}

export function classOfMessage(message: Pick<Summary, 'table' | 'status' | 'method'>): StatusClass {
  if (message.status !== null && message.status !== undefined) return classOfStatus(message.status);
  switch (message.table) {
    case 'sip':
      return message.method ? 'request' : 'other';
    case 'rtcp':
      return 'media';
    case 'log':
      return 'log';
    default:
      return 'other';
  }
}

/** States the server names; one it adds later is shown by its final status, or plainly. */
export function classOfState(state: string | null, status: number | null): StatusClass {
  switch (state) {
    case 'answered':
    case 'ended':
    case 'done':
      return 'success';
    case 'calling':
    case 'ringing':
    case 'pending':
      return 'provisional';
    case 'cancelled':
      return 'cancelled';
    case 'redirected':
      return 'redirect';
    case 'challenged':
      return 'challenge';
    case 'failed':
      return status !== null && status >= 300 ? classOfStatus(status) : 'server';
    default:
      return status === null ? 'other' : classOfStatus(status);
  }
}

export const CLASS_OF_SEVERITY: Record<Severity, StatusClass> = { error: 'server', warning: 'client', info: 'provisional' };

const GOING_ON: ReadonlySet<string> = new Set(['calling', 'ringing', 'answered', 'challenged', 'pending']);

/** A row that is open tells of a call that goes on, or of one that is over and waits for stray messages. */
export function goesOn(call: { state: string; is_open?: boolean | null }): boolean {
  return call.is_open === true && GOING_ON.has(call.state);
}
