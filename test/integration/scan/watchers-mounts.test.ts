import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { sourceSchema } from '../../../core/settings/schema.ts'
import { mountFuse } from '../../support/faults/fuse.ts'
import { canMount, mountExt4, mountHung, mountPointsBelow } from '../../support/faults/mounts.ts'
import { type ScannedSource, scannedSource, withoutKoffi } from '../../support/scan/bursts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

/** Unmounts whatever is mounted below when the test is over, before its directory is removed. */
function unmountAfterwards(directory: string): void {
  onTestFinished(() => {
    for (const point of mountPointsBelow(directory)) execFileSync('umount', ['-l', point])
  })
}

const mountTmpfs = (point: string) => {
  mkdirSync(point, { recursive: true })
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'holdfast-test', point])
}
const bind = (from: string, point: string) => {
  mkdirSync(point, { recursive: true })
  execFileSync('mount', ['--bind', from, point])
}
/** Lazily: the scanner may be looking at it in this moment. */
const unmount = (point: string) => execFileSync('umount', ['-l', point])

const put = (root: string, ...names: string[]) => {
  for (const name of names) {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true })
    writeFileSync(path.join(root, name), name)
  }
}

const offered = (source: ScannedSource, ...names: string[]) =>
  until(`${names.join()} offered`, () => source.paths().join() === names.toSorted().join()).catch((error) => {
    throw new Error(`offered: ${source.paths().join()}`, { cause: error })
  })

/** A source whose directories are made and mounted before the scanner starts. */
async function started(
  prepare: (root: string) => void,
  settings: Record<string, unknown> = {},
  processOptions: Parameters<typeof scannedSource>[0] = {},
) {
  const source = await scannedSource(processOptions, {
    settings,
    prepare: (root) => {
      unmountAfterwards(root)
      prepare(root)
    },
  })
  return source
}

describe.skipIf(!canMount).each([
  ['inotify', {}],
  ['chokidar', withoutKoffi],
] as const)('file systems mounted inside a source: %s (needs root: mounts)', (_, processOptions) => {
  test('files of a mount from before the start, of a later mount, and under it after its unmount are offered', async () => {
    const source = await started((root) => mountTmpfs(path.join(root, 'before')), {}, processOptions)
    const { root } = source
    put(root, 'a', 'before/b')
    await offered(source, 'a', 'before/b')
    mkdirSync(path.join(root, 'later/deep'), { recursive: true })
    mountTmpfs(path.join(root, 'later/deep'))
    put(root, 'later/deep/c/d')
    await offered(source, 'a', 'before/b', 'later/deep/c/d')
    put(root, 'later/deep/c/e')
    await offered(source, 'a', 'before/b', 'later/deep/c/d', 'later/deep/c/e')
    source.sendAll()
    // Nothing of it waits: what is uncovered is a directory like any other.
    unmount(path.join(root, 'later/deep'))
    put(root, 'later/deep/underneath', 'f')
    await offered(source, 'later/deep/underneath', 'f')
    put(root, 'later/deep/live')
    await offered(source, 'later/deep/underneath', 'later/deep/live', 'f')
  })
})

