import { Worker } from 'node:worker_threads'
import type { StoreLayout } from '../layout.ts'
import { openJournal } from './journal.ts'
import type { Note } from './notes.ts'
import type { Places } from './places.ts'
import { openPlaces } from './places.ts'
import type { FromManifestThread, ToManifestThread } from './protocol.ts'
import type { Totals } from './rows.ts'
import { createUsage } from './usage.ts'

/** Closing waits this long, in milliseconds, for the thread; what it leaves is taken in at the next start. */
const STOP_WITHIN_MS = 2_000
/** A thread that ended is followed by another one after this, twice as long each time, in milliseconds. */
const START_AGAIN_MS = 1_000
const START_AGAIN_AT_MOST_MS = 60_000
/** A journal that the disk has refused is written again after this, in milliseconds. */
const WRITE_AGAIN_MS = 5_000

export interface Manifest {
  /** Resolves when the journal holds the notes durably. Never rejects: a store without a manifest still stores. */
  record(notes: readonly Note[]): Promise<void>
  /** What is about to be placed; see `Places`. */
  announce: Places['announce']
  /** What a sender has in the store, older versions included. */
  usage(folder: string): Totals
  /** Since when it is not kept up, in milliseconds since 1970, and why; null: it is. */
  readonly failure: { since: number; reason: string } | null
  /** Resolves once the usage is known, or cannot be. */
  readonly known: Promise<void>
  close(): Promise<void>
}

/**
 * The store's manifest: what is stored, and with which content. The files are the truth; the manifest follows them
 * by its journal, and answers how much each sender has.
 *
 * @param script is the thread's own script.
 * @param tell is called with a line for the log.
 */
export function openManifest(script: URL, layout: StoreLayout, tell: (text: string) => void): Manifest {
  const journal = openJournal(layout.journal)
  const places = openPlaces(layout.journal, journal.tag)
  const usage = createUsage(journal.tag)
  let appending: Promise<unknown> = Promise.resolve()
  /** Of the journal's writing, and of its being taken in. */
  let unwritten: Manifest['failure'] = null
  let notTakenIn: Manifest['failure'] = null
  let retryTimer: NodeJS.Timeout | null = null
  let thread: Worker | null = null
  let pauseMs = START_AGAIN_MS
  let startTimer: NodeJS.Timeout | null = null
  let isClosed = false
  let nowKnown: () => void = () => undefined
  const known = new Promise<void>((resolve) => {
    nowKnown = resolve
  })

  const failing = (before: Manifest['failure'], reason: string): Manifest['failure'] => {
    if (before === null) tell(`the manifest ${layout.manifest} cannot be kept up: ${reason}`)
    nowKnown()
    return { since: before?.since ?? Date.now(), reason }
  }
  const threadFailing = (reason: string) => {
    notTakenIn = failing(notTakenIn, reason)
  }

  const take = (said: FromManifestThread) => {
    switch (said.type) {
      case 'settled':
        notTakenIn = null
        pauseMs = START_AGAIN_MS
        usage.settled(said.totals, said.upTo)
        return nowKnown()
      case 'setAside':
        return tell(
          `the manifest ${layout.manifest} could not be read and was kept as ${said.aside}: ` +
            'record the files that are there with "holdfast verify --adopt"',
        )
      case 'failed':
        return threadFailing(said.reason)
      default:
        return said satisfies never
    }
  }

  /** What is in the journal meanwhile the next one takes in. */
  const ended = (worker: Worker, reason: string) => {
    if (thread !== worker) return
    thread = null
    threadFailing(reason)
    if (isClosed) return
    startTimer = setTimeout(start, pauseMs)
    startTimer.unref()
    pauseMs = Math.min(START_AGAIN_AT_MOST_MS, pauseMs * 2)
  }

  const post = (message: ToManifestThread) => thread?.postMessage(message)
  const start = () => {
    const worker = new Worker(script, { resourceLimits: { maxYoungGenerationSizeMb: 4 } })
    thread = worker
    worker.unref()
    worker.on('message', take)
    worker.once('error', (thrown) => ended(worker, String(thrown)))
    worker.once('exit', () => ended(worker, 'its thread ended'))
    post({ type: 'open', root: layout.root, manifest: layout.manifest, tag: journal.tag })
  }
  start()

  const append = async (notes: readonly Note[], number: number): Promise<void> => {
    try {
      usage.written(number, await journal.append(notes))
      unwritten = null
      post({ type: 'grown' })
    } catch (thrown) {
      unwritten = failing(unwritten, String(thrown))
      writeAgain(number)
    }
  }

  /** What could not be written is held, and must not wait for the next file, which may never come. */
  const writeAgain = (number: number) => {
    if (retryTimer !== null) clearTimeout(retryTimer)
    retryTimer = isClosed
      ? null
      : setTimeout(() => {
          retryTimer = null
          appending = appending.then(() => (unwritten === null ? undefined : append([], number)))
        }, WRITE_AGAIN_MS)
    retryTimer?.unref()
  }

  return {
    known,
    get failure() {
      return unwritten ?? notTakenIn
    },
    record(notes) {
      if (notes.length === 0) return Promise.resolve()
      const number = usage.recorded(notes)
      const appended = appending.then(() => append(notes, number))
      appending = appended
      return appended
    },
    announce: places.announce,
    usage: usage.of,
    async close() {
      isClosed = true
      for (const timer of [startTimer, retryTimer]) if (timer !== null) clearTimeout(timer)
      await appending
      const worker = thread
      thread = null
      if (worker === null) return
      worker.removeAllListeners('exit')
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, STOP_WITHIN_MS)
        worker.once('exit', () => {
          clearTimeout(timer)
          resolve()
        })
        worker.postMessage({ type: 'stop' } satisfies ToManifestThread)
      })
    },
  }
}
