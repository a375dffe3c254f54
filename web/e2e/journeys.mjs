// The twelve journeys of an engineer, from what is known to the answer, with the steps they take. A step is one click, one
// key that does something (Enter, F2, a chord), one query that is typed and sent, or one drag. More than 4 fail the run.
//
//   BASE_URL=http://127.0.0.1:9080 USER=admin PASSWORD=... OUT_DIR=shots node e2e/journeys.mjs
//
// Optional: FROM (how far back, default -24h), CHROMIUM, PATIENCE; PROGRAM (path of rhapsode) and TOKEN for the journey of
// the terminal, which is left out without them, loudly.
//
// What the server must hold: calls with ACK_MISSING, ONE_WAY_AUDIO, QUALITY_LOW and SHAKEN_INVALID, failures,
// registrations, and a rule of figure calls.asr called "Few calls are answered" that fires. The calls of journeys 9 and 10 are sent from here.
//
//  #  Journey                                    Steps  Not in the product yet
//  1  The call drops after 30 s                    2    a histogram of the durations in the list
//  2  Nobody can call this number                  2    an expiry beside the calls: registrations are a list of their own
//  3  One way audio                                2    –
//  4  Bad quality                                  3    segments told apart in one picture: each stream has a line of its own
//  5  The ASR of a trunk fell                      4    ranked differences of the time that was drawn: groups are chosen by hand
//  6  What is new after the release                3    two times beside each other: new is what the seven days before lack
//  7  Trace over all hosts by any id               1    (a Call-ID; what more than one call has is a list first: 2)
//  8  Prove it to the carrier                      4    one signed bundle: capture, HTML, JSON are files of their own
//  9  Watch a call as it comes                     3    –
// 10  Who scans us                                 3    a block list to copy
// 11  Why did STIR/SHAKEN fail                     2    the PASSporT decoded beside its checks: the finding says which failed
// 12  In the terminal                              1    –

import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { check, packet, visit } from './browser.mjs';

const STEPS_MAX = 4;
const ROW = '[role=option].row';

/** Counts what the hand does. What is looked at is no step. */
class Hand {
  steps = 0;

  constructor(page) {
    this.page = page;
  }

  async click(target) {
    this.steps += 1;
    await (typeof target === 'string' ? this.page.locator(target).first() : target).click();
  }

  async key(...keys) {
    this.steps += 1;
    for (const key of keys) await this.page.keyboard.press(key);
  }

  /** A query: into the field that `/` leads to, typed or pasted, and sent. */
  async query(text) {
    this.steps += 1;
    await this.page.keyboard.press('/');
    await this.page.locator('input[role=combobox]').fill(text);
    await this.page.keyboard.press('Enter');
  }

  async drag(element, from, to) {
    this.steps += 1;
    const box = await element.boundingBox();
    await this.page.mouse.move(box.x + box.width * from, box.y + box.height / 2);
    await this.page.mouse.down();
    await this.page.mouse.move(box.x + box.width * to, box.y + box.height / 2, { steps: 4 });
    await this.page.mouse.up();
  }
}

const callPath = (callId) => `#/call/${encodeURIComponent(callId)}`;
const seen = (page, selector, options) => page.locator(selector, options).first().waitFor();
const finding = (page, rule) => seen(page, '.findings .rule', { hasText: rule });

/** From the number of who called to what happened to the call. */
async function fromNumber({ page, hand, all }, rule, q) {
  const call = await all.callWith(page, rule, q);
  await hand.query(call.summary.from_user);
  await hand.click(page.locator(`${ROW}[href="${callPath(call.call_id)}"]`));
  await finding(page, rule);
  return call;
}

