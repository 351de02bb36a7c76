import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { createServer } from 'node:net'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type Implementation, openTree, passed } from '../../support/scan/tree.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

const implementations: Implementation[] =
  process.platform === 'linux' ? ['inotify', 'chokidar', 'polling'] : ['chokidar', 'polling']

/** One suite for every watcher: what they must agree on. */
describe.each(implementations)('%s watcher', (implementation) => {
  const fresh = () => temporaryDirectory('watch')

  test('a written and closed file is reported once with its size', { tags: 'story' }, async () => {
    const root = fresh()
    const { recorder } = await openTree(implementation, root)
    writeFileSync(path.join(root, 'a'), '12345')
    await until('a is reported', () => recorder.paths.includes('a'))
    await passed(root, () => recorder.paths)
    expect(recorder.files.filter(({ path }) => path === 'a')).toEqual([expect.objectContaining({ size: 5 })])
  })

  test('an append to a file reports it with its new size', async () => {
    const root = fresh()
    writeFileSync(path.join(root, 'a'), '1')
    const { recorder } = await openTree(implementation, root)
    appendFileSync(path.join(root, 'a'), '23')
    await until('a is reported', () => recorder.paths.includes('a'))
    expect(recorder.files.at(-1)).toMatchObject({ path: 'a', size: 3 })
  })

  test('a file that is appended to three times is reported each time with its full size', async () => {
    const root = fresh()
    const { recorder } = await openTree(implementation, root)
    for (const size of [2, 4, 6]) {
      const fd = openSync(path.join(root, 'a'), 'a')
      writeSync(fd, '12')
      closeSync(fd)
      await until('it is reported', () => recorder.files.some((file) => file.size === size))
    }
    await passed(root, () => recorder.paths)
    expect(recorder.files.filter(({ path }) => path === 'a').map(({ size }) => size)).toEqual([2, 4, 6])
  })

  test('a file of a slow writer is reported only when it is complete', { tags: 'story' }, async () => {
    const root = fresh()
    const { recorder } = await openTree(implementation, root, {}, 400)
    const fd = openSync(path.join(root, 'slow'), 'w')
    // Each piece is followed by another file's whole journey, well within the quiet period of the piece.
    for (let piece = 0; piece < 10; piece += 1) {
      writeSync(fd, 'x'.repeat(1000))
      writeFileSync(path.join(root, `tick-${piece}`), '')
      await new Promise((resolve) => setTimeout(resolve, 60))
      expect(recorder.paths).not.toContain('slow')
    }
    closeSync(fd)
    await until('slow is reported', () => recorder.paths.includes('slow'))
    expect(recorder.files.filter(({ path }) => path === 'slow')).toEqual([
      expect.objectContaining({ size: 10_000 }),
    ])
  })

  test('a file is reported by its final name and not by its temporary name', async () => {
    const root = fresh()
    const { recorder } = await openTree(implementation, root)
    writeFileSync(path.join(root, 'photo.jpg.part'), 'photo')
    renameSync(path.join(root, 'photo.jpg.part'), path.join(root, 'photo.jpg'))
    await until('photo.jpg is reported', () => recorder.paths.includes('photo.jpg'))
    expect(recorder.paths).not.toContain('photo.jpg.part')
  })

  test('a file that is moved in is reported', { tags: 'story' }, async () => {
    const [root, elsewhere] = [fresh(), fresh()]
    writeFileSync(path.join(elsewhere, 'a'), 'a')
    const { recorder } = await openTree(implementation, root)
    renameSync(path.join(elsewhere, 'a'), path.join(root, 'a'))
    await until('a is reported', () => recorder.paths.includes('a'))
  })

  test('a tree that is moved in is reported, and files written in it later, too', async () => {
    const [root, elsewhere] = [fresh(), fresh()]
    mkdirSync(path.join(elsewhere, 'tree/deep/deeper'), { recursive: true })
    writeFileSync(path.join(elsewhere, 'tree/a'), 'a')
    writeFileSync(path.join(elsewhere, 'tree/deep/deeper/b'), 'b')
    const { recorder } = await openTree(implementation, root)
    renameSync(path.join(elsewhere, 'tree'), path.join(root, 'tree'))
    await until('both are reported', () =>
      ['tree/a', 'tree/deep/deeper/b'].every((one) => recorder.paths.includes(one)),
    )
    writeFileSync(path.join(root, 'tree/deep/c'), 'c')
    await until('c is reported', () => recorder.paths.includes('tree/deep/c'))
  })

  test('a directory renamed within the tree is watched under its new name', { tags: 'story' }, async () => {
    const root = fresh()
    mkdirSync(path.join(root, 'old/deep'), { recursive: true })
    const { recorder } = await openTree(implementation, root)
    renameSync(path.join(root, 'old'), path.join(root, 'new'))
    await passed(root, () => recorder.paths)
    writeFileSync(path.join(root, 'new/deep/a'), 'a')
    await until('a is reported', () => recorder.paths.includes('new/deep/a'))
    expect(recorder.paths.filter((one) => one.startsWith('old'))).toEqual([])
  })

  test('a file that was moved out or deleted and returns is reported again', async () => {
    const [root, elsewhere] = [fresh(), fresh()]
    const { recorder } = await openTree(implementation, root)
    const times = () => recorder.paths.filter((one) => one === 'a').length
    writeFileSync(path.join(root, 'a'), 'a')
    await until('a is reported', () => times() === 1)
    renameSync(path.join(root, 'a'), path.join(elsewhere, 'a'))
    await passed(root, () => recorder.paths)
    renameSync(path.join(elsewhere, 'a'), path.join(root, 'a'))
    await until('a is reported again', () => times() === 2)
    linkSync(path.join(root, 'a'), path.join(elsewhere, 'a'))
    rmSync(path.join(root, 'a'))
    await passed(root, () => recorder.paths)
    linkSync(path.join(elsewhere, 'a'), path.join(root, 'a'))
    await until('its new link is reported, too', () => times() === 3)
  })

  test('a file in a directory that was moved away and returns is reported again', async () => {
    const [root, elsewhere] = [fresh(), fresh()]
    const { recorder } = await openTree(implementation, root)
    const times = () => recorder.paths.filter((one) => one === 'd/e/a').length
    mkdirSync(path.join(root, 'd/e'), { recursive: true })
    writeFileSync(path.join(root, 'd/e/a'), 'a')
    await until('a is reported', () => times() === 1)
    for (const [turn, away] of [path.join(elsewhere, 'd'), path.join(root, 'other')].entries()) {
      renameSync(path.join(root, 'd'), away)
      await passed(root, () => recorder.paths)
      renameSync(away, path.join(root, 'd'))
      await until('a is reported again', () => times() === turn + 2)
    }
  })

  test('files written in new nested directories at once are all reported', { tags: 'story' }, async () => {
    const root = fresh()
    const { recorder } = await openTree(implementation, root)
    const wanted: string[] = []
    for (let index = 0; index < 50; index += 1) {
      const directory = `d${index}/e/f/g`
      mkdirSync(path.join(root, directory), { recursive: true })
      writeFileSync(path.join(root, directory, 'file'), String(index))
      wanted.push(`${directory}/file`)
    }
    await until('all are reported', () => wanted.every((one) => recorder.paths.includes(one)))
  })

  test('a hard link is reported under its new name', async () => {
    const [root, elsewhere] = [fresh(), fresh()]
    writeFileSync(path.join(elsewhere, 'a'), 'a')
    const { recorder } = await openTree(implementation, root)
    linkSync(path.join(elsewhere, 'a'), path.join(root, 'linked'))
    await until('linked is reported', () => recorder.paths.includes('linked'))
  })

  test('files deleted right after their creation cause no problem report', async () => {
    const root = fresh()
    const { recorder } = await openTree(implementation, root)
    for (let index = 0; index < 100; index += 1) {
      writeFileSync(path.join(root, `gone-${index}`), '')
      rmSync(path.join(root, `gone-${index}`))
    }
    await passed(root, () => recorder.paths)
    expect(recorder.problems).toEqual([])
  })

  test('ignored, temporary and Holdfast’s own names are not reported, and symbolic links are not followed', async () => {
    const [root, elsewhere] = [fresh(), fresh()]
    writeFileSync(path.join(elsewhere, 'secret'), 'secret')
    mkdirSync(path.join(elsewhere, 'tree'))
    const names = { ignore: ['*.log', 'cache/'], marks: ['finished.watch'] }
    const { recorder } = await openTree(implementation, root, { names })
    symlinkSync(path.join(elsewhere, 'tree'), path.join(root, 'tree'))
    symlinkSync(path.join(elsewhere, 'secret'), path.join(root, 'link'))
    mkdirSync(path.join(root, 'cache'))
    for (const name of [
      'a.log',
      'cache/b',
      'c.tmp',
      '.holdfast-probe-0a1b2c3d-1-0a1b2c3d-1',
      'finished.watch',
      'kept.txt',
    ]) {
      writeFileSync(path.join(root, name), name)
    }
    writeFileSync(path.join(elsewhere, 'tree/outside'), '')
    await until('the other one is reported', () => recorder.paths.includes('kept.txt'))
    await passed(root, () => recorder.paths)
    expect(recorder.paths.filter((one) => !one.startsWith('after-'))).toEqual(['kept.txt'])
  })

  test('a FIFO and a socket are not reported and do not stop the watcher', async () => {
    const root = fresh()
    const { recorder } = await openTree(implementation, root)
    execFileSync('mkfifo', [path.join(root, 'fifo')])
    const server = createServer().listen(path.join(root, 'socket'))
    onTestFinished(() => void server.close())
    await passed(root, () => recorder.paths)
    expect(recorder.paths.filter((one) => !one.startsWith('after-'))).toEqual([])
  })

  test('the removal of the watched directory is reported', { tags: 'story' }, async () => {
    const root = fresh()
    mkdirSync(path.join(root, 'source/deep'), { recursive: true })
    const { recorder } = await openTree(implementation, path.join(root, 'source'))
    rmSync(path.join(root, 'source'), { recursive: true })
    await until('gone', () => recorder.isGone)
  })

  test('a burst of 2,000 files in new nested directories is reported completely', async () => {
    const root = fresh()
    const { recorder } = await openTree(implementation, root)
    const wanted: string[] = []
    for (let index = 0; index < 2000; index += 1) {
      const directory = `b${index % 40}/n${index % 200}/m`
      mkdirSync(path.join(root, directory), { recursive: true })
      writeFileSync(path.join(root, directory, `f${index}`), 'x'.repeat(index % 7))
      wanted.push(`${directory}/f${index}`)
    }
    await until('all are reported', () => new Set(recorder.paths).size >= 2000)
    expect([...new Set(recorder.paths)].sort()).toEqual(wanted.toSorted())
  })
})
