import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createNameFilter } from '../../../core/filter/exclusion-rules.ts'
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

describe.skipIf(process.platform !== 'linux')('inotify directories (Linux)', () => {
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
})
