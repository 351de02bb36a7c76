import { existsSync, type FSWatcher, watch } from 'node:fs'
import path from 'node:path'
import type { MessagePort } from 'node:worker_threads'
import { dropError, ignoreError } from '../dropped-errors.ts'
import { openLedger } from '../ledger/ledger.ts'
import { throttle } from '../lib/async/timing.ts'
import { serveThread, tellOwner } from '../lib/workers/thread.ts'
import { getDataLayout } from '../settings/data-directory.ts'
import type { Cursor, EventFilter } from './cloud-event.ts'
import { type EventPage, EventReader } from './reader.ts'

/** Shortest time between two calls of `watchEvents`. */
const CHANGED_EVERY_MS = 10

/** How far a sink has got, and the place behind the last event that it was ever sent. */
export interface SinkProgress {
  cursor: string
  attempted: string
  /** Events that the sink refused, oldest first, by the places before them; omitted: none. */
  refused?: readonly RefusedEvent[]
}

export interface RefusedEvent {
  /** A cursor. */
  before: string
  /** Time of the event in milliseconds since 1970. */
  at: number
}

/** The calls that the thread accepts. */
export interface EventCalls {
  read: { input: { from: Cursor; filter: EventFilter; limit: number }; output: EventPage }
  /** Returns the number of the newest event beyond the limit; 0: there is none. */
  lastBeyond: { input: number; output: number }
  /** Removes old events, at most some thousand in one call; false: none is left to remove. */
  prune: { input: { before: number; beyond: number }; output: boolean }
  sinkProgress: { input: string; output: SinkProgress | null }
  saveProgress: { input: { sink: string; progress: SinkProgress | null }; output: null }
}

/**
 * Calls back when the files of the logs change: SQLite writes to their write-ahead logs. Network file systems report no
 * change, so readers also look now and then.
 * @returns the function that ends it.
 */
export function watchEvents(directory: string, changed: () => void): () => void {
  const soon = throttle(CHANGED_EVERY_MS, changed)
  const withoutWaking = 'readers also look for events without being woken'
  let watcher: FSWatcher | null = null
  try {
    watcher = watch(directory, { persistent: false }, (_, name) => {
      if (name === null || name.startsWith('ledger.db') || name.startsWith('alerts.db')) soon()
    })
    watcher.on('error', ignoreError(withoutWaking))
  } catch (error) {
    // The system's limit of watches or open files is reached.
    dropError(error, withoutWaking)
  }
  return () => {
    watcher?.close()
    soon.stop()
  }
}

/** Runs the agent's thread that reads events, and keeps the progress of sinks in the ledger. */
export function runEventThread(port: MessagePort, directory: string): void {
  const layout = getDataLayout(directory)
  const reader = new EventReader(layout)
  let ledger: ReturnType<typeof openLedger> | null = null
  const withLedger = <T>(work: (open: NonNullable<typeof ledger>) => T): T => {
    try {
      ledger ??= openLedger(layout.ledger)
      return work(ledger)
    } catch (error) {
      // A different process may have set a broken file aside.
      ledger?.close()
      ledger = null
      throw error
    }
  }
  const unwatch = watchEvents(path.resolve(directory), () => tellOwner(port, 'changed'))
  serveThread<EventCalls>(
    port,
    {
      read: ({ from, filter, limit }) => reader.read(from, filter, limit),
      lastBeyond: (keepRows) =>
        existsSync(layout.ledger) ? withLedger((open) => open.lastEventBeyond(keepRows)) : 0,
      prune: ({ before, beyond }) =>
        existsSync(layout.ledger) && withLedger((open) => open.pruneEvents(before, beyond)),
      sinkProgress: (sink) =>
        existsSync(layout.ledger) ? withLedger((open) => open.sinkProgress(sink)) : null,
      saveProgress: ({ sink, progress }) =>
        withLedger((open) => {
          if (progress === null) open.forgetSinkProgress(sink)
          else open.rememberSinkProgress(sink, progress)
          return null
        }),
    },
    () => {
      unwatch()
      reader.close()
      ledger?.close()
    },
  )
}
