import fs from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'
import { describe, expect, onTestFinished, test } from 'vitest'
import { openLedger } from '../../../core/ledger/ledger.ts'
import { LEDGER_STEPS } from '../../../core/ledger/schema.ts'
import { elsewhere, file, open } from '../../support/ledger.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const totals = (waitingFiles: number, sentFiles: number, parkedFiles: number) => ({
  waitingFiles,
  waitingBytes: waitingFiles * 10,
  sentFiles,
  sentBytes: sentFiles * 10,
  parkedFiles,
})

describe('the file', () => {
  test('is kept over a restart', () => {
    const { directory, ledger } = open()
    ledger.offer('d', [file('a')])
    const again = openLedger(path.join(directory, 'ledger.db'))
    expect(again.notice).toBeNull()
    expect(again.totals('d')).toEqual({ s: totals(1, 0, 0) })
    again.close()
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
      'is of a newer version',
      (at) => {
        const newer = new DatabaseSync(at)
        newer.exec('PRAGMA user_version = 99')
        newer.close()
      },
      'transfer.ledgerNewer',
    ],
  ]
  test.each(unusable)('that %s is set aside, never erased, and said', (_, make, key) => {
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

describe('a ledger of an earlier version', () => {
  test('opens with everything that it had, also for several at once, and goes on from there', () => {
    const directory = temporaryDirectory('ledger')
    const name = path.join(directory, 'ledger.db')
    const old = new DatabaseSync(name)
    old.exec(`PRAGMA journal_mode = WAL; ${LEDGER_STEPS[0]}; PRAGMA user_version = 1`)
    old.exec(`INSERT INTO route VALUES (1, 'd', 's'); INSERT INTO meta VALUES ('home s', '/mnt')`)
    const add = old.prepare(
      `INSERT INTO file (route, path, size, mtime_ns, inode, device, state, reason) VALUES (1, ?, 10, 1, ?, 1, ?, NULL)`,
    )
    for (const [index, state] of [0, 1, 2].entries()) add.run(`f${index}`, index, state)
    old.close()

    const ledgers = [openLedger(name), openLedger(name)]
    const [ledger] = ledgers
    onTestFinished(() => {
      for (const one of ledgers) one.close()
    })
    if (ledger === undefined) throw new Error('no ledger')
    expect(ledgers.map(({ notice }) => notice)).toEqual([null, null])
    expect(ledger.totals('d')).toEqual({ s: totals(1, 1, 1) })
    expect(ledger.home('s')).toBe('/mnt')
    expect(ledger.offer('d', [file('f1', { mtimeNs: 1n, inode: 1n })])).toBe(0)
    ledger.offer('d', [file('renamed', { mtimeNs: 1n, inode: 1n })])
    const due = ledger.take('d', ['s'], 10, 0, new Set())
    expect(due.map((one) => elsewhere(ledger, 'd', one))).toEqual([null, null])
    ledger.markSent(
      due.map((claim) => ({ ...claim, mark: false, digest: Buffer.alloc(32) })),
      0,
    )
    ledger.offer('d', [file('renamed again', { mtimeNs: 1n, inode: 1n })])
    const [again] = ledger.take('d', ['s'], 10, 0, new Set())
    expect(again === undefined ? null : elsewhere(ledger, 'd', again)?.path).toBe('renamed')
    expect(fs.readdirSync(directory).filter((entry) => !/^ledger\.db(-wal|-shm)?$/.test(entry))).toEqual([])
  })
})