describe.skipIf(!canMount)('file systems mounted inside a source (needs root: mounts)', () => {
  test('waiting files of an unmounted disk are kept, and files underneath are not offered', {
    tags: 'story',
  }, async () => {
    const source = await started((root) => mountTmpfs(path.join(root, 'disk')))
    const { root } = source
    put(root, 'disk/waits')
    await offered(source, 'disk/waits')
    unmount(path.join(root, 'disk'))
    put(root, 'disk/underneath', 'a')
    await offered(source, 'disk/waits', 'a')
    await source.scanner.reconcile()
    await until('it is told', () => source.problems().includes('scan.innerDiskMissing'))
    expect(source.paths()).toEqual(['a', 'disk/waits'])
    // An empty disk takes its place: the waiting files of the first leave the queue until that one is back.
    mountTmpfs(path.join(root, 'disk'))
    put(root, 'disk/back')
    await offered(source, 'disk/back', 'a')
    await source.scanner.reconcile()
    await until('that is over', () => source.problems().length === 0)
  })

  test('files of a mount are not offered if the source stays on one file system', async () => {
    const stay = { oneFileSystem: true }
    const source = await started((root) => mountTmpfs(path.join(root, 'before')), stay)
    const { root } = source
    put(root, 'before/b', 'later/hidden')
    await offered(source, 'later/hidden')
    mountTmpfs(path.join(root, 'later'))
    put(root, 'later/c')
    await source.scanner.reconcile()
    put(root, 'a')
    await offered(source, 'a', 'later/hidden')
  })

  test('bind mounts of the source and its directories do not loop, and their files are offered there, too', async () => {
    const source = await started((root) => {
      put(root, 'data/a')
      bind(root, path.join(root, 'loop'))
      bind(path.join(root, 'data'), path.join(root, 'again'))
    })
    const { root } = source
    await offered(source, 'data/a', 'again/a', 'loop/data/a')
    put(root, 'again/b')
    await offered(
      source,
      ...['a', 'b'].flatMap((name) => [`data/${name}`, `again/${name}`, `loop/data/${name}`]),
    )
  })

  test('two sources with the same directory both get its new files', async () => {
    const source = await started((root) => put(root, 'deep/before'))
    const { root, scanner, config, ledger } = source
    await offered(source, 'deep/before')
    const directory = temporaryDirectory('twin')
    const twin = path.join(directory, 'source')
    unmountAfterwards(directory)
    bind(root, twin)
    const other = sourceSchema.parse({ id: 'twin', path: twin, name: 'twin' })
    scanner.configure({ ...config, sources: [...config.sources, other] })
    await until('it watches, too', () => scanner.scanned.get('twin')?.phase === 'watching')
    const [destination = ''] = config.destinations
    const waiting = (id: string) => ledger.totals(destination)[id]?.waitingFiles
    for (const [count, name] of ['deep/a', 'deep/new/b'].entries()) {
      put(root, name)
      await until(`${name} in both`, () => ['s', 'twin'].every((id) => waiting(id) === count + 2))
    }
    expect(source.problems()).toEqual([])
    expect(scanner.scanned.get('twin')?.problems).toEqual([])
  })

  test('a file that appears in an inner FUSE mount is offered', async () => {
    const fuse = await mountFuse(onTestFinished)
    const source = await scannedSource({}, { at: path.dirname(path.dirname(fuse.file)) })
    put(source.root, 'a')
    await offered(source, 'a')
    expect(source.phase()).toBe('watching')
    await fuse.set({ does: 'answer', listed: true })
    await offered(source, 'a', 'disk/file')
  })

  test('an inner mount that hangs does not delay other files', { tags: 'story' }, async () => {
    const { point } = await mountHung(onTestFinished)
    const source = await scannedSource({}, { at: path.dirname(point), settled: false })
    put(source.root, 'a', 'deep/b')
    await offered(source, 'a', 'deep/b')
    put(source.root, 'deep/c')
    await offered(source, 'a', 'deep/b', 'deep/c')
  })

  test('files from before and after a remount of the source’s own disk are each offered once', async () => {
    const disk = await mountExt4(onTestFinished)
    const source = await scannedSource({}, { at: disk.point })
    put(source.root, 'a', 'deep/b')
    await until('both are offered', () => source.unsentBelow('') === 2)
    await until('unmounted', () => disk.unmount().then(() => true))
    await until('it is missing', () => source.phase() === 'missing')
    await disk.mountAgain()
    await until('it watches again', () => source.phase() === 'watching')
    put(source.root, 'deep/c')
    await offered(source, 'a', 'deep/b', 'deep/c')
    expect([...source.offers().values()]).toEqual([1, 1, 1])
  })
})

test.skipIf(!canMount)(
  'file system without entry types: its directories are watched (needs root: mounts)',
  async () => {
    const { point } = await mountExt4(onTestFinished, { features: '^filetype' })
    put(point, 'old/deep/before')
    const source = await scannedSource({}, { at: point })
    put(point, 'old/deep/after', 'new/deep/after')
    await offered(source, 'old/deep/before', 'old/deep/after', 'new/deep/after')
    expect(source.problems()).toEqual([])
  },
)
