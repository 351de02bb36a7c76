import { message } from '../../../lib/i18n/message.ts'
import type { Frame, FrameHeader } from '../../../protocol/frames.ts'
import type { ReceiverDestination } from '../../../settings/destination-schema.ts'
import type { DestinationEvents, OpenDestination } from '../destination.ts'
import { describeHang } from '../hung.ts'
import { type Connector, KeptConnection, type OpenedSession, type SessionAttempt } from '../keep-connected.ts'
import type { OpenOptions } from '../open.ts'
import type { watchWake } from '../sleep-network-watch.ts'
import { dial } from './dial.ts'
import { ReceiverSession } from './receiver-session.ts'
import { tellStatus } from './tell-status.ts'
import { toConnectionTrouble } from './trouble.ts'

export type ReceiverDestinationOptions = Omit<OpenOptions, 'secrets' | 'storeThread' | 'status'> &
  Partial<Pick<OpenOptions, 'status'>> & { destination: ReceiverDestination }

/** Longest wait for a receiver's end of the connection when sending stops. */
const LAST_WORD_MS = 500

/** See Connector. */
async function openSession(
  options: ReceiverDestinationOptions,
  events: DestinationEvents,
  { signal, end }: SessionAttempt,
): Promise<OpenedSession> {
  const { destination, identity, sessions, bucket } = options
  const { name } = destination
  const hello = { name: options.name, purpose: 'send', session: sessions.hello() } as const
  const dialled = await dial(destination, identity, hello, signal)
  const { channel, welcome, follow, localAddress, isToItself } = dialled
  let session: ReceiverSession | null = null
  const onFrame = (frame: Frame) => {
    if (frame.type === 'alive') events.onTrouble(describeHang(frame.header.stalledMs, name))
    else if (frame.type === 'want') wanted(frame.header.files)
    else if (frame.type === 'twice')
      events.onNotice(message('transfer.twiceHere', { name, from: frame.header.from }))
    else session?.onFrame(frame)
  }
  const wanted = (files: FrameHeader<'want'>['files']) => {
    try {
      if (sessions.offerAgain(files) > 0) events.onWanted()
    } catch (error) {
      events.log('warn', `files that ${name} wants again: ${String(error)}`)
    }
  }
  follow(onFrame, end)
  try {
    // Files that the receiver has lost wait again before any file is sent.
    const { asksFirst, notice } = await sessions.welcome(welcome.session)
    if (notice !== null) events.onNotice(notice)
    const opened = new ReceiverSession(channel, welcome, { receiver: name, bucket, asksFirst })
    session = opened
    const endStatus = tellStatus(channel, options.status ?? (() => null))
    const close = () => {
      endStatus()
      opened.close()
      channel.destroy(null)
    }
    const farewell = () => {
      endStatus(true)
      return channel.end(LAST_WORD_MS)
    }
    return { session, isToItself, localAddress, close, farewell }
  } catch (error) {
    channel.destroy(null)
    throw error
  }
}

/** Keeps one connection to the receiver open while it is wanted, and reconnects without end. */
export function openReceiver(
  options: ReceiverDestinationOptions,
  events: DestinationEvents,
  watch?: typeof watchWake,
): OpenDestination {
  const { destination, retrySeconds } = options
  const keeping: Connector = {
    open: (attempt) => openSession(options, events, attempt),
    toTrouble: (reason, wasConnected) => toConnectionTrouble(reason, destination, wasConnected),
    retrySeconds,
  }
  return new KeptConnection(keeping, events, watch)
}
