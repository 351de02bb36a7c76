import fs from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { Tree } from '../../../core/store/tree.ts'
import { openLarge, smallFile } from '../../support/store/large-files.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

// The store's threads run here: their start costs more than the tests.
vi.mock('node:worker_threads', async (original) => ({
  ...(await original<typeof import('node:worker_threads')>()),
  Worker: (await import('../../support/threads-here.ts')).ThreadHere,
}))

const openFiles = () => fs.readdirSync('/proc/self/fd').length

test.runIf(process.platform === 'linux')(
  'directory tree: of many very deep paths only the directories of the last one stay open',
  () => {
    const root = temporaryDirectory('tree')
    const tree = new Tree(root)
    onTestFinished(() => tree.close())
    const making = {
      missing: (parent: { path: string }, name: string) => fs.mkdirSync(`${parent.path}/${name}`),
      inTheWay: () => undefined,
    }
    const before = openFiles()
    for (let file = 0; file < 5; file += 1) {
      const way = [`${file}`, ...Array.from({ length: 250 }, (_, depth) => `directory-${depth}`)]
      tree.trim()
      fs.writeFileSync(`${tree.enter(way, making).path}/file`, '')
    }
    // Those of one way.
    expect(openFiles() - before).toBeLessThan(270)
    tree.forget()
    expect(openFiles() - before).toBeLessThan(10)
  },
)

test.each([
  ['many directories', 'a/'.repeat(250)],
  ['long names', `${'x'.repeat(254)}/`.repeat(16)],
])(
  'directory tree: a path of maximum length with %s is stored, and its older contents are kept',
  async (_, above) => {
    const { root, store, source } = await openLarge()
    const long = await store.source('p'.repeat(200), 'd'.repeat(200))
    for (const of of [source, long])
      for (const text of ['one', 'two'])
        expect(await store.receive(smallFile(of, `${above}file`, Buffer.from(text)))).toMatchObject({
          status: 'durable',
        })
    // A file where the topmost directory was.
    const [first = ''] = above.split('/')
    for (const of of [source, long])
      expect(await store.receive(smallFile(of, first, Buffer.from('file')))).toMatchObject({
        status: 'durable',
      })
    expect(fs.readdirSync(path.join(root, 'pc', 'data'))).toEqual([first])
    expect(store.usage('pc')).toMatchObject({ files: 3 })
  },
)

test('directory tree: a file is refused when its path contains a symbolic link, wherever it points', async () => {
  const { root, store, source } = await openLarge()
  const elsewhere = temporaryDirectory('elsewhere')
  fs.mkdirSync(path.join(root, 'pc', 'data', 'real'), { recursive: true })
  for (const [name, target] of [
    ['out', elsewhere],
    ['in', 'real'],
    ['gone', 'nowhere'],
  ] as const)
    fs.symlinkSync(target, path.join(root, 'pc', 'data', name))
  for (const name of ['out/file', 'in/file', 'in/deep/file', 'gone/file', 'out', 'in', 'gone'])
    expect([name, await store.receive(smallFile(source, name, Buffer.from('x')))]).toMatchObject([
      name,
      { status: 'name', detail: 'symlink' },
    ])
  expect([fs.readdirSync(elsewhere), fs.readdirSync(path.join(root, 'pc', 'data', 'real'))]).toEqual([[], []])
})