const JOURNEYS = [
  ['drops-after-30-s', 2, async (at) => {
    await fromNumber(at, 'ACK_MISSING', 'finding = ACK_MISSING');
    await seen(at.page, '.ladder .row .times');
  }],
  ['nobody-can-call', 2, async ({ page, hand, all }) => {
    const { registrations } = await all.ask(page, 'registrations', { from: all.settings.from, q: '', limit: 1 });
    check(registrations.length > 0, 'no registration');
    await hand.query(registrations[0].user);
    await hand.click(page.locator('[role=tab]', { hasText: 'Registrations' }));
    await seen(page, `.list.registrations ${ROW}`, { hasText: registrations[0].user });
  }],
  ['one-way-audio', 2, async (at) => {
    await fromNumber(at, 'ONE_WAY_AUDIO', '"PR=0"');
    await seen(at.page, '.ladder .row[data-kind=media]');
  }],
  ['bad-quality', 3, async (at) => {
    await fromNumber(at, 'QUALITY_LOW', 'exists rtcp.ssrc');
    await at.hand.click(at.page.locator('[role=tab]', { hasText: 'Media' }));
    await seen(at.page, '.quality .mos');
    check((await at.page.locator('.quality tbody tr .mos').count()) >= 2, 'not a score for each direction');
  }],
  ['asr-fell', 4, async ({ page, hand, all }) => {
    await page.goto(all.url('/alerts'));
    const alert = page.locator('.alerts li', { hasText: 'Few calls are answered' });
    await hand.click(alert.locator('a', { hasText: 'Look at it' }));
    const chart = page.locator('.tile[data-figure=ASR] .chart');
    await chart.waitFor();
    const before = page.url();
    await hand.drag(chart, 0.3, 0.98);
    await page.waitForURL((url) => url.toString() !== before && url.hash.includes('to=20'));
    await page.locator('.asking').waitFor({ state: 'detached' });
    await hand.click('.signatures td.number a');
    await seen(page, ROW);
    await hand.key('Enter');
    await seen(page, '.ladder .row');
  }],
  ['new-after-the-release', 3, async ({ page, hand }) => {
    await hand.key('g', 'f');
    await seen(page, '.signatures td.number a');
    await hand.key('t');
    await page.waitForURL((url) => url.hash.includes('seen=new'));
    await hand.click('.signatures .examples a');
    await seen(page, '.ladder .row');
  }],
  ['trace-by-any-id', 1, async ({ page, hand, all }) => {
    const call = await all.callWith(page, 'ACK_MISSING', 'finding = ACK_MISSING');
    await hand.query(call.call_id);
    await page.waitForURL((url) => url.hash.startsWith(callPath(call.call_id)));
    await seen(page, '.ladder .row');
    check((await page.locator('.ladder .host').count()) >= 3, 'less than three hosts');
  }],
  ['prove-it', 4, async ({ page, hand, all }) => {
    const call = await all.callWith(page, 'ACK_MISSING', 'finding = ACK_MISSING');
    await hand.query(call.call_id);
    await seen(page, '.ladder .row');
    await hand.key('F2');
    await hand.click(page.locator('dialog label', { hasText: 'numbers' }));
    const [download] = await Promise.all([page.waitForEvent('download'), hand.click('dialog button[data-export=html]')]);
    const text = await textOf(download);
    check(text.includes('<svg') && text.includes('ACK_MISSING'), 'no ladder or finding in it');
    check(!text.includes(call.summary.from_user), 'the number of the caller is in it');
  }],
  ['live', 3, async ({ page, hand, all }) => {
    const number = `49301${Date.now() % 1_000_000}`;
    await hand.key('g', 'l');
    await seen(page, '.lamp.open');
    await hand.query(`from_user = "${number}"`);
    await page.waitForURL((url) => url.hash.includes(number));
    await seen(page, '.lamp.open');
    await hand.key('l');
    await all.tell(page, invites(1, { number, agent: 'phone' }));
    await seen(page, '.ladder .row[data-method=INVITE]');
  }],
  ['who-scans', 3, async ({ page, hand, all }) => {
    await all.tell(page, invites(12, { number: 'sip', agent: 'friendly-scanner', refusal: '403 Forbidden' }));
    await settled(all, page, 'finding = SCANNER', 12);
    await hand.key('g', 'o');
    await seen(page, '.tile');
    await hand.query('finding = SCANNER');
    await page.waitForURL((url) => url.hash.includes('SCANNER'));
    hand.steps += 1;
    await page.locator('.by').selectOption('src');
    await seen(page, '.groups tbody a', { hasText: '203.0.113.200' });
  }],
  ['stir-shaken', 2, async (at) => {
    await fromNumber(at, 'SHAKEN_INVALID', 'finding = SHAKEN_INVALID');
  }],
  ['terminal', 1, async ({ page, hand, all }) => {
    const { PROGRAM: program, TOKEN: token } = process.env;
    const call = await all.callWith(page, 'ACK_MISSING', 'finding = ACK_MISSING');
    hand.steps += 1;
    const { stdout } = await promisify(execFile)(program, ['call', call.call_id, '--width', '120'], { env: { ...process.env, RHAPSODE_SERVER: all.settings.baseUrl, RHAPSODE_TOKEN: token } });
    check(stdout.includes('INVITE') && stdout.includes('ACK_MISSING'), `no ladder or finding:\n${stdout}`);
  }, () => (process.env.PROGRAM && process.env.TOKEN ? null : 'PROGRAM and TOKEN are not set')],
];

