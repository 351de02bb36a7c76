import fs from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'
import { describe, expect, onTestFinished, test } from 'vitest'
import { readLedgerFigures } from '../../../core/ledger/figures.ts'
import { openLedger, readLedger } from '../../../core/ledger/ledger.ts'
import { noTotals } from '../../../core/ledger/ledger-messages.ts'
import { file, open } from '../../support/store/ledger.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const totals = (waitingFiles: number, sentFiles: number, parkedFiles: number) => ({
  ...noTotals,
  waitingFiles,
  waitingBytes: waitingFiles * 10,
  sentFiles,
  sentBytes: sentFiles * 10,
  parkedFiles,
})

/** Takes away the column of version 11. */
const BACK_TO_10 = 'ALTER TABLE expected DROP COLUMN too_small;'

/** Takes away the column of version 10. */
const BACK_TO_9 = `${BACK_TO_10} ALTER TABLE file DROP COLUMN first_at;`

/** Takes away the table of version 9. */
const BACK_TO_8 = `${BACK_TO_9} DROP TABLE proof;`

/** Takes away the table of version 8. */
const BACK_TO_7 = `${BACK_TO_8} DROP TRIGGER fixity_removed; DROP TABLE fixity;`

/** Takes away the log of version 7. */
const BACK_TO_6 = `${BACK_TO_7} DROP TRIGGER event_durable; DROP TRIGGER event_parked; DROP TRIGGER event_deleted;
  DROP TRIGGER event_route; DROP TABLE event; DROP TABLE former_route;`

/** Takes away the table of version 6, and restores the indices of version 4, which version 5 has replaced. */
const BACK_TO_4 = `${BACK_TO_6} DROP TABLE expected; DROP INDEX file_state; CREATE INDEX file_state ON file (route, state);
  CREATE INDEX file_due ON file (route, due_at) WHERE state = 0;`

