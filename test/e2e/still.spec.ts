import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { until } from '../support/until.ts'
import { expect, TREE, test } from './desktop.ts'
import { readPlaces, watchPlaces } from './places.ts'

const FILES = 2_000
/** Number of files that are written at once. */
const BURST = 100

interface Recorded {
  /** The headlines that a screen reader reads out, with # for numbers. */
  spoken: string[]
}

function recordSpoken(): void {
  const spoken: string[] = []
  Object.assign(window, { spoken })
  const region = document.querySelector('.header [role="status"]')
  if (region === null) return
  let last = region.textContent
  const changed = () => {
    const now = region.textContent
    const headline = region.querySelector('h1')?.textContent ?? ''
    if (now !== last && region.getAttribute('aria-live') === 'polite')
      spoken.push(headline.replace(/[\d,]+/g, '#'))
    last = now
  }
  new MutationObserver(changed).observe(region, {
    ...{ subtree: true, childList: true, characterData: true, attributes: true },
  })
}

test('window: header, tabs and source rows keep their places and heights while 2,000 small files are sent', async ({
  desktop,
}) => {
  const base = await mkdtemp(path.join(tmpdir(), 'holdfast-still-'))
  const [busy, calm] = [path.join(base, 'busy'), path.join(base, 'calm')]
  for (const one of [busy, calm]) await mkdir(one)
  const { page, state } = await desktop.start({
    settings: {
      sources: [
        { id: 'busy', path: busy, name: 'Measurements of the northern station, second series' },
        { id: 'calm', path: calm, name: 'calm' },
      ],
      scan: { quietSeconds: 0.1 },
    },
  })
  await until('the rows', async () => (await page.locator('.source').count()) === 2)
  await watchPlaces(page)
  await page.evaluate(recordSpoken)
  for (let index = 0; index < FILES; index += BURST) {
    const names = Array.from({ length: BURST }, (_, one) => path.join(busy, `${index + one}.dat`))
    await Promise.all(names.map((name) => writeFile(name, name)))
  }
  await until('all to be sent', async () => (await state()).totals.sentFiles === FILES)
  await expect(page.locator('.source-figure').first()).toContainText('2,000')
  const { frame, rows } = await readPlaces(page)
  expect(frame).toHaveLength(1)
  expect(rows).toHaveLength(1)
  const spoken = await page.evaluate(() => (window as unknown as Recorded).spoken)
  expect(spoken).toContain('Sending # files.')
  expect(spoken.filter((one, index) => one === spoken[index - 1])).toEqual([])
  // A check may write its probe file beside it.
  await rm(base, TREE)
})
