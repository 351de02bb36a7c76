import type { ReceiverDestination } from '../../../settings/destination-schema.ts'
import type { Frame, FrameHeader } from '../../../wire/frames.ts'
import type { Identity } from '../../../wire/identity.ts'
import { message } from '../../../words/message.ts'
import type { Bucket } from '../../limit/bucket.ts'
import { bytesAhead } from '../../limit/bucket.ts'
import type { Destination, DestinationEvents } from '../destination.ts'
import type { Attempt, Keeping } from '../keep-connected.ts'
import { keepConnected } from '../keep-connected.ts'
import type { Sessions } from '../session-memory.ts'
import type { watchWake } from '../wake.ts'
import { dial } from './dial.ts'
import { pacedOutlet } from './paced-outlet.ts'
import type { ReceiverSession } from './session.ts'
import { openSession } from './session.ts'
import type { StatusNow } from './tell-status.ts'
import { tellStatus } from './tell-status.ts'
import { troubleOf } from './trouble.ts'

/** A receiver's disk that leaves a call unanswered for longer than this is said to hang. */
const STALLED_MS = 30_000

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

/** One connection from its beginning to its end; see Keeping. */
async function serve(
  options: ReceiverOptions,
  events: DestinationEvents,
  { signal, connected }: Attempt,
): Promise<unknown> {
  const { destination, identity, sessions, bucket } = options
  const { name } = destination
  const hello = { name: options.name, purpose: 'send', session: sessions.hello() } as const
  const dialled = await dial(destination, identity, hello, signal, (socket) => pacedOutlet(socket, bucket))
  const { channel, welcome, follow } = dialled
  connected(dialled.localAddress)
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
  }
}

/** Keeps one connection to the receiver for as long as it is wanted, and tries for ever to have it. */
export function openReceiver(
  options: ReceiverOptions,
  events: DestinationEvents,
  watch?: typeof watchWake,
): Destination {
  const { destination, retrySeconds } = options
  const trouble: Keeping['troubleOf'] = (reason, wasConnected) => troubleOf(reason, destination, wasConnected)
  const serveOnce: Keeping['serve'] = (attempt) => serve(options, events, attempt)
  return keepConnected({ serve: serveOnce, troubleOf: trouble, retrySeconds }, events, watch)
}
