import path from 'node:path'
import { onTestFinished } from 'vitest'
import { type Claim, type FoundFile, type Ledger, openLedger } from '../../../core/ledger/ledger.ts'
import { temporaryDirectory } from '../temporary.ts'

/** A file of the source "s" as the scanner finds it. */
export const file = (name: string, changes: Partial<FoundFile> = {}): FoundFile => ({
  source: 's',
  path: name,
  size: 10,
  mtimeNs: 1_700_000_000_123_456_789n,
  ctimeNs: 1_700_000_000_123_456_789n,
  inode: 7n,
  device: 1n,
  ...changes,
})

/** An empty ledger, with the destination "d" and the source "s" in mind. */
export function open() {
  const directory = temporaryDirectory('ledger')
  const ledger = openLedger(path.join(directory, 'ledger.db'))
  onTestFinished(() => ledger.close())
  const take = (limit = 100, now = Date.now(), excluding = new Set<number>()) =>
    ledger.take('d', 's', limit, now, excluding)
  const send = (claims: readonly Claim[], mark = false) =>
    ledger.markSent(
      claims.map((claim) => ({ ...claim, mark })),
      5_000,
    )
  return { directory, ledger, take, send }
}

/** What a destination has of the same content under another name. */
export const elsewhere = (
  ledger: Ledger,
  destination: string,
  due: Parameters<Ledger['sentElsewhere']>[1][number],
) => ledger.sentElsewhere(destination, [due]).get(due.id)?.[0] ?? null
