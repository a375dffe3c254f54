const grouped = new Intl.NumberFormat('en', { useGrouping: true, maximumFractionDigits: 0 });

/** Thin spaces between thousands: no reader mistakes them for a decimal sign. */
export function count(number: number | null | undefined): string {
  return number === null || number === undefined ? '–' : grouped.format(number).replaceAll(',', '\u202f');
}

export function bytes(number: number | null | undefined): string {
  if (number === null || number === undefined) return '–';
  if (number < 1000) return `${number} B`;
  const units = ['kB', 'MB', 'GB', 'TB', 'PB'];
  let size = number;
  let unit = -1;
  do {
    size /= 1000;
    unit += 1;
  } while (size >= 999.5 && unit < units.length - 1);
  return `${size < 9.995 ? size.toFixed(2) : size < 99.95 ? size.toFixed(1) : Math.round(size)} ${units[unit]}`;
}

export function rate(perSecond: number): string {
  if (perSecond === 0) return '0 /s';
  if (perSecond < 10) return `${Number(perSecond.toFixed(perSecond < 1 ? 2 : 1))} /s`;
  return `${count(Math.round(perSecond))} /s`;
}

export function sum(counts: Record<string, number> | null | undefined): number {
  return Object.values(counts ?? {}).reduce((total, one) => total + one, 0);
}

export function plural(number: number, one: string, many: string = `${one}s`): string {
  return `${count(number)} ${number === 1 ? one : many}`;
}

/** `192.0.2.1:5060`, `[2001:db8::1]:5060`, or just the address. */
export function endpoint(ip: string | null | undefined, port: number | null | undefined): string {
  if (!ip) return port ? `:${port}` : '–';
  if (port === null || port === undefined) return ip;
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
}
