// Boards and what is counted on them, from memory.

import { readdirSync, readFileSync } from 'node:fs';

const iso = (milliseconds) => new Date(milliseconds).toISOString();
const UNITS = { s: 1e6, m: 60e6, h: 3600e6, d: 86_400e6 };

/** Routes of boards: the owner of most is who is logged in. */
export function boardRoutes(user, Refused) {
  const folder = new URL('../src/lib/boards/templates/', import.meta.url);
  const shipped = readdirSync(folder).filter((name) => name.endsWith('.json')).map((name) => JSON.parse(readFileSync(new URL(name, folder), 'utf8')));
  const kept = (id, owner, shared, board) => ({ ...board, id, owner, is_mine: owner === user, shared, version: 1, created: iso(Date.now() - 864e5), changed: iso(Date.now() - 36e5) });
  let boards = shipped.map((board, index) => kept(index + 1, index === 1 ? 'erik' : user, index < 2, board));
  const of = (id) => {
    const found = boards.find((one) => one.id === Number(id));
    if (!found) throw new Refused(404, 'not_found', `no board ${id} of yours or shared`);
    return found;
  };
  const checked = ({ id: _, owner: __, is_mine: ___, version: ____, created: _____, changed: ______, shared, ...board }) => {
    if (board.rhapsode_board !== 1) throw new Refused(400, 'bad_request', `\`rhapsode_board\`: this server knows version 1 of boards, not ${board.rhapsode_board}`);
    if (!board.title?.trim()) throw new Refused(400, 'bad_request', '`title`: must have 1 to 80 letters on one line');
    return { board, shared: shared ?? false };
  };
  return [
    ['GET', /^boards$/, () => ({ boards: boards.toSorted((a, b) => b.is_mine - a.is_mine || a.title.localeCompare(b.title)).map(({ panels, ...one }) => ({ ...one, panels: panels.length })) })],
    ['POST', /^boards$/, (_, __, body) => {
      const { board, shared } = checked(body);
      const made = { ...kept(Math.max(0, ...boards.map((one) => one.id)) + 1, user, shared, board), created: iso(Date.now()), changed: iso(Date.now()) };
      boards = [...boards, made];
      return made;
    }],
    ['GET', /^boards\/(\d+)$/, ([, id]) => of(id)],
    ['PUT', /^boards\/(\d+)$/, ([, id], __, body) => {
      const { board, shared } = checked(body);
      const before = of(id);
      if (body.version !== before.version) throw new Refused(409, 'conflict', `board ${id} has version ${before.version} since ${before.changed}, and this change was made from version ${body.version}: read it again`);
      const changed = { ...kept(Number(id), user, shared, board), created: before.created, changed: iso(Date.now()), version: before.version + 1 };
      boards = boards.map((one) => (one.id === changed.id ? changed : one));
      return changed;
    }],
    ['DELETE', /^boards\/(\d+)$/, ([, id]) => {
      of(id);
      boards = boards.filter((one) => one.id !== Number(id));
      return {};
    }],
  ];
}

function step(range) {
  const power = Math.floor(range / 3);
  return Number(`${[1, 2, 5][range - power * 3]}e${power}`);
}
function rangeOf(value) {
  for (let range = 60; range > -9; range -= 1) if (step(range) <= value) return range;
  return -9;
}

const factOf = (one, name) => (name === 'talk' ? (one.talk ? one.talk * 1000 : null) : name === 'register_delay' ? one.delay : one[name]);

/** What is inside of a box beside what is not. */
export function differences(of, facts, params) {
  const [from, to] = ['inside_from', 'inside_to'].map((name) => Date.parse(params.get(name)) * 1000);
  const [low, high] = [params.get('low') ?? -Infinity, params.get('high') ?? Infinity].map(Number);
  const isInside = (one) => one.micros >= from && one.micros < to && factOf(one, params.get('value')) !== null && factOf(one, params.get('value')) >= low && factOf(one, params.get('value')) < high;
  const inside = facts.filter(isInside);
  const outside = facts.filter((one) => !isInside(one));
  const share = (some, field, value) => (some.length === 0 ? 0 : some.filter((one) => one[field] === value).length / some.length);
  const fields = ['status', 'state', 'src_ip', 'dst_ip', 'user_agent', 'finding', 'cause'].map((field) => {
    const values = [...new Set(facts.map((one) => one[field]).filter((value) => value !== null && value !== undefined))]
      .map((value) => ({ value: String(value), alias: null, inside: inside.filter((one) => one[field] === value).length, inside_share: share(inside, field, value), outside: outside.filter((one) => one[field] === value).length, outside_share: share(outside, field, value), only: `${field} = ${typeof value === 'number' ? value : `"${value}"`}`, without: `not ${field} = ${typeof value === 'number' ? value : `"${value}"`}` }))
      .sort((a, b) => Math.abs(b.inside_share - b.outside_share) - Math.abs(a.inside_share - a.outside_share)).slice(0, 5);
    return { field, doc: field, difference: values[0] ? Math.abs(values[0].inside_share - values[0].outside_share) : 0, values };
  });
  return { of, inside: inside.length, outside: outside.length, fields: inside.length > 0 && outside.length > 0 ? fields.filter(({ difference }) => difference > 0).sort((a, b) => b.difference - a.difference) : [], partial: null, elapsed_ms: 3 };
}

/** Facts with `micros`, counted over time. */
export function counts(of, facts, params, fromMicros, toMicros) {
  const [, number, unit] = /^(\d+)([smhd])$/.exec(params.get('every') || '1m');
  const every = Number(number) * UNITS[unit];
  const from = Math.floor(fromMicros / every) * every;
  const points = Math.floor((Math.min(toMicros, Date.now() * 1000) - from) / every) + 1;
  const counted = (some) => {
    const all = Array(points).fill(0);
    for (const one of some) if (all[Math.floor((one.micros - from) / every)] !== undefined) all[Math.floor((one.micros - from) / every)] += 1;
    return { total: some.length, points: all };
  };
  const grouped = (keyOf) => {
    const groups = new Map();
    for (const one of facts) {
      const key = keyOf(one);
      if (key !== null && key !== undefined) groups.set(key, [...(groups.get(key) ?? []), one]);
    }
    return [...groups];
  };
  const by = params.get('by');
  const value = params.get('value');
  const largest = by ? grouped((one) => one[by] ?? null).sort((a, b) => b[1].length - a[1].length) : [];
  const others = largest.splice(Number(params.get('top') ?? 8)).flatMap(([, some]) => some);
  const ranges = value ? grouped((one) => (factOf(one, value) > 0 ? rangeOf(factOf(one, value)) : null)).sort((a, b) => a[0] - b[0]) : [];
  return {
    of, from: iso(from / 1000), every_seconds: every / 1e6, all: counted(facts), none: 0, partial: null, elapsed_ms: 4,
    groups: largest.map(([key, some]) => ({ value: String(key), alias: null, only: `${by} = ${typeof key === 'number' ? key : `"${key}"`}`, ...counted(some) })),
    others: others.length > 0 ? counted(others) : null,
    ranges: ranges.map(([range, some]) => ({ low: step(range), high: step(range + 1), ...counted(some) })),
    unit: value ? 'us' : null,
  };
}
