import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import path from 'node:path'
import { commandScript } from '../support/cli/command-script.ts'
import { until } from '../support/until.ts'
import { expect, TREE, test } from './desktop.ts'
import { resize, USUAL, WIDE } from './look/look.ts'
import { pictures } from './pictures.ts'

const FILES = 12

function flipBit(file: string): void {
  const { atime, mtime } = statSync(file)
  const bytes = readFileSync(file)
  bytes[9] = (bytes[9] ?? 0) ^ 1
  writeFileSync(file, bytes)
  utimesSync(file, atime, mtime)
}

/** Runs `holdfast verify`, which exits with 1 because it finds damage. */
const verify = (data: string, name: string) =>
  new Promise<number>((resolve) => {
    const child = execFile(process.execPath, [commandScript, 'verify', name, '--data', data], () =>
      resolve(child.exitCode ?? -1),
    )
  })

test('destinations page: a file that no destination can give back is shown, and "Repair" brings it back', async ({
  desktop,
}) => {
  test.setTimeout(240_000)
  const base = await mkdtemp(path.join(tmpdir(), 'holdfast-heal-'))
  const folders = ['nas', 'usb'].map((name) => path.join(base, name))
  for (const folder of folders) mkdirSync(path.join(folder, '.holdfast'), { recursive: true })
  const copies = folders.map((folder) => path.join(folder, hostname(), 'photos'))
  const copyOf = (place: number, name: string) => path.join(copies[place] ?? '', name)
  const source = path.join(base, 'photos')
  mkdirSync(source)
  const names = Array.from({ length: FILES }, (_, index) => `IMG_${1000 + index}.CR3`)
  for (const [index, name] of names.entries())
    writeFileSync(path.join(source, name), Buffer.alloc(5000, index))
  try {
    const running = await desktop.start({
      settings: {
        sources: [{ id: 's', path: source, name: 'photos' }],
        destinations: folders.map((folder, index) => ({
          ...{ id: `d${index}`, kind: 'folder', name: path.basename(folder), path: folder },
        })),
        check: { intervalSeconds: 1 },
      },
    })
    const isAt = async (count: 'sentFiles' | 'deletedFiles') =>
      (await state()).destinations.every(({ totals }) => totals[count] === FILES)
    const { page, state } = running
    await until('all to be sent', () => isAt('sentFiles'))
    for (const name of names) rmSync(path.join(source, name))
    await until('all to be gone here', () => isAt('deletedFiles'))

    const lost = names[0] ?? ''
    for (const name of names.slice(0, 8)) flipBit(copyOf(0, name))
    flipBit(copyOf(1, lost))
    expect(await verify(desktop.dataDirectory, 'nas')).toBe(1)
    await page.getByRole('tab', { name: /Destinations/ }).click()
    const card = page.getByRole('article', { name: 'nas' })
    await expect(card).toContainText('1 file is damaged or missing here.', { timeout: 60_000 })
    await expect(card).toContainText('Repaired: 7 · sent again: 0 · not repaired: 1', { timeout: 60_000 })
    await card.locator('summary').click()
    await expect(card).toContainText(`photos/${lost} is damaged at usb, too.`)
    await expect(page.getByRole('status').first()).toContainText('1 file at nas is damaged or missing.', {
      timeout: 30_000,
    })
    await pictures(page, 'heal-left')
    await resize(running, WIDE)
    await pictures(page, 'heal-left-wide')
    await resize(running, USUAL)

    await card.getByRole('button', { name: 'Repair' }).click()
    await expect(card).toContainText('Repaired: 0 · sent again: 0 · not repaired: 1', { timeout: 60_000 })
    flipBit(copyOf(1, lost))
    await card.getByRole('button', { name: 'Repair' }).click()
    await expect(card).toContainText('1 file was repaired', { timeout: 60_000 })
    await expect(card).not.toContainText('damaged')
    await pictures(page, 'heal-done')
    expect(existsSync(path.join(desktop.dataDirectory, 'healing'))).toBe(false)
    for (const name of names) expect(readFileSync(copyOf(0, name))).toEqual(readFileSync(copyOf(1, name)))
    expect(await verify(desktop.dataDirectory, 'nas')).toBe(0)
  } finally {
    rmSync(base, TREE)
  }
})
