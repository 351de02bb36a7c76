import { type MessagePort, workerData } from 'node:worker_threads'
import type { Message } from '../../lib/i18n/message.ts'
import { serveThread, tellOwner } from '../../lib/workers/thread.ts'
import { reopening } from '../../platform/sqlite-file.ts'
import { asideNotice, type HistoryCalls, HistoryStore } from './history-store.ts'

/**
 * Runs the thread that keeps the history. SQLite's calls wait for the disk of the data directory, and checks must not
 * wait with them.
 */
export function runHistoryThread(port: MessagePort): void {
  const file = String(workerData)
  const tell = (notice: Message) => tellOwner(port, notice)
  const { use, close } = reopening(
    file,
    () => new HistoryStore(file, tell),
    (aside) => tell(asideNotice(file, aside)),
  )
  serveThread<HistoryCalls>(
    port,
    {
      write(checks) {
        use((store) => store.write(checks, Date.now()))
        return null
      },
      ask: (question) => use((store) => store.ask(question)),
    },
    close,
  )
}
