// What pages may take: bytes and requests of the first load, elements of long lists and ladders.

import { check, packet } from './browser.mjs';

/** Of all that the first page loads, compressed as it is sent; the call's page, charts and the editor come later. */
const FIRST_LOAD_BYTES_MAX = 120_000;
/** The document, its scripts and style, the picture of the tab, what the server is and who is logged in. */
const FIRST_LOAD_REQUESTS_MAX = 10;
/** Rows of a list that may exist at a time: those in sight of a high screen and some beside. */
const ROWS_MAX = 120;
const LADDER_MESSAGES = 500;

/** Loads the program for the first time: bytes as they came over the wire, and how many requests. */
export async function firstLoad(all, page) {
  const wire = await page.context().newCDPSession(page);
  await wire.send('Network.enable');
  const requests = [];
  let bytes = 0;
  wire.on('Network.requestWillBeSent', ({ request }) => request.url.startsWith('http') && requests.push(request.url));
  wire.on('Network.loadingFinished', ({ encodedDataLength }) => (bytes += encodedDataLength));
  await page.goto(all.url('/search'), { waitUntil: 'networkidle' });
  await page.locator('input[name=user]').waitFor();
  await wire.detach();
  check(bytes > 0 && bytes < FIRST_LOAD_BYTES_MAX, `the first load takes ${bytes} bytes of ${FIRST_LOAD_BYTES_MAX}`);
  check(requests.length <= FIRST_LOAD_REQUESTS_MAX, `the first load makes ${requests.length} requests: ${requests.join(' ')}`);
  return [`first load: ${bytes} bytes in ${requests.length} requests`];
}

/** A long list scrolled to its end, and a ladder of 500 messages: only what is in sight exists. */
export async function windows(all, page) {
  await page.goto(all.url(`/search?tab=messages&from=${encodeURIComponent(all.settings.from)}`));
  const rows = page.locator('[role=option].row');
  await rows.first().waitFor();
  const seen = await page.locator('.scroller').evaluate(async (scroller) => {
    const frame = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    let most = 0;
    let listed = 0;
    for (let turn = 0; turn < 60; turn += 1) {
      scroller.scrollTop = scroller.scrollHeight;
      await frame();
      const found = scroller.querySelectorAll('[role=option]');
      most = Math.max(most, found.length);
      listed = Number(found[0]?.getAttribute('aria-setsize') ?? 0);
    }
    return { most, listed };
  });
  check(seen.listed > 5 * ROWS_MAX, `only ${seen.listed} messages are listed: too few to tell`);
  check(seen.most <= ROWS_MAX, `${seen.most} rows of ${seen.listed} exist at a time`);

  const { callId, told } = longCall();
  await all.tell(page, told);
  const address = `call/${encodeURIComponent(callId)}`;
  for (let tries = 0; (await page.request.get(new URL(`api/v1/${address}`, all.settings.baseUrl).toString())).status() === 404 && tries < 50; tries += 1) await page.waitForTimeout(100);
  const { drawn, ladderRows, messages } = await drawCall(all, page, callId);
  check(messages === LADDER_MESSAGES, `the call has ${messages} messages instead of ${LADDER_MESSAGES}`);
  check(ladderRows > 10 && ladderRows <= ROWS_MAX, `${ladderRows} rows of a ladder of ${LADDER_MESSAGES} exist`);
  return [`list: ${seen.most} rows of ${seen.listed} exist at most`, `ladder of ${LADDER_MESSAGES} messages: ${ladderRows} rows exist, drawn ${drawn.toFixed(0)} ms after its answer came`];
}

/** Opens a call twice: the second time no script is loaded any more. From the answer's arrival to the frame after the ladder. */
async function drawCall(all, page, callId) {
  await page.goto(all.url(`/call/${encodeURIComponent(callId)}`));
  await page.locator('.ladder .row').first().waitFor();
  await page.goto(all.url('/search'));
  await page.locator('input[role=combobox]').waitFor();
  await page.evaluate(() => {
    window.drawnAt = new Promise((done) => {
      const watcher = new MutationObserver(() => {
        if (document.querySelector('.ladder .row') === null) return;
        watcher.disconnect();
        requestAnimationFrame(() => setTimeout(() => done(performance.now())));
      });
      watcher.observe(document.body, { childList: true, subtree: true });
    });
    performance.clearResourceTimings();
  });
  const [answer] = await Promise.all([page.waitForResponse((response) => response.url().includes('/api/v1/call/')), page.goto(all.url(`/call/${encodeURIComponent(callId)}`))]);
  const drawn = await page.evaluate(async () => {
    const at = await window.drawnAt;
    const came = performance.getEntriesByType('resource').findLast((entry) => entry.name.includes('/api/v1/call/'));
    return at - came.responseEnd;
  });
  return { drawn, ladderRows: await page.locator('.ladder .row').count(), messages: (await answer.json()).messages.length };
}

/** A dialog that never ends: requests inside it and their replies, between three hosts. */
function longCall() {
  const callId = `long-${Date.now()}@e2e`;
  const begin = Date.now() - 300_000;
  const hosts = ['203.0.113.1', '198.51.100.1', '192.0.2.1'];
  const told = Array.from({ length: LADDER_MESSAGES }, (_, number) => {
    const turn = Math.floor(number / 4);
    const hop = [0, 1, 1, 0][number % 4];
    const isReply = number % 4 > 1;
    const method = turn === 0 ? 'INVITE' : 'INFO';
    const [src, dst] = isReply ? [hosts[hop + 1], hosts[hop]] : [hosts[hop], hosts[hop + 1]];
    return packet(src, dst, begin + number * 250, 0, [
      isReply ? 'SIP/2.0 200 OK' : `${method} sip:b@example.com SIP/2.0`,
      `Via: SIP/2.0/UDP ${hosts[hop]}:5060;branch=z9hG4bK-${turn}-${hop}`,
      'From: <sip:a@example.com>;tag=a',
      `To: <sip:b@example.com>${turn > 0 || isReply ? ';tag=b' : ''}`,
      `Call-ID: ${callId}`,
      `CSeq: ${turn + 1} ${method}`,
    ]);
  });
  return { callId, told };
}
