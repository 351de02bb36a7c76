import { existsSync, mkdirSync, statSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { lockDirectory } from '../../worker/directory-lock.ts'
import type { StoreLayout } from '../layout.ts'
import { openIntake } from './intake.ts'
import { journalFiles } from './journal.ts'
import { openManifestFile } from './manifest-file.ts'
import { hasPlaces } from './places.ts'
import { openRows } from './rows.ts'

const LOOK_EVERY_MS = 100

/**
 * Takes in what a receiver that is gone has left in the journal, unless another one runs: it does that itself.
 *
 * @returns whether a receiver runs on this store.
 * @throws what the system says; a disk that is read-only keeps its journal.
 */
export async function catchUp(layout: StoreLayout): Promise<{ isRunning: boolean }> {
  if (!existsSync(layout.own)) return { isRunning: false }
  const lock = lockDirectory(layout.own)
  if (lock === null) return { isRunning: true }
  try {
    const names = await readdir(layout.journal).catch((): string[] => [])
    if ((await journalFiles(layout.journal)).length === 0 && !hasPlaces(names)) return { isRunning: false }
    const { database } = openManifestFile(layout.manifest)
    try {
      const intake = openIntake(layout, database, openRows(database))
      while (intake.step(null));
    } finally {
      database.close()
    }
    return { isRunning: false }
  } finally {
    lock.release()
  }
}

/** Whether everything that the journal holds at this moment is in the manifest. */
async function isSettled(layout: StoreLayout, database: DatabaseSyncInstance): Promise<boolean> {
  const names = await journalFiles(layout.journal)
  const at = database.prepare('SELECT name, offset FROM journal').get() as
    | { name: string; offset: number }
    | undefined
  return names.every((name) => {
    const size = statSync(path.join(layout.journal, name), { throwIfNoEntry: false })?.size ?? 0
    return size === 0 || (at?.name === name && at.offset >= size)
  })
}

/** Waits, at most so many milliseconds, until a receiver that runs has taken in what the journal holds. */
export async function untilSettled(
  layout: StoreLayout,
  database: DatabaseSyncInstance,
  withinMs: number,
): Promise<void> {
  const deadline = performance.now() + withinMs
  while (!(await isSettled(layout, database)) && performance.now() < deadline) await delay(LOOK_EVERY_MS)
}

/** The manifest for writing, beside whoever else writes it; made if there is none. */
export function openForAdopting(layout: StoreLayout) {
  mkdirSync(layout.own, { recursive: true, mode: 0o700 })
  return openManifestFile(layout.manifest)
}
