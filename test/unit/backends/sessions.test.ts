import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openSessions } from '../../../core/backends/session-memory.ts'
import type { Ledger } from '../../../core/ledger/ledger.ts'
import { openDispatcher } from '../../../core/send/queue/dispatcher.ts'
import { sendingSettingsSchema } from '../../../core/settings/worker-groups.ts'
import { file, open } from '../../support/store/ledger.ts'
import { openTestReaders } from '../../support/store/test-readers.ts'
import { fakeSession } from '../../support/transfer/fake-session.ts'
import { listFoundFiles } from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

const theirs = { epoch: 'e1', position: 7, last: null, next: 'n1', isForked: false }

/** A ledger by which the receiver "d" has 2,500 files, the first by position 1; the last of them is removed here. */
function connectedBefore() {
  const { ledger } = open()
  const files = Array.from({ length: 2_500 }, (_, index) => file(`f${index}`, { inode: BigInt(index + 1) }))
  ledger.offer('d', files)
  const due = ledger.take('d', 's', files.length, Date.now(), new Set())
  ledger.markSent(
    due.map((claim, index) => ({ ...claim, mark: false, digest: Buffer.alloc(32), position: index + 1 })),
    1_000,
  )
  ledger.endRemovals([{ id: due.at(-1)?.id ?? 0, end: 'removed' }], 2_000)
  ledger.rememberSession('d', { epoch: 'e1', position: 2_500, last: 'n0', next: 'n1' })
  return { ledger, sessions: openSessions(ledger, { id: 'd', name: 'nas' }) }
}

const waiting = (ledger: Ledger) => ledger.totals('d').s?.waitingFiles

test('receiver sessions: the first session is stored, and a receiver with files is asked before sending', async () => {
  const { ledger } = open()
  const sessions = openSessions(ledger, { id: 'd', name: 'nas' })
  expect(sessions.hello()).toBeNull()
  expect(await sessions.welcome({ ...theirs, position: 0 })).toEqual({ asksFirst: false, notice: null })
  expect(sessions.hello()).toEqual({ epoch: 'e1', position: 0, last: null, next: 'n1' })
  const anew = openSessions(ledger, { id: 'other', name: 'other' })
  expect(await anew.welcome(theirs)).toEqual({ asksFirst: true, notice: null })
})

const lost = { removed: 1, name: 'nas' }
test.each([
  ['at its known position gets no files again', 2_500, 0, null],
  ['ahead of its known position gets no files again', 2_600, 0, null],
  [
    'set back to an earlier position gets the lost files again, with one notice',
    100,
    2_399,
    { key: 'transfer.sessionLost', params: { ...lost, files: 2_399 } },
  ],
  [
    'at position 0 gets all files again, with one notice',
    0,
    2_499,
    { key: 'transfer.sessionAnewLost', params: { ...lost, files: 2_499 } },
  ],
])('receiver sessions: a receiver %s', async (_, position, files, notice) => {
  const { ledger, sessions } = connectedBefore()
  const agreed = await sessions.welcome({ ...theirs, position })
  expect(agreed.asksFirst).toBe(false)
  if (notice === null) expect(agreed.notice).toBeNull()
  else expect(agreed.notice).toMatchObject(notice)
  expect(waiting(ledger)).toBe(files)
  expect(sessions.hello()).toEqual({ epoch: 'e1', position, last: null, next: 'n1' })
  // It is told once: the next connection finds both as they are now.
  expect((await sessions.welcome({ ...theirs, position })).notice).toBeNull()
  expect(waiting(ledger)).toBe(files)
})

test('receiver sessions: the notice of a loss names no removed files if none of them were lost', async () => {
  const { ledger, sessions } = connectedBefore()
  const { files } = ledger.files(['d'], { source: null, state: 'sent', before: null, limit: 1 })
  ledger.endRemovals([{ id: files[0]?.id ?? 0, end: 'stays' }], 3_000)
  const { notice } = await sessions.welcome({ ...theirs, position: 2_498 })
  expect(notice).toMatchObject({ key: 'transfer.sessionOlder', params: { files: 2 } })
})

test('receiver sessions: a receiver with a new store gets all files again, and is asked first if it has files', async () => {
  for (const position of [0, 9]) {
    const { ledger, sessions } = connectedBefore()
    const { asksFirst, notice } = await sessions.welcome({ ...theirs, epoch: 'e2', position })
    expect(asksFirst).toBe(position > 0)
    expect(notice).toMatchObject({ key: 'transfer.sessionAnewLost', params: { files: 2_499, removed: 1 } })
    expect(waiting(ledger)).toBe(2_499)
  }
})

test('receiver sessions: a forked receiver causes a notice, and files that it requests wait again', async () => {
  const { ledger, sessions } = connectedBefore()
  const { notice } = await sessions.welcome({ ...theirs, position: 2_500, isForked: true })
  expect(notice).toMatchObject({ key: 'transfer.sessionForked', params: { name: 'nas' } })
  expect(
    sessions.offerAgain([
      ['s', 'f3'],
      ['s', 'never'],
      ['other', 'f4'],
    ]),
  ).toBe(1)
  expect(waiting(ledger)).toBe(1)
})

test('receiver sessions: stored files advance the position, and a lower one later is detected as a loss', async () => {
  const { directory, ledger } = open()
  const root = path.join(directory, 'source')
  mkdirSync(root)
  const ignore = () => undefined
  const dispatcher = openDispatcher(
    {
      ...{
        destination: { id: 'd', name: 'nas' },
        ledger,
        ledgerPath: '/ledger',
        ...sendingSettingsSchema.parse({ retrySeconds: 1 }),
      },
      readers: openTestReaders(),
    },
    { onSent: ignore, onMarked: ignore, onGone: ignore, onBytes: ignore, onChange: ignore, log: ignore },
  )
  onTestFinished(() => dispatcher.stop())
  const sessions = openSessions(ledger, { id: 'd', name: 'nas' })
  await sessions.welcome({ ...theirs, position: 0 })
  let position = 0
  const session = fakeSession({
    async sendSmall(files, _directories, { onUsed, onResult }) {
      onUsed()
      position += 1
      for (const index of files.keys()) onResult(index, { kind: 'stored', position })
    },
    // It has lost what it is asked for.
    copy: async () => null,
  })
  dispatcher.configure([{ id: 's', path: root, name: 's', groupWriteMark: false, paused: false }], false)
  dispatcher.setSession(session)
  const send = async (name: string, count: number) => {
    writeFileSync(path.join(root, name), name)
    ledger.offer('d', listFoundFiles(root, 's'))
    dispatcher.wake()
    await until(`${name} is sent`, () => ledger.totals('d').s?.sentFiles === count)
  }
  await send('first', 1)
  await send('second', 2)
  expect(sessions.hello()).toMatchObject({ position: 2 })
  dispatcher.setSession(null)
  const { notice } = await sessions.welcome({ ...theirs, position: 1 })
  expect(notice).toMatchObject({ key: 'transfer.sessionOlder', params: { files: 1 } })
  expect(ledger.lookup('d', 's', 'second')?.state).toBe('waiting')
  dispatcher.setSession(session)
  await until('it is sent again', () => ledger.totals('d').s?.sentFiles === 2)
})
