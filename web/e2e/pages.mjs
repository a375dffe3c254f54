// Opens every page in light and dark, on a wide screen and on a phone: axe-core finds nothing serious, the page stays
// within its policy and its host, nothing is wider than the phone, and a picture of each is kept. Then what the first
// load takes, and that a long list and a long ladder hold only what is in sight.
//
//   BASE_URL=http://127.0.0.1:9080 USER=admin PASSWORD=... OUT_DIR=shots node e2e/pages.mjs
//
// Optional: FROM (how far back, default -24h), ONLY (names of pages, by commas), THOROUGH=1 (axe-core in all four), CHROMIUM, PATIENCE (seconds, default 15).

import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { check, PHONE, visit, WIDE } from './browser.mjs';
import { firstLoad, windows } from './budget.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const GRAVE = new Set(['serious', 'critical']);
const SIZES = { wide: WIDE, phone: PHONE };
const LIGHTS = ['light', 'dark'];
/** axe-core is what takes the time: each layout and each palette is examined once, unless all four are wanted. */
const isExamined = (size, light) => process.env.THOROUGH === '1' || (size === 'wide') === (light === 'light');

/** Every page: where it is, and what tells that it is there. */
async function pagesOf(all, page) {
  const { from } = all.settings;
  const since = `from=${encodeURIComponent(from)}`;
  const call = await all.callWith(page, 'ACK_MISSING', 'finding = ACK_MISSING');
  const media = await all.callWith(page, 'QUALITY_LOW', 'exists rtcp.ssrc');
  const path = `/call/${encodeURIComponent(call.call_id)}`;
  const heard = `/call/${encodeURIComponent(media.call_id)}`;
  const message = call.messages[0].id;
  const row = '[role=option].row';
  const link = await all.share(page, call.call_id);
  const boards = await all.boards(page, ['trunks', 'delays', 'wallboard']);
  return [
    ['search', `/search?${since}`, row],
    ['search-facets', `/search?${since}`, 'aside .only', (page) => page.keyboard.press('f')],
    ['search-messages', `/search?tab=messages&${since}`, row],
    ['search-registrations', `/search?tab=registrations&${since}`, row],
    ['search-nothing', `/search?q=no-such-call-anywhere&${since}`, '.nothing'],
    ['search-export', `/search?${since}`, 'dialog[open]', async (page) => { await page.locator(row).first().waitFor(); await page.keyboard.press('F2'); }],
    ['search-mistake', '/search?q=sip.metod%20%3D%20INVITE', '.problem'],
    ['search-completion', `/search?${since}`, '#options li', async (page) => { await page.keyboard.press('/'); await page.keyboard.type('sip.st'); }],
    ['overview', `/overview?${since}`, '.tile .total'],
    ['failures', `/failures?${since}`, '.signatures td.number a'],
    ['boards', '/boards', '.templates a'],
    ['board', `${boards.trunks}?${since}`, '.panel [data-state=shown] .legend li'],
    ['board-heat', `${boards.delays}?${since}`, '.panel [data-state=shown] .heat'],
    ['board-box', `${boards.delays}?${since}`, 'dialog[open] .fields section', async (page) => { await page.locator('.panel .heat .plot').first().focus(); for (const key of ['Home', 'ArrowDown', ' ', 'End', 'ArrowDown', 'ArrowDown', 'ArrowDown', ' ']) await page.keyboard.press(key); }],
    ['board-wall', `${boards.wallboard}?full=1&${since}`, '.panel [data-state=shown] .value'],
    ['board-change', `${boards.trunks}?edit=1&${since}`, '.panel .grip'],
    ['board-panel', `${boards.trunks}?edit=1&panel=4&${since}`, 'dialog[open] .preview [data-state]'],
    ['board-new', '/boards/new', '.empty button'],
    ['board-none', '/boards/999999', '.notice.error'],
    ['alerts', '/alerts', 'tbody tr'],
    ['live', '/live', '.lamp.open'],
    ['sql', '/sql', '.scroller[role=grid] .row', async (page) => {
      await page.locator('textarea').fill('SELECT status, count(*) AS replies FROM sip WHERE status IS NOT NULL GROUP BY status ORDER BY status');
      await page.locator('textarea').press('Control+Enter');
    }],
    ['senders', '/senders', '.connect'],
    ['status', '/status', '.figures'],
    ['storage', '/storage', '.figures'],
    ['settings', '/settings', 'input[name=token]'],
    ['settings-addresses', '/settings/addresses', 'input[name=alias]'],
    ['settings-links', '/settings/links', 'tbody tr'],
    ['settings-users', '/settings/users', 'input[name=user]'],
    ['settings-audit', '/settings/audit', 'tbody tr'],
    ['call', path, '.ladder .row'],
    ['call-message', `${path}?msg=${encodeURIComponent(message)}`, '.message-pane pre'],
    ['call-compared', `${path}?msg=${encodeURIComponent(message)}`, '.message-pane li.removed, .message-pane li.added', async (page) => {
      await page.locator('.message-pane pre').waitFor();
      for (const key of [' ', 'j', ' ']) await page.keyboard.press(key);
    }],
    ['call-media', `${heard}?view=media`, '.quality tbody tr'],
    ['call-heard', heard, '.ladder .row'],
    ['call-hops', `${path}?view=hops`, '.stay'],
    ['call-offer-answer', `${path}?view=sdp`, '.offers, .notes, section h2, section article'],
    ['call-export', path, 'dialog[open]', async (page) => { await page.locator('.ladder .row').first().waitFor(); await page.keyboard.press('F2'); }],
    ['call-share', path, 'dialog input[readonly]', async (page) => { await page.getByRole('button', { name: 'Share', exact: true }).click(); await page.getByRole('button', { name: 'Make a link' }).click(); }],
    ['shared', link, '.ladder .row'],
    ['shared-message', `${link}?msg=${encodeURIComponent(message)}`, '.message-pane pre'],
    ['shared-export', link, 'dialog[open]', async (page) => { await page.locator('.ladder .row').first().waitFor(); await page.keyboard.press('F2'); }],
    ['shared-nothing', '/share/nothing', '.notice.error'],
    ['message', `/message/${encodeURIComponent(message)}`, '.sheet pre'],
    ['message-fields', `/message/${encodeURIComponent(message)}`, '.sheet dl', async (page) => { await page.locator('.sheet pre').waitFor(); await page.keyboard.press('2'); }],
    ['message-hex', `/message/${encodeURIComponent(message)}`, '.sheet .hex', async (page) => { await page.locator('.sheet pre').waitFor(); await page.keyboard.press('3'); }],
    ['keys', '/status', 'dialog[open]', async (page) => { await page.locator('.figures').waitFor(); await page.keyboard.press('?'); }],
    ['no-such-page', '/no-such-page', 'h1'],
  ];
}

