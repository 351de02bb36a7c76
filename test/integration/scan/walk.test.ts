// @module-tag story
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createNameFilter } from '../../../core/filter/exclusion-rules.ts'
import { OwnPlaces } from '../../../core/walk/own-places.ts'
import { walk, walkRegions } from '../../../core/walk/walk.ts'
import { canMount, mountExt4 } from '../../support/faults/mounts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const filter = createNameFilter({ ignore: ['left-out/'], marks: [] })
const { signal } = new AbortController()

async function list(root: string, base = '', recursive = true) {
  const paths: string[] = []
  for await (const { files } of walk({ root, base, recursive, filter, signal, leaveOut: ['kept/out'] }))
    paths.push(...files.map((file) => file.path))
  return paths.toSorted()
}

test('walk: concurrent walks of a tree, one directory and a subtree find all files that are not excluded', async () => {
  const root = temporaryDirectory('walk')
  const expected: string[] = []
  for (const directory of ['one', 'two/deep', 'kept/out', 'left-out']) {
    mkdirSync(path.join(root, directory), { recursive: true })
    for (let index = 0; index < 700; index += 1) {
      const name = `${directory}/f${index}`
      writeFileSync(path.join(root, name), '')
      if (!directory.endsWith('out')) expected.push(name)
    }
  }
  symlinkSync('/etc', path.join(root, 'link'))
  writeFileSync(path.join(root, 'writing.tmp'), '')
  writeFileSync(path.join(root, 'top'), '')
  const [all, alone, below] = await Promise.all([list(root), list(root, '', false), list(root, 'one')])
  expect(all).toEqual([...expected, 'top'].toSorted())
  expect(alone).toEqual(['top'])
  expect(below).toEqual(expected.filter((name) => name.startsWith('one/')).toSorted())
})

test('walk: a pattern that leaves out a place of Holdfast’s own comes before its notice', async () => {
  const root = temporaryDirectory('walk')
  const places = ['left-out', 'data', 'a.key'].map((name) => path.join(root, name))
  for (const place of places) mkdirSync(place)
  const own = new OwnPlaces(places)
  await own.refresh()
  const found: string[] = []
  for await (const { skipped } of walk({ root, base: '', recursive: true, filter, signal, own }))
    found.push(...skipped.map((one) => `${one.path} ${one.why}`))
  expect(found.toSorted()).toEqual(['a.key own-place', 'data own-place', 'left-out ignored'])
})

test('own places: one that is gone is forgotten with its inode, which may become another directory’s', async () => {
  const root = temporaryDirectory('walk')
  const usb = path.join(root, 'usb')
  mkdirSync(usb)
  const own = new OwnPlaces([usb])
  await own.refresh()
  const inode = statSync(usb, { bigint: true })
  expect({ known: own.has(inode), below: own.below(root) }).toEqual({ known: true, below: ['usb'] })
  // Stands for another disk that gets the same numbers.
  renameSync(usb, path.join(root, 'another'))
  await own.refresh()
  expect({ known: own.has(inode), below: own.below(root) }).toEqual({ known: false, below: [] })
})

test('walk: a missing directory fails with ENOENT', async () => {
  const root = temporaryDirectory('walk')
  rmSync(root, { recursive: true })
  await expect(list(root)).rejects.toMatchObject({ code: 'ENOENT' })
})

describe.skipIf(!canMount)('walk on a file system without entry types (needs root)', () => {
  test('all remaining files are found although others are removed while their directory is listed', async () => {
    const { point } = await mountExt4(onTestFinished, { features: '^filetype' })
    mkdirSync(path.join(point, 'one'))
    for (let index = 0; index < 3000; index += 1) writeFileSync(path.join(point, 'one', `f${index}`), '')
    const found = new Set<string>()
    const kept = new Set<string>()
    const problems: unknown[] = []
    for await (const { files, unsendable } of walk({
      root: point,
      base: '',
      recursive: true,
      filter,
      signal,
    })) {
      problems.push(...unsendable.filter((one) => !one.path.startsWith('lost+found')))
      for (const file of files) found.add(file.path)
      if (files.length === 0 || kept.size > 0) continue
      for (const name of readdirSync(path.join(point, 'one'))) {
        if (found.has(`one/${name}`) || Number(name.slice(1)) % 2 === 0) kept.add(`one/${name}`)
        else rmSync(path.join(point, 'one', name))
      }
    }
    expect([...kept].filter((file) => !found.has(file))).toEqual([])
    expect(kept.size).toBeGreaterThan(1400)
    expect(problems).toEqual([])
  })
})

test.skipIf(!canMount)(
  'walk: a bind-mounted single file is a file of the tree (needs root)',
  {
    tags: 'story',
  },
  async () => {
    const root = temporaryDirectory('walk')
    mkdirSync(path.join(root, 'in'))
    for (const name of ['given', 'in/config', 'in/other']) writeFileSync(path.join(root, name), name)
    execFileSync('mount', ['--bind', path.join(root, 'given'), path.join(root, 'in/config')])
    onTestFinished(() => void execFileSync('umount', [path.join(root, 'in/config')]))
    const scope = { oneFileSystem: false, away: () => [] }
    const found: [string, number][] = []
    for await (const { files } of walkRegions({ root, base: '', filter, scope, signal }))
      found.push(...files.map(({ path: file, size }): [string, number] => [file, size]))
    expect(found.toSorted()).toEqual([
      ['given', 5],
      ['in/config', 5],
      ['in/other', 8],
    ])
  },
)
