import { lookup } from 'node:dns/promises'
import { once } from 'node:events'
import { networkInterfaces } from 'node:os'
import { ignoreError } from '../dropped-errors.ts'
import { backoffMs } from '../lib/async/backoff.ts'
import { LATE, withTimeout } from '../lib/async/timing.ts'
import { type Message, message } from '../lib/i18n/message.ts'
import { UserError } from '../lib/i18n/user-error.ts'
import { findProxyProblem } from '../lib/network/tunnel.ts'
import type { DestinationEvents, OpenDestination, Session } from './destination.ts'

// Every kind of destination, and every watched computer, keeps one session open with a KeptConnection. After a failure it connects again with a
// growing delay. It also watches whether this computer slept or changed its network: no connection survives that.

/** A session that lasts this long resets the count of failures to one. */
const GOOD_SESSION_MS = 5_000
/** Interval between two checks for sleep and network changes. */
const LOOK_EVERY_MS = 5_000
/**
 * Two checks that are apart by this much more than planned mean that this process was suspended. A receiver closes a
 * connection after 20 s of silence (protocol/channel.ts); the heartbeat handles shorter gaps.
 */
const GAP_MS = 20_000
/** Time limit to resolve the name of a server. */
const LOOKUP_MS = 5_000
/** A disk that has not answered a call for longer than this, in milliseconds, counts as hanging. */
export const STALLED_MS = 30_000

/** The signals of one session. */
export interface SessionAttempt {
  /** Aborted when the session has to end, or has ended. */
  signal: AbortSignal
  /** Ends the session for this reason. */
  end(reason: unknown): void
}

/** A session that is open. */
export interface OpenedSession<S = Session> {
  session: S
  /** True if the destination is on this computer. */
  isToItself: boolean
  /** False if stored files may be lost when the server crashes; omitted: they survive. */
  isDurable?: boolean
  /** This computer's address on the connection; null: no lasting connection, or unknown. */
  localAddress: string | null
  /** Closes the session and its resources; files without an answer are lost. */
  close(): void
  /** Sends pending messages before the final close; never rejects, and takes a moment at most. */
  farewell?(): Promise<void>
}

export interface ConnectionTrouble {
  state: 'unreachable' | 'refused'
  problem: Message
}

/** How a kind of destination opens its sessions. */
export interface Connector<S = Session> {
  /** @throws the reason why no session could be opened: a UserError if only a person can help. */
  open(attempt: SessionAttempt): Promise<OpenedSession<S>>
  /** Returns the state and the message for a session that failed or ended. */
  toTrouble(reason: unknown, wasConnected: boolean): ConnectionTrouble
  retrySeconds: number
}

interface SessionEvents<S> extends Pick<DestinationEvents, 'onState' | 'onTrouble' | 'log'> {
  onSession(session: S | null): void
}

/** Keeps one session open while it is wanted, and reconnects without end. */
export class KeptConnection<S = Session> implements OpenDestination {
  readonly #connector: Connector<S>
  readonly #events: SessionEvents<S>
  readonly #unwatch: () => void
  #isOver = false
  #timer: NodeJS.Timeout | null = null
  #failures = 0
  /** The session was ended because the computer woke up or changed its network: the next attempt follows at once. */
  #isWoken = false
  #localAddress: string | null = null
  #current = new AbortController()
  #farewell: OpenedSession<S>['farewell']

  /** @param watch reports when the computer woke up or changed its network; returns a function that stops it. */
  constructor(connector: Connector<S>, events: SessionEvents<S>, watch: typeof watchWake = watchWake) {
    this.#connector = connector
    this.#events = events
    this.#unwatch = watch((change, now) => this.#changed(change, now))
    events.onState('connecting', null)
    void this.#run()
  }