async function textOf(download) {
  const parts = [];
  for await (const part of await download.createReadStream()) parts.push(part);
  return Buffer.concat(parts).toString();
}

async function settled(all, page, q, number) {
  for (let tries = 0; tries < 150; tries += 1) {
    if ((await all.ask(page, 'calls', { from: all.settings.from, q })).calls.length >= number) return;
    await page.waitForTimeout(100);
  }
  throw new Error(`not ${number} calls by "${q}"`);
}

/** Calls from one host that begin, and are refused where `refusal` says with what. */
function invites(count, { number, agent, refusal = null }) {
  const [client, server] = ['203.0.113.200', '198.51.100.1'];
  return Array.from({ length: count }, (_, place) => {
    const callId = `${agent}-${Date.now()}-${place}@e2e`;
    const now = Date.now();
    const message = (src, dst, line, after, further) =>
      packet(src, dst, now, place * 100 + after, [
        line,
        `Via: SIP/2.0/UDP ${client}:5060;branch=z9hG4bK-${callId}`,
        `From: <sip:${number}@example.com>;tag=${place}`,
        `To: <sip:b@example.com>${after > 0 ? ';tag=b' : ''}`,
        `Call-ID: ${callId}`,
        ...further,
      ]);
    const request = message(client, server, 'INVITE sip:b@example.com SIP/2.0', 0, ['CSeq: 1 INVITE', `User-Agent: ${agent}`]);
    if (refusal === null) return [request];
    return [request, message(server, client, `SIP/2.0 ${refusal}`, 10, ['CSeq: 1 INVITE']), message(client, server, 'ACK sip:b@example.com SIP/2.0', 20, ['CSeq: 1 ACK'])];
  }).flat();
}

await visit(async (all) => {
  const page = await all.page();
  await page.goto(all.url('/search'));
  await all.logIn(page);
  all.expectedStatuses = [];
  const told = [];
  for (const [place, [name, steps, go, lacking]] of JOURNEYS.entries()) {
    const missing = lacking?.() ?? null;
    if (missing !== null) {
      console.log(`LEFT OUT  ${name}: ${missing}`);
      continue;
    }
    await page.goto('about:blank');
    await page.goto(all.url(`/search?from=${encodeURIComponent(all.settings.from)}`));
    await page.locator('input[role=combobox]').waitFor();
    const hand = new Hand(page);
    try {
      await go({ page, hand, all });
    } catch (failure) {
      throw new Error(`journey ${name}, after ${hand.steps} steps: ${failure.message}`);
    }
    await all.shot(page, `journey-${String(place + 1).padStart(2, '0')}-${name}`);
    check(hand.steps === steps && steps <= STEPS_MAX, `journey ${name} takes ${hand.steps} steps instead of ${steps}`);
    all.noComplaints(name);
    told.push(`${String(steps).padStart(2)}  ${name}`);
    console.log(`ok    ${steps} ${steps === 1 ? 'step ' : 'steps'}  ${name}`);
  }
  writeFileSync(join(all.settings.outDir, 'journeys.txt'), told.map((line) => `${line}\n`).join(''));
});
