import { type MessagePort, workerData } from 'node:worker_threads'
import { errorText } from '../../files/system-error.ts'
import { isBroken, setAside } from '../../sqlite-file.ts'
import type { Message } from '../../words/message.ts'
import { asideNotice } from './history-file.ts'
import { HistoryStore } from './history-store.ts'
import type { FromHistoryThread, ToHistoryThread } from './protocol.ts'

/**
 * The thread that keeps the history: SQLite's calls wait for the disk that the data directory is on, and the
 * checks must not wait with them.
 */
export function runHistoryThread(port: MessagePort): void {
  const file = String(workerData)
  const post = (message: FromHistoryThread) => port.postMessage(message)
  const tell = (notice: Message) => post({ type: 'notice', notice })
  let store: HistoryStore | null = null

  const close = () => {
    try {
      store?.close()
    } catch {
      // Its disk is in trouble, which has been told; what was committed stays.
    }
    store = null
  }

  port.on('message', (message: ToHistoryThread) => {
    if (message.type === 'stop') {
      close()
      port.close()
      return
    }
    try {
      store ??= new HistoryStore(file, tell)
      if (message.type === 'write') {
        store.write(message.checks, Date.now())
        post({ type: 'written', failure: null })
      } else {
        post({ type: 'answer', number: message.number, answer: store.ask(message.question) })
      }
    } catch (thrown) {
      // What failed is opened anew the next time; a damaged file is set aside.
      close()
      if (isBroken(thrown)) tell(asideNotice(file, setAside(file, 'broken')))
      if (message.type === 'write') post({ type: 'written', failure: errorText(thrown) })
      else post({ type: 'answer', number: message.number, answer: null })
    }
  })
}
