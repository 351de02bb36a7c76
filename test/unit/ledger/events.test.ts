import path from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'
import { expect, onTestFinished, test } from 'vitest'
import { readEvents } from '../../../core/ledger/events.ts'
import { openLedger } from '../../../core/ledger/ledger.ts'
import { EVENT } from '../../../core/ledger/ledger-messages.ts'
import { message } from '../../../core/lib/i18n/message.ts'
import { file, open } from '../../support/store/ledger.ts'

function openWithLog() {
  const opened = open()
  const database = new DatabaseSync(path.join(opened.directory, 'ledger.db'))
  onTestFinished(() => database.close())
  const log = () => readEvents(database, 0, 1_000).filter(({ type }) => type !== EVENT.opened)
  return { ...opened, database, log }
}

test('event log: a sent file is durable, with its size and digest', () => {
  const { ledger, take, log } = openWithLog()
  ledger.offer('d', [file('a')])
  const [due] = take()
  if (due === undefined) throw new Error('nothing due')
  expect(log()).toEqual([])
  const digest = new Uint8Array(32).fill(7)
  ledger.markSent([{ ...due, mark: false, digest }], 5_000)
  const row = { type: EVENT.durable, at: 5_000, source: 's', destination: 'd', path: 'a', size: 10 }
  expect(log()).toMatchObject([{ ...row, digest, detail: null }])
})

test('event log: a failed transaction leaves no event', () => {
  const { ledger, take, database, log } = openWithLog()
  ledger.offer('d', [file('a')])
  const [due] = take()
  if (due === undefined) throw new Error('nothing due')
  database.exec("CREATE TRIGGER fails AFTER INSERT ON event BEGIN SELECT raise(ABORT, 'full'); END")
  expect(() => ledger.markSent([{ ...due, mark: false }], 5_000)).toThrow('full')
  expect(log()).toEqual([])
  expect(ledger.totals('d')).toMatchObject({ s: { waitingFiles: 1, sentFiles: 0 } })
})

test('event log: an older version that becomes durable is told from the newest', () => {
  const { ledger, take, log } = openWithLog()
  ledger.offer('d', [file('a')])
  const [due] = take()
  if (due === undefined) throw new Error('nothing due')
  ledger.offer('d', [file('a', { size: 11, mtimeNs: 1_700_000_001_000_000_000n })])
  ledger.markSent([{ ...due, mark: false, digest: new Uint8Array(32) }], 5_000)
  expect(log()).toMatchObject([{ type: EVENT.durable, path: 'a', size: null, digest: null, detail: 'older' }])
})

test('event log: parked files have their reason, and each parking is an event', () => {
  const { ledger, take, log } = openWithLog()
  ledger.offer('d', [file('a')])
  for (let count = 1; count <= 2; count += 1) {
    const [due] = take()
    if (due === undefined) throw new Error('nothing due')
    ledger.park(due, message('transfer.unreadable', { path: 'a' }))
    ledger.unpark('d', null, 10)
  }
  const rows = log()
  expect(rows).toMatchObject([{ type: EVENT.parked }, { type: EVENT.parked, path: 'a' }])
  expect(JSON.parse(rows[0]?.detail ?? '')).toMatchObject({
    key: 'transfer.unreadable',
  })
})

test('event log: deletions name who deleted the file', () => {
  const { ledger, take, send, log } = openWithLog()
  ledger.offer('d', [file('mine', { inode: 1n }), file('theirs', { inode: 2n })])
  const due = take()
  send(due)
  ledger.markGone('d', 's', ['theirs'], 6_000)
  const mine = due.find(({ path: name }) => name === 'mine')
  if (mine === undefined) throw new Error('nothing due')
  ledger.endRemovals([{ id: mine.id, end: 'removed' }], 7_000)
  expect(log().slice(2)).toMatchObject([
    { type: EVENT.deleted, path: 'theirs', at: 6_000, detail: 'others' },
    { type: EVENT.deleted, path: 'mine', at: 7_000, detail: 'holdfast' },
  ])
})

test('event log: a damaged file is recorded and waits again', () => {
  const { ledger, take, send, log } = openWithLog()
  ledger.offer('d', [file('a')])
  send(take())
  ledger.offerDamaged('d', {
    ...{ source: 's', path: 'a', finding: 'missing', at: Date.now(), size: 1, digest: null },
  })
  expect(log().at(-1)).toMatchObject({
    type: EVENT.damaged,
    source: 's',
    destination: 'd',
    detail: 'missing',
  })
  expect(take()).toMatchObject([{ path: 'a' }])
})

test('event log: a batch directory is durable once until it is marked', () => {
  const { ledger, log } = openWithLog()
  for (let attempt = 0; attempt < 3; attempt += 1) ledger.recordBatchDurable('s', 'DC1', 'identity', 1)
  expect(log()).toMatchObject([{ type: EVENT.batchDurable, path: 'DC1' }])
  ledger.batchMarked('s', 'identity')
  ledger.recordBatchDurable('s', 'DC1', 'identity', 2)
  expect(log()).toHaveLength(2)
})

test('event log: a ledger that is opened again continues behind every number that was lost', () => {
  const { directory, ledger, database, log } = openWithLog()
  const [row] = database.prepare("SELECT CAST(unixepoch('subsec') * 1000000 AS INTEGER) AS now").all()
  const before = Number(row?.now)
  const reopen = () => openLedger(path.join(directory, 'ledger.db')).close()
  ledger.recordRestored('d', '/a', 1)
  ledger.recordRestored('d', '/b', 1)
  const [a, b] = log()
  expect(b?.seq).toBe((a?.seq ?? 0) + 1)
  // A power failure may take the last rows away.
  database.exec('DELETE FROM event')
  reopen()
  ledger.recordRestored('d', '/c', 1)
  expect(log()[0]?.seq).toBeGreaterThan(b?.seq ?? 0)
  expect(log()[0]?.seq).toBeGreaterThan(before)
  // A clock that was set back.
  database.exec(`INSERT INTO event (seq, at, type) VALUES (${before + 3_600_000_000}, 1, 1)`)
  reopen()
  ledger.recordRestored('d', '/d', 1)
  const last = log().slice(-2)
  expect(last[1]?.seq).toBe((last[0]?.seq ?? 0) + 2)
})

test('event log: events of a removed source keep its id, and a new route gets none of them', () => {
  const { ledger, take, send, log } = openWithLog()
  ledger.offer('d', [file('a')])
  send(take())
  ledger.forgetSource('s', 10)
  ledger.offer('e', [file('b', { source: 'other' })])
  expect(log()).toMatchObject([{ path: 'a', source: 's', destination: 'd' }])
})

test('event log: old events and those beyond the limit are replaced by one gap', () => {
  const { ledger, database, log } = openWithLog()
  database.exec('DELETE FROM event')
  for (let seq = 1; seq <= 12_000; seq += 1)
    database.exec(`INSERT INTO event (seq, at, type) VALUES (${seq}, ${seq}, 1)`)
  expect(ledger.lastEventBeyond(20_000)).toBe(0)
  const beyond = ledger.lastEventBeyond(100)
  while (ledger.pruneEvents(0, beyond));
  expect(log()).toHaveLength(101)
  expect(log()[0]).toMatchObject({ type: EVENT.gap, seq: 11_900 })
  while (ledger.pruneEvents(11_951, beyond));
  expect(log()).toHaveLength(51)
  expect(log()[0]).toMatchObject({ type: EVENT.gap, seq: 11_950 })
  // The gap itself stays: there is no older event.
  expect(ledger.pruneEvents(11_951, beyond)).toBe(false)
  expect(log()).toHaveLength(51)
})
