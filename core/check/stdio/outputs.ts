import type { Writable } from 'node:stream'
import type { StdioEvent } from './event.ts'

/** The parent is behind if it has more than this number of bytes to read. */
const MOST_UNREAD_EVENTS = 256 * 1024

/**
 * Writes events to a parent that may read slowly or not at all. While the parent is behind, no new work must be
 * started, so that the waiting events are bounded by the work in progress.
 */
export function createEventOutput(stream: Writable, format: (event: StdioEvent) => string) {
  let gathered = ''
  let relief: () => void = () => undefined
  // The parent is gone: drop everything from now on.
  stream.on('error', () => stream.destroy())
  const unread = () => (stream.destroyed ? 0 : gathered.length + stream.writableLength)
  const write = (done?: () => void) => {
    const text = gathered
    gathered = ''
    stream.write(text, 'latin1', () => {
      if (unread() <= MOST_UNREAD_EVENTS / 2) relief()
      done?.()
    })
  }

  return {
    /** Queues an event. Events of one moment are written together, which costs as much for a thousand as for one. */
    say: (event: StdioEvent) => {
      if (gathered === '') setImmediate(write)
      gathered += format(event)
    },
    isBehind: () => unread() > MOST_UNREAD_EVENTS,
    /** Sets the callback for the moment when the parent is no longer behind. */
    onRelief: (listener: () => void) => {
      relief = listener
    },
    /** Resolves after all events were passed to the system, or the parent is gone. */
    drained: () => new Promise<void>(write),
  }
}

/** Unread log messages beyond this many bytes are dropped and counted, as the parent need not read the log. */
const MOST_UNREAD_LOG = 64 * 1024

export type StdioLevel = 'INFO' | 'WARNING' | 'ERROR'
export type StdioLog = (level: StdioLevel, message: string) => void

/** Writes log lines "LEVEL message" for a parent that may never read them. */
export function createLogOutput(stream: Writable): StdioLog {
  let dropped = 0
  stream.on('error', () => undefined)
  return (level, message) => {
    if (stream.writableLength > MOST_UNREAD_LOG) {
      dropped += 1
      return
    }
    if (dropped > 0)
      stream.write(`WARNING ${dropped} log messages were dropped, because they were not read\n`)
    dropped = 0
    // A message is one line, even if the path in it has line breaks.
    stream.write(`${level} ${message.replace(/[\r\n]/g, ' ')}\n`)
  }
}
