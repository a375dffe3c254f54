// Enough of SQL to try the page: columns or `*` of a table, `count(*)` by one column, LIMIT. No engine.

const TYPES = { ts: 'Timestamp(Microsecond, Some("UTC"))', status: 'Int16', size: 'Int32', src_port: 'Int32', dst_port: 'Int32', capture_id: 'Int64', n: 'Int64' };
const COLUMNS = ['ts', 'call_id', 'method', 'status', 'src_ip', 'src_port', 'dst_ip', 'dst_port', 'from_user', 'to_user', 'transport', 'node', 'size'];

export function sql(text, records, derived, Refused) {
  const wrong = (message) => new Refused(400, 'bad_sql', message);
  if (!/^\s*(--.*\n\s*)*(select|with)\b/i.test(text)) throw wrong('SQL error: ParserError("only one SELECT is allowed") at Line: 1, Column: 1');
  const table = /\bfrom\s+(\w+)/i.exec(text)?.[1]?.toLowerCase();
  if (!['messages', 'sip', 'rtcp', 'log', 'calls', 'registrations'].includes(table)) throw wrong(`table 'datafusion.public.${table}' not found`);
  const all = derived[table] ?? records.filter((record) => table === 'messages' || record.table === table);
  const limit = Number(/\blimit\s+(\d+)/i.exec(text)?.[1] ?? 10_000_000);
  const known = (name) => {
    if (!COLUMNS.includes(name) && !(all[0] && name in all[0])) throw wrong(`Schema error: No field named ${name}. Valid fields are ${COLUMNS.map((one) => `${table}.${one}`).join(', ')}.`);
    return name;
  };
  // Steps of time by one column, as boards ask for them.
  const step = /date_bin\(INTERVAL '(\d+) seconds', ts\) AS (\w+), (\w+), count\(\*\)/i.exec(text);
  if (step) {
    const counts = new Map();
    for (const record of all) {
      const key = JSON.stringify([new Date(Math.floor(Date.parse(record.ts) / 1000 / step[1]) * step[1] * 1000).toISOString(), record[step[3]]]);
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    return { ...answer([step[2], step[3], 'n'], [...counts].map(([key, number]) => [...JSON.parse(key), number])), columns: [{ name: step[2], type: TYPES.ts }, { name: step[3], type: 'Utf8' }, { name: 'n', type: 'Int64' }] };
  }
  const by = /\bgroup\s+by\s+(\w+)/i.exec(text)?.[1];
  if (by) {
    known(by);
    const counts = new Map();
    for (const record of all) if (record[by] !== null) counts.set(record[by], (counts.get(record[by]) ?? 0) + 1);
    const rows = [...counts].sort((a, b) => b[1] - a[1]).slice(0, limit);
    return answer([by, /count\(\*\)\s+as\s+(\w+)/i.exec(text)?.[1] ?? 'count(*)'], rows);
  }
  const list = /select\s+([\s\S]*?)\s+from\b/i.exec(text)?.[1] ?? '*';
  const columns = list.trim() === '*' ? COLUMNS.filter((name) => all[0] && name in all[0]) : list.split(',').map((one) => known(one.trim()));
  // More rows than there are, to see many.
  const number = /\blimit\b/i.test(text) ? Math.min(limit, 400_000) : all.length;
  const rows = all.length === 0 ? [] : Array.from({ length: number }, (_, index) => columns.map((name) => all[index % all.length][name] ?? null));
  return answer(columns, rows);
}

function answer(names, rows) {
  const typeOf = (name, index) => TYPES[name] ?? (typeof rows[0]?.[index] === 'number' ? 'Int64' : 'Utf8');
  return { columns: names.map((name, index) => ({ name, type: typeOf(name, index) })), rows, partial: null };
}
