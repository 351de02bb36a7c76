import { type MessagePort, workerData } from 'node:worker_threads'
import { isBroken, setAside } from '../../sqlite-file.ts'
import type { Message } from '../../words/message.ts'
import { serveThread, tellOwner } from '../../worker/thread.ts'
import { asideNotice, type HistoryCalls, HistoryStore } from './history-store.ts'

/**
 * The thread that keeps the history: SQLite's calls wait for the disk that the data directory is on, and the
 * checks must not wait with them.
 */
export function runHistoryThread(port: MessagePort): void {
  const file = String(workerData)
  const tell = (notice: Message) => tellOwner(port, notice)
  let store: HistoryStore | null = null

  const close = () => {
    try {
      store?.close()
    } catch {
      // Its disk is in trouble, which has been told; what was committed stays.
    }
    store = null
  }

  const withStore = <T>(work: (store: HistoryStore) => T): T => {
    try {
      store ??= new HistoryStore(file, tell)
      return work(store)
    } catch (thrown) {
      // What failed is opened anew the next time; a damaged file is set aside.
      close()
      if (isBroken(thrown)) tell(asideNotice(file, setAside(file, 'broken')))
      throw thrown
    }
  }

  serveThread<HistoryCalls>(
    port,
    {
      write(checks) {
        withStore((opened) => opened.write(checks, Date.now()))
        return null
      },
      ask: (question) => withStore((opened) => opened.ask(question)),
    },
    close,
  )
}
