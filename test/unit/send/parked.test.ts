import fs from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openLedger, type Parked } from '../../../core/ledger/ledger.ts'
import { type Message, message } from '../../../core/lib/i18n/message.ts'
import { openParkedFiles } from '../../../core/send/queue/dispatcher.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { listFoundFiles } from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

const unreadable = message('transfer.unreadable', { path: '/x', reason: 'EACCES' })
const inUse = message('transfer.inUse', { path: '/x', reason: 'EBUSY' })
const refused = message('transfer.tooLarge', { path: '/x', size: 1 })

/** A source whose files are all parked, with what looks at them again. */
function setUp(names: readonly string[], reason: Message) {
  const directory = temporaryDirectory('parked')
  const root = path.join(directory, 'source')
  fs.mkdirSync(root)
  for (const name of names) fs.writeFileSync(path.join(root, name), name)
  const ledger = openLedger(path.join(directory, 'ledger.db'))
  ledger.offer('d', listFoundFiles(root, 's'))
  for (const due of ledger.take('d', 's', 10_000, Date.now(), new Set())) ledger.park(due, reason)
  const found: string[] = []
  const state = { isAway: false }
  const parked = openParkedFiles('d', ledger, {
    isAway: () => state.isAway,
    found: (source) => void found.push(source),
    log: (_, text) => expect.fail(text),
  })
  onTestFinished(() => {
    parked.stop()
    ledger.close()
  })
  const source = { id: 's', path: root, name: 's', groupWriteMark: false, paused: false }
  const waiting = () => ledger.take('d', 's', 10_000, Date.now(), new Set()).map((due) => due.path)
  return { root, source, state, parked, found, waiting }
}

test.each([
  ['an unreadable file that is readable again is retried', unreadable, false, true],
  ['a file that was open in another program is retried', inUse, false, true],
  ['an unreadable file that was deleted is retried', unreadable, true, true],
  ['a rejected file that was deleted is retried', refused, true, true],
  ['a rejected file that still exists stays parked', refused, false, false],
])('parked files: %s', async (_, reason, isGone, isTried) => {
  const { root, source, parked, found, waiting } = setUp(['one'], reason)
  if (isGone) fs.rmSync(path.join(root, 'one'))
  for (let look = 0; look < 3; look += 1) {
    parked.look(source)
    for (let turn = 0; turn < 20; turn += 1) await fs.promises.stat(root)
  }
  if (isTried) await until('it is found', () => found.length > 0)
  expect(waiting()).toEqual(isTried ? ['one'] : [])
})

test('parked files: files of an absent disk stay parked until the disk returns', async () => {
  const { root, source, state, parked, found, waiting } = setUp(['one'], unreadable)
  state.isAway = true
  fs.rmSync(path.join(root, 'one'))
  parked.look(source)
  for (let turn = 0; turn < 50; turn += 1) await fs.promises.stat(root)
  expect([found, waiting()]).toEqual([[], []])
  state.isAway = false
  await until('it is found', () => {
    parked.look(source)
    return found.length > 0
  })
})

test('parked files: deleted files at both ends of 1,100 rejected ones are found', async () => {
  const names = Array.from({ length: 1_100 }, (_, index) => `f${index}`)
  const { root, source, parked, waiting } = setUp(names, refused)
  for (const name of ['f0', 'f1099']) fs.rmSync(path.join(root, name))
  await until('both are found', () => {
    parked.look(source)
    return waiting().length === 2
  })
})

test('parked files: a source has one check at a time, and no new check starts after stop', () => {
  const asked: string[] = []
  const page = Array.from({ length: 5 }, (_, index): Parked => {
    return { id: index + 1, generation: 1, path: `f${index}`, dueAt: 0, reason: refused }
  })
  const ledger = {
    parked: (_: string, source: string) => {
      asked.push(source)
      return page
    },
    unparkRow: () => false,
  }
  const parked = openParkedFiles('d', ledger, {
    isAway: () => false,
    found: () => undefined,
    log: () => undefined,
  })
  const source = { id: 's', path: '/nowhere', name: 's', groupWriteMark: false, paused: false }
  parked.look(source)
  parked.look(source)
  parked.look({ ...source, id: 'other' })
  expect(asked).toEqual(['s', 'other'])
  parked.stop()
  parked.look({ ...source, id: 'third' })
  expect(asked).toHaveLength(2)
})
