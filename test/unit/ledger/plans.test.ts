import path from 'node:path'
import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { expect, onTestFinished, test } from 'vitest'
import { openLedgerFile } from '../../../core/ledger/database.ts'
import { openLedger, openParts } from '../../../core/ledger/ledger.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const content = { source: 'photos', size: 5, mtimeNs: 7n, ctimeNs: 8n, inode: 9n, device: 1n }
const digest = new Uint8Array(32)

/** How SQLite carries out the statements about files, each as the steps of its plan. */
function plans(): Map<string, string[]> {
  const { database } = openLedgerFile(path.join(temporaryDirectory('ledger-plans'), 'ledger.db'))
  onTestFinished(() => database.close())
  const statements = new Set<string>()
  const recording = {
    prepare(sql: string) {
      statements.add(sql)
      return database.prepare(sql)
    },
  } as DatabaseSyncInstance
  openParts(recording)
  return new Map(
    [...statements].map((sql) => {
      const steps = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all() as { detail: string }[]
      return [sql, steps.map(({ detail }) => detail)]
    }),
  )
}

/** The plans in which a step says this. */
const plansWith = (words: string) =>
  [...plans()].filter(([, steps]) => steps.some((step) => step.includes(words)))

test('ledger query plans: rows that are found by their inode are not sorted', () => {
  const found = plansWith('file_content')
  expect(found.length).toBeGreaterThan(0)
  expect(found.filter(([, steps]) => steps.some((step) => step.includes('TEMP B-TREE')))).toEqual([])
})

test('ledger query plans: a file of another destination is found by its path, not by its inode', () => {
  const found = plansWith(' other ')
  expect(found.length).toBeGreaterThan(0)
  const step = 'SEARCH other USING INDEX file_path (route=? AND path=?)'
  expect(found.filter(([, steps]) => !steps.includes(step))).toEqual([])
})

test('hard links: 1,000 waiting among 3,000 names of one inode share one list of the names that were sent', () => {
  const ledger = openLedger(path.join(temporaryDirectory('ledger-links'), 'ledger.db'))
  onTestFinished(() => ledger.close())
  const links = Array.from({ length: 3_000 }, (_, one) => ({ ...content, path: `link${one}` }))
  ledger.offer('nas', links)
  const due = ledger.take('nas', content.source, links.length, Date.now(), new Set())
  const sent = due.slice(0, 2_000).map(({ id, generation }) => ({ id, generation, mark: false, digest }))
  ledger.markSent(sent, Date.now())
  const found = ledger.sentElsewhere('nas', due.slice(2_000))
  expect(found.size).toBe(1_000)
  // A step of each with each takes ten seconds and more.
  expect(new Set(found.values()).size).toBe(1)
})
