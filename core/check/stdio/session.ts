import type { ProbeReadResult } from '../probes/read.ts'
import { callAt, dueAt, type Timetable, tickAfter } from '../schedule/timetable.ts'
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

export interface SessionPorts {
  say(event: StdioEvent): void
  /** Reads a path once; null: so many reads hang that it was not begun. */
  read(path: string): Promise<ProbeReadResult | null>
  /** The parent does not read what it is told: nothing more is found out for it meanwhile. */
  isBehind(): boolean
  warn(key: Warning, path: string): void
}
type Warning = 'check.buffered' | 'check.noThread'

interface Monitored {
  path: string
  timetable: Timetable
  tick: number
  cancelTick: () => void
  cancelDeadline: () => void
  isOut: boolean
  isStopping: boolean
  /** What the log has of it: each is said once. */
  warned: Set<Warning>
}

/** The protocol's rules. Paths and lines are one character a byte. */
export function createSession({ timeoutMs, quoted }: StdioOptions, ports: SessionPorts) {
  const { say, read, isBehind, warn } = ports
  const paths = new Map<string, Monitored>()
  /** They were to be read while the parent was behind. */
  const owed = new Set<Monitored>()
  let checked: () => void = () => undefined
  const isAnyOut = () => [...paths.values()].some(({ isOut }) => isOut)

  const warnOnce = ({ path, warned }: Monitored, key: Warning) => {
    if (!warned.has(key)) warn(key, path)
    warned.add(key)
  }

  const eventOf = (monitored: Monitored, found: ProbeReadResult | null): StdioEvent => {
    const { path } = monitored
    if (found === null) {
      warnOnce(monitored, 'check.noThread')
      return failedEvent(path, EAGAIN)
    }
    if (found.failure !== null) return failedEvent(path, found.failure.errno)
    if (found.isBuffered) warnOnce(monitored, 'check.buffered')
    return wellEvent(path, found.delayMs)
  }

  const check = async (monitored: Monitored) => {
    const { path } = monitored
    let hasTimedOut = false
    monitored.isOut = true
    if (timeoutMs !== null) {
      monitored.cancelDeadline = callAt(performance.now() + timeoutMs, () => {
        hasTimedOut = true
        say(timedOutEvent(path))
      })
    }
    const event = eventOf(monitored, await read(path))
    monitored.cancelDeadline()
    monitored.isOut = false
    // A read that timed out has been told as failed; the next good one takes that back, not this one.
    if (!hasTimedOut) say(event)
    if (monitored.isStopping) {
      paths.delete(path)
      say(reply('stop', path, 0, 'stopped'))
    }
    checked()
  }

  const tick = (monitored: Monitored) => {
    monitored.tick = tickAfter(monitored.timetable, monitored.tick, performance.now())
    monitored.cancelTick = callAt(dueAt(monitored.timetable, monitored.tick), () => tick(monitored))
    if (isBehind()) owed.add(monitored)
    else if (!monitored.isOut) void check(monitored)
  }

  const start = (path: string, intervalMs: number) => {
    if (paths.has(path)) return say(reply('start', path, EEXIST_MONITORING, 'already monitoring path'))
    const monitored: Monitored = {
      path,
      timetable: { startMs: performance.now(), intervalMs },
      tick: 0,
      cancelTick: () => undefined,
      cancelDeadline: () => undefined,
      isOut: false,
      isStopping: false,
      warned: new Set(),
    }
    paths.set(path, monitored)
    say(reply('start', path, 0, 'started'))
    tick(monitored)
  }

  const stop = (path: string) => {
    const monitored = paths.get(path)
    if (monitored === undefined) return say(reply('stop', path, ENOENT, 'not monitoring path'))
    monitored.cancelTick()
    monitored.isStopping = monitored.isOut
    if (monitored.isOut) return say(reply('stop', path, EINPROGRESS, 'stopping in progress'))
    paths.delete(path)
    say(reply('stop', path, 0, 'stopped'))
  }

  return {
    line: (text: string) => {
      const command = parseCommand(text, { quoted })
      if (command.verb === 'start') start(command.path, command.intervalMs)
      else if (command.verb === 'stop') stop(command.path)
      else say(command.reply)
    },
    /** The parent is no longer behind. */
    goOn: () => {
      for (const one of owed) if (!one.isOut && paths.get(one.path) === one) void check(one)
      owed.clear()
    },
    tooLong: () => say(reply('-', '-', EINVAL, 'line too long')),
    /** Begins no further check; resolves when those that are out are over, or have been waited for long enough. */
    end: async () => {
      for (const { cancelTick } of paths.values()) cancelTick()
      await new Promise<void>((resolve) => {
        const cancel = callAt(performance.now() + CHECKS_WITHIN_MS, resolve)
        checked = () => {
          if (isAnyOut()) return
          cancel()
          resolve()
        }
        checked()
      })
      for (const { cancelDeadline } of paths.values()) cancelDeadline()
    },
  }
}
