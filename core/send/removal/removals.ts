import { setTimeout as delay } from 'node:timers/promises'
import type { Ledger } from '../../ledger/ledger.ts'
import type { Session } from '../destinations/destination.ts'
import { openPass } from './pass.ts'
import type { RemovalEvents, RemovalSource } from './source.ts'

/** A source with a rule is looked through this often. */
const LOOK_EVERY_MS = 10 * 60_000
/** The first look waits this long: a start has more urgent work. */
const FIRST_LOOK_MS = 500

/** Removes files at the sources after they were sent, where a source asks for it. */
export interface Removals {
  setSession(session: Session | null): void
  configure(sources: readonly RemovalSource[], paused: boolean): void
  stop(): void
}

export function openRemovals(destination: string, ledger: Ledger, events: RemovalEvents): Removals {
  let session: Session | null = null
  let sources: readonly RemovalSource[] = []
  let paused = true
  let over = false
  /** Sources that are looked through now, each by itself; true: and once more afterwards. */
  const looks = new Map<string, boolean>()
  const ended = new AbortController()
  const begun = new Set<string>()

  const sourceNow = (id: string) => sources.find((source) => source.id === id)
  const pass = openPass(destination, ledger, events, {
    session: () => (over || paused || session === null || session.closed ? null : session),
    /** A rule that was taken back, or a pause, holds for the very next file. */
    mayGoOn: (source) => {
      const now = sourceNow(source.id)
      return !over && !paused && now?.paused === false && sameRule(now, source)
    },
    isOver: () => over,
  })

  const lookOnce = async (source: RemovalSource): Promise<void> => {
    // Also where no rule is any more: what was begun has to be brought to its end.
    if (!begun.has(source.id) && (await pass.finishBegun(source))) begun.add(source.id)
    if (source.removal !== undefined && !source.paused) await pass.remove(source, source.removal)
  }

  const lookThrough = async (id: string): Promise<void> => {
    if (looks.has(id)) {
      looks.set(id, true)
      return
    }
    try {
      do {
        looks.set(id, false)
        await delay(FIRST_LOOK_MS, undefined, { signal: ended.signal, ref: false })
        const source = sourceNow(id)
        if (source !== undefined) await lookOnce(source)
      } while (looks.get(id) === true && !over)
    } catch (thrown) {
      if (!over) events.log('warn', `${sourceNow(id)?.path ?? id}: removing sent files: ${String(thrown)}`)
    } finally {
      looks.delete(id)
    }
  }
  /** No source waits for another one: a disk that is gone, or hangs, is its own trouble. */
  const look = () => {
    for (const { id } of sources) void lookThrough(id)
  }
  const timer = setInterval(look, LOOK_EVERY_MS)

  return {
    setSession(next) {
      session = next
      if (next !== null) look()
    },
    configure(next, nowPaused) {
      const isSame = JSON.stringify([next, nowPaused]) === JSON.stringify([sources, paused])
      // What a destination that is not the source's any more has begun is left to the others.
      for (const source of next) {
        const before = sourceNow(source.id)
        if (before === undefined || !sameRule(before, source)) begun.delete(source.id)
      }
      sources = next
      paused = nowPaused
      if (!isSame) look()
    },
    stop() {
      over = true
      ended.abort()
      clearInterval(timer)
    },
  }
}

const sameRule = (a: RemovalSource, b: RemovalSource): boolean =>
  a.path === b.path &&
  JSON.stringify(a.removal) === JSON.stringify(b.removal) &&
  JSON.stringify(a.alsoTo) === JSON.stringify(b.alsoTo)
