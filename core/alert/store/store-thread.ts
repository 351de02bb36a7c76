import { existsSync } from 'node:fs'
import type { MessagePort } from 'node:worker_threads'
import { errorText } from '../../files/system-error.ts'
import { isBroken, type SetAside, setAside } from '../../sqlite-file.ts'
import { type AlertDatabase, openAlertDatabase } from './database.ts'
import type { FromStoreThread, StoreCalls, ToStoreThread } from './store.ts'

const DAY_MS = 86_400_000

/** The thread that keeps outbox and timeline: SQLite waits for its disk, and nobody who is to be told may wait with it. */
export function runAlertStoreThread(port: MessagePort, file: string): void {
  const post = (said: FromStoreThread) => port.postMessage(said)
  let database: AlertDatabase | null = null
  let prunedAt = Number.NEGATIVE_INFINITY
  const tellAside = (aside: SetAside | null) => aside !== null && post({ aside })

  const opened = (): AlertDatabase => {
    if (database !== null) return database
    database = openAlertDatabase(file)
    tellAside(database.aside)
    return database
  }
  const calls: { [C in keyof StoreCalls]: (input: StoreCalls[C]['input']) => StoreCalls[C]['output'] } = {
    // Where nothing was ever told there is no file, and none is made for the question.
    load: (now) => (existsSync(file) ? opened().load(now) : { waiting: [], told: [], seen: [] }),
    save: (entries) => opened().save(entries),
    record: (incidents) => opened().record(incidents),
    page: (question) => opened().page(question),
  }
  const close = () => {
    try {
      database?.close()
    } catch {
      // Its disk is in trouble; what was committed stays.
    }
    database = null
  }
  const failed = (thrown: unknown) => {
    close()
    if (isBroken(thrown)) tellAside(setAside(file, 'broken'))
  }

  port.on('message', ({ number, call, input }: ToStoreThread) => {
    if (call === 'close') {
      close()
      port.close()
      return
    }
    try {
      if (database !== null && performance.now() - prunedAt > DAY_MS) {
        prunedAt = performance.now()
        database.prune(Date.now())
      }
      const output = (calls[call] as (input: unknown) => unknown)(input)
      post({ number, output })
    } catch (thrown) {
      failed(thrown)
      post({ number, failure: errorText(thrown) })
    }
  })
}
