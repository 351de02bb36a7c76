import { mkdir } from 'node:fs/promises'
import { errorCode, Problem } from '../words/problem.ts'
import { lockDirectory } from '../worker/directory-lock.ts'
import type { StoreLayout } from './layout.ts'

type Log = (level: 'warn', message: string) => void

async function prepareStore(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 })
  } catch (thrown) {
    const code = errorCode(thrown)
    // A store that exists but has become read-only still lets the receiver say so to its senders.
    if (code === 'EROFS') return
    throw new Problem('transfer.storeMissing', { path: directory, reason: code ?? String(thrown) })
  }
}

/** Two receivers would overwrite each other's list of senders. */
function lockStore({ own, root }: StoreLayout, log: Log): { release(): void } {
  let lock: { release(): void } | null
  try {
    lock = lockDirectory(own)
  } catch (thrown) {
    // A store that is read-only, or on a file system without locks, is still better served than not.
    log('warn', `${own} cannot be locked: ${String(thrown)}`)
    return { release: () => undefined }
  }
  if (lock === null) throw new Problem('transfer.storeInUse', { path: root })
  return lock
}

/**
 * Makes the store's own directory, and keeps other receivers off it.
 * @throws Problem when the store cannot be used at all, or is in use.
 */
export async function claimStore(layout: StoreLayout, log: Log): Promise<{ release(): void }> {
  await prepareStore(layout.own)
  return lockStore(layout, log)
}
