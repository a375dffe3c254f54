// A bare word asks for callers and callees, which registrations do not have: of them it asks who registers.

const NUMBER = /^\+?\d{3,}$/;
/** Neither a method nor a status, both of which the language reads for itself. */
const USER = /^(?![A-Z]+$)[A-Za-z][\w.-]*$/;
const CALL_ID = /^[^\s"=<>()]+@[^\s"=<>()]+$/;

/** The query to list registrations by, for one that may have been written for calls. */
export function ofRegistrations(q: string): string {
  const word = q.trim();
  // By its last digits, as numbers are found among calls.
  if (NUMBER.test(word)) return `to_user = "*${word.replace('+', '')}"`;
  if (USER.test(word)) return `to_user = "${word}"`;
  if (CALL_ID.test(word)) return `call_id = "${word}"`;
  return q;
}
