// The steps of a board: made with two panels, moved by keys, kept, shared, taken along as a file and brought back.

import { readFile, writeFile } from 'node:fs/promises';
import { check } from './browser.mjs';

/** `at` gives the address of a page, `step` names what is done, `shot` keeps a picture. */
export async function boardSteps(page, { at, step, shot, outDir }) {
  const panel = (title) => page.locator(`.panel[data-panel="${title}"]`);
  const shown = (title) => panel(title).locator('[data-state=shown]').waitFor();

  await step('make a board of two panels', async () => {
    await page.goto(at('/boards'));
    await page.locator('.templates a').first().waitFor();
    await page.keyboard.press('n');
    await page.locator('input[name=title]').fill('Of the test');
    // As far back as there is something.
    await page.locator('.settings select').first().selectOption('-24h');
    await page.locator('.empty button', { hasText: 'Add a panel' }).click();
    await page.locator('input[name=panel]').fill('How many');
    await page.locator('dialog .segments button', { hasText: 'number' }).click();
    await page.locator('input[name=warn]').fill('1');
    await page.locator('input[name=bad]').fill('0');
    await page.locator('dialog .preview .value').waitFor();
    await shot(page, 'board-panel');
    await page.locator('dialog button[type=submit]').click();
    await panel('How many').waitFor();
    await page.locator('button', { hasText: 'Add a panel' }).click();
    await page.locator('input[name=panel]').fill('By status');
    await page.locator('dialog .segments button', { hasText: 'bars' }).click();
    await page.locator('dialog .segments button', { hasText: 'Search' }).click();
    await page.locator('select[name=by]').selectOption('status');
    // A single group needs no legend.
    await page.locator('dialog .preview [data-state=shown] .plot').waitFor();
    await page.locator('dialog button[type=submit]').click();
    await panel('By status').waitFor();
  });

  await step('move and size a panel by keys, and keep the board', async () => {
    const place = () => panel('By status').evaluate((element) => element.style.gridArea);
    const before = await place();
    await panel('By status').locator('.grip').focus();
    await page.keyboard.press('Shift+ArrowDown');
    await page.keyboard.press('ArrowLeft');
    check((await place()) !== before, `the keys moved nothing: ${before}`);
    await page.locator('button', { hasText: 'Save' }).click();
    await page.waitForURL((url) => /^#\/boards\/\d+$/.test(url.hash));
    await shown('How many');
    await shown('By status');
    check(await panel('How many').locator('.grade').isVisible(), 'the number is not graded');
    await shot(page, 'board');
  });

  let number;
  await step('share a board, and take it along as a file', async () => {
    number = Number(/\d+$/.exec(new URL(page.url()).hash)[0]);
    await page.locator('button', { hasText: /^Share$/ }).click();
    await page.locator('button', { hasText: 'Unshare' }).waitFor();
    const [download] = await Promise.all([page.waitForEvent('download'), page.locator('button', { hasText: 'Export' }).click()]);
    check(download.suggestedFilename() === 'of-the-test.board.json', `the file is called ${download.suggestedFilename()}`);
    await download.saveAs(`${outDir}/of-the-test.board.json`);
    const board = JSON.parse(await readFile(`${outDir}/of-the-test.board.json`, 'utf8'));
    check(board.rhapsode_board === 1 && board.panels.length === 2 && board.shared === undefined, `the file is no board: ${JSON.stringify(board)}`);
    await writeFile(`${outDir}/of-the-test.board.json`, JSON.stringify({ ...board, title: 'Brought back' }));
  });

  await step('bring a board back from a file', async () => {
    await page.goto(at('/boards'));
    await page.locator('.templates a').first().waitFor();
    await page.locator('input[type=file]').setInputFiles(`${outDir}/of-the-test.board.json`);
    await page.waitForURL((url) => /^#\/boards\/\d+$/.test(url.hash) && !url.hash.endsWith(`/${number}`));
    await shown('By status');
    await page.locator('button', { hasText: /^Share$/ }).waitFor();
  });

  await step('find the calls behind a point of a board', async () => {
    const plot = panel('By status').locator('.plot');
    await plot.focus();
    // Of the most frequent status, from the newest point to one that has calls.
    await page.keyboard.press('ArrowDown');
    const POINTS_MAX = 130;
    for (let tries = 0; tries < POINTS_MAX && !/ [1-9]\d*$/.test((await plot.getAttribute('aria-valuetext')) ?? ''); tries += 1) await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('Enter');
    await page.waitForURL((url) => url.hash.startsWith('#/search') && url.hash.includes('status'));
    await page.goBack();
    await shown('By status');
  });

  await step('remove boards', async () => {
    await page.goto(at('/boards'));
    for (const title of ['Of the test', 'Brought back']) {
      const row = page.locator('.boards li', { hasText: title });
      if (title === 'Of the test') check((await row.innerText()).includes('shared'), 'the board is not shared');
      await shot(page, 'boards');
      await row.locator('button', { hasText: 'Remove' }).click();
      await row.locator('button', { hasText: 'Remove it' }).click();
      await row.waitFor({ state: 'detached' });
    }
  });
}
