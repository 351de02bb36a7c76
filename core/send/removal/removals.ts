import { setTimeout as delay } from 'node:timers/promises'
import type { Ledger } from '../ledger.ts'
import type { Session } from '../session.ts'
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
  let running = false
  let again = false
  let over = false
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

  const lookOnce = async (): Promise<void> => {
    for (const source of sources) {
      // Also where no rule is any more: what was begun has to be brought to its end.
      if (!begun.has(source.id) && (await pass.finishBegun(source))) begun.add(source.id)
      if (source.removal !== undefined && !source.paused) await pass.remove(source, source.removal)
    }
  }

  const run = async (): Promise<void> => {
    if (running) {
      again = true
      return
    }
    running = true
    do {
      again = false
      await delay(FIRST_LOOK_MS, undefined, { signal: ended.signal, ref: false })
      await lookOnce()
    } while (again && !over)
    running = false
  }
  const look = () => {
    run().catch((thrown: unknown) => {
      running = false
      if (!over) events.log('warn', `removing sent files: ${String(thrown)}`)
    })
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
