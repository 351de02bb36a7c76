import type { Writable } from 'node:stream'
import type { StdioEvent } from './event.ts'

/** With more than this unread by the parent, in bytes, it is behind. */
const MOST_UNREAD_EVENTS = 256 * 1024

/**
 * Writes events to a parent that may read slowly or not at all. While it is behind it is to be given no more work, so
 * that what waits is bounded by what was under way.
 */
export function createEventOutput(stream: Writable, format: (event: StdioEvent) => string) {
  let gathered = ''
  let relief: () => void = () => undefined
  // The parent is gone: what it is told from now on goes nowhere.
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
    /** Events of one moment go out in one write, which costs as much for a thousand as for one. */
    say: (event: StdioEvent) => {
      if (gathered === '') setImmediate(write)
      gathered += format(event)
    },
    isBehind: () => unread() > MOST_UNREAD_EVENTS,
    /** Called when it is no longer behind. */
    onRelief: (listener: () => void) => {
      relief = listener
    },
    /** Resolves once all that was said has been handed to the system, or the parent is gone. */
    drained: () => new Promise<void>(write),
  }
}

/** Unread log messages beyond this many bytes are dropped and counted: nobody has to read the log. */
const MOST_UNREAD_LOG = 64 * 1024

export type StdioLevel = 'INFO' | 'WARNING' | 'ERROR'
export type StdioLog = (level: StdioLevel, message: string) => void

/** Log lines "LEVEL message" for a parent that may never read them. */
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
    // One message is one line, whatever is in the path that it names.
    stream.write(`${level} ${message.replace(/[\r\n]/g, ' ')}\n`)
  }
}