describe('ledger file', () => {
  test('waiting files are kept over a restart', () => {
    const { directory, ledger } = open()
    ledger.offer('d', [file('a')])
    const again = openLedger(path.join(directory, 'ledger.db'))
    expect(again.notice).toBeNull()
    expect(again.totals('d')).toEqual({ s: totals(1, 0, 0) })
    again.close()
  })

  test('migration: a ledger of version 2 is readable, keeps its files and is upgraded when opened', () => {
    const { directory, ledger } = open()
    const at = path.join(directory, 'ledger.db')
    ledger.offer('d', [file('a')])
    const database = new DatabaseSync(at)
    const version = () => database.prepare('PRAGMA user_version').get()
    const present = version()
    database.exec(BACK_TO_4)
    database.exec('DROP INDEX file_absent; ALTER TABLE file DROP COLUMN stored_ns; PRAGMA user_version = 2')
    expect(readLedger(at)?.lookup('d', 's', 'a')).toMatchObject({ state: 'waiting' })
    const again = openLedger(at)
    onTestFinished(() => again.close())
    expect(again.notice).toBeNull()
    expect(again.totals('d')).toEqual({ s: totals(1, 0, 0) })
    expect(again.take('d', 's', 1, Date.now(), new Set())).toMatchObject([{ path: 'a' }])
    expect(version()).toEqual(present)
    database.close()
  })

  test('migration: version 3 counted files that are gone among the sent ones; they are counted anew', () => {
    const { directory, ledger, take, send } = open()
    const at = path.join(directory, 'ledger.db')
    ledger.offer(
      'd',
      ['here', 'gone', 'removed', 'moved', 'waits'].map((name) => file(name)),
    )
    send(take().filter(({ path: name }) => name !== 'waits'))
    ledger.offer('e', [file('gone')])
    send(ledger.take('e', 's', 1, Date.now(), new Set()))
    const database = new DatabaseSync(at)
    onTestFinished(() => database.close())
    const named = (name: string) => `WHERE path = '${name}'`
    database.exec(`${BACK_TO_4} UPDATE file SET removal = 3 ${named('gone')}; UPDATE file SET removal = 2 ${named('removed')};
      UPDATE file SET mtime_ns = 1 << 63 ${named('moved')};
      DROP INDEX file_absent; DELETE FROM total WHERE state > 2; UPDATE total SET files = 4, bytes = 40 WHERE state = 1;
      PRAGMA user_version = 3`)
    const again = openLedger(at)
    onTestFinished(() => again.close())
    expect(again.notice).toBeNull()
    const gone = { removedFiles: 1, removedBytes: 10, deletedFiles: 1, deletedBytes: 10 }
    expect(again.totals('d')).toEqual({ s: { ...totals(1, 1, 0), ...gone } })
    again.offer('e', [file('a')])
    expect(again.totals('e')).toEqual({ s: { ...totals(1, 0, 0), deletedFiles: 1, deletedBytes: 10 } })
  })

  test('migration: version 4 had the sent files in the order in which they were added', () => {
    const { directory, ledger, take } = open()
    const at = path.join(directory, 'ledger.db')
    ledger.offer('d', [file('sent last'), file('sent first')])
    const [last, first] = take()
    if (last === undefined || first === undefined) throw new Error('nothing due')
    ledger.markSent([{ ...first, mark: false }], 1_000)
    ledger.markSent([{ ...last, mark: false }], 2_000)
    const database = new DatabaseSync(at)
    onTestFinished(() => database.close())
    database.exec(
      `${BACK_TO_4} UPDATE file SET due_at = id; PRAGMA user_version = 4; DELETE FROM meta WHERE key = 'newest s'`,
    )
    const again = openLedger(at)
    onTestFinished(() => again.close())
    const page = again.files(['d'], { source: null, state: 'sent', before: null, limit: 1 })
    expect(page.files).toMatchObject([{ path: 'sent last' }])
    // It has recorded no newest file: that is then the file that was sent last.
    expect(again.newestFiles('d')).toMatchObject({ s: { path: 'sent last' } })
  })

  test('migration: version 5 had no expected files', () => {
    const { directory, ledger } = open()
    const at = path.join(directory, 'ledger.db')
    ledger.offer('d', [file('a')])
    const database = new DatabaseSync(at)
    onTestFinished(() => database.close())
    database.exec(`${BACK_TO_6} DROP TABLE expected; PRAGMA user_version = 5`)
    const again = openLedger(at)
    onTestFinished(() => again.close())
    expect(again.totals('d')).toEqual({ s: totals(1, 0, 0) })
    expect(again.lastArrival('s', '*', Date.now())).toBeNull()
  })

  test('migration: version 6 had no events', () => {
    const { directory, ledger, take, send } = open()
    const at = path.join(directory, 'ledger.db')
    ledger.offer('d', [file('a'), file('b')])
    send(take().filter(({ path: name }) => name === 'a'))
    const database = new DatabaseSync(at)
    onTestFinished(() => database.close())
    database.exec(`${BACK_TO_6} PRAGMA user_version = 6`)
    const again = openLedger(at)
    onTestFinished(() => again.close())
    const [b] = again.take('d', 's', 1, Date.now(), new Set())
    if (b === undefined) throw new Error('nothing due')
    again.markSent([{ ...b, mark: false }], 5_000)
    const events = database.prepare('SELECT type, at, path FROM event ORDER BY seq').all()
    expect(events).toMatchObject([{ type: 7 }, { type: 1, at: 5_000, path: 'b' }])
  })

  test('migration: version 7 recorded no digests for archives', () => {
    const { directory, ledger, take } = open()
    const at = path.join(directory, 'ledger.db')
    ledger.offer('d', [file('a')])
    const database = new DatabaseSync(at)
    onTestFinished(() => database.close())
    database.exec(`${BACK_TO_7} PRAGMA user_version = 7`)
    const again = openLedger(at)
    onTestFinished(() => again.close())
    expect(again.notice).toBeNull()
    const [a] = take()
    if (a === undefined) throw new Error('nothing due')
    const sha256 = Buffer.alloc(32, 2)
    again.markSent([{ ...a, mark: false, digest: Buffer.alloc(32, 1), fixity: { sha256 } }], 5_000)
    expect(again.durableFiles(['d'], 's', '', 10)).toMatchObject([{ path: 'a', sha256, md5: null }])
  })

  test('migration: version 9 had no time at which a content was stored first', () => {
    const { directory, ledger, take } = open()
    const at = path.join(directory, 'ledger.db')
    ledger.offer('d', [file('a')])
    const digest = Buffer.alloc(32, 1)
    const [a = expect.fail()] = take()
    ledger.markSent([{ ...a, mark: false, digest }], 5_000)
    const database = new DatabaseSync(at)
    onTestFinished(() => database.close())
    database.exec(`${BACK_TO_9} PRAGMA user_version = 9`)
    const count = () => readLedgerFigures(at, 4_000, 6_000, 1)?.routes[0]?.durable.files
    expect(count()).toBe(1)
    const again = openLedger(at)
    onTestFinished(() => again.close())
    again.offerAgain('d', [['s', 'a']])
    const [same = expect.fail()] = again.take('d', 's', 1, Date.now(), new Set())
    again.markSent([{ ...same, mark: false, digest }], 9_000)
    expect(count()).toBe(1)
  })

  test('migration: version 10 had no sizes of expected files that are too small', () => {
    const { directory, ledger } = open()
    const at = path.join(directory, 'ledger.db')
    const gap = { start: 1_000, due: 2_000, path: 'a', arrivedAt: null, tooSmall: null }
    ledger.recordExpected('s', '*', [gap])
    const database = new DatabaseSync(at)
    onTestFinished(() => database.close())
    database.exec(`${BACK_TO_10} PRAGMA user_version = 10`)
    const missing = () => readLedgerFigures(at, 0, 6_000, 1)?.missing
    expect(missing()).toMatchObject([{ path: 'a', tooSmall: null }])
    const again = openLedger(at)
    onTestFinished(() => again.close())
    again.recordExpected('s', '*', [{ ...gap, tooSmall: 150 }])
    expect(missing()).toMatchObject([{ path: 'a', tooSmall: 150 }])
  })

  const unusable: [string, (at: string) => void, string][] = [
    ['is not a database', (at) => fs.writeFileSync(at, 'x'.repeat(10_000)), 'transfer.ledgerBroken'],
    [
      'is another database',
      (at) => {
        const other = new DatabaseSync(at)
        other.exec('CREATE TABLE file (x)')
        other.close()
      },
      'transfer.ledgerBroken',
    ],
    [
      'is of an older version',
      (at) => {
        const older = new DatabaseSync(at)
        older.exec('CREATE TABLE file (x); PRAGMA user_version = 1')
        older.close()
      },
      'transfer.ledgerBroken',
    ],
    [
      'is of a newer version',
      (at) => {
        const newer = new DatabaseSync(at)
        newer.exec('PRAGMA user_version = 99')
        newer.close()
      },
      'transfer.ledgerNewer',
    ],
  ]
  test.each(unusable)('a file that %s is set aside with its bytes and a notice', (_, make, key) => {
    const directory = temporaryDirectory('ledger')
    const at = path.join(directory, 'ledger.db')
    make(at)
    const before = fs.readFileSync(at)
    const ledger = openLedger(at)
    onTestFinished(() => ledger.close())
    expect(ledger.notice).toMatchObject({ key, params: { path: at } })
    expect(fs.readFileSync(String(ledger.notice?.params.aside)).subarray(0, 100)).toEqual(
      before.subarray(0, 100),
    )
    expect(ledger.offer('d', [file('a')])).toBe(1)
  })
})
