// Drives the screens in a real browser against a running server, as an engineer would.
//
//   BASE_URL=http://127.0.0.1:9080 USER=admin PASSWORD=... OUT_DIR=shots node e2e/run.mjs
//
// Optional: QUERY (which calls to open, default `sip.method = BYE`), FROM (how far back, default -24h),
// WITH (tables that must be drawn in the opened call beside SIP, e.g. `rtcp,log`), CHROMIUM (path of the browser), PATIENCE
// (seconds for what must appear, default 15).
// Exits with 1 and one clear line when something is not as it should be. Screenshots of every step go to OUT_DIR.

import { readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { boardSteps } from './boards.mjs';
import { check, packet, settingsOfEnvironment, visit, WIDE } from './browser.mjs';

const settings = {
  ...settingsOfEnvironment(),
  query: process.env.QUERY ?? 'sip.method = BYE',
  with: (process.env.WITH ?? '').split(',').filter((name) => name !== ''),
};
const CALLS_TRIED_MAX = 25;
const WANTED_ARROWS = ['INVITE', '180', '200', 'ACK', 'BYE'];

/** The visit, once it has begun. */
let all;

let shots = 0;
async function shot(page, name) {
  shots += 1;
  await all.shot(page, `${String(shots).padStart(2, '0')}-${name}`);
}

const OVERVIEW = `/overview?from=${encodeURIComponent(settings.from)}`;
const at = (path) => all.url(path);

async function step(name, action, { when = true } = {}) {
  if (!when) {
    console.log(`skip  ${name}: this server has none`);
    return;
  }
  try {
    await action();
    console.log(`ok    ${name}`);
  } catch (failure) {
    throw new Error(`${name}: ${failure.message.split('\n')[0]}`);
  }
  all.noComplaints(name);
}

async function run(page) {
  await step('log in', async () => {
    await page.goto(at('/search'));
    await page.locator('input[name=user]').waitFor();
    await shot(page, 'login');
    await all.logIn(page);
  });
  all.expectedStatuses = [];

  await step('search for calls', async () => {
    await page.goto(at(`/search?from=${encodeURIComponent(settings.from)}`));
    await page.keyboard.press('/');
    await page.keyboard.type(settings.query);
    await page.keyboard.press('Enter');
    await page.waitForURL((url) => url.hash.includes('q='));
    await page.locator('[role=option].row').first().waitFor();
    await shot(page, 'calls');
  });

  let seen = { arrows: new Set(), kinds: new Set() };
  await step(`open a call and find ${WANTED_ARROWS.join(', ')} in its ladder`, async () => {
    const links = await page.locator('[role=option].row').evaluateAll((rows) => rows.map((row) => row.getAttribute('href')));
    check(links.length > 0, 'the list has no rows');
    let missing = [];
    for (const link of links.slice(0, CALLS_TRIED_MAX)) {
      await page.goto(at(link.slice(1)));
      seen = await readLadder(page);
      missing = [...WANTED_ARROWS.filter((name) => !seen.arrows.has(name)), ...settings.with.filter((name) => !seen.kinds.has(name))];
      if (missing.length === 0) return;
    }
    throw new Error(`none of ${Math.min(links.length, CALLS_TRIED_MAX)} calls has them all; the last lacks ${missing.join(', ')}`);
  });
  await shot(page, 'call');

  await step('draw arrows between at least two hosts', async () => {
    check((await page.locator('.ladder .host').count()) >= 2, 'the ladder has less than two columns');
    check((await page.locator('.ladder .row path.head').count()) > 0, 'the ladder has no arrow heads');
  });

  await step('walk the messages by keys', async () => {
    await page.keyboard.press('Home');
    const text = page.locator('.message-pane pre');
    await text.waitFor();
    check(/SIP\/2\.0/.test(await text.innerText()), 'the first message is no SIP text');
    const names = await page.locator('.message-pane pre .name').count();
    check(names >= 5, `only ${names} header names are highlighted`);
    const first = page.url();
    await page.keyboard.press('j');
    await page.waitForURL((url) => url.toString() !== first);
    await page.keyboard.press('k');
    await page.waitForURL(first);
    await shot(page, 'call-message');
    for (const kind of settings.with) {
      await page.locator(`.ladder .row[data-kind=${kind}]`).first().click();
      await page.locator('.message-pane pre').waitFor();
      await shot(page, `call-${kind}`);
    }
  });

  await step('filter the ladder, zoom, and come back to all of it', async () => {
    await page.keyboard.press('F7');
    await page.keyboard.type('method:bye');
    await page.waitForURL((url) => url.hash.includes('find='));
    await page.waitForFunction(() => document.querySelectorAll('.ladder .row').length > 0 && [...document.querySelectorAll('.ladder .row')].every((row) => row.dataset.method === 'BYE'));
    await shot(page, 'call-filtered');
    await page.locator('.find').fill('');
    await page.keyboard.press('Escape');
    const tall = (await page.locator('.ladder .row').first().boundingBox()).height;
    await page.keyboard.press('9');
    await page.waitForURL((url) => url.hash.includes('zoom=0.8'));
    check((await page.locator('.ladder .row').first().boundingBox()).height < tall, 'smaller is not smaller');
    await page.keyboard.press('0');
    await page.waitForURL((url) => !url.hash.includes('zoom='));
  });

  await step('compare two messages', async () => {
    await page.keyboard.press('Home');
    await page.locator('.message-pane pre').waitFor();
    await page.keyboard.press(' ');
    await page.locator('.waiting').waitFor();
    await page.keyboard.press('End');
    await page.keyboard.press(' ');
    await page.locator('.message-pane li.removed').first().waitFor();
    check((await page.locator('.message-pane mark').count()) > 0, 'nothing is marked');
    await shot(page, 'call-compared');
    await page.keyboard.press('Escape');
    await page.locator('.message-pane pre').waitFor();
  });

  await step('show where the time went, and offer beside answer', async () => {
    await page.locator('.views button', { hasText: 'Hop times' }).click();
    await page.locator('.stay').first().waitFor();
    await shot(page, 'call-hops');
    await page.locator('.views button', { hasText: 'Offer and answer' }).click();
    await page.locator('.notes li', { hasText: 'agreed on' }).first().waitFor();
    await shot(page, 'call-offer-answer');
    await page.locator('.views button', { hasText: 'Ladder' }).click();
    await page.locator('.ladder .row').first().waitFor();
  });

  await step('export the call', async () => {
    await page.keyboard.press('F2');
    await page.locator('dialog[open]').waitFor();
    await shot(page, 'call-export');
    for (const [kind, good] of Object.entries(MADE)) {
      await page.locator('dialog input[type=checkbox]').nth(0).setChecked(kind === 'html');
      const [download] = await Promise.all([page.waitForEvent('download'), page.locator(`dialog button[data-export=${kind}]`).click()]);
      const file = join(settings.outDir, `export-${kind}${extname(download.suggestedFilename())}`);
      await download.saveAs(file);
      check(good(readFileSync(file)), `export as ${kind} is not what it says`);
    }
    for (const [format, good] of [['pcap', isPcap], ['text', (body) => body.includes('SIP/2.0')], ['json', (body) => JSON.parse(body.toString()) !== null]]) {
      const link = await page.locator('dialog a', { hasText: format }).first().getAttribute('href');
      const answer = await page.request.get(link);
      check(answer.ok(), `export as ${format} answers ${answer.status()}`);
      check(good(await answer.body()), `export as ${format} is not what it says`);
    }
    await page.keyboard.press('Escape');
    await page.locator('dialog[open]').waitFor({ state: 'detached' });
  });

  await step('open a message on its own page', async () => {
    await page.keyboard.press('Home');
    await page.locator('.message-pane pre').waitFor();
    await page.keyboard.press('Enter');
    await page.waitForURL((url) => url.hash.startsWith('#/message/'));
    await page.locator('.sheet pre').waitFor();
    await page.keyboard.press('2');
    await page.locator('.sheet dl').first().waitFor();
    await page.keyboard.press('3');
    await page.locator('.sheet .hex').waitFor();
    await shot(page, 'message-hex');
    await page.keyboard.press('Escape');
    await page.locator('.ladder').waitFor();
  });

  await step('choose calls and export them', async () => {
    await page.goto(at(`/search?from=${encodeURIComponent(settings.from)}&q=${encodeURIComponent(settings.query)}`));
    await page.locator('[role=option].row').first().waitFor();
    await page.keyboard.press('Home');
    await page.keyboard.press(' ');
    await page.locator('[role=option].row.chosen').waitFor();
    await page.keyboard.press('F2');
    await page.locator('dialog[open] h1', { hasText: '1 call' }).waitFor();
    const answer = await page.request.get(await page.locator('dialog a', { hasText: 'text' }).getAttribute('href'));
    check(answer.ok() && (await answer.text()).includes('SIP/2.0'), `export of a chosen call answers ${answer.status()}`);
    await shot(page, 'calls-chosen');
    await page.keyboard.press('Escape');
  });

  const several = (await countOf(page, 'calls', '')) > 1;
  await step('count what was found by its fields, and keep what has a value', async () => {
    await page.goto(at(`/search?from=${encodeURIComponent(settings.from)}`));
    await page.locator('[role=option].row').first().waitFor();
    await page.keyboard.press('f');
    const facet = page.locator('aside section', { hasText: 'ended_by' }).first();
    await facet.locator('.only').first().waitFor();
    await shot(page, 'facets');
    const most = facet.locator('.only').first();
    const wanted = Number((await most.locator('.number').innerText()).replace(/\D/g, ''));
    await most.click();
    await page.waitForURL((url) => url.hash.includes('ended_by'));
    await page.locator('.summary strong', { hasText: new RegExp(`^${wanted}$`) }).waitFor();
    await page.keyboard.press('f');
    await page.locator('aside').waitFor({ state: 'detached' });
  }, { when: several });

  await step('keep a search under a name', async () => {
    await page.locator('button', { hasText: 'Saved' }).click();
    await page.locator('.saved input').fill('of the test');
    await page.keyboard.press('Enter');
    await page.locator('button', { hasText: 'Saved' }).click();
    await page.locator('.saved .go', { hasText: 'of the test' }).waitFor();
    await shot(page, 'saved');
    await page.keyboard.press('Escape');
    // Focus is back on the button; the list takes it over.
    await page.keyboard.press('Home');
  });

  await step('list messages', async () => {
    await page.goto(at(`/search?tab=messages&from=${encodeURIComponent(settings.from)}`));
    await page.locator('[role=option].row').first().waitFor();
    await shot(page, 'messages');
  });

  const has = { registrations: (await countOf(page, 'registrations', '')) > 0, findings: (await countOf(page, 'calls', 'severity = error')) > 0, failures: (await countOf(page, 'signatures', '')) > 0 };
  await step('list registrations and open one', async () => {
    await page.keyboard.press('t');
    await page.waitForURL((url) => url.hash.includes('tab=registrations'));
    await page.locator('.list.registrations [role=option].row', { hasText: '@' }).first().waitFor();
    await shot(page, 'registrations');
    await page.keyboard.press('Enter');
    await page.locator('.ladder .row[data-method=REGISTER]').first().waitFor();
    await page.keyboard.press('Escape');
    await page.locator('.list.registrations [role=option].row').first().waitFor();
  }, { when: has.registrations });

  await step('tell what was found in calls', async () => {
    await page.goto(at(`/search?from=${encodeURIComponent(settings.from)}&q=${encodeURIComponent('severity = error')}`));
    const found = page.locator('[role=option].row .found', { hasText: /error:\s*[A-Z]/ }).first();
    await found.waitFor();
    check((await page.locator('.heads', { hasText: 'PDD' }).count()) === 1, 'no column for the post-dial delay');
    check((await page.locator('.heads', { hasText: 'Method' }).count()) === 0, 'a column that says INVITE only');
    await shot(page, 'calls-findings');
  }, { when: has.findings });

  await step('show how calls went', async () => {
    await page.keyboard.press('g');
    await page.keyboard.press('o');
    await page.locator('.tile').first().waitFor();
    await page.goto(at(OVERVIEW));
    await page.locator('.asking').waitFor({ state: 'detached' });
    for (const figure of ['Calls per second', 'Concurrent calls', 'ASR', 'NER', 'PDD p95', 'Retransmissions', ...(has.registrations ? ['Registrations per second'] : [])]) {
      await page.locator(`.tile[data-figure="${figure}"] .total`, { hasText: /\d/ }).waitFor();
    }
    await shot(page, 'overview');
  });

  await step('go from a group to its calls', async () => {
    await page.locator('.by').selectOption('status');
    await page.waitForURL((url) => url.hash.includes('by=status'));
    await page.locator('.groups tbody a', { hasText: '200' }).click();
    await page.locator('[role=option].row').first().waitFor();
  });

  await step('go from failures that are alike to their calls', async () => {
    await page.goto(at(OVERVIEW));
    await page.locator('.signatures .examples a').first().click();
    await page.locator('.ladder .row').first().waitFor();
    await page.goBack();
    await page.locator('.signatures td.number a').first().click();
    await page.locator('[role=option].row').first().waitFor();
  }, { when: has.failures });

  await step('look closer at a part of a chart', async () => {
    await page.goto(at(OVERVIEW));
    const chart = page.locator('.tile[data-figure=ASR] .chart');
    await chart.waitFor();
    const box = await chart.boundingBox();
    await page.mouse.move(box.x + box.width * 0.4, box.y + 50);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.9, box.y + 40, { steps: 4 });
    check((await page.locator('.stretch').count()) > 1, 'the chosen time is not shown in all charts');
    await shot(page, 'overview-dragged');
    await page.mouse.up();
    await page.waitForURL((url) => url.hash.includes('from=20') && url.hash.includes('to=20'));
    const dragged = page.url();
    // New points end what is being read.
    await page.locator('.asking').waitFor({ state: 'detached' });
    await chart.focus();
    for (const key of ['ArrowLeft', 'ArrowLeft', 'Enter', 'ArrowLeft', 'ArrowLeft', 'Enter']) await page.keyboard.press(key);
    await page.waitForURL((url) => url.toString() !== dragged && url.hash.includes('to=20'));
    await page.keyboard.press('z');
    await page.locator('.tile').first().waitFor();
  });

  all.expectedStatuses = [400];
  await step('say which search registrations cannot answer', async () => {
    await page.goto(at('/search?tab=registrations&q=pdd%20%3E%203s'));
    await page.locator('.problem', { hasText: 'pdd' }).waitFor();
  });

  await step('point at the mistake in a query and suggest the field', async () => {
    await page.goto(at('/search?q=sip.metod%20%3D%20INVITE'));
    const problem = page.locator('.problem');
    await problem.waitFor();
    check((await problem.locator('mark').innerText()) === 'sip.metod', `marked is "${await problem.locator('mark').innerText()}" instead of "sip.metod"`);
    check((await problem.locator('button').innerText()).includes('sip.method'), 'sip.method is not suggested');
    await shot(page, 'query-error');
    await problem.locator('button').click();
    await page.waitForURL((url) => url.hash.includes('sip.method'));
  });
  all.expectedStatuses = [];

  await step('say what to do when nothing is found', async () => {
    await page.goto(at('/search?q=no-such-call-anywhere'));
    await page.locator('.nothing').waitFor();
    await shot(page, 'nothing-found');
  });

  await step('complete field names', async () => {
    await page.keyboard.press('/');
    await page.locator('input[role=combobox]').fill('');
    await page.keyboard.type('sip.st');
    await page.locator('#options li', { hasText: 'status' }).first().waitFor();
    await shot(page, 'completion');
    await page.keyboard.press('Escape');
  });

  await step('ask in SQL', async () => {
    await page.goto(at('/sql'));
    const field = page.locator('textarea');
    await field.fill('SELECT status, count(*) AS replies FROM sip WHERE status IS NOT NULL GROUP BY status');
    await field.press('Control+Enter');
    await page.locator('.scroller[role=grid] .row', { hasText: '200' }).waitFor();
    await shot(page, 'sql');
    await page.locator('button[role=tab]', { hasText: 'Chart' }).click();
    await page.locator('.chart svg path.line, .chart svg rect.bar').first().waitFor();
    await shot(page, 'sql-chart');
    const [download] = await Promise.all([page.waitForEvent('download'), page.locator('button', { hasText: 'CSV' }).click()]);
    const file = join(settings.outDir, 'export.csv');
    await download.saveAs(file);
    check(readFileSync(file, 'utf8').startsWith('status,replies\n'), 'the CSV file has other columns');
  });

  all.expectedStatuses = [400];
  await step('point at the mistake in SQL', async () => {
    await page.locator('textarea').fill('SELECT metod FROM sip');
    await page.keyboard.press('Control+Enter');
    await page.locator('#sql-error mark', { hasText: 'metod' }).waitFor();
    await shot(page, 'sql-error');
  });
  all.expectedStatuses = [];

  await step('show failures that are new', async () => {
    await page.goto(at(`/failures?from=${encodeURIComponent(settings.from)}`));
    await page.locator('.signatures td.number a').first().waitFor();
    await shot(page, 'failures');
    await page.keyboard.press('t');
    await page.waitForURL((url) => url.hash.includes('seen=new'));
  }, { when: has.failures });

  await step('show alerts and the rules that look', async () => {
    await page.goto(at('/alerts'));
    await page.locator('tbody tr', { hasText: 'sender_silent' }).waitFor();
    await shot(page, 'alerts');
  });

  await boardSteps(page, { at, step, shot, outDir: settings.outDir });

  await step('make a token and revoke it', async () => {
    await page.goto(at('/settings'));
    await page.locator('button', { hasText: 'Less than I may' }).click();
    await page.locator('input[name=token]').fill('of the test');
    await page.locator('input[placeholder="10.1.0.0/16"]').fill('192.0.2.0/24');
    await page.keyboard.press('Enter');
    await page.locator('.made code').waitFor();
    const row = page.locator('tbody tr', { hasText: 'of the test' });
    check((await row.innerText()).includes('from 192.0.2.0/24'), 'the token may be used from anywhere');
    await shot(page, 'settings');
    await row.locator('button', { hasText: 'Revoke' }).click();
    await row.locator('button', { hasText: 'Revoke of the test' }).click();
    await row.waitFor({ state: 'detached' });
  });

  await step('name an address, and take the name away', async () => {
    await page.goto(at('/settings/addresses'));
    await page.locator('input[name=alias]').fill('of-the-test');
    await page.locator('input[name=match]').fill('192.0.2.0/24');
    await page.keyboard.press('Enter');
    const row = page.locator('tbody tr', { hasText: 'of-the-test' });
    await row.waitFor();
    await shot(page, 'settings-addresses');
    await row.locator('button', { hasText: 'Remove' }).click();
    await row.locator('button', { hasText: 'Remove of-the-test' }).click();
    await row.waitFor({ state: 'detached' });
  });

  await step('make a user who sees a part, and read of it in the audit log', async () => {
    await page.goto(at('/settings/users'));
    await page.locator('input[name=user]').fill('of-the-test');
    await page.locator('input[name=scope]').fill('node = nowhere');
    await page.keyboard.press('Enter');
    await page.locator('.made code').waitFor();
    const password = await page.locator('.made code').innerText();
    const row = page.locator('tbody tr', { hasText: 'of-the-test' });
    check((await row.innerText()).includes('node = nowhere'), 'the user sees everything');
    await shot(page, 'settings-users');
    await asViewer(page.context().browser(), 'of-the-test', password);
    await row.locator('button', { hasText: 'Remove' }).click();
    await row.locator('button', { hasText: 'Remove of-the-test' }).click();
    await row.waitFor({ state: 'detached' });
    await page.goto(at('/settings/audit?action=users'));
    await page.locator('tbody tr', { hasText: 'of-the-test' }).first().waitFor();
    await shot(page, 'settings-audit');
  });

  await step('show what takes room', async () => {
    await page.goto(at('/storage'));
    await page.locator('.figures').waitFor();
    await shot(page, 'storage');
  });

  await step('show the senders', async () => {
    await page.goto(at('/senders'));
    await page.locator('.connect').waitFor();
    check((await page.locator('.table tbody tr').count()) > 0, 'no sender is listed');
    await shot(page, 'senders');
  });

  await step('show the status', async () => {
    await page.goto(at('/status'));
    await page.locator('.figures').waitFor();
    check(Number((await page.locator('tfoot td').nth(2).innerText()).replace(/\D/g, '')) > 0, 'nothing was received');
    await shot(page, 'status');
  });

  await step('show the keys', async () => {
    await page.keyboard.press('?');
    await page.locator('dialog[open]').waitFor();
    await shot(page, 'keys');
    await page.keyboard.press('Escape');
  });

  await step('in the dark', async () => {
    await page.emulateMedia({ colorScheme: 'dark' });
    await shot(page, 'status-dark');
    await page.goto(at(`/search?from=${encodeURIComponent(settings.from)}&q=${encodeURIComponent(settings.query)}`));
    await page.locator('[role=option].row').first().waitFor();
    await shot(page, 'calls-dark');
    await page.keyboard.press('Enter');
    await page.locator('.ladder .row').first().waitFor();
    await shot(page, 'call-dark');
    await page.goto(at(OVERVIEW));
    await page.locator('.tile').first().waitFor();
    await shot(page, 'overview-dark');
  });

  await step('watch live', async () => {
    await page.goto(at('/live'));
    await page.locator('.lamp.open').waitFor();
    await all.tell(page, liveCalls());
    await page.locator('[role=option].row', { hasText: 'BYE' }).first().waitFor();
    await shot(page, 'live');
    await page.keyboard.press('p');
    await page.locator('.lamp.still').waitFor();
    await page.keyboard.press('p');
    await page.locator('.lamp.open').waitFor();
    await page.keyboard.press('l');
    await page.waitForFunction(() => location.hash === '#/live?view=ladder');
    await page.locator('.ladder .row[data-method=BYE]').last().waitFor();
    const columns = await page.locator('.ladder .host').count();
    check(columns === 8 && (await page.locator('.others').isVisible()), `${columns} columns for many hosts, or no word about it`);
    await shot(page, 'live-ladder');
  });

  await step('log out', async () => {
    await page.locator('button', { hasText: 'Log out' }).click();
    await page.locator('input[name=password]').waitFor();
  });
}

