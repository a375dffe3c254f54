// Messages for the tests of this folder.

import type { Redaction } from '../export/redact';
import type { CallMessage } from '../types';

export const REDACT_ALL: Redaction = { numbers: true, addresses: true, digest: true };

let number = 0;

/** `at` in milliseconds since the call began. */
export function message(at: number, from: string, to: string, what: string | number, change: Partial<CallMessage> = {}): CallMessage {
  number += 1;
  const ts = new Date(Date.UTC(2026, 10, 21, 3) + Math.floor(at)).toISOString().replace('Z', `${String(Math.round((at % 1) * 1000)).padStart(3, '0')}Z`);
  const method = typeof what === 'string' ? what : 'INVITE';
  return {
    id: `m${number}`, table: 'sip', ts, received: ts, sender: '10.0.0.9', node: null, capture_id: null, hep_type: 1, transport: 'udp', src_ip: from, src_port: 5060, dst_ip: to, dst_port: 5060,
    call_id: 'a', correlation_id: null, size: 1, flags: [], label: typeof what === 'number' ? `${what} Reason` : what, method, status: typeof what === 'number' ? what : null, cseq: 1, cseq_method: method,
    from_user: 'alice', to_user: 'bob', detail: {}, retransmission_of: null, witness_of: null, delta_ms: 0, ...change,
  };
}
