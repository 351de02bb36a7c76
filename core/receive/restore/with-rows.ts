import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import type { StoreLayout } from '../layout.ts'
import { catchUp, untilSettled } from '../manifest/catch-up.ts'
import { readManifestFile } from '../manifest/manifest-file.ts'
import type { Rows } from '../manifest/rows.ts'
import { openRows } from '../manifest/rows.ts'
import { requireDirectory } from '../store-problem.ts'
import type { Settle } from '../verify/settling.ts'
import { createSettling } from '../verify/settling.ts'

/** How long a receiver may take to keep up its manifest, in milliseconds, before it is not waited for. */
const SETTLE_MS = 5_000

/**
 * Opens what the manifest knows; a store without one is restored as it is, and what is not verified is counted.
 *
 * @param alive is called while a receiver is waited for.
 * @param work gets null for `settle` where no receiver runs.
 */
export async function withRows<T>(
  layout: StoreLayout,
  alive: () => void,
  work: (rows: Rows | null, settle: Settle | null) => Promise<T>,
): Promise<T> {
  await requireDirectory(layout.root, layout.root)
  // A read-only or borrowed store is restored from all the same.
  const { isRunning } = await catchUp(layout).catch(() => ({ isRunning: false }))
  const database: DatabaseSyncInstance | null = readManifestFile(layout.manifest)
  try {
    // What arrived a moment ago is to be verified, too.
    if (isRunning && database !== null) await untilSettled(layout, database, SETTLE_MS, alive)
    if (database === null) return await work(null, null)
    return await work(openRows(database), isRunning ? createSettling(layout, database, alive) : null)
  } finally {
    database?.close()
  }
}
