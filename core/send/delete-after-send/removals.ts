import { setTimeout as delay } from 'node:timers/promises'
import type { Ledger } from '../../ledger/ledger.ts'
import { Rerun } from '../../lib/async/rerun.ts'
import type { Session } from '../destinations/destination.ts'
import { Pass, type RemovalEvents } from './pass.ts'
import type { RemovalSource } from './rule.ts'

/** Interval between two passes through a source with a rule. */
const LOOK_EVERY_MS = 10 * 60_000
/** Delay of the first pass: a start has more urgent work. */
const FIRST_LOOK_MS = 500

/** Removes files at the sources after they were sent, where a source asks for it. */
export function openRemovals(destination: string, ledger: Ledger, events: RemovalEvents) {
  let session: Session | null = null
  let sources: readonly RemovalSource[] = []
  let paused = true
  /** By source: a disk that is missing or hangs must not delay other sources. */
  const looks = new Map<string, Rerun>()
  const ended = new AbortController()

  const sourceNow = (id: string) => sources.find((source) => source.id === id)
  const pass = new Pass(destination, ledger, events, {
    /** Withdrawing a rule or pausing takes effect on the very next file. */
    session(source) {
      const now = sourceNow(source.id)
      const goesOn = !ended.signal.aborted && !paused && now?.paused === false && sameRule(now, source)
      return goesOn && session?.closed === false ? session : null
    },
    signal: ended.signal,
  })

  const lookThrough = async (id: string): Promise<void> => {
    await delay(FIRST_LOOK_MS, undefined, { ref: false })
    const source = sourceNow(id)
    if (ended.signal.aborted || source === undefined) return
    await pass.finishBegun(source)
    if (source.removal !== undefined && !source.paused) await pass.remove(source, source.removal)
  }

  const open = (id: string): Rerun => {
    const run = new Rerun(
      () => lookThrough(id),
      (error) => {
        if (!ended.signal.aborted)
          events.log('warn', `${sourceNow(id)?.path ?? id}: removing sent files: ${String(error)}`)
      },
    )
    looks.set(id, run)
    return run
  }
  const look = () => {
    for (const { id } of sources) void (looks.get(id) ?? open(id)).request()
  }
  const timer = setInterval(look, LOOK_EVERY_MS)

  return {
    setSession(next: Session | null): void {
      session = next
      if (next !== null) look()
    },
    configure(next: readonly RemovalSource[], nowPaused: boolean): void {
      const isSame = JSON.stringify([next, nowPaused]) === JSON.stringify([sources, paused])
      sources = next
      paused = nowPaused
      if (!isSame) look()
    },
    stop() {
      session = null
      for (const run of looks.values()) run.stop()
      ended.abort()
      clearInterval(timer)
    },
  }
}

const sameRule = (a: RemovalSource, b: RemovalSource): boolean =>
  a.path === b.path &&
  JSON.stringify(a.removal) === JSON.stringify(b.removal) &&
  JSON.stringify(a.alsoTo) === JSON.stringify(b.alsoTo)
