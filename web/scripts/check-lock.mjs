// The lock file must work behind any registry mirror: it names packages and checksums, never hosts.
import { readFileSync } from 'node:fs';

const lock = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8'));
const bound = Object.entries(lock.packages).filter(([, entry]) => entry.resolved !== undefined);
if (bound.length > 0) {
  console.error(`package-lock.json names a registry for ${bound.length} packages, first ${bound[0][0]}; .npmrc has omit-lockfile-registry-resolved=true, run npm install again`);
  process.exit(1);
}
