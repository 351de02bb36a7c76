import type { TLSSocket } from 'node:tls'
import { errorCode } from '../../files/system-error.ts'
import { backoffMs } from '../../pacing/backoff.ts'
import type { ReceiverDestination } from '../../settings/schema.ts'
import { SILENT_AFTER_MS, SilentPeer } from '../../wire/channel.ts'
import type { FrameHeader } from '../../wire/frames.ts'
import type { Identity } from '../../wire/identity.ts'
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
import type { Sessions } from './sessions.ts'
import type { StatusNow } from './tell-status.ts'
import { tellStatus } from './tell-status.ts'
import type { Change, Moment } from './wake.ts'
import { isOwnAddress, watchWake } from './wake.ts'

export interface LinkEvents {
  /** A session begins; it is over when its `closed` says so, and then `onSession(null)` follows. */
  onSession(session: Session | null): void
  /** `isToItself` is known of a connection that is there. */
  onState(state: Connection['state'], problem: Message | null, isToItself?: boolean): void
  /** How long the receiver's disk has left a call unanswered, in milliseconds, as the receiver says. */
  onStalled(stalledMs: number): void
  /** A person should know this, though the connection is there. */
  onNotice(sentence: Message): void
  /** Files that the receiver wants again wait now. */
  onWanted(): void
  log(level: 'info' | 'warn', text: string): void
}

export interface Link {
  stop(): void
}

/** A session that lasts this long was a good one: the next failure is the first again. */
const GOOD_SESSION_MS = 5_000

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
    if (thrown.code === 'twice') return refused(message('transfer.twice', { name, address }))
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
  identity: Identity,
  sessions: Sessions,
  options: {
    name: string
    retrySeconds: number
    bucket: Bucket
    /** What the receiver is told of this computer; null: nothing now. Left out: nothing at all. */
    status?: () => StatusNow | null
  },
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

  /** One connection from its beginning to its end; the reason of the end. */
  const serve = async (): Promise<{ reason: unknown; wasConnected: boolean }> => {
    try {
      attempt = new AbortController()
      const signal = AbortSignal.any([stopping.signal, attempt.signal])
      const hello = { name: options.name, purpose: 'send', session: sessions.hello() } as const
      const dialled = await dial(destination, identity, hello, signal, outletOf)
      const { channel, welcome, follow } = dialled
      current = dialled
      const began = performance.now()
      let session: Session | null = null
      const ended = new Promise<unknown>((resolve) => {
        follow((frame) => {
          if (frame.type === 'alive') events.onStalled(frame.header.stalledMs)
          else if (frame.type === 'want') wanted(frame.header.files)
          else if (frame.type === 'twice')
            events.onNotice(
              message('transfer.twiceHere', { name: destination.name, from: frame.header.from }),
            )
          else session?.onFrame(frame)
        }, resolve)
      })
      // What the receiver has lost waits again before anything is sent.
      const { asksFirst, notice } = await sessions.welcome(welcome.session)
      if (notice !== null) events.onNotice(notice)
      session = openSession(channel, welcome, { batchBytes: () => bytesAhead(options.bucket), asksFirst })
      events.onState('connected', null, dialled.isToItself)
      events.onSession(session)
      const endStatus = tellStatus(channel, options.status ?? (() => null))
      const reason = await ended
      endStatus()
      current = null
      session.close()
      events.onSession(null)
      if (performance.now() - began > GOOD_SESSION_MS) failures = 0
      return { reason, wasConnected: true }
    } catch (thrown) {
      current?.channel.destroy(null)
      current = null
      return { reason: thrown, wasConnected: false }
    }
  }

  const wanted = (files: FrameHeader<'want'>['files']) => {
    try {
      if (sessions.want(files) > 0) events.onWanted()
    } catch (thrown) {
      events.log('warn', `files that ${destination.name} wants again: ${String(thrown)}`)
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
