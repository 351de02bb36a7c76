import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { TransferResult } from '../../../core/ledger/ledger.ts'
import { openLedger } from '../../../core/ledger/ledger.ts'
import { openDispatcher } from '../../../core/send/queue/dispatcher.ts'
import { sendingSettingsSchema } from '../../../core/settings/worker-groups.ts'
import { hastenClock } from '../../support/hasten.ts'
import { openTestReaders } from '../../support/store/test-readers.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { fakeSession } from '../../support/transfer/fake-session.ts'
import { until } from '../../support/until.ts'

/** A dispatcher with a receiver that answers when the test says so. */
function setUp({ otherSources = 0 } = {}) {
  hastenClock()
  const directory = temporaryDirectory('path-locks')
  const source = path.join(directory, 'source')
  mkdirSync(source)
  const ledgerPath = path.join(directory, 'ledger.db')
  const ledger = openLedger(ledgerPath)
  /** What is on the wire now, and everything that ever was, in order. */
  const wire = new Map<string, (answer: TransferResult) => void>()
  const sent: string[] = []
  const session = fakeSession({
    async sendSmall(files, _directories, { onUsed, onResult }) {
      onUsed()
      for (const [index, file] of files.entries()) {
        sent.push(file.path)
        wire.set(file.path, (answer) => {
          wire.delete(file.path)
          onResult(index, answer)
        })
      }
    },
  })
  const ignore = () => undefined
  const dispatcher = openDispatcher(
    {
      ...{ destination: { id: 'd', name: 'nas' }, ledger, ledgerPath, ...sendingSettingsSchema.parse({}) },
      readers: openTestReaders(),
    },
    { onSent: ignore, onMarked: ignore, onGone: ignore, onBytes: ignore, onChange: ignore, log: ignore },
  )
  onTestFinished(() => {
    dispatcher.stop()
    ledger.close()
  })
  const toSource = (id: string) => ({ id, path: source, name: id, groupWriteMark: false, paused: false })
  const others = Array.from({ length: otherSources }, (_, index) => toSource(`other ${index}`))
  dispatcher.configure([toSource('s'), ...others], false)
  dispatcher.setSession(session)
  return {
    wire,
    sent,
    dispatcher,
    remove: (name: string) => rmSync(path.join(source, name), { recursive: true }),
    write(...names: string[]) {
      const files = names.map((name) => {
        const file = path.join(source, name)
        mkdirSync(path.dirname(file), { recursive: true })
        writeFileSync(file, name)
        const { size, mtimeNs, ctimeNs, ino: inode, dev: device } = statSync(file, { bigint: true })
        return { source: 's', path: name, size: Number(size), mtimeNs, ctimeNs, inode, device }
      })
      ledger.offer('d', files)
      dispatcher.wake()
    },
    answer: (name: string) => wire.get(name)?.({ kind: 'stored', position: 1 }),
    isSent: (count: number) => ledger.totals('d').s?.sentFiles === count,
  }
}

test.each([
  ['a file that becomes a directory', 'a', ['a/b/c', 'a/d']],
  ['a directory that becomes a file', 'a/b/c', ['a']],
  ['a parent directory that becomes a file', 'a/b/c', ['a/b']],
])(
  'path locks: %s is sent after the transfer of the old path, and other files are not delayed',
  async (_what, before, after) => {
    const { wire, sent, remove, write, answer, isSent } = setUp()
    write(before)
    await until('the first one is on the wire', () => wire.has(before))
    remove(after[0] === 'a/b' ? 'a/b' : 'a')
    write(...after)
    write('ab', 'b/a', 'a.b/c')
    await until('the others pass', () => wire.size === 4)
    expect(sent.slice(1).sort()).toEqual(['a.b/c', 'ab', 'b/a'])
    answer(before)
    await until('the new ones go', () => after.every((name) => wire.has(name)))
    for (const name of [...wire.keys()]) answer(name)
    await until('all are sent', () => isSent(4 + after.length))
    expect(sent).toHaveLength(4 + after.length)
  },
)

test('path locks: a file that waits for another path is sent after the transfer of that path is lost', async () => {
  const { wire, remove, write } = setUp()
  write('a')
  await until('it is on the wire', () => wire.has('a'))
  remove('a')
  write('a/b')
  write('other')
  await until('the other passes', () => wire.has('other'))
  expect(wire.has('a/b')).toBe(false)
  wire.get('a')?.({ kind: 'lost' })
  await until('what stands there now goes', () => wire.has('a/b'))
})

test('path locks: more files below a path in transfer than are taken at a time wait, and all are sent when it ends', async () => {
  // With so many sources 64 files of each are taken at a time.
  const { wire, sent, remove, write, answer } = setUp({ otherSources: 63 })
  const count = 300
  write('a')
  await until('it is on the wire', () => wire.has('a'))
  remove('a')
  write(...Array.from({ length: count }, (_, index) => `a/${index}`))
  expect(sent).toEqual(['a'])
  answer('a')
  await until('all were on the wire', () => {
    for (const name of [...wire.keys()]) answer(name)
    return sent.length === 1 + count
  })
  expect(new Set(sent).size).toBe(1 + count)
})
