import { closeSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { scannedSource } from '../../support/scan/bursts.ts'
import { until } from '../../support/until.ts'

describe.skipIf(process.platform !== 'linux')('files open for writing (Linux only)', () => {
  test('open files are counted, with the time and path of the first one, until they are closed', async () => {
    const { root, scanner, paths } = await scannedSource()
    const open = () => scanner.scanned.get('s')?.open ?? null
    for (let index = 0; index < 6; index += 1) writeFileSync(path.join(root, `whole-${index}`), 'whole')
    await until('they are offered', () => paths().length === 6)
    expect(open()).toBeNull()
    const before = Date.now()
    const first = openSync(path.join(root, 'seventh'), 'w')
    await until('it is open', () => open()?.files === 1)
    expect(open()).toEqual({ files: 1, since: expect.any(Number), path: 'seventh' })
    expect(open()?.since).toBeGreaterThanOrEqual(before)
    const second = openSync(path.join(root, 'whole-0'), 'a')
    writeSync(second, 'more')
    await until('both are open', () => open()?.files === 2)
    expect(open()?.path).toBe('seventh')
    closeSync(first)
    await until('one is open', () => open()?.files === 1)
    expect(open()?.path).toBe('whole-0')
    closeSync(second)
    await until('none is open', () => open() === null)
    expect(paths()).toHaveLength(7)
  })

  test('an open file that is deleted, or renamed with its directory, is not counted under its old name', async () => {
    const { root, scanner } = await scannedSource()
    const open = () => scanner.scanned.get('s')?.open ?? null
    mkdirSync(path.join(root, 'd'))
    const fd = openSync(path.join(root, 'd/file'), 'w')
    await until('it is open', () => open()?.path === 'd/file')
    renameSync(path.join(root, 'd'), path.join(root, 'e'))
    await until('it has its new name', () => open()?.path === 'e/file' && open()?.files === 1)
    rmSync(path.join(root, 'e'), { recursive: true })
    await until('none is open', () => open() === null)
    closeSync(fd)
  })
})
