import { mkdir, mkdtemp, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { storeLayout } from '../../core/store/layout.ts'
import { openManifestFile } from '../../core/store/manifest/manifest.ts'
import { until } from '../support/until.ts'
import { type Desktop, expect, type Running, TREE, test } from './desktop.ts'
import { findViolations, keepPicture, resize, tooWide, USUAL } from './look/look.ts'
import { pictures } from './pictures.ts'

let base: string
test.beforeEach(async () => {
  base = await mkdtemp(path.join(tmpdir(), 'holdfast-restore-'))
})
test.afterEach(() => rm(base, TREE))

const FILES = {
  'Measurements/2025/may.csv': 'five',
  'Measurements/2025/june.csv': 'six!',
  'Measurements/notes.txt': 'first notes',
}

/** Starts with a source whose files are all at a destination. */
async function startWithFiles(desktop: Desktop): Promise<Running & { source: string }> {
  const source = path.join(base, 'Station')
  for (const [name, text] of Object.entries(FILES)) {
    const file = path.join(source, name)
    await mkdir(path.dirname(file), { recursive: true })
    await writeFile(file, text, { mode: 0o640 })
    await utimes(file, 1_750_000_000, 1_750_000_000)
  }
  const running = await desktop.start({ settings: { sources: [{ id: 's', path: source, name: 'Station' }] } })
  await mkdir(path.join(base, 'shelf'))
  await running.page.evaluate(
    async (folder) => {
      const destination = {
        kind: 'folder',
        name: 'shelf',
        path: folder,
        recipient: null,
        hideNames: false,
      } as const
      await window.holdfast.call('addDestination', { destination, secrets: {} })
    },
    path.join(base, 'shelf'),
  )
  await untilSent(running, 3)
  return { ...running, source }
}

const untilSent = ({ state }: Running, files: number) =>
  until('all files to be sent', async () => {
    const { totals, destinations } = await state()
    return destinations[0]?.name === 'shelf' && totals.waitingFiles === 0 && totals.sentFiles === files
  })

/** Opens the restore page of the source through its own menu, and returns its list. */
async function openRestore({ page }: Running) {
  await page.getByRole('button', { name: 'Actions for Station' }).click()
  await page.getByRole('menuitem', { name: 'Restore…' }).click()
  const rows = page.getByRole('region', { name: 'Files to restore' })
  await expect(rows.getByRole('button', { name: 'Measurements', exact: false }).first()).toBeVisible()
  return rows
}

test('restore: a deleted folder is put back where it was by three clicks, with bytes, times and modes', {
  tag: '@story',
}, async ({ desktop }) => {
  const running = await startWithFiles(desktop)
  const { page, source } = running
  const file = path.join(source, 'Measurements/2025/may.csv')
  const before = await stat(file)
  await rm(path.join(source, 'Measurements/2025'), { recursive: true })
  const rows = await openRestore(running)
  await rows.getByRole('checkbox', { name: 'Only what is missing here' }).check()
  await expect(rows.locator('.local-mark')).toHaveCount(2)
  await pictures(page, 'restore-missing')
  await rows.getByRole('button', { name: 'Restore 2 files…' }).click()
  const dialog = page.getByRole('dialog', { name: 'Restore', exact: true })
  await expect(dialog).toContainText(`Result: ${source}`)
  await pictures(page, 'restore-in-place', 'themes')
  await dialog.getByRole('button', { name: 'Put back', exact: true }).click()
  await expect(dialog).toContainText(`All 2 files were restored to ${source}.`)
  await pictures(page, 'restore-in-place-done', 'themes')
  const after = await stat(file)
  expect(await readFile(file, 'utf8')).toBe('five')
  expect([after.mode, after.mtimeMs]).toEqual([before.mode, before.mtimeMs])
  await dialog.getByRole('button', { name: 'Close', exact: true }).last().click()
  await expect(rows).toContainText('Nothing is missing here.')
  // The result was closed with its dialog.
  await expect(page.getByRole('region', { name: 'Progress of the restore' })).toHaveCount(0)
})

/** An older version is opened from a read-only copy, by whatever the desktop opens such files with. */
async function viewOlder({ holdfast }: Running, press: () => Promise<void>): Promise<void> {
  const { application } = holdfast
  await application.evaluate(({ shell }) => {
    shell.openPath = async (file) => {
      Object.assign(globalThis, { opened: file })
      return ''
    }
  })
  await press()
  const opened = () => application.evaluate(() => (globalThis as { opened?: string }).opened)
  const file = await until('a file to be opened', opened)
  expect(await readFile(file, 'utf8')).toBe('first notes')
  expect((await stat(file)).mode & 0o777).toBe(0o400)
  expect(path.basename(file)).toBe('notes.txt')
}

test('restore: an older version asks about the present file first, to keep both or to replace it', async ({
  desktop,
}) => {
  const running = await startWithFiles(desktop)
  const { page, source, state } = running
  const file = path.join(source, 'Measurements/notes.txt')
  await writeFile(file, 'second notes, longer')
  await until('the notes to be sent', async () => {
    const { totals } = await state()
    return totals.waitingFiles === 0 && totals.sentBytes === 4 + 4 + 20
  })
  const rows = await openRestore(running)
  await rows.getByRole('button', { name: 'Measurements' }).click()
  await rows.getByRole('button', { name: 'Versions of notes.txt' }).click()
  const older = rows.getByRole('list', { name: 'Versions of' }).getByRole('listitem').last()
  await viewOlder(running, () => older.getByRole('button', { name: 'View' }).click())
  const dialog = page.getByRole('dialog', { name: 'Restore', exact: true })
  // Versions of one minute differ.
  await expect(older).toContainText(/stored .*\d\d:\d\d:\d\d/)
  await older.getByRole('button', { name: 'Restore…' }).click()
  await expect(dialog.getByRole('radiogroup', { name: 'Another file is there' })).toBeVisible()
  await expect(dialog).toContainText(`Result: ${path.dirname(file)}/notes (restored …).txt`)
  await pictures(page, 'restore-asks', 'themes')
  await dialog.getByRole('button', { name: 'Put back', exact: true }).click()
  await expect(dialog).toContainText(/The file was restored beside the other one, as .*notes \(restored 2/)
  expect(await readFile(file, 'utf8')).toBe('second notes, longer')
  await dialog.getByRole('button', { name: 'Close', exact: true }).last().click()
  await rows.getByRole('button', { name: 'Versions of notes.txt' }).click()
  await older.getByRole('button', { name: 'Restore…' }).click()
  await dialog.getByRole('radio', { name: 'Replace' }).click()
  await expect(dialog).toContainText(`Result: ${file}`)
  await page.evaluate(() => window.holdfast.call('pause', { minutes: null }))
  await dialog.getByRole('button', { name: 'Replace', exact: true }).click()
  await expect(dialog).toContainText(`The file was restored to ${file}.`)
  expect(await readFile(file, 'utf8')).toBe('first notes')
  await dialog.getByRole('button', { name: 'Close', exact: true }).last().click()
  // The newest version there is another one until this one is sent again.
  await expect(rows.locator('.local-mark')).toHaveText(['different here'])
  await page.evaluate(() => window.holdfast.call('resume', {}))
  const unmarked = rows.filter({ hasText: 'notes.txt', hasNot: page.locator('.local-mark') })
  await expect(unmarked).toBeVisible()
})

test('restore: a past time at the top shows and restores the tree as it was', async ({ desktop }) => {
  const running = await startWithFiles(desktop)
  const { page, source } = running
  const then = new Date()
  await until('the next second', () => Date.now() > then.getTime() + 1_100)
  await writeFile(path.join(source, 'Measurements/later.txt'), 'later')
  await untilSent(running, 4)
  const rows = await openRestore(running)
  await rows.getByRole('button', { name: 'Measurements' }).click()
  await expect(rows).toContainText('later.txt')
  const local = new Date(then.getTime() - then.getTimezoneOffset() * 60_000 + 1_000)
    .toISOString()
    .slice(0, 19)
  await rows.getByLabel('As it was at').fill(local.replace('T', ' '))
  await expect(rows).toContainText('notes.txt')
  await expect(rows).not.toContainText('later.txt')
  // All of the folder is more than what a search has found.
  const all = rows.getByRole('button', { name: 'Restore 3 files as of' })
  const search = rows.getByRole('textbox', { name: 'Search by name' })
  await search.fill('may')
  await search.press('Enter')
  await expect(rows.getByRole('button', { name: 'Restore Measurements/2025/may.csv' })).toBeVisible()
  await expect(all).toHaveCount(0)
  await search.fill('')
  await all.click()
  const dialog = page.getByRole('dialog', { name: 'Restore', exact: true })
  await dialog.getByRole('radio', { name: 'Another folder' }).click()
  await dialog.getByRole('textbox', { name: 'Folder' }).fill(path.join(base, 'then'))
  await expect(dialog).toContainText(`Result: ${path.join(base, 'then/Measurements')}`)
  await dialog.getByRole('button', { name: 'Restore', exact: true }).click()
  await expect(dialog).toContainText('All 3 files were restored to')
  expect(await readFile(path.join(base, 'then/Measurements/2025/may.csv'), 'utf8')).toBe('five')

  // A result that no dialog shows is at the top of the page until it is closed.
  await dialog.getByRole('button', { name: 'Close', exact: true }).last().click()
  const result = page.getByRole('region', { name: 'Progress of the restore' })
  await expect(result).toHaveCount(0)
  const [{ id: destination = '' } = {}] = (await running.state()).destinations
  const again = { destination, folder: null, path: null, version: null, at: null, to: path.join(base, 'all') }
  await page.evaluate((wanted) => window.holdfast.call('restoreStart', wanted), again)
  await expect(result).toContainText('All 4 files were restored to')
  await pictures(page, 'restore-result')
  await result.getByRole('button', { name: 'Close' }).click()
  await expect(result).toHaveCount(0)
})

const OLDER_DAYS = 40

/** Returns a time of a day before this one, in milliseconds since 1970. */
function timeOfDay(daysAgo: number, hour: number, minute: number): number {
  const now = new Date()
  return new Date(now.getFullYear(), now.getMonth(), now.getDate() - daysAgo, hour, minute, 30).getTime()
}

/** Sets the times at which files were stored on the shelf, by their paths. */
function setStored(times: Readonly<Record<string, number>>): void {
  const { database } = openManifestFile(storeLayout(path.join(base, 'shelf')).manifest)
  const set = database.prepare('UPDATE file SET stored_at = ? WHERE coalesce(path, key) = ?')
  for (const [file, at] of Object.entries(times)) expect(set.run(at, file).changes).toBe(1)
  database.close()
}

test('restore: a bar of a day, and then of an hour, chooses the state after its changes, by mouse and keyboard', {
  tag: '@story',
}, async ({ desktop }) => {
  const running = await startWithFiles(desktop)
  const { page, source } = running
  const older = Array.from({ length: OLDER_DAYS }, (_, index) => `Measurements/older/${index}.csv`)
  await mkdir(path.join(source, 'Measurements/older'))
  for (const file of older) await writeFile(path.join(source, file), file)
  await untilSent(running, 3 + OLDER_DAYS)
  setStored({
    ...Object.fromEntries(older.map((file, index) => [file, timeOfDay(3 + index, 12, 0)])),
    'Measurements/2025/may.csv': timeOfDay(2, 10, 20),
    'Measurements/2025/june.csv': timeOfDay(2, 16, 40),
    'Measurements/notes.txt': timeOfDay(1, 9, 5),
  })
  const rows = await openRestore(running)
  const days = rows.getByRole('list', { name: 'Days with changes' }).getByRole('button')
  const hours = rows.getByRole('list', { name: /^Hours with changes on / }).getByRole('button')
  const field = rows.getByLabel('As it was at')
  await expect(days).toHaveCount(OLDER_DAYS + 2)
  await expect(hours).toHaveCount(0)

  await days.nth(-2).click()
  await expect(field).toHaveValue(/^\d{4}-\d\d-\d\d 16:41$/)
  await expect(rows.getByRole('button', { name: `Restore ${OLDER_DAYS + 2} files as of` })).toBeEnabled()
  await expect(hours).toHaveCount(2)
  await pictures(page, 'restore-days')
  for (const [width, zoom] of [[640, 2] as const, [700, 1] as const, [1240, 1] as const]) {
    await resize(running, { width, height: 800, zoom })
    expect(await tooWide(page)).toEqual([])
    await hours.last().scrollIntoViewIfNeeded()
    await keepPicture(running, `restore-days-${width / zoom}`)
  }
  await resize(running, USUAL)
  expect(await findViolations(page, false)).toEqual([])

  await hours.last().focus()
  await page.keyboard.press('ArrowLeft')
  await expect(hours.first()).toBeFocused()
  await page.keyboard.press('Enter')
  await expect(field).toHaveValue(/ 10:21$/)
  await expect(rows.getByRole('button', { name: `Restore ${OLDER_DAYS + 1} files as of` })).toBeEnabled()
  // Shift+Tab leads to the day, whose state it is as well.
  await page.keyboard.press('Shift+Tab')
  await expect(days.nth(-2)).toBeFocused()
  await expect(days.nth(-2)).toHaveAttribute('aria-pressed', 'true')
  await page.keyboard.press('Home')
  await expect(days.first()).toBeFocused()
  await page.keyboard.press(' ')
  await expect(rows.getByRole('button', { name: 'Restore 1 file as of' })).toBeEnabled()
  await page.keyboard.press(' ')
  await expect(field).toHaveValue('')
  await expect(rows.getByRole('button', { name: 'Restore all of this…' })).toBeEnabled()

  await field.fill('yesterday 14:00')
  await expect(days.last()).toHaveAttribute('aria-pressed', 'true')
  await expect(rows.getByRole('button', { name: `Restore ${OLDER_DAYS + 3} files as of` })).toBeEnabled()
})
