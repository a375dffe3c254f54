// What takes how much room, invented.

const DAY = 864e5;

export function storage(empty) {
  const today = Math.floor(Date.now() / DAY) * DAY;
  const iso = (milliseconds) => new Date(milliseconds).toISOString();
  const amount = (rows, perRow, files, ratio) => ({ files, rows, rows_without_payload: 0, bytes: Math.round(rows * perRow), bytes_per_row: perRow, compression: ratio ? { files, rows, payload_bytes: Math.round(rows * perRow * ratio), bytes: Math.round(rows * perRow), ratio } : null });
  const table = (name, rows, perRow, ratio, retention, days) => ({
    name, retention_days: retention, payload_days: null, oldest: iso(today - days * DAY), ...amount(rows, perRow, days * 12, ratio),
    next: { table: name, rows: Math.round(rows / days / 12), bytes: Math.round((rows * perRow) / days / 12), newest: iso(today - (days - 1) * DAY), leaves: iso(Date.now() + 5.3 * 36e5) },
    days: Array.from({ length: days }, (_, index) => ({ day: iso(today - (days - 1 - index) * DAY), ...amount(Math.round((rows / days) * (0.7 + ((index * 37) % 60) / 100)), perRow, index === days - 1 ? 31 : 12, ratio) })),
  });
  const tables = empty ? [] : [table('sip', 41_200_310, 138.6, 7.9, 30, 9), table('rtcp', 6_400_212, 84.4, 6.1, 14, 9), table('log', 601_003, 98.2, 9.4, 7, 6), table('calls', 2_110_400, 71.3, null, 90, 9), table('registrations', 880_122, 44.9, null, 30, 9)];
  return { tables, bytes_max: null, free_disk: 412_000_000_000, free_disk_min: 5_000_000_000, next_for_room: tables[0]?.next ?? null };
}
