import { once } from 'node:events'
import { backoffMs } from '../../pacing/backoff.ts'
import type { Message } from '../../words/message.ts'
import type { Destination, DestinationEvents } from './destination.ts'
import type { Change, Moment } from './wake.ts'
import { isOwnAddress, watchWake } from './wake.ts'

/** A session that lasts this long was a good one: the next failure is the first again. */
const GOOD_SESSION_MS = 5_000

/** What there is of one session. */
export interface Attempt {
  /** It is to end, or has ended. */
  signal: AbortSignal
  /** Resolves with the reason then. */
  ended: Promise<unknown>
  end(reason: unknown): void
  /** There is a connection. @param localAddress this computer's end of it; null: it has none, or nobody knows. */
  connected(localAddress: string | null): void
}

/** How a kind of destination has its sessions. */
export interface Keeping {
  /**
   * One session from its beginning to its end: it tells the events of its state and of the session itself.
   * @returns the reason of the end.
   * @throws why there was no session.
   */
  serve(attempt: Attempt): Promise<unknown>
  /** The state and the sentence of a session that failed or ended. */
  troubleOf(reason: unknown, wasConnected: boolean): { state: 'unreachable' | 'refused'; problem: Message }
  retrySeconds: number
}

/** Keeps up one session for as long as it is wanted, and tries for ever to have it. */
export function keepConnected(
  { serve, troubleOf, retrySeconds }: Keeping,
  events: Pick<DestinationEvents, 'onState' | 'log'>,
  /** Says when the computer woke up or is in another network; returns what ends it. */
  watch: typeof watchWake = watchWake,
): Destination {
  let over = false
  let timer: NodeJS.Timeout | null = null
  let failures = 0
  /** What ends now was ended because the computer woke up: the next attempt follows at once. */
  let isWoken = false
  let localAddress: string | null = null
  let current = new AbortController()

  const run = async (): Promise<void> => {
    timer = null
    const ending = new AbortController()
    current = ending
    const { signal } = ending
    const ended = once(signal, 'abort').then(() => signal.reason)
    let began = 0
    let reason: unknown
    let wasConnected = true
    try {
      const connected = (address: string | null) => {
        localAddress = address
        began = performance.now()
      }
      reason = await serve({ signal, ended, end: (why) => ending.abort(why), connected })
    } catch (thrown) {
      reason = thrown
      wasConnected = false
    }
    localAddress = null
    if (over) return
    if (isWoken) {
      isWoken = false
      events.onState('connecting', null)
      void run()
      return
    }
    const wasGood = wasConnected && performance.now() - began > GOOD_SESSION_MS
    failures = wasGood ? 1 : failures + 1
    const { state, problem } = troubleOf(reason, wasConnected)
    events.onState(state, problem)
    timer = setTimeout(() => void run(), backoffMs(failures, retrySeconds * 1000))
  }

  /**
   * A connection that cannot have lived on ends now, not when its silence is noticed, and nothing waits for a
   * pause that began under other circumstances.
   */
  const changed = (change: Change, { addresses }: Moment): void => {
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
    stop() {
      over = true
      unwatch()
      if (timer !== null) clearTimeout(timer)
      current.abort()
    },
  }
}
