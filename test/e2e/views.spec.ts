import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { until } from '../support/until.ts'
import { expect, type Running, TREE, test } from './desktop.ts'
import { lookAt } from './look/look.ts'
import { addingViews, destinationViews, receiveFromOne, restoreViews } from './look/sending.ts'
import { addShelf, PHOTOS, photo, sendingWorld } from './look/worlds.ts'

// Its pictures are what somebody looks at.
test.use({ trace: 'off' })
test.describe.configure({ timeout: 300_000 })

let base: string
test.beforeEach(async () => {
  base = await mkdtemp(path.join(tmpdir(), 'holdfast-views-'))
})
test.afterEach(() => rm(base, TREE))

async function listening(port: number): Promise<net.Server> {
  const server = net.createServer()
  await new Promise<void>((done) => server.listen(port, '127.0.0.1', done))
  return server
}

const getPort = (server: net.Server) => (server.address() as net.AddressInfo).port

/** The first photo was sent twice. */
function hasOlder(page: Running['page']): Promise<boolean> {
  return page.evaluate(async (name) => {
    const { call } = window.holdfast
    const { state } = await call('snapshot', {})
    const shelf = state.destinations.find((one) => one.kind === 'folder')?.id ?? ''
    const file = { folder: 'photos', path: `2026/11/${name}` }
    return (await call('restoreVersions', { destination: shelf, ...file })).versions.length === 2
  }, photo(0))
}

/** A list is one stop of the Tab key: the arrows go from row to row, and within one. */
async function oneStop(page: Running['page']): Promise<void> {
  const rows = page.locator('.listing-rows')
  const focused = () => page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? '')
  await page.getByRole('button', { name: 'All folders' }).click()
  await expect(rows.getByRole('button', { name: 'documents' })).toBeFocused()
  await page.keyboard.press('ArrowDown')
  for (const name of ['photos', '2026', '11']) {
    await expect(rows.getByRole('button', { name, exact: true })).toBeFocused()
    await page.keyboard.press('Enter')
  }
  await expect(rows.getByRole('button', { name: `Where is ${photo(0)}` })).toBeFocused()
  await page.keyboard.press('ArrowRight')
  expect(await focused()).toBe(`Versions of ${photo(0)}`)
  await page.keyboard.press('ArrowRight')
  expect(await focused()).toBe(`Restore ${photo(0)}`)
  await page.keyboard.press('End')
  expect(await focused()).toContain(photo(PHOTOS - 1))
  await page.keyboard.press('Tab')
  expect(await rows.evaluate((list) => list.contains(document.activeElement))).toBe(false)
  await page.keyboard.press('Shift+Tab')
  expect(await focused()).toContain(photo(PHOTOS - 1))
}

test('destinations page: all views are free of accessibility violations and fit 200 pixels', async ({
  desktop,
}) => {
  // Accepts, and says nothing.
  const silent = await listening(0)
  const free = await listening(0)
  const port = getPort(free)
  free.close()
  try {
    const running = await desktop.start({ settings: await sendingWorld(base, getPort(silent)) })
    const { page } = running
    await addShelf(running, base, ['documents'])
    await writeFile(path.join(base, 'photos/2026/11', photo(0)), Buffer.alloc(5_000, 'new'))
    await until('an older version', () => hasOlder(page))
    await receiveFromOne(running, path.join(base, 'store'), port)
    const views = restoreViews(running, path.join(base, 'restored'))
    await views[0]?.open()
    await test.step('a list is one stop', () => oneStop(page))
    const found = await lookAt(running, [...destinationViews(running), ...addingViews(running), ...views])
    expect(found).toEqual([])
  } finally {
    silent.close()
  }
})