/** What axe-core finds that is serious or critical, one line each. */
async function graveFindings(page) {
  // Through the protocol, which no content security policy of the page is asked about.
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }));
  return violations.filter(({ impact }) => GRAVE.has(impact)).flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.join(' ')} (${(node.any[0] ?? node.all[0] ?? node.none[0])?.message ?? ''})`));
}

/** How much wider than the screen the document is: what is wide scrolls in itself. */
const tooWide = (page) => page.evaluate(() => Math.max(document.documentElement.scrollWidth, document.querySelector('main')?.scrollWidth ?? 0) - innerWidth);

async function look(all, page, name, found) {
  for (const light of LIGHTS) {
    await page.emulateMedia({ colorScheme: light });
    for (const [size, viewport] of Object.entries(SIZES)) {
      await page.setViewportSize(viewport);
      await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
      const where = `${name} (${size}, ${light})`;
      await all.shot(page, `${name}-${size}-${light}`);
      if (isExamined(size, light)) for (const line of await graveFindings(page)) found.push(`${where} ${line}`);
      if ((await tooWide(page)) > 0) found.push(`${where} is ${await tooWide(page)} pixels too wide`);
    }
  }
  await page.setViewportSize(WIDE);
  for (const complaint of all.complaints.splice(0)) found.push(`${name} ${complaint}`);
}

await visit(async (all) => {
  const only = (process.env.ONLY ?? '').split(',').filter((name) => name !== '');
  const wanted = (name) => only.length === 0 || only.includes(name);
  const page = await all.page();
  const found = [];
  const load = await firstLoad(all, page);
  if (wanted('login')) await look(all, page, 'login', found);
  await all.logIn(page);
  // A search that has a mistake, a link that opens nothing, and a board that is not there.
  all.expectedStatuses = [400, 401, 404];
  for (const [name, path, sign, reach] of await pagesOf(all, page)) {
    if (!wanted(name)) continue;
    await page.goto('about:blank');
    await page.goto(all.url(path));
    await page.locator('nav[aria-label=Main], .by, .page h1').first().waitFor();
    await reach?.(page);
    await page.locator(sign).first().waitFor().catch(() => found.push(`${name}: no ${sign} appeared`));
    await look(all, page, name, found);
    if (name === 'search-facets') await page.keyboard.press('f');
    console.log(`ok    ${name}`);
  }
  writeFileSync(join(all.settings.outDir, 'accessibility.txt'), found.map((line) => `${line}\n`).join(''));
  check(found.length === 0, `${found.length} findings:\n${found.join('\n')}`);
  for (const line of [...load, ...(await windows(all, page))]) console.log(`      ${line}`);
  all.noComplaints('budget');
});
