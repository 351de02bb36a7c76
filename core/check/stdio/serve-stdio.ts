import type { Readable, Writable } from 'node:stream'
import { type Message, message } from '../../lib/i18n/message.ts'
import type { ProbeReadResult } from '../probes/read-file.ts'
import { type ConcurrencyLimit, callAt, dueAt, type Timetable, tickAfter } from '../scheduler/timetable.ts'
import {
  createLineSplitter,
  EAGAIN,
  EEXIST_MONITORING,
  EINPROGRESS,
  EINVAL,
  ENOENT,
  failedEvent,
  formatEvent,
  type Line,
  parseCommand,
  reply,
  type StdioEvent,
  timedOutEvent,
  wellEvent,
} from './stdio-protocol.ts'

// The path check protocol on standard input and output: lines become commands of the session, which checks each path on
// its timetable and queues the events for a parent that may read slowly.

/** How long the end of input waits for running checks, in milliseconds: their reads may hang for ever. */
const CHECKS_WITHIN_MS = 1_000
/** The parent is behind if it has more than this number of bytes to read. */
const MOST_UNREAD_EVENTS = 256 * 1024
/** Unread log messages beyond this many bytes are dropped and counted, as the parent need not read the log. */
const MOST_UNREAD_LOG = 64 * 1024

interface StdioDeps {
  input: Readable
  output: Writable
  warn(sentence: Message): void
  /** Reads a path once; never resolves if its file system hangs. */
  readFile(path: Buffer): Promise<ProbeReadResult>
  limit: ConcurrencyLimit
  options: StdioOptions
}

interface StdioOptions {
  /** A read that takes longer is reported as timed out; null: no time limit. */
  timeoutMs: number | null
  quoted: boolean
}

type StdioLevel = 'INFO' | 'WARNING' | 'ERROR'
type StdioLog = (level: StdioLevel, message: string) => void

/** Serves the protocol until the input ends; the caller waits for the end of the output. */
export async function serveStdio(deps: StdioDeps): Promise<void> {
  const { input, output, options } = deps
  const events = createEventOutput(output, (event) => formatEvent(event, options))
  const session = new StdioSession(deps, events)
  events.onRelief(() => {
    session.goOn()
    input.resume()
  })
  await takeLines(input, (line) => {
    if (line.kind === 'line') session.line(line.text)
    else session.tooLong()
    if (events.isBehind()) input.pause()
  })
  await session.end()
  events.flush()
}

/** Resolves at the end of input. */
async function takeLines(input: Readable, take: (line: Line) => void): Promise<void> {
  const splitter = createLineSplitter()
  await new Promise<void>((resolve) => {
    input.on('data', (chunk: Buffer) => splitter.push(chunk).forEach(take))
    input.once('end', resolve)
    // A broken input counts as ended.
    input.once('error', () => resolve())
    input.once('close', resolve)
  })
  splitter.end().forEach(take)
}

type Warning = 'check.buffered' | 'check.noThread'

class Monitored {
  readonly path: string
  readonly timetable: Timetable
  tick = 0
  cancelTick = () => {}
  cancelDeadline = () => {}
  isOut = false
  isStopping = false
  /** Warnings that were logged for it, each once. */
  readonly warned = new Set<Warning>()

  constructor(path: string, intervalMs: number) {
    this.path = path
    this.timetable = { startMs: performance.now(), intervalMs }
  }
}

/** Implements the rules of the protocol. Paths and lines have one character for each byte. */
class StdioSession {
  readonly #deps: StdioDeps
  readonly #events: EventOutput
  readonly #paths = new Map<string, Monitored>()
  /** Paths that were due while the parent was behind. */
  readonly #owed = new Set<Monitored>()
  #checked = () => {}

  constructor(deps: StdioDeps, events: EventOutput) {
    this.#deps = deps
    this.#events = events
  }

