import { globSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { gunzipSync } from 'node:zlib'
import { DatabaseSync } from '@photostructure/sqlite'
import { expect, onTestFinished, test } from 'vitest'
import { LEDGER } from '../../../core/ledger/database.ts'
import { openLedger } from '../../../core/ledger/ledger.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

// Ledgers that the last commit of each version created and filled by its own code: two sent files (one with the largest
// inode, one before 1970), a parked and two waiting ones.

const ledgers = path.join(import.meta.dirname, '../../vectors/ledgers')
const versions = globSync('*.db.gz', { cwd: ledgers }).map((name) => Number.parseInt(name, 10))

const file = (name: string, changes: object = {}) => ({
  ...{ source: 's', path: name, size: 10, mtimeNs: 1_700_000_000_123_456_789n, ctimeNs: 3n },
  ...{ inode: 7n, device: 1n },
  ...changes,
})

/** Opens and closes a ledger; gives its objects and columns. */
function readSchema(at: string) {
  openLedger(at).close()
  const database = new DatabaseSync(at, { readOnly: true })
  const named = database
    .prepare("SELECT type, name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY 1, 2")
    .all() as { type: string; name: string }[]
  const columns = named.flatMap(({ type, name }) => {
    const all = type === 'table' ? database.prepare(`PRAGMA table_info("${name}")`).all() : []
    return all.map((column) => `${name}.${String(Object(column).name)} ${String(Object(column).type)}`).sort()
  })
  database.close()
  return { named: named.map(({ type, name }) => `${type} ${name}`), columns }
}

test('genuine ledgers: there is one of each version that is migrated', () => {
  expect(versions.sort((a, b) => a - b)).toEqual(Object.keys(LEDGER.migrations ?? {}).map(Number))
})

test.each(versions)('genuine ledger of version %d: migrated with all rows, it goes on', (version) => {
  const at = path.join(temporaryDirectory('genuine'), 'ledger.db')
  writeFileSync(at, gunzipSync(readFileSync(path.join(ledgers, `${version}.db.gz`))))
  expect(readSchema(at)).toEqual(readSchema(path.join(temporaryDirectory('new'), 'ledger.db')))
  const ledger = openLedger(at)
  onTestFinished(() => ledger.close())
  expect(ledger.notice).toBeNull()
  const totals = (waitingFiles: number, sentFiles: number) => ({
    s: expect.objectContaining({
      ...{ waitingFiles, waitingBytes: waitingFiles * 10, sentFiles, sentBytes: sentFiles * 10 },
      ...{ parkedFiles: 1 },
    }),
  })
  expect(ledger.totals('d')).toEqual(totals(2, 2))
  expect(ledger.lookup('d', 's', 'parked')).toMatchObject({ state: 'parked' })
  // All are known as they were: nothing is sent again.
  const sent = [file('sent', { inode: 2n ** 64n - 1n }), file('two/sent', { mtimeNs: -1n })]
  expect(ledger.offer('d', [...sent, file('parked'), file('waiting'), file('雪')])).toBe(0)
  const due = ledger.take('d', 's', 10, Date.now(), new Set())
  expect(due.map((one) => one.path).sort()).toEqual(['waiting', '雪'])
  ledger.markSent(
    due.map((one) => ({ ...one, mark: false })),
    5_000,
  )
  expect(ledger.totals('d')).toEqual(totals(0, 4))
  expect(ledger.offer('d', [file('sent', { size: 10, mtimeNs: 5n })])).toBe(1)
})
