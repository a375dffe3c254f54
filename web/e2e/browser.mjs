// What the runs of the browser share: where the server is, how one logs in, and what a page may never do.

import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

export const WIDE = { width: 1440, height: 900 };
export const PHONE = { width: 390, height: 844 };
const CALLS_TRIED_MAX = 100;
const WANTED = ['BASE_URL', 'USER', 'PASSWORD', 'OUT_DIR'];

/** What the environment says; ends the run where it lacks something. */
export function settingsOfEnvironment() {
  const lacking = WANTED.filter((name) => (process.env[name] ?? '') === '');
  if (lacking.length > 0) {
    console.error(`e2e: the environment lacks ${lacking.join(', ')}`);
    process.exit(2);
  }
  const { BASE_URL: baseUrl, USER: user, PASSWORD: password, OUT_DIR: outDir } = process.env;
  mkdirSync(outDir, { recursive: true });
  return { baseUrl, user, password, outDir, from: process.env.FROM ?? '-24h', patience: Number(process.env.PATIENCE ?? 15) * 1_000 };
}

export function check(condition, message) {
  if (!condition) throw new Error(message);
}

/** A SIP message as an agent tells of it in JSON, seen so many microseconds after this millisecond. */
export function packet(src, dst, milliseconds, after, lines) {
  const micros = milliseconds * 1_000 + after;
  return {
    rcinfo: { protocolFamily: 2, protocol: 17, srcIp: src, dstIp: dst, srcPort: 5060, dstPort: 5060, timeSeconds: Math.floor(micros / 1_000_000), timeUseconds: micros % 1_000_000, payloadType: 1, hepNodeName: 'e2e' },
    payload: [...lines, 'Content-Length: 0', '\r\n'].join('\r\n'),
  };
}

/** A browser with one session of the user, whose pages tell what they should not have done. */
export class Visit {
  constructor(settings, browser, context) {
    this.settings = settings;
    this.browser = browser;
    this.context = context;
    /** What pages did that they never may: errors, requests to other hosts, breaches of the policy. */
    this.complaints = [];
    /** Answers that are provoked; the browser reports them as errors of its own. */
    this.expectedStatuses = [401];
  }

  static async begin(settings) {
    const browser = await chromium.launch({
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
    });
    const context = await browser.newContext({ viewport: WIDE, colorScheme: 'light', reducedMotion: 'reduce', timezoneId: 'UTC', acceptDownloads: true });
    return new Visit(settings, browser, context);
  }

  async page() {
    const page = await this.context.newPage();
    page.setDefaultTimeout(this.settings.patience);
    const origin = new URL(this.settings.baseUrl).origin;
    page.on('console', (message) => {
      if (message.type() !== 'error') return;
      const status = Number(/status of (\d+)/.exec(message.text())?.[1]);
      if (!this.expectedStatuses.includes(status)) this.complaints.push(`console: ${message.text()}`);
    });
    page.on('pageerror', (error) => this.complaints.push(`script: ${error.message}`));
    page.on('request', (request) => {
      const url = new URL(request.url());
      if (url.protocol.startsWith('http') && url.origin !== origin) this.complaints.push(`request to another host: ${request.url()}`);
    });
    await page.exposeFunction('tellBreach', (text) => this.complaints.push(`against the policy: ${text}`));
    await page.addInitScript(() => document.addEventListener('securitypolicyviolation', (event) => window.tellBreach(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`)));
    return page;
  }

  url(path) {
    return new URL(`./#${path}`, this.settings.baseUrl).toString();
  }

  async logIn(page) {
    await page.locator('input[name=user]').fill(this.settings.user);
    await page.locator('input[name=password]').fill(this.settings.password);
    await page.keyboard.press('Enter');
    const refused = page.locator('form .notice.error');
    await page.locator('input[role=combobox]').or(refused).first().waitFor();
    check(!(await refused.isVisible()), 'the login was refused');
  }

  /** What the API answers to this session. */
  async ask(page, path, parameters = {}) {
    const answer = await page.request.get(new URL(`api/v1/${path}?${new URLSearchParams(parameters)}`, this.settings.baseUrl).toString());
    check(answer.ok(), `${path} answers ${answer.status()}`);
    return answer.json();
  }

  /** Sends packets as an agent would. */
  async tell(page, packets) {
    const answer = await page.request.post(new URL('api/v1/ingest', this.settings.baseUrl).toString(), { data: packets });
    check(answer.ok(), `the server does not take packets: ${answer.status()}`);
  }

  /** A call that `q` finds in whose page the rule speaks: what reports on media prove is not in the list's row. */
  async callWith(page, rule, q) {
    const { calls } = await this.ask(page, 'calls', { from: this.settings.from, q, limit: CALLS_TRIED_MAX });
    for (const call of calls) {
      const whole = await this.ask(page, `call/${encodeURIComponent(call.call_id)}`);
      if (whole.findings.some((finding) => finding.id === rule)) return whole;
    }
    throw new Error(`of ${calls.length} calls that "${q}" finds none has ${rule}`);
  }

  /** Makes a link to a call; answers where its page is. */
  async share(page, callId) {
    const answer = await page.request.post(new URL('api/v1/shares', this.settings.baseUrl).toString(), { data: { call_id: callId, note: 'Please look at who ended it.' } });
    check(answer.ok(), `no link is made: ${answer.status()}`);
    return `/share/${(await answer.json()).secret}`;
  }

  /** Keeps boards of those that are shipped; answers where each is. */
  async boards(page, names) {
    const found = {};
    for (const name of names) {
      const board = JSON.parse(readFileSync(new URL(`../src/lib/boards/templates/${name}.json`, import.meta.url), 'utf8'));
      const answer = await page.request.post(new URL('api/v1/boards', this.settings.baseUrl).toString(), { data: board });
      check(answer.ok(), `the board ${name} is not kept: ${answer.status()} ${await answer.text()}`);
      found[name] = `/boards/${(await answer.json()).id}`;
    }
    return found;
  }

  async shot(page, name) {
    await page.screenshot({ path: join(this.settings.outDir, `${name}.png`) });
  }

  noComplaints(where) {
    check(this.complaints.length === 0, `${where}: ${this.complaints.join('; ')}`);
  }
}

/** Runs `body` with a visit; ends the process with 1 and one clear line when something is not as it should be. */
export async function visit(body) {
  const all = await Visit.begin(settingsOfEnvironment());
  let failed = false;
  try {
    await body(all);
  } catch (failure) {
    failed = true;
    console.error(`FAIL  ${failure.message}`);
    for (const page of all.context.pages()) await all.shot(page, 'failure').catch(() => {});
  } finally {
    await all.browser.close();
  }
  process.exit(failed ? 1 : 0);
}
