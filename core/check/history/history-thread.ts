import type { MessagePort } from 'node:worker_threads'
import { errorText } from '../../files/system-error.ts'
import { isBroken, setBrokenAside } from './history-file.ts'
import { type HistoryStore, openHistoryStore } from './history-store.ts'
import type { Columns } from './packing.ts'
import type { FromHistoryThread, ToHistoryThread } from './protocol.ts'

/** How often it is looked whether a block of time is over, in milliseconds. */
const TEND_EVERY_MS = 30_000

/**
 * The thread that keeps the history: SQLite's calls wait for the disk that the data directory is on, and the
 * checks must not wait with them.
 */
export function runHistoryThread(port: MessagePort): void {
  const post = (message: FromHistoryThread) => port.postMessage(message)
  let file = ''
  let store: HistoryStore | null = null
  /** The path's number in the database, by its number in the messages. */
  let numbers: number[] = []
  let names: string[] = []
  let isTending = false

  const opened = (): HistoryStore => {
    if (store !== null) return store
    store = openHistoryStore(file)
    numbers = []
    if (store.notice !== null) post({ type: 'notice', notice: store.notice })
    return store
  }

  const close = () => {
    try {
      store?.close()
    } catch {
      // Its disk is in trouble, which has been told; what was committed stays.
    }
    store = null
  }

  /** What failed once is opened anew the next time; a damaged file is set aside. */
  const failed = (thrown: unknown): string => {
    close()
    if (isBroken(thrown)) post({ type: 'notice', notice: setBrokenAside(file) })
    return errorText(thrown)
  }

  const write = (checks: Columns) => {
    const history = opened()
    const paths = checks.paths.map((path) => {
      numbers[path] ??= history.numberOf(names[path] ?? '')
      return numbers[path] ?? 0
    })
    history.write({ ...checks, paths })
  }

  /** A step at a time, so that checks and questions come in between. */
  const tend = () => {
    if (isTending || store === null || !store.isTendingDue(Date.now())) return
    const steps = store.tend(Date.now())
    isTending = true
    const step = () => {
      try {
        isTending = store !== null && steps.next().done !== true
      } catch (thrown) {
        isTending = false
        // The next batch meets the same trouble, and tells it.
        failed(thrown)
      }
      if (isTending) setImmediate(step)
    }
    step()
  }

  port.on('message', (message: ToHistoryThread) => {
    switch (message.type) {
      case 'open':
        close()
        file = message.file
        return
      case 'write':
        names = [...names, ...message.names]
        try {
          write(message.checks)
          post({ type: 'written', failure: null })
        } catch (thrown) {
          post({ type: 'written', failure: failed(thrown) })
        }
        return
      case 'ask':
        try {
          const answer = opened().ask(message.question, Date.now())
          post({ type: 'answer', number: message.number, answer })
        } catch (thrown) {
          post({ type: 'refused', number: message.number, reason: failed(thrown) })
        }
        return
      case 'stop':
        close()
        port.close()
        clearInterval(timer)
        return
      default:
        message satisfies never
    }
  })
  const timer = setInterval(tend, TEND_EVERY_MS)
}
