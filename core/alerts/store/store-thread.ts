import type { MessagePort } from 'node:worker_threads'
import { serveThread, tellOwner } from '../../lib/workers/thread.ts'
import { reopening, type SetAside } from '../../platform/sqlite.ts'
import { openAlertDatabase } from './database.ts'
import type { StoreCalls } from './store.ts'

/**
 * Runs the thread that stores the policy's state, outbox and timeline. SQLite waits for its disk, and notifications must not wait with
 * it.
 */
export function runAlertStoreThread(port: MessagePort, file: string): void {
  const tell = (aside: SetAside) => tellOwner(port, aside)
  const { use, close } = reopening(
    file,
    () => {
      const database = openAlertDatabase(file)
      if (database.aside !== null) tell(database.aside)
      return database
    },
    tell,
  )
  serveThread<StoreCalls>(
    port,
    {
      load: (now) => use((one) => one.load(now)),
      commit: (decision) =>
        use((one) => {
          one.commit(decision)
          if (decision.incidents.length > 0) one.prune(Date.now())
          return true
        }),
      noteHealth: (health) => use((one) => one.noteHealth(health)),
      page: (question) => use((one) => one.page(question)),
      evidence: (incident) => use((one) => one.evidence(incident)),
      addChanges: (changes) => use((one) => one.addChanges(changes, Date.now())),
      changes: (question) => use((one) => one.changes(question)),
      reported: () => use((one) => one.reported()),
    },
    close,
  )
}
