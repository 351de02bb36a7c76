import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { until } from '../support/until.ts'
import { type Desktop, expect, type Running, TREE, test } from './desktop.ts'
import { findViolations } from './look/look.ts'
import { pictures } from './pictures.ts'

let base: string
test.beforeEach(async () => {
  base = await mkdtemp(path.join(tmpdir(), 'holdfast-file-'))
})
test.afterEach(() => rm(base, TREE))

/** Starts with a folder of two files at the destination "shelf", and one that a rule leaves out. */
async function start(desktop: Desktop): Promise<Running & { source: string }> {
  const source = path.join(base, 'Station')
  await mkdir(path.join(source, '2026'), { recursive: true })
  await mkdir(path.join(base, 'shelf/.holdfast'), { recursive: true })
  await writeFile(path.join(source, '2026/notes.txt'), 'first notes')
  await writeFile(path.join(source, '2026/large.dat'), Buffer.alloc(2 * 1024 * 1024))
  await writeFile(path.join(source, '2026/scrap.tmp'), 'x')
  const running = await desktop.start({
    settings: {
      sources: [{ id: 's', path: source, name: 'Station', ignore: ['*.tmp'] }],
      destinations: [{ id: 'shelf', kind: 'folder', name: 'shelf', path: path.join(base, 'shelf') }],
      scan: { quietSeconds: 0.1 },
    },
  })
  await sent(running, 2)
  return { ...running, source }
}

const sent = ({ state }: Running, files: number) =>
  until('the files to be sent', async () => {
    const { totals } = await state()
    return totals.waitingFiles === 0 && totals.sentFiles === files
  })

test('page of a file: a press on its name in the list shows where it is, its versions, and restores one', {
  tag: '@story',
}, async ({ desktop }) => {
  const running = await start(desktop)
  const { page, source } = running
  const file = path.join(source, '2026/notes.txt')
  await writeFile(file, 'second notes, longer')
  await sent(running, 2)
  await page.getByRole('tab', { name: /Transfers/ }).click()
  const name = page.getByRole('button', { name: 'Where is 2026/notes.txt' })
  await name.click()
  const dialog = page.getByRole('dialog', { name: 'notes.txt' })
  await expect(dialog).toContainText('Copied, but on this computer only.')
  await expect(dialog).toContainText(/shelf\s*has it since .*\(20 B\)/)
  await expect(dialog.getByRole('button', { name: 'Add destination' })).toBeVisible()
  await dialog.getByRole('button', { name: 'Versions' }).click()
  const versions = dialog.getByRole('list', { name: 'Versions of' }).getByRole('listitem')
  await expect(versions).toHaveCount(2)
  await pictures(page, 'file-page', 'themes')
  expect(await findViolations(page, false)).toEqual([])
  await versions.last().getByRole('button', { name: 'Restore…' }).click()
  const restore = page.getByRole('dialog', { name: 'Restore', exact: true })
  await expect(restore).toContainText('Another file is there')
  // Escape closes only the foremost dialog.
  await page.keyboard.press('Escape')
  await expect(restore).toBeHidden()
  await expect(dialog).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(dialog).toBeHidden()
  await expect(name).toBeFocused()
})

test('menu of a file: it opens the file, its folder, its page and the dialog that restores it, and copies the path', {
  tag: '@story',
}, async ({ desktop }) => {
  const { page, source, holdfast } = await start(desktop)
  await holdfast.application.evaluate(({ shell }) => {
    const seen = globalThis as { opened?: string[] }
    seen.opened = []
    shell.openPath = async (file) => {
      seen.opened?.push(`open ${file}`)
      return ''
    }
    shell.showItemInFolder = (file) => void seen.opened?.push(`show ${file}`)
  })
  await page.getByRole('tab', { name: /Transfers/ }).click()
  const actions = page.getByRole('button', { name: 'Actions for 2026/notes.txt' })
  const press = async (item: string) => {
    await actions.focus()
    await page.keyboard.press('Enter')
    await page.getByRole('menuitem', { name: item, exact: true }).press('Enter')
  }
  await actions.click()
  await expect(page.getByRole('menuitem')).toHaveText([
    ...['Open', 'Show in folder', 'Where is it', 'Versions', 'Restore…', 'Copy path'],
  ])
  await pictures(page, 'file-menu', 'themes')
  await page.keyboard.press('Escape')
  await press('Open')
  await press('Show in folder')
  const file = path.join(source, '2026/notes.txt')
  const opened = () => holdfast.application.evaluate(() => (globalThis as { opened?: string[] }).opened)
  await expect.poll(opened).toEqual([`open ${file}`, `show ${file}`])
  await press('Copy path')
  await expect(page.getByRole('alert')).toContainText(`Copied: ${file}`)
  await press('Versions')
  await expect(page.getByRole('dialog', { name: 'notes.txt' }).getByRole('list')).toBeVisible()
  await page.keyboard.press('Escape')
  await rm(file)
  await press('Restore…')
  const restore = page.getByRole('dialog', { name: 'Restore', exact: true })
  await expect(restore).toContainText(`Result: ${file}`)
  await restore.getByRole('button', { name: 'Put back' }).click()
  await expect(restore).toContainText('restored')
  await restore.getByRole('button', { name: 'Close' }).last().click()
  await expect(actions).toBeFocused()
  const refused = await page.evaluate(() =>
    window.holdfast
      .call('openFile', { source: 's', path: '../../etc/passwd', inFolder: false })
      .catch((error) => error.key),
  )
  expect(refused).toBe('refuse.noSource')
})

test('page of a file: a step is a button of the window, such as the rule that leaves the file out', async ({
  desktop,
}) => {
  const { page, source } = await start(desktop)
  await page.getByRole('tab', { name: /Transfers/ }).click()
  await page.evaluate(() => window.holdfast.call('pause', { minutes: null }))
  await writeFile(path.join(source, '2026/late.txt'), 'late')
  const dialog = page.getByRole('dialog', { name: 'late.txt' })
  // A file that no destination has cannot be restored: its page shows why.
  await page.getByRole('button', { name: 'Actions for 2026/late.txt' }).click()
  await page.getByRole('menuitem', { name: 'Restore…' }).click()
  await expect(dialog).toContainText('Not sent yet.')
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: 'Where is 2026/late.txt' }).click()
  await expect(dialog).toContainText('Sending is paused.')
  await pictures(page, 'file-waits', 'themes')
  await dialog.getByRole('button', { name: 'Resume', exact: true }).click()
  await expect(dialog).toContainText('Copied, but on this computer only.')
  await page.keyboard.press('Escape')
  await page.evaluate(() => window.holdfast.call('changeSource', { id: 's', changes: { ignore: ['*.txt'] } }))
  await page.getByRole('button', { name: 'Where is 2026/late.txt' }).click()
  await expect(dialog).toContainText('Left out now.')
  await dialog.getByRole('button', { name: 'Rules' }).click()
  await expect(dialog).toBeHidden()
  await expect(page.getByRole('textbox', { name: 'Leave out' })).toBeFocused()
})

test('Escape in a menu closes the menu, and neither the page nor the dialog around it', async ({
  desktop,
}) => {
  const { page } = await start(desktop)
  await page.getByRole('article', { name: 'Station' }).getByRole('button').first().click()
  const back = page.getByRole('button', { name: 'Back' })
  await expect(back).toBeVisible()
  await page.getByRole('button', { name: 'Actions for Station' }).click()
  await expect(page.getByRole('menu')).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(page.getByRole('menu')).toBeHidden()
  await expect(back).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(back).toBeHidden()
})
