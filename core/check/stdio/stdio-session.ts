import type { ProbeReadResult } from '../probes/read.ts'
import { callAt, dueAt, type Timetable, tickAfter } from '../scheduler/timetable.ts'
import { parseCommand } from './command.ts'
import {
  EAGAIN,
  EEXIST_MONITORING,
  EINPROGRESS,
  EINVAL,
  ENOENT,
  failedEvent,
  reply,
  type StdioEvent,
  timedOutEvent,
  wellEvent,
} from './event.ts'

/** How long the end of input waits for checks that are out, in milliseconds: their reads may hang for ever. */
const CHECKS_WITHIN_MS = 1_000

export interface StdioOptions {
  /** A read that is out longer is said to have timed out; null: it is waited for silently. */
  timeoutMs: number | null
  quoted: boolean
}

interface SessionPorts {
  say(event: StdioEvent): void
  /** Reads a path once; null: so many reads hang that it was not begun. */
  read(path: string): Promise<ProbeReadResult | null>
  /** The parent does not read what it is told: nothing more is found out for it meanwhile. */
  isBehind(): boolean
  warn(key: Warning, path: string): void
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
  /** What the log has of it: each is said once. */
  readonly warned = new Set<Warning>()

  constructor(path: string, intervalMs: number) {
    this.path = path
    this.timetable = { startMs: performance.now(), intervalMs }
  }
}

/** The protocol's rules. Paths and lines are one character a byte. */
export class StdioSession {
  readonly #options: StdioOptions
  readonly #ports: SessionPorts
  readonly #paths = new Map<string, Monitored>()
  /** They were to be read while the parent was behind. */
  readonly #owed = new Set<Monitored>()
  #checked = () => {}

  constructor(options: StdioOptions, ports: SessionPorts) {
    this.#options = options
    this.#ports = ports
  }

  line(text: string): void {
    const command = parseCommand(text, this.#options)
    if (command.verb === 'start') this.#start(command.path, command.intervalMs)
    else if (command.verb === 'stop') this.#stop(command.path)
    else this.#ports.say(command.reply)
  }

  tooLong(): void {
    this.#ports.say(reply('-', '-', EINVAL, 'line too long'))
  }

  /** The parent is no longer behind. */
  goOn(): void {
    for (const one of this.#owed) if (!one.isOut && this.#paths.get(one.path) === one) void this.#check(one)
    this.#owed.clear()
  }

  /** Begins no further check; resolves when those that are out are over, or have been waited for long enough. */
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
      this.#ports.say(reply('start', path, EEXIST_MONITORING, 'already monitoring path'))
      return
    }
    const monitored = new Monitored(path, intervalMs)
    this.#paths.set(path, monitored)
    this.#ports.say(reply('start', path, 0, 'started'))
    this.#tick(monitored)
  }

  #stop(path: string): void {
    const monitored = this.#paths.get(path)
    monitored?.cancelTick()
    if (monitored === undefined) this.#ports.say(reply('stop', path, ENOENT, 'not monitoring path'))
    else if (monitored.isOut) {
      monitored.isStopping = true
      this.#ports.say(reply('stop', path, EINPROGRESS, 'stopping in progress'))
    } else this.#stopped(path)
  }

  #stopped(path: string): void {
    this.#paths.delete(path)
    this.#ports.say(reply('stop', path, 0, 'stopped'))
  }

  #tick(monitored: Monitored): void {
    monitored.tick = tickAfter(monitored.timetable, monitored.tick, performance.now())
    monitored.cancelTick = callAt(dueAt(monitored.timetable, monitored.tick), () => this.#tick(monitored))
    if (this.#ports.isBehind()) this.#owed.add(monitored)
    else if (!monitored.isOut) void this.#check(monitored)
  }

  async #check(monitored: Monitored): Promise<void> {
    const { say, read } = this.#ports
    const { timeoutMs } = this.#options
    const { path } = monitored
    let hasTimedOut = false
    monitored.isOut = true
    if (timeoutMs !== null) {
      monitored.cancelDeadline = callAt(performance.now() + timeoutMs, () => {
        hasTimedOut = true
        say(timedOutEvent(path))
      })
    }
    const event = this.#eventOf(monitored, await read(path))
    monitored.cancelDeadline()
    monitored.isOut = false
    // A read that timed out has been told as failed; the next good one takes that back, not this one.
    if (!hasTimedOut) say(event)
    if (monitored.isStopping) this.#stopped(path)
    this.#checked()
  }

  #eventOf(monitored: Monitored, found: ProbeReadResult | null): StdioEvent {
    const { path } = monitored
    if (found === null) {
      this.#warnOnce(monitored, 'check.noThread')
      return failedEvent(path, EAGAIN)
    }
    if (found.failure !== null) return failedEvent(path, found.failure.errno)
    if (found.isBuffered) this.#warnOnce(monitored, 'check.buffered')
    return wellEvent(path, found.delayMs)
  }

  #warnOnce({ path, warned }: Monitored, key: Warning): void {
    if (!warned.has(key)) this.#ports.warn(key, path)
    warned.add(key)
  }
}
