import { existsSync, mkdirSync, statSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { lockDirectory } from '../../worker/directory-lock.ts'
import type { StoreLayout } from '../layout.ts'
import { openIntake } from './intake.ts'
import type { JournalEnd } from './journal.ts'
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

/** How far each of the journal's files goes at this moment. */
async function journalEnds({ journal }: StoreLayout): Promise<JournalEnd[]> {
  const names = await journalFiles(journal)
  const offsetOf = (name: string) => statSync(path.join(journal, name), { throwIfNoEntry: false })?.size ?? 0
  return names.map((name) => ({ name, offset: offsetOf(name) })).filter(({ offset }) => offset > 0)
}

/**
 * Waits, at most so many milliseconds, until a receiver that runs has taken in what the journal holds now.
 * @param looked is called after every look at it.
 */
export async function untilSettled(
  layout: StoreLayout,
  database: DatabaseSyncInstance,
  withinMs: number,
  looked: () => void,
): Promise<void> {
  const deadline = performance.now() + withinMs
  // What comes meanwhile is not waited for: while files stream in there is always more.
  const ends = await journalEnds(layout)
  const isSettled = async () => {
    // A file that is taken in goes, or is the one in which the position is: its name alone would also tell of older ones.
    const left = new Set(await journalFiles(layout.journal))
    const at = database.prepare('SELECT name, offset FROM journal').get() as JournalEnd | undefined
    const isTakenIn = ({ name, offset }: JournalEnd) => at?.name === name && offset <= at.offset
    return ends.every((end) => !left.has(end.name) || isTakenIn(end))
  }
  while (!(await isSettled()) && performance.now() < deadline) {
    looked()
    await delay(LOOK_EVERY_MS)
  }
}

/** The manifest for writing, beside whoever else writes it; made if there is none. */
export function openForAdopting(layout: StoreLayout) {
  mkdirSync(layout.own, { recursive: true, mode: 0o700 })
  return openManifestFile(layout.manifest)
}
