import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type FoundFile, type Ledger, openLedger } from '../../../core/ledger/ledger.ts'

let directory = ''
let file = ''
let ledger: Ledger

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'holdfast-checkpoints-'))
  file = path.join(directory, 'ledger.db')
  ledger = openLedger(file)
})

afterEach(() => {
  ledger.close()
  rmSync(directory, { recursive: true, force: true })
})

const databaseBytes = () => statSync(file).size
const logBytes = () => statSync(`${file}-wal`).size

function offer(files: number): void {
  const candidate = (index: number): FoundFile => ({
    ...{
      source: 's',
      path: `directory/file-${index}`,
      size: 1,
      mtimeNs: 1n,
      ctimeNs: 1n,
      device: 1n,
    },
    inode: BigInt(index),
  })
  // As many at once as a burst brings.
  for (let from = 0; from < files; from += 128)
    ledger.offer(
      'there',
      Array.from({ length: Math.min(128, files - from) }, (_, index) => candidate(from + index)),
    )
}

test('ledger checkpoints: a burst of 20,000 files stays in the log and does not grow the database', () => {
  const before = databaseBytes()
  offer(20_000)
  expect(logBytes()).toBeGreaterThan(1_000 * 4096)
  expect(databaseBytes()).toBe(before)
})

test('ledger checkpoints: the log stays below 40 MiB with 100,000 files', () => {
  offer(100_000)
  // 32 MiB, and what one transaction brings.
  expect(logBytes()).toBeLessThan(40 * 1024 * 1024)
  expect(ledger.totals('there').s?.waitingFiles).toBe(100_000)
})
