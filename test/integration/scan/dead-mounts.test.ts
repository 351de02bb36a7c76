import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { mountFuse } from '../../support/fuse.ts'
import { canMount } from '../../support/mounts.ts'
import { startHoldfast } from '../../support/processes.ts'
import { scannedSource } from '../../support/scan-bursts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

/** A directory in which something is mounted at "disk" that fails every call (ENOTCONN). */
async function rootWithDeadMount(): Promise<string> {
  const fuse = await mountFuse(onTestFinished)
  await fuse.kill()
  return path.dirname(path.dirname(fuse.file))
}

const put = (root: string, ...names: string[]) => {
  for (const name of names) {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true })
    writeFileSync(path.join(root, name), name, { mode: 0o644 })
  }
}

describe.skipIf(!canMount)('a mount inside that fails every call (needs root: mounts)', () => {
  test('is told, and the rest of a continuous source is offered', async () => {
    const root = await rootWithDeadMount()
    put(root, 'a', 'deep/b')
    const source = await scannedSource({}, { at: root, settled: false })
    await until('both are offered', () => source.paths().join() === 'a,deep/b')
    await until('it is told', () => source.problems().includes('scan.directoryUnreadable'))
    expect(source.problems()).not.toContain('scan.listingFailed')
  })

  test('ends `scan --once` with 1, when the rest is sent', async () => {
    const root = await rootWithDeadMount()
    put(root, 'a', 'deep/b')
    const data = temporaryDirectory('once-data')
    const once = startHoldfast(['scan', '--once', '--data', data, root])
    expect(await once.ended(), once.err()).toBe(1)
    expect(once.err()).toContain('disk: cannot be read (ENOTCONN)')
    expect(once.err()).toContain('1 file is not sent')
  })
})
