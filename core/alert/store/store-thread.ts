import { existsSync } from 'node:fs'
import type { MessagePort } from 'node:worker_threads'
import { isBroken, type SetAside, setAside } from '../../sqlite-file.ts'
import { serveThread, tellOwner } from '../../worker/thread.ts'
import { type AlertDatabase, openAlertDatabase } from './database.ts'
import type { StoreCalls } from './store.ts'

const DAY_MS = 86_400_000

/** The thread that keeps outbox and timeline: SQLite waits for its disk, and nobody who is to be told may wait with it. */
export function runAlertStoreThread(port: MessagePort, file: string): void {
  let database: AlertDatabase | null = null
  let prunedAt = Number.NEGATIVE_INFINITY
  const tellAside = (aside: SetAside | null) => {
    if (aside !== null) tellOwner(port, aside)
  }

  const opened = (): AlertDatabase => {
    if (database !== null) return database
    database = openAlertDatabase(file)
    tellAside(database.aside)
    return database
  }
  const close = () => {
    try {
      database?.close()
    } catch {
      // Its disk is in trouble; what was committed stays.
    }
    database = null
  }
  const withStore = <T>(work: () => T): T => {
    try {
      if (database !== null && performance.now() - prunedAt > DAY_MS) {
        prunedAt = performance.now()
        database.prune(Date.now())
      }
      return work()
    } catch (thrown) {
      close()
      if (isBroken(thrown)) tellAside(setAside(file, 'broken'))
      throw thrown
    }
  }

  serveThread<StoreCalls>(
    port,
    {
      // Where nothing was ever told there is no file, and none is made for the question.
      load: (now) =>
        withStore(() => (existsSync(file) ? opened().load(now) : { waiting: [], told: [], seen: [] })),
      save: (entries) => withStore(() => opened().save(entries)),
      record: (incidents) => withStore(() => opened().record(incidents)),
      page: (question) => withStore(() => opened().page(question)),
    },
    close,
  )
}
