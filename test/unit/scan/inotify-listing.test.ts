import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { Listing } from '../../../core/scan/watch/inotify-listing.ts'
import { createTree, type Directory, Watches } from '../../../core/scan/watch/inotify-tree.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

/** A tree with one directory of three files, and its listing, which goes on by one entry at a time. */
function open() {
  const root = temporaryDirectory('listing')
  mkdirSync(path.join(root, 'd'))
  for (const name of ['a', 'b', 'c']) writeFileSync(path.join(root, 'd', name), name)
  const names = { ignore: [], marks: [] }
  const tree = createTree(1, { root, base: '', names }, new Watches(-1))
  const directory: Directory = { tree, parent: tree.root, name: 'd', wd: 1, children: new Map() }
  tree.root.children.set('d', directory)
  const told = { files: [] as string[], complete: 0, done: 0 }
  const listing = new Listing({
    directory: () => undefined,
    file: (_, file) => void told.files.push(file),
    unreadable: () => undefined,
    complete: () => {
      told.complete += 1
    },
    done: () => {
      told.done += 1
    },
  })
  listing.add({ directory, files: true, again: false })
  const step = () => {
    let entries = 0
    listing.slice(() => entries++ < 1)
  }
  return { tree, told, step, listing }
}

test('a directory is listed in steps, and said to be complete and done once', () => {
  const { told, step, listing } = open()
  step()
  expect(told.files).toHaveLength(1)
  while (!listing.isEmpty) step()
  expect(told.files.sort()).toEqual(['d/a', 'd/b', 'd/c'])
  expect(told).toMatchObject({ complete: 1, done: 1 })
})

test('one that is renamed meanwhile is listed no further: another may be in its place', () => {
  const { tree, told, step, listing } = open()
  step()
  const next = { tree, parent: tree.root, name: 'd', wd: 2, children: new Map() }
  tree.root.children.set('d', next)
  while (!listing.isEmpty) step()
  expect(told.files).toHaveLength(1)
  expect(told).toMatchObject({ complete: 0, done: 1 })
})
