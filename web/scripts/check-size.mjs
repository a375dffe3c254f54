// First load = everything index.html names, compressed as a server would. Fails above the budget.
import { readFileSync, readdirSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const BUDGET_BYTES = 80_000;
const dist = new URL('../dist/', import.meta.url);

const html = readFileSync(new URL('index.html', dist), 'utf8');
const named = [...html.matchAll(/(?:src|href)="\.?\/?([^"]+)"/g)].map((match) => match[1]);
const files = ['index.html', ...named];
const sizes = files.map((file) => [file, gzipSync(readFileSync(new URL(file, dist)), { level: 9 }).length]);
const total = sizes.reduce((sum, [, size]) => sum + size, 0);

for (const [file, size] of sizes) console.log(`${String(size).padStart(8)} B gzip  ${file}`);
console.log(`${String(total).padStart(8)} B gzip  first load, budget ${BUDGET_BYTES} B`);
if (total > BUDGET_BYTES) {
  console.error(`first load is ${total - BUDGET_BYTES} bytes above its budget`);
  process.exit(1);
}

// The content security policy is default-src 'self': nothing inline, nothing from elsewhere.
const inline = /<script(?![^>]*\ssrc=)[^>]*>|<style|\sstyle=|\son[a-z]+=/i.exec(html);
const foreign = /(?:src|href)="(?:https?:)?\/\//.exec(html);
if (inline || foreign) {
  console.error(`index.html breaks the content security policy: ${(inline ?? foreign)[0]}`);
  process.exit(1);
}
const known = new Set(['index.html', ...named]);
const assets = readdirSync(new URL('assets/', dist)).map((file) => `assets/${file}`).filter((file) => !known.has(file));
if (assets.length > 0) console.log(`loaded later: ${assets.join(', ')}`);
