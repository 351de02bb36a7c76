import { chmodSync, closeSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createNameFilter } from '../../../core/filter/exclusion-rules.ts'
import { Examiner, type FoundFiles, Outbox } from '../../../core/watch/inotify-examiner.ts'
import { WatchedDirectories } from '../../../core/watch/inotify-watches.ts'
import { openTree } from '../../support/scan/tree.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

/** A tree with one directory of three files, which is listed by one entry at a time. */
function open() {
  const root = temporaryDirectory('listing')
  mkdirSync(path.join(root, 'd'))
  for (const name of ['a', 'b', 'c']) writeFileSync(path.join(root, 'd', name), name)
  const names = { ignore: [], marks: [] }
  const files: string[] = []
  const directories = new WatchedDirectories({
    request: { root, base: '', names },
    filter: createNameFilter(names),
    file: (file) => void files.push(file),
    problem: () => undefined,
  })
  onTestFinished(() => directories.close())
  directories.open()
  const step = () => {
    let entries = 0
    directories.list(() => entries++ < 1)
  }
  const finish = () => {
    while (!directories.isListed) step()
  }
  return { root, directories, files, step, finish }
}

/** An examiner of a tree whose events the test makes up. */
function openExaminer() {
  const root = temporaryDirectory('examiner')
  const reports: FoundFiles[] = []
  const marks: string[] = []
  const outbox = new Outbox((files) => {
    reports.push(files)
    outbox.taken()
  })
  const filter = createNameFilter({ ignore: ['ignored'], marks: ['finished.parse'] })
  const mark = (name: string) => void marks.push(name)
  const problems: unknown[] = []
  const problem = (one: unknown) => void problems.push(one)
  const examiner = new Examiner({ root, filter, outbox, mark, problem })
  const at = (name: string) => path.join(root, name)
  const finished = () => {
    outbox.flush()
    return reports.flatMap((one) => one.finished.map((file) => file.path))
  }
  /** Waits until the examinations that are due later have reported a file. */
  const untilFinished = (name: string) =>
    until(`${name} is reported`, () => {
      examiner.lookAgain()
      return finished().includes(name)
    })
  const directories = () => reports.flatMap((one) => one.directories)
  return { at, examiner, marks, problems, finished, untilFinished, directories }
}

describe.skipIf(process.platform !== 'linux')('inotify directories and their files (Linux)', () => {
  test('a directory is listed in steps', () => {
    const { directories, files, step, finish } = open()
    while (files.length === 0) step()
    expect(files).toHaveLength(1)
    finish()
    expect(files.sort()).toEqual(['d/a', 'd/b', 'd/c'])
    expect(directories.reach('d')?.name).toBe('d')
  })

  test('a directory renamed during its listing is not listed further', () => {
    const { root, directories, files, step, finish } = open()
    while (files.length === 0) step()
    renameSync(path.join(root, 'd'), path.join(root, 'elsewhere'))
    mkdirSync(path.join(root, 'd'))
    directories.found(directories.root, 'd')
    const moved = directories.reach('d')
    if (moved !== null) directories.drop(moved)
    finish()
    expect(files).toHaveLength(1)
  })

  test('an excluded directory is dropped, and found again once it is included', () => {
    const { directories, finish } = open()
    finish()
    directories.leaveOut(['d'])
    expect(directories.root.children.size).toBe(0)
    directories.leaveOut([])
    expect(directories.reach('d')?.wd).toBeGreaterThan(0)
  })

  test('a path renamed within the tree is not reported, one deleted or moved out of it is', async () => {
    const [root, elsewhere] = [temporaryDirectory('gone'), temporaryDirectory('elsewhere')]
    mkdirSync(path.join(root, 'd'))
    for (const name of ['renamed', 'd/in', 'moved', 'deleted']) writeFileSync(path.join(root, name), name)
    const { recorder } = await openTree('inotify', root)
    renameSync(path.join(root, 'renamed'), path.join(root, 'd/other'))
    renameSync(path.join(root, 'd'), path.join(root, 'e'))
    renameSync(path.join(root, 'moved'), path.join(elsewhere, 'moved'))
    rmSync(path.join(root, 'deleted'))
    await until('both are reported', () => recorder.deleted.length >= 2)
    expect(recorder.deleted).toEqual(['deleted', 'moved'])
  })

  test('examination: an empty file is reported once it is no longer new', async () => {
    const { at, examiner, finished, untilFinished } = openExaminer()
    writeFileSync(at('new'), '')
    examiner.found('new', 'listed')
    expect(finished()).toEqual([])
    await untilFinished('new')
    expect(examiner.nextDue).toBe(Number.POSITIVE_INFINITY)
  })

  test('examination: a file that is open for writing counts as open until it is closed, and is reported then', async () => {
    const { at, examiner, finished, untilFinished } = openExaminer()
    const writer = openSync(at('open'), 'w')
    writeFileSync(writer, 'content')
    expect(examiner.changed('open')).toBe('new')
    expect(examiner.changed('open')).toBe('known')
    await until('it counts as open', () => {
      examiner.lookAgain()
      return examiner.isOpenNews
    })
    expect([examiner.openFiles(), finished()]).toEqual([
      { files: 1, since: expect.any(Number), path: 'open' },
      [],
    ])
    closeSync(writer)
    examiner.closed('open')
    examiner.found('open', 'closed')
    await untilFinished('open')
    expect([examiner.isOpenNews, examiner.openFiles().files]).toEqual([true, 0])
  })

  test('examination: a file with a created name is examined a moment later', async () => {
    const { at, examiner, finished, untilFinished } = openExaminer()
    writeFileSync(at('created'), 'content')
    examiner.created('created')
    examiner.closed('created')
    examiner.found('created', 'created')
    expect(finished()).toEqual([])
    await untilFinished('created')
  })

  test('examination: a mark, an ignored file, a directory and a file that is gone are no finished files', async () => {
    const { at, examiner, finished, directories, marks, problems, untilFinished } = openExaminer()
    for (const name of ['finished.parse', 'ignored', 'gone', 'last']) writeFileSync(at(name), 'content')
    mkdirSync(at('directory'))
    rmSync(at('gone'))
    for (const name of ['finished.parse', 'ignored', 'gone']) examiner.found(name, 'closed')
    chmodSync(at('directory'), 0o700)
    examiner.changed('directory')
    examiner.changed('last')
    await untilFinished('last')
    expect([finished(), directories(), marks, problems]).toEqual([
      ['last'],
      ['directory'],
      ['finished.parse'],
      [],
    ])
  })
})
