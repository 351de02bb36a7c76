import { dueAt, type Timetable, tickAfter } from '../schedule/timetable.ts'
import { type Command, parseCommand } from './command.ts'
import {
  EEXIST_MONITORING,
  EINPROGRESS,
  ENOENT,
  failedEvent,
  reply,
  type StdioEvent,
  timedOutEvent,
  wellEvent,
} from './event.ts'

/** What is to be done about a command, a moment or a result. Times are monotonic milliseconds. */
export type Effect =
  | { does: 'say'; event: StdioEvent }
  /** Read the path once, and give the result back with the same number. */
  | { does: 'read'; path: string; number: number }
  /** Call `tick` or `deadline` for this path at that time. */
  | { does: 'wake'; path: string; why: Wake; atMs: number }
  | { does: 'sleep'; path: string; why: Wake }
  /** The path is not monitored any more. */
  | { does: 'forget'; path: string }
export type Wake = 'tick' | 'deadline'

/** A read that came back: its delay, or the system's error number. */
export type ReadOutcome = { errno: 0; delayMs: number } | { errno: number }

interface Monitored {
  timetable: Timetable
  tick: number
  /** The read that is out; its number tells it from any other. */
  out: { number: number; hasTimedOut: boolean } | null
  isStopping: boolean
}

/**
 * The protocol's rules alone: no clock, no disk, no pipe.
 * `timeoutMs`: a read that is out longer is said to have timed out; null: it is waited for silently.
 */
export function createSession(options: { timeoutMs: number | null; quoted: boolean }) {
  const paths = new Map<string, Monitored>()
  let reads = 0
  let stopping = 0

  const say = (event: StdioEvent): Effect => ({ does: 'say', event })

  const beginRead = (path: string, monitored: Monitored, nowMs: number): Effect[] => {
    if (monitored.out !== null) return []
    reads += 1
    monitored.out = { number: reads, hasTimedOut: false }
    const read: Effect = { does: 'read', path, number: reads }
    if (options.timeoutMs === null) return [read]
    return [read, { does: 'wake', path, why: 'deadline', atMs: nowMs + options.timeoutMs }]
  }

  const tick = (path: string, monitored: Monitored, nowMs: number): Effect[] => {
    monitored.tick = tickAfter(monitored.timetable, monitored.tick, nowMs)
    const next: Effect = { does: 'wake', path, why: 'tick', atMs: dueAt(monitored.timetable, monitored.tick) }
    return [next, ...beginRead(path, monitored, nowMs)]
  }

  const start = (path: string, intervalMs: number, nowMs: number): Effect[] => {
    if (paths.has(path)) return [say(reply('start', path, EEXIST_MONITORING, 'already monitoring path'))]
    const monitored: Monitored = {
      timetable: { startMs: nowMs, intervalMs },
      tick: 0,
      out: null,
      isStopping: false,
    }
    paths.set(path, monitored)
    return [say(reply('start', path, 0, 'started')), ...tick(path, monitored, nowMs)]
  }

  const stop = (path: string): Effect[] => {
    const monitored = paths.get(path)
    if (monitored === undefined) return [say(reply('stop', path, ENOENT, 'not monitoring path'))]
    const sleep: Effect = { does: 'sleep', path, why: 'tick' }
    if (monitored.out === null) {
      paths.delete(path)
      return [sleep, { does: 'forget', path }, say(reply('stop', path, 0, 'stopped'))]
    }
    if (!monitored.isStopping) stopping += 1
    monitored.isStopping = true
    return [sleep, say(reply('stop', path, EINPROGRESS, 'stopping in progress'))]
  }

  const carryOut = (command: Command, nowMs: number): Effect[] => {
    switch (command.verb) {
      case 'start':
        return start(command.path, command.intervalMs, nowMs)
      case 'stop':
        return stop(command.path)
      case 'refused':
        return [say(command.reply)]
      default:
        return command satisfies never
    }
  }

  return {
    line: (text: string, nowMs: number) => carryOut(parseCommand(text, options), nowMs),
    tooLong: () => [say(reply('-', '-', 22, 'line too long'))],
    wake: (path: string, why: Wake, nowMs: number) => {
      const monitored = paths.get(path)
      if (monitored === undefined) return []
      if (why === 'tick') return monitored.isStopping ? [] : tick(path, monitored, nowMs)
      if (monitored.out === null || monitored.out.hasTimedOut) return []
      monitored.out.hasTimedOut = true
      return [say(timedOutEvent(path))]
    },
    finished: (path: string, number: number, outcome: ReadOutcome): Effect[] => {
      const monitored = paths.get(path)
      if (monitored?.out?.number !== number) return []
      const { hasTimedOut } = monitored.out
      monitored.out = null
      const effects: Effect[] = [{ does: 'sleep', path, why: 'deadline' }]
      // A read that timed out has been told as failed; the next good one takes that back, not this one.
      if (!hasTimedOut) {
        effects.push(
          say('delayMs' in outcome ? wellEvent(path, outcome.delayMs) : failedEvent(path, outcome.errno)),
        )
      }
      if (!monitored.isStopping) return effects
      stopping -= 1
      paths.delete(path)
      return [...effects, { does: 'forget', path }, say(reply('stop', path, 0, 'stopped'))]
    },
    /** Whether a stop waits for a read to come back. */
    isStopping: () => stopping > 0,
  }
}
