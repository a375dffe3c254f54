// The same message seen by several capture points is one row of a list.

interface Sighting {
  id: string;
  witness_of: string | null;
}

/** The rows without further sightings, and how many sightings stand behind those that have some. */
export function foldSightings<T extends Sighting>(rows: readonly T[]): { rows: T[]; witnesses: Map<string, number> } {
  const listed = new Set(rows.map((row) => row.id));
  const witnesses = new Map<string, number>();
  const kept = rows.filter((row) => {
    if (row.witness_of === null || !listed.has(row.witness_of)) return true;
    witnesses.set(row.witness_of, (witnesses.get(row.witness_of) ?? 1) + 1);
    return false;
  });
  return { rows: kept, witnesses };
}
