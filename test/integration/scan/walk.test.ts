import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { createNameFilter } from '../../../core/filter/names.ts'
import { walk } from '../../../core/scan/tree/walk.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const filter = createNameFilter({ ignore: ['left-out/'], marks: [] })
const { signal } = new AbortController()

async function list(root: string, base = '', recursive = true) {
  const paths: string[] = []
  for await (const { files } of walk({ root, base, recursive, filter, signal, leaveOut: ['kept/out'] }))
    paths.push(...files.map((file) => file.path))
  return paths.toSorted()
}

test('every file of a tree, and only files that go; one directory alone; several walks at once', async () => {
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

test('a directory that is gone is the system’s error', async () => {
  const root = temporaryDirectory('walk')
  rmSync(root, { recursive: true })
  await expect(list(root)).rejects.toMatchObject({ code: 'ENOENT' })
})
