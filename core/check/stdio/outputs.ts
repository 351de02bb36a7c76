import type { Writable } from 'node:stream'
import type { StdioEvent } from './event.ts'

/** With more than this unread by the parent, in bytes, events wait here. */
const MOST_UNREAD_EVENTS = 256 * 1024
/** Events of one moment are written once they are this many bytes. */
const MOST_GATHERED = 32 * 1024
/** With more replies than this waiting, no further commands are taken. */
const MOST_WAITING_REPLIES = 1_000

/**
 * Writes events to a parent that may read slowly or not at all. What waits is bounded: of one path's checks only
 * the newest waits, and replies are as many as commands are taken.
 */
export function createEventOutput(stream: Writable, format: (event: StdioEvent) => string) {
  const waiting: { event: StdioEvent }[] = []
  /** The waiting check of a path, as long as no reply of that path waits behind it. */
  const newestCheck = new Map<string, { event: StdioEvent }>()
  let waitingReplies = 0
  let relief: () => void = () => undefined
  let isBroken = false
  let gathered = ''
  const drains = new Set<() => void>()

  const isFull = () => stream.writableLength > MOST_UNREAD_EVENTS
  const isIdle = () => isBroken || (waiting.length === 0 && gathered === '' && stream.writableLength === 0)

  const write = (text: string) => {
    if (!isBroken) stream.write(text, 'latin1', writeWaiting)
  }
  /** Events of one moment go out in one write, which costs as much for a thousand as for one. */
  const gather = (text: string) => {
    if (gathered === '') setImmediate(writeGathered)
    gathered += text
    if (gathered.length > MOST_GATHERED) writeGathered()
  }
  const writeGathered = () => {
    const text = gathered
    gathered = ''
    if (text !== '') write(text)
  }
  const writeWaiting = () => {
    if (waiting.length > 0 && stream.writableLength <= MOST_UNREAD_EVENTS / 2) {
      const text = waiting.map(({ event }) => format(event)).join('')
      waiting.length = 0
      waitingReplies = 0
      newestCheck.clear()
      write(text)
      relief()
    }
    if (!isIdle()) return
    for (const drained of drains) drained()
    drains.clear()
  }
  stream.on('error', () => {
    isBroken = true
    waiting.length = 0
    writeWaiting()
  })

  const wait = (event: StdioEvent) => {
    const older = event.kind === 'check' ? newestCheck.get(event.path) : undefined
    if (older !== undefined) {
      older.event = event
      return
    }
    const entry = { event }
    waiting.push(entry)
    if (event.kind === 'check') {
      newestCheck.set(event.path, entry)
    } else {
      newestCheck.delete(event.path)
      waitingReplies += 1
    }
  }

  return {
    say: (event: StdioEvent) => {
      if (isBroken) return
      if (waiting.length > 0 || isFull()) wait(event)
      else gather(format(event))
    },
    /** Whether the parent is too far behind to be given more work. */
    isBehind: () => waitingReplies > MOST_WAITING_REPLIES,
    /** Called when it is no longer behind. */
    onRelief: (listener: () => void) => {
      relief = listener
    },
    /** Resolves once all that was said has been handed to the system, or the parent is gone. */
    drained: () => (isIdle() ? Promise.resolve() : new Promise<void>((resolve) => drains.add(resolve))),
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
