// Stores on file systems that take several names for one.
import fs from 'node:fs'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { hasOddFileSystems, mountExfat, mountNtfs } from '../../support/faults/odd-file-systems.ts'
import { chooseCases } from '../../support/long.ts'
import { runStoreCommand, runVerify } from '../../support/store/store.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import {
  makeHome,
  offerAll,
  readTree,
  SOURCE,
  senderConfig,
  startListening,
  startTestSender,
  writeFile,
} from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

const PAIRS = Array.from({ length: 40 }, (_, index) => [`F${index}.txt`, `f${index}.txt`] as const)
const LARGE = Buffer.alloc(700_000, 1)

const all = [
  ['exFAT', mountExfat],
  ['NTFS', mountNtfs],
] as const
const fileSystems = chooseCases(all, 1)

interface Listed {
  path: string
  reason: { key: string } | null
}

/** A sender and a receiver with its store on a disk of this kind; `settled`: the files that are sent, and parked. */
async function setUp(mount: (typeof fileSystems)[number][1]) {
  const base = temporaryDirectory('odd')
  const store = path.join(await mount(onTestFinished), 'store')
  const home = await makeHome(path.join(base, 'home'))
  const { receiver, at } = await startListening(store, [home])
  const sender = startTestSender()
  const listed = async (state: 'sent' | 'parked') => {
    const page = { source: null, state, before: null, limit: 200 }
    const { files } = (await sender.request('files', page)) as { files: Listed[] }
    return files.sort((one, other) => (one.path < other.path ? -1 : 1))
  }
  const settled = async () => {
    const files = Object.keys(readTree(home.source)).length
    offerAll(home)
    sender.configure(senderConfig(home, at))
    sender.nudge()
    await until('every file is sent or parked', () => {
      const totals = sender.report()?.totals[SOURCE]
      return totals?.waitingFiles === 0 && totals.sentFiles + totals.parkedFiles === files
    })
    return { sent: await listed('sent'), parked: await listed('parked') }
  }
  /** What comes back, once the receiver is gone, of the current contents: each by its name. */
  const restored = async () => {
    await receiver.kill()
    const to = path.join(base, 'to')
    const { code } = await runStoreCommand('restore', store, to, '--sender', 'sender-1', '--source', 'data')
    return { code, tree: readTree(to) }
  }
  return { home, store, sender, listed, settled, restored }
}

/** What of a tree has these names. */
const only = (tree: Record<string, string>, files: readonly Listed[]) =>
  Object.fromEntries(files.map(({ path: name }) => [name, tree[name]]))

describe.skipIf(!hasOddFileSystems)('store on a case-folding file system (needs root: mount)', () => {
  test.each(fileSystems)(
    '%s stores the first of two names that differ in case and refuses the other, and all sent files are restored',
    async (_, mount) => {
      const { home, store, settled, restored } = await setUp(mount)
      for (const name of PAIRS.flat()) writeFile(home.source, name, `content of ${name}`)
      for (const name of ['LARGE', 'large'])
        writeFile(home.source, name, Buffer.concat([LARGE, Buffer.from(name)]))
      // Two directories that are one there; no name in them is twice.
      writeFile(home.source, 'D/one', 'one')
      writeFile(home.source, 'd/two', 'two')
      // And a file with the name of a directory.
      writeFile(home.source, 'e/file', 'file')
      writeFile(home.source, 'E', 'no directory')
      const { sent, parked } = await settled()
      // Of two large ones whichever is whole first is the first.
      const names = (files: Listed[]) => files.map((file) => file.path.toLowerCase()).sort()
      const pairs = [...PAIRS.map(([, lower]) => lower), 'large']
      expect(names(parked).filter((name) => pairs.includes(name))).toEqual([...pairs].sort())
      expect(names(sent).filter((name) => pairs.includes(name))).toEqual([...pairs].sort())
      expect(sent.map((file) => file.path)).toEqual(expect.arrayContaining(['D/one', 'd/two']))
      expect(new Set(parked.map(({ reason }) => reason?.key))).toEqual(new Set(['transfer.name.folded']))

      // The one that is sent may change, and its older content is known, too.
      const [again] = sent
      if (again === undefined) throw new Error('nothing is sent')
      writeFile(home.source, again.path, 'a newer content')
      await Promise.all([
        settled(),
        until(
          'the newer content is there',
          () => fs.readFileSync(path.join(store, 'sender-1/data', again.path), 'utf8') === 'a newer content',
        ),
      ])
      expect(await restored()).toEqual({ code: 0, tree: only(readTree(home.source), sent) })
      expect(await runVerify(store)).toMatchObject({
        code: 0,
        found: [],
        summary: { files: sent.length + 1 },
      })
    },
    60_000,
  )

  test.each(fileSystems)(
    '%s stores differently composed names apart, and letters that other systems treat as equal lose no sent file',
    async (_, mount) => {
      const { home, store, settled, restored } = await setUp(mount)
      const names = ['\u00e9', 'e\u0301', 'dir-\u00e9/file', 'dir-e\u0301/file', 's', '\u017f', 'k', '\u212a']
      for (const name of names) writeFile(home.source, name, `content of ${name}`)
      const { sent, parked } = await settled()
      expect(sent.map((file) => file.path)).toEqual(expect.arrayContaining(names.slice(0, 4)))
      expect(parked.filter(({ reason }) => reason?.key !== 'transfer.name.folded')).toEqual([])
      const before = only(readTree(home.source), sent)
      expect(before).toMatchObject({ '\u00e9': expect.any(String) })

      expect(await restored()).toEqual({ code: 0, tree: before })
      expect(await runVerify(store)).toMatchObject({ code: 0, found: [], summary: { files: sent.length } })
    },
    60_000,
  )

  test.each(fileSystems)(
    '%s restores a file renamed only in case under its new name, and keeps a directory named like a new file',
    async (_, mount) => {
      const { home, store, sender, listed, settled, restored } = await setUp(mount)
      const at = (name: string) => path.join(home.source, name)
      writeFile(home.source, 'Alone.txt', 'alone'.repeat(1000))
      writeFile(home.source, '\u017f/a', 'a')
      writeFile(home.source, 's/b', 'b')
      await settled()
      fs.renameSync(at('Alone.txt'), at('ALONE.txt'))
      fs.rmSync(at('\u017f'), { recursive: true })
      writeFile(home.source, '\u017f', 'no directory')
      offerAll(home)
      sender.nudge()
      await until('the new name is sent', async () =>
        (await listed('sent')).some((file) => file.path === 'ALONE.txt'),
      )
      await until('nothing waits', () => sender.report()?.totals[SOURCE]?.waitingFiles === 0)
      const { code, tree } = await restored()
      expect(code).toBe(0)
      expect(Object.keys(tree)).toEqual(expect.arrayContaining(['ALONE.txt', 's/b']))
      expect(Object.keys(tree)).not.toContain('Alone.txt')
      expect(await runVerify(store)).toMatchObject({ code: 0, found: [] })
    },
    60_000,
  )
})
