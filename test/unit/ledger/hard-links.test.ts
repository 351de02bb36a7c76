import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openLedgerFile } from '../../../core/ledger/database.ts'
import { openParts } from '../../../core/ledger/ledger.ts'
import { file, open } from '../../support/store/ledger.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

/** A ledger that adds the arguments of each query to `queries`. */
function openRecorded() {
  const { database } = openLedgerFile(path.join(temporaryDirectory('ledger-links'), 'ledger.db'))
  onTestFinished(() => database.close())
  const queries: unknown[][] = []
  const bound = <T extends object>(target: T, key: PropertyKey) => {
    const value: unknown = Reflect.get(target, key)
    return typeof value === 'function' ? value.bind(target) : value
  }
  const record = (statement: ReturnType<typeof database.prepare>) =>
    new Proxy(statement, {
      get(target, key) {
        const call = bound(target, key)
        if (key !== 'all') return call
        return (...values: unknown[]) => {
          queries.push(values)
          return call(...values)
        }
      },
    })
  const recorded = new Proxy(database, {
    get(target, key) {
      return key === 'prepare' ? (sql: string) => record(target.prepare(sql)) : bound(target, key)
    },
  })
  return { ledger: openParts(recorded), queries }
}

test('hard links: 1,000 among 3,000 names of one inode are one content to search for', () => {
  const { ledger, queries } = openRecorded()
  const names = Array.from({ length: 3_000 }, (_, index) => file(`name-${index}`))
  ledger.offer('d', names)
  const due = ledger.take('d', 's', 1_000, Date.now(), new Set())
  expect(due).toHaveLength(1_000)
  queries.length = 0
  expect(ledger.sentElsewhere('d', due).size).toBe(0)
  // A walk of all names for each of the thousand took 2 s.
  expect(queries.map(([contents]) => JSON.parse(String(contents)).length)).toEqual([1])

  const [first, second] = due
  if (first === undefined || second === undefined) throw new Error('nothing due')
  const digest = Buffer.alloc(32, 5)
  ledger.markSent([{ ...first, mark: false, digest }], 5_000)
  const found = ledger.sentElsewhere('d', due)
  expect(found.size).toBe(999)
  expect(found.get(first.id)).toBeUndefined()
  expect(found.get(second.id)).toMatchObject([{ path: first.path }])
})

test('hard links: a lookup by an inode with 2,000 names reads the oldest 1,000 of them', () => {
  const { ledger } = open()
  ledger.offer(
    'd',
    Array.from({ length: 2_000 }, (_, index) => file(`name-${index}`)),
  )
  const due = ledger.take('d', 's', 2_000, Date.now(), new Set())
  const [first = expect.fail('nothing waits'), beyond = expect.fail('only one waits')] = [due[0], due[1_500]]
  const send = (one: typeof first) =>
    ledger.markSent([{ ...one, mark: false, digest: Buffer.alloc(32, 5) }], 5_000)
  const ask = (name: string) => {
    const found = [ledger.sentAs('d', 's', file('')), ledger.sentAs('d', 's', file('', { size: 11 }))]
    ledger.adoptRenamed('d', 's', file(name))
    return [...found, ledger.lookup('d', 's', name)]
  }
  // A walk of all names for each question takes longer and longer.
  send(beyond)
  expect(ask('new')).toEqual([null, null, null])
  send(first)
  const known = expect.objectContaining({ state: 'sent', size: 10 })
  expect(ask('new')).toEqual([known, known, known])
})