  async stop(isLast?: boolean): Promise<void> {
    this.#isOver = true
    this.#unwatch()
    if (this.#timer !== null) clearTimeout(this.#timer)
    if (isLast) await this.#farewell?.()
    this.#current.abort()
  }

  async #run(): Promise<void> {
    this.#timer = null
    this.#current = new AbortController()
    const { state, problem } = await this.#serve(this.#current)
    if (this.#isOver) return
    if (this.#isWoken) {
      this.#isWoken = false
      this.#failures = 0
      this.#events.onState('connecting', null)
      void this.#run()
      return
    }
    this.#events.onState(state, problem)
    const pauseMs = backoffMs(this.#failures, this.#connector.retrySeconds * 1000)
    this.#timer = setTimeout(() => void this.#run(), pauseMs)
  }

  /** Runs one session from start to end; returns the state and message for its end. */
  async #serve(ending: AbortController): Promise<ConnectionTrouble> {
    const { signal } = ending
    const ended = once(signal, 'abort')
    let opened: OpenedSession<S>
    try {
      opened = await this.#connector.open({ signal, end: (reason) => ending.abort(reason) })
    } catch (error) {
      this.#failures += 1
      // Also stops what the attempt has started.
      ending.abort()
      return this.#toTrouble(error, false)
    }
    this.#localAddress = opened.localAddress
    this.#farewell = opened.farewell
    const began = performance.now()
    if (!signal.aborted) {
      this.#events.onTrouble(null)
      this.#events.onState('connected', null, opened.isToItself, opened.isDurable ?? true)
      this.#events.onSession(opened.session)
      await ended
    }
    opened.close()
    this.#events.onSession(null)
    this.#localAddress = null
    this.#farewell = undefined
    this.#failures = performance.now() - began > GOOD_SESSION_MS ? 1 : this.#failures + 1
    return this.#toTrouble(signal.reason, true)
  }

  #toTrouble(reason: unknown, wasConnected: boolean): ConnectionTrouble {
    const problem = findProxyProblem(reason)
    if (problem !== null) return { state: 'unreachable', problem }
    if (reason instanceof UserError) return { state: 'refused', problem: reason.sentence }
    return this.#connector.toTrouble(reason, wasConnected)
  }

  /**
   * A connection that cannot have survived is closed now, without waiting for its silence to be noticed. A running
   * pause before the next attempt is cut short, too.
   */
  #changed(change: Change, { addresses }: ClockReading): void {
    const local = this.#localAddress
    const isDead = change === 'slept' || local === null || !isOwnAddress(local, addresses)
    if (!isDead) return
    this.#failures = 0
    const why = change === 'slept' ? 'this computer was asleep' : 'the network is another one'
    if (this.#timer !== null) {
      this.#events.log('info', `${why}: connecting again`)
      clearTimeout(this.#timer)
      void this.#run()
      return
    }
    this.#events.log('info', `${why}: the connection is begun anew`)
    this.#isWoken = true
    this.#current.abort(new Error(why))
  }
}

/** The values that two checks compare. */
export interface ClockReading {
  /** Milliseconds since 1970: this clock advances while the computer sleeps. */
  wall: number
  /** Milliseconds of the monotonic clock: on Linux and macOS it stops during sleep (clock_gettime(2)). */
  steady: number
  /** This computer's addresses, without loopback. */
  addresses: readonly string[]
}

/** `slept`: asleep or stopped; also a clock that was put forward, which looks the same and does no harm. */
export type Change = 'slept' | 'network'

/** Returns what happened between two checks, or null. */
export function changeBetween(before: ClockReading, after: ClockReading): Change | null {
  const gap = Math.max(after.wall - before.wall, after.steady - before.steady)
  if (gap > LOOK_EVERY_MS + GAP_MS) return 'slept'
  return before.addresses.join() === after.addresses.join() ? null : 'network'
}

/** Returns the current addresses of this computer, sorted, so that their order does not depend on the system. */
export function ownAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .flatMap(({ internal, address }) => (internal ? [] : [address]))
    .sort()
}

/**
 * True if a connection from this address may still work. IPv4 addresses may be written as IPv6 (RFC 4291, 2.5.5.2);
 * loopback addresses always work.
 */
export function isOwnAddress(address: string, addresses: readonly string[]): boolean {
  const plain = address.replace(/^::ffff:(?=\d+\.)/, '')
  return plain === '::1' || plain.startsWith('127.') || addresses.includes(plain)
}

/** True if a server is this computer; false: it is not, or its name cannot be resolved now. */
export async function isOwnHost(host: string): Promise<boolean> {
  const { addresses } = readClocks()
  // A network behind a proxy may have nothing that resolves other names.
  const found = await withTimeout(
    LOOKUP_MS,
    lookup(host.replace(/^\[|\]$/g, ''), { all: true }).catch(
      ignoreError('a server whose name has no address counts as another computer', []),
    ),
  )
  return found !== LATE && found.some(({ address }) => isOwnAddress(address, addresses))
}

export function readClocks(): ClockReading {
  return { wall: Date.now(), steady: performance.now(), addresses: ownAddresses() }
}

/** Calls `onChange` when the computer woke up or its addresses changed. Returns a function that stops it. */
export function watchWake(
  onChange: (change: Change, now: ClockReading) => void,
  look: () => ClockReading = readClocks,
): () => void {
  let before = look()
  const timer = setInterval(() => {
    const now = look()
    const change = changeBetween(before, now)
    before = now
    if (change !== null) onChange(change, now)
  }, LOOK_EVERY_MS)
  return () => clearInterval(timer)
}

/** Returns the message for a disk without an answer for `ms`; null below the limit. @param name the destination's. */
export const describeHang = (ms: number, name: string): Message | null =>
  ms < STALLED_MS ? null : message('transfer.storeHung', { name, seconds: Math.round(ms / 1000) })