  line(text: string): void {
    const command = parseCommand(text, this.#deps.options)
    if (command.verb === 'start') this.#start(command.path, command.intervalMs)
    else if (command.verb === 'stop') this.#stop(command.path)
    else this.#events.say(command.reply)
  }

  tooLong(): void {
    this.#events.say(reply('-', '-', EINVAL, 'line too long'))
  }

  /** Runs the delayed checks when the parent is no longer behind. */
  goOn(): void {
    for (const one of this.#owed) if (!one.isOut && this.#paths.get(one.path) === one) void this.#check(one)
    this.#owed.clear()
  }

  /** Begins no further check; resolves when the running ones have ended, or after CHECKS_WITHIN_MS. */
  async end(): Promise<void> {
    const paths = this.#paths
    for (const { cancelTick } of paths.values()) cancelTick()
    await new Promise<void>((resolve) => {
      const cancel = callAt(performance.now() + CHECKS_WITHIN_MS, resolve)
      this.#checked = () => {
        if ([...paths.values()].some(({ isOut }) => isOut)) return
        cancel()
        resolve()
      }
      this.#checked()
    })
    for (const { cancelDeadline } of paths.values()) cancelDeadline()
  }

  #start(path: string, intervalMs: number): void {
    if (this.#paths.has(path)) {
      this.#events.say(reply('start', path, EEXIST_MONITORING, 'already monitoring path'))
      return
    }
    const monitored = new Monitored(path, intervalMs)
    this.#paths.set(path, monitored)
    this.#events.say(reply('start', path, 0, 'started'))
    this.#tick(monitored)
  }

  #stop(path: string): void {
    const monitored = this.#paths.get(path)
    monitored?.cancelTick()
    if (monitored === undefined) this.#events.say(reply('stop', path, ENOENT, 'not monitoring path'))
    else if (monitored.isOut) {
      monitored.isStopping = true
      this.#events.say(reply('stop', path, EINPROGRESS, 'stopping in progress'))
    } else this.#stopped(path)
  }

  #stopped(path: string): void {
    this.#paths.delete(path)
    this.#events.say(reply('stop', path, 0, 'stopped'))
  }

  #tick(monitored: Monitored): void {
    monitored.tick = tickAfter(monitored.timetable, monitored.tick, performance.now())
    monitored.cancelTick = callAt(dueAt(monitored.timetable, monitored.tick), () => this.#tick(monitored))
    // No check is started while the parent does not read the events.
    if (this.#events.isBehind()) this.#owed.add(monitored)
    else if (!monitored.isOut) void this.#check(monitored)
  }

  async #check(monitored: Monitored): Promise<void> {
    const { limit, readFile, options } = this.#deps
    const { path } = monitored
    let hasTimedOut = false
    monitored.isOut = true
    if (options.timeoutMs !== null) {
      monitored.cancelDeadline = callAt(performance.now() + options.timeoutMs, () => {
        hasTimedOut = true
        this.#events.say(timedOutEvent(path))
      })
    }
    const found = await limit.run(() => readFile(Buffer.from(path, 'latin1')))
    const event = this.#toEvent(monitored, found)
    monitored.cancelDeadline()
    monitored.isOut = false
    // A read that timed out was reported as a failure; the next good one reports the recovery.
    if (!hasTimedOut) this.#events.say(event)
    if (monitored.isStopping) this.#stopped(path)
    this.#checked()
  }

  #toEvent(monitored: Monitored, found: ProbeReadResult | null): StdioEvent {
    const { path } = monitored
    // Not begun, since too many reads hang.
    if (found === null) {
      this.#warnOnce(monitored, 'check.noThread')
      return failedEvent(path, EAGAIN)
    }
    if (found.failure !== null) return failedEvent(path, found.failure.errno)
    if (found.isBuffered) this.#warnOnce(monitored, 'check.buffered')
    return wellEvent(path, found.delayMs)
  }

  #warnOnce({ path, warned }: Monitored, key: Warning): void {
    if (!warned.has(key)) this.#deps.warn(message(key, { path }))
    warned.add(key)
  }
}

type EventOutput = ReturnType<typeof createEventOutput>

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
    /** Passes all events to the stream. */
    flush: () => write(),
  }
}

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
