import { chmodSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { Session } from '../../../core/backends/destination.ts'
import type { Ledger, TransferResult } from '../../../core/ledger/ledger.ts'
import { type Message, message } from '../../../core/lib/i18n/message.ts'
import { computeDigest } from '../../../core/platform/digest.ts'
import { openLostMetadata } from '../../../core/send/lost-metadata.ts'
import { createPathLocks } from '../../../core/send/queue/queue.ts'
import { hastenClock } from '../../support/hasten.ts'
import { file, open } from '../../support/store/ledger.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { fakeSession } from '../../support/transfer/fake-session.ts'
import { until } from '../../support/until.ts'

const MTIME_NS = 1_600_000_000_000_000_000n
const THERE = { mtimeNs: '1700000000000000000', mode: 0o644 }
const DIGEST = computeDigest(Buffer.from('content'))
const STORED: TransferResult = { kind: 'stored', position: 0 }

const listLost = (ledger: Ledger) => ledger.lostMetadata('d', 's', '', 1_000).map((one) => one.path)

/** A source whose sent files have lost their facts at the destination; only "a" is still here. */
function begin(
  copy: (path: string, copied: Parameters<Session['copy']>) => TransferResult | null,
  names = ['a', 'b'],
) {
  const { ledger } = open()
  const directory = temporaryDirectory('source')
  writeFileSync(path.join(directory, 'a'), 'content')
  chmodSync(path.join(directory, 'a'), 0o750)
  utimesSync(path.join(directory, 'a'), 1_600_000_000, 1_600_000_000)
  ledger.offer(
    'd',
    names.map((name) => file(name, { size: 7, mtimeNs: MTIME_NS })),
  )
  const due = ledger.take('d', 's', names.length, Date.now(), new Set())
  ledger.markSent(
    due.map((one) => ({ ...one, mark: false, digest: DIGEST })),
    5_000,
  )
  for (const name of names) ledger.keepLostMetadata('d', { source: 's', path: name, ...THERE })
  const locks = createPathLocks()
  const notices: Message[] = []
  const session = fakeSession({ copy: async (...copied) => copy(copied[0].path, copied) })
  const renewing = openLostMetadata({
    ...{ destination: { id: 'd', name: 'nas' }, ledger, session: () => session },
    sources: () => [{ id: 's', name: 'data', path: directory }],
    hold: (one) => (locks.lock(one) ? () => locks.unlock(one) : null),
    onNotice: (notice) => void notices.push(notice),
    log: () => undefined,
  })
  onTestFinished(() => renewing.stop())
  return { ledger, locks, notices, renewing, left: () => listLost(ledger) }
}

test('lost metadata: the time is that of the sent content, and the mode that of the file here or else the one there', async () => {
  const asked: unknown[] = []
  const { renewing, left } = begin((name, [{ facts }, , digest, { isTrusted, lostNs }]) => {
    asked.push([name, facts.mtimeNs, facts.mode, Buffer.from(digest), isTrusted, lostNs])
    return STORED
  })
  await renewing.look()
  const there = BigInt(THERE.mtimeNs)
  expect(asked).toEqual([
    ['a', MTIME_NS, 0o750, DIGEST, true, there],
    ['b', MTIME_NS, 0o644, DIGEST, true, there],
  ])
  expect(left()).toEqual([])
})

test('lost metadata: a path that is being sent is left alone, and one whose facts are set is not sent', async () => {
  const set: string[] = []
  const { locks, renewing, left } = begin((name) => {
    expect(locks.lock({ source: 's', path: name })).toBe(false)
    set.push(name)
    return STORED
  })
  locks.lock({ source: 's', path: 'a' })
  await renewing.look()
  expect(set).toEqual(['b'])
  expect(left()).toEqual(['a'])
  locks.unlock({ source: 's', path: 'a' })
  await renewing.look()
  expect(set).toEqual(['b', 'a'])
  expect(locks.lock({ source: 's', path: 'a' })).toBe(true)
})

test('lost metadata: a destination with another content by now keeps it', async () => {
  const { renewing, left } = begin(() => null)
  await renewing.look()
  expect(left()).toEqual([])
})

test('lost metadata: a refusal is told once, and the files stay noted', async () => {
  const reason = message('transfer.objects.denied', { name: 'nas', reason: 'HTTP 403' })
  const { notices, renewing, left } = begin(() => ({ kind: 'retry', cause: 'file', reason }))
  await renewing.look()
  expect(notices).toEqual([message('transfer.objects.factsNotSet', { name: 'nas', reason: 'HTTP 403' })])
  expect(left()).toEqual(['a', 'b'])
})

test('lost metadata: the files of a disk that is not mounted wait', async () => {
  const set: string[] = []
  const { ledger, renewing, left } = begin((name) => {
    set.push(name)
    return STORED
  })
  ledger.rememberHome('s', '/not mounted')
  await renewing.look()
  expect(left()).toEqual(['a', 'b'])
  ledger.rememberHome('s', '/')
  ledger.rememberMountsInside('s', [{ path: 'a', point: '/not mounted' }])
  await renewing.look()
  expect([set, left()]).toEqual([['b'], ['a']])
})

test('lost metadata: files that are all refused end a pass, and the next one begins behind them', async () => {
  hastenClock(10_000)
  const names = Array.from({ length: 250 }, (_, index) => `f${String(index).padStart(3, '0')}`)
  const isRefused = (name: string) => name < 'f120'
  const asked: string[] = []
  const { renewing, left } = begin((name) => {
    asked.push(name)
    return isRefused(name) ? { kind: 'retry', cause: 'suspect', reason: null } : STORED
  }, names)
  await renewing.look()
  expect(asked).toEqual(names.slice(0, 100))
  await until('all others', () => left().every(isRefused))
  expect(left()).toHaveLength(120)
})

test('lost metadata: those of a source that is removed are forgotten, and those that were found anew are not', () => {
  const { ledger, left } = begin(() => null)
  const [first] = ledger.lostMetadata('d', 's', '', 1)
  if (first === undefined) throw new Error('none is noted')
  ledger.keepLostMetadata('d', { ...first, mode: 0o600 })
  ledger.endLostMetadata('d', first)
  expect(left()).toEqual(['a', 'b'])
  ledger.forgetSource('s', 100)
  expect(left()).toEqual([])
})
