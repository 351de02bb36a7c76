import type { TLSSocket } from 'node:tls'
import { errorCode } from '../../files/system-error.ts'
import { backoffMs } from '../../pacing/backoff.ts'
import type { ReceiverDestination } from '../../settings/schema.ts'
import { SILENT_AFTER_MS, SilentPeer } from '../../wire/channel.ts'
import { addressOf } from '../../wire/pairing-code.ts'
import { WrongFingerprint } from '../../wire/tls.ts'
import type { Message } from '../../words/message.ts'
import { message } from '../../words/message.ts'
import type { Bucket } from '../limit/bucket.ts'
import { bytesAhead, pacedOutlet } from '../limit/paced-outlet.ts'
import type { Connection } from '../messages.ts'
import type { Session } from '../session/session.ts'
import { openSession } from '../session/session.ts'
import type { Dialled } from './dial.ts'
import { dial, Refused } from './dial.ts'
import type { Renewal } from './renewal.ts'
import type { Change, Moment } from './wake.ts'
import { isOwnAddress, watchWake } from './wake.ts'

export interface LinkEvents {
  /** A session begins; it is over when its `closed` says so, and then `onSession(null)` follows. */
  onSession(session: Session | null): void
  /** `isToItself` is known of a connection that is there. */
  onState(state: Connection['state'], problem: Message | null, isToItself?: boolean): void
  /** How long the receiver's disk has left a call unanswered, in milliseconds, as the receiver says. */
  onStalled(stalledMs: number): void
  log(level: 'info' | 'warn', text: string): void
}

export interface Link {
  stop(): void
}

/** A session that lasts this long was a good one: the next failure is the first again. */
const GOOD_SESSION_MS = 5_000
/** Both ends may announce, confirm and change: each is one connection more, once in years. */
const RENEWALS_AT_ONCE = 4

/** The state and the sentence of a failed or lost connection. */
export function troubleOf(
  thrown: unknown,
  destination: ReceiverDestination,
  wasConnected: boolean,
): { state: 'unreachable' | 'refused'; problem: Message } {
  const { name } = destination
  const address = addressOf(destination.host, destination.port)
  const refused = (problem: Message) => ({ state: 'refused', problem }) as const
  if (thrown instanceof WrongFingerprint)
    return refused(message('transfer.wrongFingerprint', { name, address, fingerprint: thrown.fingerprint }))
  if (thrown instanceof Refused) {
    if (thrown.code === 'notPaired') return refused(message('transfer.notPaired', { name, address }))
    if (thrown.code === 'revoked') return refused(message('transfer.revoked', { name, address }))
    if (thrown.code === 'expired') return refused(message('transfer.certificateExpired', { name, address }))
    if (thrown.code === 'protocol') return refused(message('transfer.versionRefused', { name, address }))
    // It has too many connections, or did not understand one: that passes by itself.
    const { message: reason } = thrown
    return { state: 'unreachable', problem: message('transfer.refusedOther', { name, address, reason }) }
  }
  if (thrown instanceof SilentPeer) {
    const seconds = SILENT_AFTER_MS / 1000
    return { state: 'unreachable', problem: message('transfer.silent', { name, address, seconds }) }
  }
  const reason = errorCode(thrown) ?? (thrown instanceof Error ? thrown.message : 'ECONNRESET')
  const key = wasConnected ? 'transfer.lost' : 'transfer.unreachable'
  return { state: 'unreachable', problem: message(key, { name, address, reason }) }
}

/** Keeps one connection to the receiver for as long as it is wanted, and tries for ever to have it. */
export function openLink(
  destination: ReceiverDestination,
  renewal: Renewal,
  options: { name: string; retrySeconds: number; bucket: Bucket },
  events: LinkEvents,
  /** Says when the computer woke up or is in another network; returns what ends it. */
  watch: typeof watchWake = watchWake,
): Link {
  const stopping = new AbortController()
  let timer: NodeJS.Timeout | null = null
  let failures = 0
  /** What ends now was ended because the computer woke up: the next attempt follows at once. */
  let isWoken = false
  let current: Pick<Dialled, 'channel' | 'localAddress'> | null = null
  let attempt = new AbortController()
  const outletOf = (socket: TLSSocket) => pacedOutlet(socket, options.bucket)

  /** Connects; again at once where certificates were announced: that is how the receiver learns of it. */
  const connect = async (again: number, signal: AbortSignal): Promise<Dialled> => {
    await renewal.prepare().catch((thrown: unknown) => events.log('warn', `certificates: ${String(thrown)}`))
    const peer = renewal.peerOf(destination)
    const hello = { name: options.name, purpose: 'send', ...renewal.announcement(destination) } as const
    const dialled = await dial(peer, renewal.identity, hello, signal, outletOf)
    const renewing = renewal.onWelcome(destination, dialled.fingerprint, dialled.welcome)
    if (renewing === null || again === 0) {
      renewing?.catch((thrown: unknown) => events.log('warn', `certificates: ${String(thrown)}`))
      return dialled
    }
    dialled.follow(
      () => undefined,
      () => undefined,
    )
    const left = await renewing.then(
      () => again - 1,
      (thrown: unknown) => {
        // Its disk is full, say: the connection is good without it, and the next one tries again.
        events.log('warn', `certificates: ${String(thrown)}`)
        return 0
      },
    )
    dialled.channel.end()
    return connect(left, signal)
  }

  /** One connection from its beginning to its end; the reason of the end. */
  const serve = async (): Promise<{ reason: unknown; wasConnected: boolean }> => {
    try {
      attempt = new AbortController()
      const signal = AbortSignal.any([stopping.signal, attempt.signal])
      const dialled = await connect(RENEWALS_AT_ONCE, signal)
      const { channel, welcome, follow } = dialled
      const session = openSession(channel, welcome, () => bytesAhead(options.bucket))
      current = dialled
      const began = performance.now()
      const reason = await new Promise<unknown>((resolve) => {
        follow((frame) => {
          if (frame.type === 'alive') events.onStalled(frame.header.stalledMs)
          else session.onFrame(frame)
        }, resolve)
        events.onState('connected', null, dialled.isToItself)
        events.onSession(session)
      })
      current = null
      session.close()
      events.onSession(null)
      if (performance.now() - began > GOOD_SESSION_MS) failures = 0
      return { reason, wasConnected: true }
    } catch (thrown) {
      return { reason: thrown, wasConnected: false }
    }
  }

  const run = async (): Promise<void> => {
    timer = null
    const { reason, wasConnected } = await serve()
    if (stopping.signal.aborted) return
    if (isWoken) {
      isWoken = false
      events.onState('connecting', null)
      void run()
      return
    }
    failures += 1
    const { state, problem } = troubleOf(reason, destination, wasConnected)
    events.onState(state, problem)
    timer = setTimeout(() => void run(), backoffMs(failures, options.retrySeconds * 1000))
  }

  /**
   * A connection that cannot have lived on ends now, not when its silence is noticed, and nothing waits for a
   * pause that began under other circumstances.
   */
  const changed = (change: Change, { addresses }: Moment): void => {
    const isDead =
      change === 'slept' || current?.localAddress == null || !isOwnAddress(current.localAddress, addresses)
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
    if (current === null) attempt.abort()
    else current.channel.destroy(new Error(why))
  }

  const unwatch = watch(changed)
  events.onState('connecting', null)
  void run()
  return {
    stop() {
      unwatch()
      if (timer !== null) clearTimeout(timer)
      stopping.abort()
    },
  }
}
