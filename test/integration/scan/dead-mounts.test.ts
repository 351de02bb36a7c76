import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { workerEnvironment } from '../../../core/agent/workers/starter.ts'
import { commandScript } from '../../support/cli/command-script.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { mountFuse } from '../../support/faults/fuse.ts'
import { canMount, mountHung, mountTmpfs } from '../../support/faults/mounts.ts'
import { scannedSource } from '../../support/scan/bursts.ts'
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

describe.skipIf(!canMount)('inner mount that fails every call (needs root: mounts)', () => {
  test('the mount is reported, and the other files of a continuous source are offered', async () => {
    const root = await rootWithDeadMount()
    put(root, 'a', 'deep/b')
    const source = await scannedSource({}, { at: root, settled: false })
    await until('both are offered', () => source.paths().join() === 'a,deep/b')
    await until('it is told', () => source.problems().includes('scan.directoryUnreadable'))
    expect(source.problems()).not.toContain('scan.listingFailed')
  })

  test('`send --once` reports the mount and exits 1', async () => {
    const root = await rootWithDeadMount()
    put(root, 'a', 'deep/b')
    const data = temporaryDirectory('once-data')
    const once = startHoldfast(['send', '--once', '--data', data, root])
    expect(await once.ended(), once.err()).toBe(1)
    expect(once.err()).toContain('disk: cannot be read (not connected)')
    expect(once.err()).toContain('1 file is not sent')
  })
})

describe.skipIf(!canMount)('inner mount that hangs (needs root: mounts)', () => {
  test('`send --list` ends and lists the mount as timed out', async () => {
    const { point } = await mountHung(onTestFinished)
    const root = path.dirname(point)
    put(root, 'a')
    expect(list('--why', root)).toEqual(['a', 'disk\tcannot be read (timed out)'])
  })
})

/** Has a closed batch directory sent, and waits for its mark. */
async function expectMarked(root: string, settings: Record<string, unknown> = {}) {
  put(root, 'DC1/a', 'DC1/finished.parse')
  const source = await scannedSource(
    {},
    { at: root, settled: false, settings: { kind: 'batch', ...settings } },
  )
  await until('its file is offered', () => source.paths().join() === 'DC1/a')
  source.sendAll()
  await until('it is marked', () => existsSync(path.join(root, 'DC1/finished.watch')))
  return source
}

describe.skipIf(!canMount)('mount as a batch directory (needs root: mounts)', () => {
  test('a mount that fails every call is reported and does not delay other batch directories', async () => {
    const source = await expectMarked(await rootWithDeadMount())
    await until('it is told', () => source.problems().includes('scan.directoryUnreadable'))
  })

  test('a hanging mount is reported and does not delay other batch directories, even after 20 reconciliations', async () => {
    const { point } = await mountHung(onTestFinished)
    const root = path.dirname(point)
    const source = await expectMarked(root)
    await until('it is told', () => source.problems().includes('scan.directoryUnreadable'))
    for (let count = 0; count < 20; count += 1) await source.scanner.reconcile()
    put(root, 'DC2/b')
    await until('a new one is noticed', () => source.paths().join() === 'DC2/b')
  })

  test('four mounts that hang while they are listed do not delay other batch directories', async () => {
    const fuse = await mountFuse(onTestFinished)
    await fuse.set({ does: 'answer', listed: true })
    const disk = path.dirname(fuse.file)
    const root = path.dirname(disk)
    const disks = [disk, ...['disk2', 'disk3', 'disk4'].map((name) => path.join(root, name))]
    for (const another of disks.slice(1)) {
      mkdirSync(another)
      // Unmounted with the first, with which it is removed.
      execFileSync('mount', ['--bind', disk, another])
    }
    put(root, 'DC1/live')
    const settings = { kind: 'batch' }
    const env = workerEnvironment(512, process.env)
    const source = await scannedSource({ env }, { at: root, settled: false, settings })
    // Before the scanner is ended: its end waits for its calls.
    onTestFinished(() => fuse.set({ does: 'answer' }))
    await until('all files are offered', () => source.paths().length === disks.length + 1)
    await fuse.set({ does: 'withhold' })
    // Now that all is sent, each that is not the newest is listed once more: these four never end.
    source.sendAll()
    await source.scanner.reconcile()
    await until('it is told', () => source.problems().includes('scan.directoryUnreadable'))
    put(root, 'DC2/b', 'DC2/finished.parse')
    await until('a new one is offered', () => source.paths().join() === 'DC2/b')
    source.sendAll()
    await until('it is marked', () => existsSync(path.join(root, 'DC2/finished.watch')))
    await source.scanner.reconcile()
  })

  test('a mount is left out and not marked if the source stays on one file system', async () => {
    const { point } = await mountTmpfs(onTestFinished)
    put(point, 'other', 'finished.parse')
    const root = path.dirname(point)
    const source = await expectMarked(root, { oneFileSystem: true })
    await source.scanner.reconcile()
    expect(source.paths()).toEqual([])
    expect(existsSync(path.join(point, 'finished.watch'))).toBe(false)
    expect(list('--batch', '--one-file-system', '--why', root)).toContain(
      'disk/\ton another file system: this folder stays on one',
    )
  })

  test('a failing mount does not affect a source whose prefix does not match it', async () => {
    const root = await rootWithDeadMount()
    put(root, 'DC1/a')
    expect(list('--prefix', 'DC', '--why', root)).toEqual(['DC1/a', 'disk/\tnot in a batch folder'])
    const data = temporaryDirectory('once-data')
    const once = startHoldfast(['send', '--once', '--prefix', 'DC', '--data', data, root])
    expect(await once.ended(), once.err()).toBe(0)
  })
})

function list(...words: string[]): string[] {
  const env = { ...process.env, LANG: 'C', LC_ALL: 'C' }
  const said = execFileSync(process.execPath, [commandScript, 'scan', '--list', ...words], {
    env,
    encoding: 'utf8',
  })
  return said.split('\n').slice(0, -1)
}