/** What is not for a viewer with a scope is not offered either. */
async function asViewer(browser, user, password) {
  const context = await browser.newContext({ viewport: WIDE, reducedMotion: 'reduce' });
  const page = await context.newPage();
  page.setDefaultTimeout(settings.patience);
  await page.goto(at('/search'));
  await page.locator('input[name=user]').fill(user);
  await page.locator('input[name=password]').fill(password);
  await page.keyboard.press('Enter');
  await page.locator('.nothing').waitFor();
  const links = (await page.locator('nav[aria-label=Main] .link').allInnerTexts()).join(' ');
  check(links === 'Search Overview Boards Failures Live', `a viewer with a scope is offered ${links}`);
  await page.goto(at('/settings'));
  await page.locator('nav[aria-label=Settings] a').first().waitFor();
  const parts = (await page.locator('nav[aria-label=Settings] a').allInnerTexts()).join(' ');
  check(parts === 'Own Addresses', `a viewer may set ${parts}`);
  await shot(page, 'settings-viewer');
  await context.close();
}

/** What is made of a call in the browser, and how to tell that it is it. */
const MADE = {
  html: (body) => body.includes('<details id=') && body.includes('<svg') && !/<script/i.test(body.toString()),
  svg: (body) => body.includes('<svg xmlns=') && body.includes('INVITE'),
  png: (body) => body.readUInt32BE(0) === 0x89504e47 && body.length > 10_000,
  mermaid: (body) => body.includes('sequenceDiagram') && /h\d->>h\d: \S+ INVITE/.test(body.toString()),
  sipp: (body) => body.includes('<scenario') && body.includes('INVITE') && !body.includes('Content-Length: 0\n'),
};

