import { execFileSync } from 'node:child_process'
import {
  closeSync,
  existsSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { scannedSource } from '../../support/scan/bursts.ts'
import { giveName, mapFile, openNameless, truncateByPath } from '../../support/scan/libc.ts'
import { setUp } from '../../support/scan/set-up.ts'
import { type Implementation, openTree } from '../../support/scan/tree.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

const implementations: Implementation[] = ['inotify', 'chokidar', 'polling']

/** Creates a file that the watcher reports last, so that whatever came before it would have been told. */
async function passed(root: string, paths: () => string[]): Promise<void> {
  const name = `after-${Math.random()}`
  writeFileSync(path.join(root, name), name)
  await until('a later file is reported', () => paths().includes(name))
}

const fresh = () => temporaryDirectory('edges')

describe.skipIf(process.platform !== 'linux').each(implementations)('%s edge cases', (implementation) => {
  test('a file that is named once it is complete (O_TMPFILE, linkat) is reported', {
    tags: 'story',
  }, async () => {
    const root = fresh()
    const { recorder } = await openTree(implementation, root)
    const fd = openNameless(root)
    writeSync(fd, 'whole')
    giveName(fd, path.join(root, 'named'))
    closeSync(fd)
    await until('it is reported', () => recorder.paths.includes('named'))
    expect(recorder.files.at(-1)).toMatchObject({ path: 'named', size: 5 })
  })

  test('a file changed by truncate(2) without an open is reported again', { tags: 'story' }, async () => {
    const root = fresh()
    writeFileSync(path.join(root, 'a'), '12345')
    const { recorder } = await openTree(implementation, root)
    truncateByPath(path.join(root, 'a'), 2)
    await until('it is reported', () => recorder.files.some(({ size }) => size === 2))
    expect(recorder.paths).toEqual(['a'])
  })

  test('a file whose directory is renamed during its write is reported once, complete, under the new name', async () => {
    const root = fresh()
    mkdirSync(path.join(root, 'old'))
    // Longer than the renaming may take: where a writer cannot be seen, only time tells.
    const { recorder } = await openTree(implementation, root, {}, 700)
    const fd = openSync(path.join(root, 'old/file'), 'w')
    writeSync(fd, 'half ')
    renameSync(path.join(root, 'old'), path.join(root, 'new'))
    if (implementation === 'inotify') await passed(root, () => recorder.paths)
    expect(recorder.paths).not.toContain('new/file')
    writeSync(fd, 'whole')
    closeSync(fd)
    await until('it is reported', () => recorder.paths.includes('new/file'))
    expect(recorder.files.filter(({ path }) => path.endsWith('/file'))).toEqual([
      expect.objectContaining({ path: 'new/file', size: 10 }),
    ])
  })

  test('a file in a directory that was moved out is not reported', async () => {
    const [root, elsewhere] = [fresh(), fresh()]
    mkdirSync(path.join(root, 'tree/deep'), { recursive: true })
    const { recorder } = await openTree(implementation, root)
    renameSync(path.join(root, 'tree'), path.join(elsewhere, 'tree'))
    await passed(root, () => recorder.paths)
    writeFileSync(path.join(elsewhere, 'tree/deep/outside'), '')
    await passed(root, () => recorder.paths)
    expect(recorder.paths.filter((one) => !one.startsWith('after-'))).toEqual([])
    expect(recorder.problems).toEqual([])
  })

  test('names with a newline, quotes, spaces, other scripts or 255 bytes are all reported', {
    tags: 'story',
  }, async () => {
    const root = fresh()
    const { recorder } = await openTree(implementation, root)
    const names = ['new\nline', '"quoted" \'name\'', ' space ', '檔案', '$(rm) `x` \\', 'n'.repeat(255)]
    for (const name of names) {
      writeFileSync(path.join(root, name), name)
      mkdirSync(path.join(root, `d${name.slice(1)}`))
      writeFileSync(path.join(root, `d${name.slice(1)}`, name), name)
    }
    const wanted = names.flatMap((name) => [name, `d${name.slice(1)}/${name}`])
    await until('all are reported', () => wanted.every((one) => recorder.paths.includes(one)))
    // A file of a new directory may be found by its event and by the first listing.
    expect([...new Set(recorder.paths)].toSorted()).toEqual(wanted.toSorted())
  })

  test('a file or directory name that is not UTF-8 does not stop the watcher', async () => {
    const root = fresh()
    const { recorder } = await openTree(implementation, root)
    const bad = (name: string) => Buffer.concat([Buffer.from(`${root}/${name}-`), Buffer.from([0xff, 0xfe])])
    writeFileSync(bad('file'), 'x')
    mkdirSync(bad('directory'))
    writeFileSync(Buffer.concat([bad('directory'), Buffer.from('/inside')]), 'x')
    await passed(root, () => recorder.paths)
    expect(recorder.paths.filter((one) => !one.startsWith('after-'))).toEqual([])
    expect(recorder.failures).toEqual([])
    // chokidar passes on no name that it cannot read; the comparison with the ledger tells of it.
    const told = implementation === 'chokidar' ? [] : ['scan.nameNotUtf8']
    expect([...new Set(recorder.problems.map(({ key }) => key))]).toEqual(told)
  })

  test('a file in an existing directory with U+FFFD in its name is reported', async () => {
    const root = fresh()
    mkdirSync(path.join(root, 'd\uFFFD/deep'), { recursive: true })
    const { recorder } = await openTree(implementation, root)
    writeFileSync(path.join(root, 'd\uFFFD/deep/x'), 'x')
    await until('its file is reported', () => recorder.paths.includes('d\uFFFD/deep/x'))
    expect(recorder.problems).toEqual([])
  })

  test.skipIf(process.getuid?.() !== 0)('device nodes are not reported (needs root: mknod)', async () => {
    const root = fresh()
    const { recorder } = await openTree(implementation, root)
    // A kernel log that is opened for reading, or a watchdog, would have effects.
    execFileSync('mknod', [path.join(root, 'character'), 'c', '1', '5'])
    execFileSync('mknod', [path.join(root, 'block'), 'b', '7', '200'])
    await passed(root, () => recorder.paths)
    expect(recorder.paths).toHaveLength(1)
  })
})

describe.skipIf(process.platform !== 'linux')('inotify watcher', () => {
  test('a file that is named or linked while it is written is reported once complete', async () => {
    const [root, elsewhere] = [fresh(), fresh()]
    const { recorder } = await openTree('inotify', root)
    const nameless = openNameless(root)
    writeSync(nameless, 'half ')
    giveName(nameless, path.join(root, 'named'))
    const linked = openSync(path.join(elsewhere, 'original'), 'w')
    writeSync(linked, 'half ')
    linkSync(path.join(elsewhere, 'original'), path.join(root, 'linked'))
    await passed(root, () => recorder.paths)
    expect(recorder.paths).toHaveLength(1)
    for (const fd of [nameless, linked]) {
      writeSync(fd, 'whole')
      closeSync(fd)
    }
    // Neither is closed under its name here: they are looked at again from time to time.
    await until('both are reported', () => recorder.files.length === 3)
    expect(recorder.files.slice(1)).toEqual([
      expect.objectContaining({ size: 10 }),
      expect.objectContaining({ size: 10 }),
    ])
  })

  test('an open file that was examined is reported when it is closed, even if it was reported before', async () => {
    const root = fresh()
    const { recorder, watcher } = await openTree('inotify', root)
    const times = () => recorder.paths.filter((one) => one === 'a').length
    writeFileSync(path.join(root, 'a'), 'a')
    await until('it is told', () => times() === 1)
    const fd = openSync(path.join(root, 'a'), 'a')
    await watcher.examine(['a'])
    await passed(root, () => recorder.paths)
    expect(times()).toBe(1)
    closeSync(fd)
    await until('it is told again', () => times() === 2)
  })

  test('a file whose mtime is the current whole second is reported at the earliest 2 s after it', async () => {
    const root = fresh()
    const { recorder } = await openTree('inotify', root)
    writeFileSync(path.join(root, 'a.part'), 'a')
    const second = Math.floor(Date.now() / 1000)
    utimesSync(path.join(root, 'a.part'), second, second)
    renameSync(path.join(root, 'a.part'), path.join(root, 'a'))
    writeFileSync(path.join(root, 'b.part'), 'b')
    utimesSync(path.join(root, 'b.part'), second - 10, second - 10)
    renameSync(path.join(root, 'b.part'), path.join(root, 'b'))
    await until('an older one is told at once', () => recorder.paths.includes('b'))
    await until('it is told', () => recorder.paths.includes('a'))
    expect(Date.now()).toBeGreaterThanOrEqual((second + 2) * 1000)
  })

  test('a mapped file is reported only after it is unmapped, even if its descriptor is closed', {
    tags: 'story',
  }, async () => {
    const root = fresh()
    const { recorder } = await openTree('inotify', root)
    const fd = openSync(path.join(root, 'mapped'), 'w+')
    ftruncateSync(fd, 4096)
    const map = mapFile(fd, 4096)
    closeSync(fd)
    map.fill(0x41)
    await passed(root, () => recorder.paths)
    expect(recorder.paths).not.toContain('mapped')
    map.unmap()
    await until('it is reported', () => recorder.paths.includes('mapped'))
  })

  test('an endless writer does not delay other files', async () => {
    const root = fresh()
    const { recorder } = await openTree('inotify', root)
    const fd = openSync(path.join(root, 'log'), 'w')
    onTestFinished(() => closeSync(fd))
    for (let round = 0; round < 20; round += 1) {
      for (let index = 0; index < 500; index += 1) writeSync(fd, 'line\n')
      writeFileSync(path.join(root, `other-${round}`), '')
      await until('the other is reported', () => recorder.paths.includes(`other-${round}`), 2_000)
    }
    expect(recorder.paths).not.toContain('log')
  })
})

describe.skipIf(process.platform !== 'linux')('scanner process', () => {
  test('a directory that replaces the source is reconciled and watched', async () => {
    const source = await scannedSource()
    writeFileSync(path.join(source.root, 'first'), '1')
    await until('first is offered', () => source.paths().join() === 'first')
    const other = path.join(source.root, '../other')
    mkdirSync(other)
    writeFileSync(path.join(other, 'second'), '2')
    renameSync(source.root, path.join(source.root, '../away'))
    renameSync(other, source.root)
    await until('second is offered', () => source.paths().includes('second'))
    writeFileSync(path.join(source.root, 'live'), '')
    writeFileSync(path.join(source.root, '../away/outside'), '')
    await until('live is offered', () => source.paths().includes('live'))
    expect(source.paths()).not.toContain('outside')
  })

  test('a path longer than 4,096 bytes is reported, and the files above it are offered', async () => {
    const source = await scannedSource()
    const { root } = source
    // Each step is relative, so no single path is too long for the system.
    const make = `
      const fs = require('node:fs')
      const name = 'd'.repeat(250)
      for (let depth = 0; depth < 20; depth += 1) {
        fs.mkdirSync(name)
        process.chdir(name)
        fs.writeFileSync('file', 'x')
      }`
    execFileSync(process.execPath, ['-e', make], { cwd: root })
    onTestFinished(() => void execFileSync('rm', ['-rf', path.join(root, 'd'.repeat(250))]))
    await source.scanner.reconcile()
    await until('it is told', () => source.problems().includes('scan.pathTooLong'))
    await until('the others are offered', () => source.paths().length >= 15)
    expect(source.phase()).toBe('watching')
  })

  test('symbolic links to the outside are not followed, even one that replaces a directory', async () => {
    const outside = fresh()
    mkdirSync(path.join(outside, 'tree'))
    writeFileSync(path.join(outside, 'tree/secret'), 'secret')
    const source = await scannedSource(
      {},
      {
        prepare: (root) => {
          mkdirSync(path.join(root, 'directory'))
          symlinkSync(path.join(outside, 'tree'), path.join(root, 'before'))
        },
      },
    )
    const { root } = source
    symlinkSync(path.join(outside, 'tree/secret'), path.join(root, 'file'))
    rmSync(path.join(root, 'directory'), { recursive: true })
    symlinkSync(path.join(outside, 'tree'), path.join(root, 'directory'))
    await source.scanner.reconcile()
    writeFileSync(path.join(outside, 'tree/later'), '')
    writeFileSync(path.join(root, 'own'), '')
    await until('its own is offered', () => source.paths().includes('own'))
    expect(source.paths()).toEqual(['own'])
  })

  test('a marked batch directory loses its watches with the second comparison, and has them without its mark', async () => {
    const world = setUp({ kind: 'batch' })
    const { root, scanner, paths, batches } = world
    const write = (name: string) => {
      mkdirSync(path.dirname(path.join(root, name)), { recursive: true })
      writeFileSync(path.join(root, name), name, { mode: 0o644 })
    }
    const isMarked = () => existsSync(path.join(root, 'DC1/finished.watch'))
    const countWatches = () => {
      const directory = `/proc/${scanner.pid}/fdinfo`
      // A descriptor may be closed meanwhile.
      const names = readdirSync(directory).filter((name) => existsSync(path.join(directory, name)))
      const texts = names.map((name) => readFileSync(path.join(directory, name), 'utf8'))
      return texts.flatMap((text) => text.match(/^inotify wd/gm) ?? []).length
    }
    write('DC1/deep/deeper/one')
    write('DC1/finished.parse')
    world.configure()
    await until('it is offered', () => paths().join() === 'DC1/deep/deeper/one')
    const watched = await until('it is watched', countWatches)
    world.sendAll()
    await until('it is marked', isMarked)
    await scanner.reconcile()
    write('DC1/deep/late')
    await until('its watch finds it', () => paths('waiting').join() === 'DC1/deep/late')
    expect(countWatches()).toBe(watched)
    world.sendAll()
    await until('it is sent', () => batches() === 'DC1 sent')

    await scanner.reconcile()
    await until('it is not watched', () => countWatches() === watched - 3)
    write('DC1/deep/later')
    await scanner.reconcile()
    await until('a comparison finds it', () => paths('waiting').join() === 'DC1/deep/later')
    world.sendAll()
    await until('it is sent again', () => batches() === 'DC1 sent')
    rmSync(path.join(root, 'DC1/finished.watch'))
    await scanner.reconcile()
    await until('it is marked again, and watched', () => isMarked() && countWatches() === watched)
  })
})
