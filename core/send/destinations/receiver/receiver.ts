import { backoffMs } from '../../../pacing/backoff.ts'
import type { ReceiverDestination } from '../../../settings/schema.ts'
import type { Frame, FrameHeader } from '../../../wire/frames.ts'
import type { Identity } from '../../../wire/identity.ts'
import { message } from '../../../words/message.ts'
import type { Bucket } from '../../limit/bucket.ts'
import type { Destination, DestinationEvents } from '../destination.ts'
import type { Dialled } from './dial.ts'
import { dial } from './dial.ts'
import { bytesAhead, pacedOutlet } from './paced-outlet.ts'
import type { ReceiverSession } from './session.ts'
import { openSession } from './session.ts'
import type { Sessions } from './session-memory.ts'
import type { StatusNow } from './tell-status.ts'
import { tellStatus } from './tell-status.ts'
import { troubleOf } from './trouble.ts'
import type { Change, Moment } from './wake.ts'
import { isOwnAddress, watchWake } from './wake.ts'

/** A receiver's disk that leaves a call unanswered for longer than this is said to hang. */
const STALLED_MS = 30_000
/** A session that lasts this long was a good one: the next failure is the first again. */
const GOOD_SESSION_MS = 5_000

export interface ReceiverOptions {
  destination: ReceiverDestination
  identity: Identity
  sessions: Sessions
  /** Of this computer. */
  name: string
  retrySeconds: number
  bucket: Bucket
  /** What the receiver is told of this computer; null: nothing now. Left out: nothing at all. */
  status?: () => StatusNow | null
}

type Connected = Pick<Dialled, 'channel' | 'localAddress'>

/**
 * One connection from its beginning to its end.
 * @param onConnected is called with it, and with null when it has ended.
 * @returns the reason of the end.
 * @throws why there was no session.
 */
async function serve(
  options: ReceiverOptions,
  events: DestinationEvents,
  signal: AbortSignal,
  onConnected: (connected: Connected | null) => void,
): Promise<unknown> {
  const { destination, identity, sessions, bucket } = options
  const { name } = destination
  const hello = { name: options.name, purpose: 'send', session: sessions.hello() } as const
  const dialled = await dial(destination, identity, hello, signal, (socket) => pacedOutlet(socket, bucket))
  const { channel, welcome, follow } = dialled
  onConnected(dialled)
  let session: ReceiverSession | null = null
  const onFrame = (frame: Frame) => {
    if (frame.type === 'alive') stalled(frame.header.stalledMs)
    else if (frame.type === 'want') wanted(frame.header.files)
    else if (frame.type === 'twice')
      events.onNotice(message('transfer.twiceHere', { name, from: frame.header.from }))
    else session?.onFrame(frame)
  }
  const stalled = (ms: number) => {
    const seconds = Math.round(ms / 1000)
    events.onTrouble(ms > STALLED_MS ? message('transfer.storeHung', { name, seconds }) : null)
  }
  const wanted = (files: FrameHeader<'want'>['files']) => {
    try {
      if (sessions.want(files) > 0) events.onWanted()
    } catch (thrown) {
      events.log('warn', `files that ${name} wants again: ${String(thrown)}`)
    }
  }
  try {
    const ended = new Promise<unknown>((resolve) => follow(onFrame, resolve))
    // What the receiver has lost waits again before anything is sent.
    const { asksFirst, notice } = await sessions.welcome(welcome.session)
    if (notice !== null) events.onNotice(notice)
    const batchBytes = () => bytesAhead(bucket)
    session = openSession(channel, welcome, { receiver: name, batchBytes, asksFirst })
    events.onTrouble(null)
    events.onState('connected', null, dialled.isToItself)
    events.onSession(session)
    const endStatus = tellStatus(channel, options.status ?? (() => null))
    const reason = await ended
    endStatus()
    session.close()
    events.onSession(null)
    return reason
  } finally {
    channel.destroy(null)
    onConnected(null)
  }
}

/** Keeps one connection to the receiver for as long as it is wanted, and tries for ever to have it. */
export function openReceiver(
  options: ReceiverOptions,
  events: DestinationEvents,
  /** Says when the computer woke up or is in another network; returns what ends it. */
  watch: typeof watchWake = watchWake,
): Destination {
  const stopping = new AbortController()
  let timer: NodeJS.Timeout | null = null
  let failures = 0
  /** What ends now was ended because the computer woke up: the next attempt follows at once. */
  let isWoken = false
  let current: Connected | null = null
  let attempt = new AbortController()

  const run = async (): Promise<void> => {
    timer = null
    attempt = new AbortController()
    const signal = AbortSignal.any([stopping.signal, attempt.signal])
    let began = 0
    let reason: unknown
    let wasConnected = true
    try {
      reason = await serve(options, events, signal, (connected) => {
        current = connected
        if (connected !== null) began = performance.now()
      })
    } catch (thrown) {
      reason = thrown
      wasConnected = false
    }
    if (stopping.signal.aborted) return
    if (isWoken) {
      isWoken = false
      events.onState('connecting', null)
      void run()
      return
    }
    const wasGood = wasConnected && performance.now() - began > GOOD_SESSION_MS
    failures = wasGood ? 1 : failures + 1
    const { state, problem } = troubleOf(reason, options.destination, wasConnected)
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