/** How many the server has of what a step needs: not every run has failures or registrations. */
async function countOf(page, list, q) {
  const answer = await page.request.get(new URL(`api/v1/${list}?from=${encodeURIComponent(settings.from)}&q=${encodeURIComponent(q)}`, settings.baseUrl).toString());
  check(answer.ok(), `${list} answers ${answer.status()}`);
  return (await answer.json())[list].length;
}

/** Scrolls through the whole ladder: only rows in sight exist. */
async function readLadder(page) {
  const ladder = page.locator('.ladder');
  await ladder.locator('.row').first().waitFor();
  const arrows = new Set();
  const kinds = new Set();
  for (let top = 0; ; top += 300) {
    const { rows, end } = await ladder.evaluate(async (element, to) => {
      element.scrollTop = to;
      await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
      const rows = [...element.querySelectorAll('.row')].map(({ dataset }) => ({ kind: dataset.kind, name: dataset.status === '' ? dataset.method : dataset.status }));
      return { rows, end: element.scrollTop + element.clientHeight >= element.scrollHeight - 1 };
    }, top);
    for (const row of rows) {
      kinds.add(row.kind);
      if (row.kind === 'sip') arrows.add(row.name);
    }
    if (end) return { arrows, kinds };
  }
}

/** Something to watch: calls of many phones through one proxy, sent as an agent would. */
function liveCalls() {
  const proxy = '198.51.100.1';
  const item = (phone, number, method, cseq) =>
    packet(phone, proxy, Date.now(), 0, [
      `${method} sip:b@example.com SIP/2.0`,
      `Via: SIP/2.0/UDP ${phone}:5060;branch=z9hG4bK-${number}-${cseq}`,
      `From: <sip:phone-${number}@example.com>;tag=${number}`,
      'To: <sip:b@example.com>',
      `Call-ID: live-${number}@e2e`,
      `CSeq: ${cseq} ${method}`,
    ]);
  const phones = Array.from({ length: 12 }, (_, number) => [`203.0.113.${number + 1}`, number]);
  return phones.flatMap(([phone, number]) => [item(phone, number, 'INVITE', 1), item(phone, number, 'BYE', 2)]);
}

function isPcap(body) {
  const magic = body.readUInt32LE(0);
  return body.length > 24 && [0xa1b2c3d4, 0xd4c3b2a1, 0xa1b23c4d, 0x4d3cb2a1, 0x0a0d0d0a].includes(magic);
}

await visit(async (begun) => {
  all = begun;
  await run(await all.page());
  console.log(`ok    ${shots} screenshots in ${settings.outDir}`);
});
