import { once } from 'node:events'
import { backoffMs } from '../../pacing/backoff.ts'
import type { Message } from '../../words/message.ts'
import { Problem } from '../../words/problem.ts'
import type { DestinationEvents, OpenDestination, Session } from './destination.ts'
import type { Change, ClockReading } from './wake.ts'
import { isOwnAddress, watchWake } from './wake.ts'

/** A session that lasts this long was a good one: the next failure is the first again. */
const GOOD_SESSION_MS = 5_000

/** What there is of one session. */
export interface SessionAttempt {
  /** It is to end, or has ended. */
  signal: AbortSignal
  /** It is over, for this reason. */
  end(reason: unknown): void
}

/** One session, until it is closed. */
export interface OpenedSession {
  session: Session
  /** The destination is on this computer. */
  isToItself: boolean
  /** This computer's end of the connection; null: there is no lasting one, or nobody knows. */
  localAddress: string | null
  /** Ends it, and what belongs to it; whatever has not been answered is lost. */
  close(): void
  /** What is still to be said before it is closed for good; never rejects, and takes a moment at most. */
  farewell?(): Promise<void>
}

export interface ConnectionTrouble {
  state: 'unreachable' | 'refused'
  problem: Message
}

/** How a kind of destination has its sessions. */
export interface Connector {
  /** @throws why there is no session: a Problem where only a person can help. */
  open(attempt: SessionAttempt): Promise<OpenedSession>
  /** The state and the sentence of a session that failed or ended. */
  troubleOf(reason: unknown, wasConnected: boolean): ConnectionTrouble
  retrySeconds: number
}

/** Keeps up one session for as long as it is wanted, and tries for ever to have it. */
export function keepConnected(
  { open, troubleOf, retrySeconds }: Connector,
  events: Pick<DestinationEvents, 'onState' | 'onSession' | 'onTrouble' | 'log'>,
  /** Says when the computer woke up or is in another network; returns what ends it. */
  watch: typeof watchWake = watchWake,
): OpenDestination {
  let over = false
  let timer: NodeJS.Timeout | null = null
  let failures = 0
  /** What ends now was ended because the computer woke up: the next attempt follows at once. */
  let isWoken = false
  let localAddress: string | null = null
  let current = new AbortController()
  let farewell: OpenedSession['farewell']

  const told = (reason: unknown, wasConnected: boolean): ConnectionTrouble =>
    reason instanceof Problem
      ? { state: 'refused', problem: reason.sentence }
      : troubleOf(reason, wasConnected)

  /** One session from its beginning to its end; how it was in trouble then. */
  const serve = async (ending: AbortController): Promise<ConnectionTrouble> => {
    const { signal } = ending
    const ended = once(signal, 'abort')
    let opened: OpenedSession
    try {
      opened = await open({ signal, end: (reason) => ending.abort(reason) })
    } catch (thrown) {
      failures += 1
      // What it has begun ends, too.
      ending.abort()
      return told(thrown, false)
    }
    localAddress = opened.localAddress
    farewell = opened.farewell
    const began = performance.now()
    if (!signal.aborted) {
      events.onTrouble(null)
      events.onState('connected', null, opened.isToItself)
      events.onSession(opened.session)
      await ended
    }
    opened.close()
    events.onSession(null)
    localAddress = null
    farewell = undefined
    failures = performance.now() - began > GOOD_SESSION_MS ? 1 : failures + 1
    return told(signal.reason, true)
  }

  const run = async (): Promise<void> => {
    timer = null
    current = new AbortController()
    const { state, problem } = await serve(current)
    if (over) return
    if (isWoken) {
      isWoken = false
      failures = 0
      events.onState('connecting', null)
      void run()
      return
    }
    events.onState(state, problem)
    timer = setTimeout(() => void run(), backoffMs(failures, retrySeconds * 1000))
  }

  /**
   * A connection that cannot have lived on ends now, not when its silence is noticed, and nothing waits for a
   * pause that began under other circumstances.
   */
  const changed = (change: Change, { addresses }: ClockReading): void => {
    const isDead = change === 'slept' || localAddress === null || !isOwnAddress(localAddress, addresses)
    if (!isDead) return
    failures = 0
    const why = change === 'slept' ? 'this computer was asleep' : 'the network is another one'
    if (timer !== null) {
      events.log('info', `${why}: connecting again`)
      clearTimeout(timer)
      void run()
      return
    }
    events.log('info', `${why}: the connection is begun anew`)
    isWoken = true
    current.abort(new Error(why))
  }

  const unwatch = watch(changed)
  events.onState('connecting', null)
  void run()
  return {
    async stop(isLast) {
      over = true
      unwatch()
      if (timer !== null) clearTimeout(timer)
      if (isLast) await farewell?.()
      current.abort()
    },
  }
}
