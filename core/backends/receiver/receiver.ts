import { formatAddress } from '../../lib/i18n/formats.ts'
import { message } from '../../lib/i18n/message.ts'
import { UserError } from '../../lib/i18n/user-error.ts'
import { englishWords } from '../../lib/i18n/words.ts'
import { ProxyError } from '../../lib/network/tunnel.ts'
import { errorCode, errorText } from '../../platform/system-error.ts'
import { ALIVE_EVERY_MS, type FrameChannel, SILENT_AFTER_MS } from '../../protocol/channel.ts'
import { ProtocolError } from '../../protocol/codec.ts'
import { type Frame, type FrameHeader, sentenceCauses, sentenceParts } from '../../protocol/frames.ts'
import type { Identity } from '../../protocol/identity.ts'
import { LONGEST_SENTENCE, LONGEST_WORD } from '../../protocol/limits.ts'
import type { PairingCode } from '../../protocol/pairing-code.ts'
import { type AddressedCode, beginProof, parseEnteredCode } from '../../protocol/short-code.ts'
import { connectUnproven, WrongFingerprint } from '../../protocol/tls.ts'
import type { ReceiverDestination } from '../../settings/destination-schema.ts'
import type { Decision, DestinationTest } from '../backend-messages.ts'
import { runConnectionTest } from '../connection-test.ts'
import type { DestinationEvents, OpenDestination } from '../destination.ts'
import {
  type Connector,
  describeHang,
  KeptConnection,
  type OpenedSession,
  type SessionAttempt,
  type watchWake,
} from '../keep-connected.ts'
import type { OpenOptions, StatusNow, Tested, TryOptions } from '../options.ts'
import { attachStream, dial, greet, Refused, toConnectionTrouble } from './dial.ts'
import { ReceiverSession } from './receiver-session.ts'
import { StreamPause } from './streams.ts'

// A receiver on another computer: sends to it, tests it, and pairs with it. While a session is open, the receiver also
// gets the status of this computer.

/** Longest wait for a receiver's end of the connection when sending stops. */
const LAST_WORD_MS = 1_500
/** An unchanged status is repeated after this: once a minute, even if a heartbeat is late. */
const REPEAT_AFTER_MS = 55_000
/** Limit of a status with `words`, in bytes: keeps the frame below its limit. */
const MAX_STATUS_BYTES = 3 * 1024
/** Limit of a decision with `words`, in bytes. */
const MAX_DECIDED_BYTES = 6 * 1024
/** Time limit of pairing: shorter than the caller's wait for the answer, so that an error can be reported. */
const PAIR_WITHIN_MS = 12_000

type ReceiverDestinationOptions = Omit<OpenOptions, 'secrets' | 'storeThread' | 'status'> &
  Partial<Pick<OpenOptions, 'status'>> & { destination: ReceiverDestination }

type Status = FrameHeader<'status'>

/** Keeps one connection to the receiver open while it is wanted, and reconnects without end. */
export function openReceiver(
  options: ReceiverDestinationOptions,
  events: DestinationEvents,
  watch?: typeof watchWake,
): OpenDestination {
  const { destination, retrySeconds } = options
  const streamPause = new StreamPause()
  const connector: Connector = {
    open: (attempt) => openSession(options, events, attempt, streamPause),
    toTrouble: (reason, wasConnected) => toConnectionTrouble(reason, destination, wasConnected),
    retrySeconds,
  }
  return new KeptConnection(connector, events, watch)
}

/** See Connector.open. */
async function openSession(
  options: ReceiverDestinationOptions,
  events: DestinationEvents,
  { signal, end }: SessionAttempt,
  streamPause: StreamPause,
): Promise<OpenedSession> {
  const { destination, identity, sessions, bucket } = options
  const { name } = destination
  const { onProposal } = events
  const hello = {
    ...{ name: options.name, purpose: 'send' as const, session: sessions.hello() },
    ...(onProposal === undefined ? {} : { proposals: true }),
    streams: true,
  }
  const dialled = await dial(destination, identity, hello, signal)
  const { channel, welcome, follow, localAddress, isToItself, roundTripMs } = dialled
  let session: ReceiverSession | null = null
  let heardAt = performance.now()
  const onFrame = (frame: Frame) => {
    heardAt = performance.now()
    if (frame.type === 'alive') events.onTrouble(describeHang(frame.header.stalledMs, name))
    else if (frame.type === 'want') wanted(frame.header.files)
    else if (frame.type === 'twice')
      events.onNotice(message('transfer.twiceHere', { name, from: frame.header.from }))
    else if (frame.type === 'propose') onProposal?.(frame.header.proposal, decide)
    else session?.onFrame(frame)
  }
  const decide = (decision: Decision) => {
    if (!channel.closed) channel.send('decided', decidedFrame(decision))
  }
  const wanted = (files: FrameHeader<'want'>['files']) => {
    try {
      if (sessions.offerAgain(files) > 0) events.onWanted()
    } catch (error) {
      events.log('warn', `files that ${name} wants again: ${String(error)}`)
    }
  }
  const onClose = (reason: Error | null) => {
    // During a session, this code means that the receiver noticed first that a further stream was lost.
    const isLostStream = session !== null && reason instanceof Refused && reason.code === 'busy'
    if (isLostStream) streamPause.begin()
    end(isLostStream ? new Error(reason.message) : reason)
  }
  // Some networks break off further connections only: the next session has to do without them.
  const onLost = (reason: Error) =>
    void setImmediate(() => {
      const isFine = !channel.closed && performance.now() - heardAt < SILENT_AFTER_MS / 2
      if (isFine) streamPause.begin()
      end(reason)
    })
  follow(onFrame, onClose, () => session?.onRoom())
  try {
    // Files that the receiver has lost wait again before any file is sent.
    const { asksFirst, notice } = await sessions.welcome(welcome.session)
    if (notice !== null) events.onNotice(notice)
    const { streams, zstd } = welcome
    const spread = streams && {
      ...{ most: streams.most, roundTripMs, pause: streamPause },
      attach: (onRoom: () => void) =>
        attachStream(destination, identity, { key: streams.key, zstd }, signal, { onRoom, onLost }),
      log: (text: string) => events.log('info', `${name}: ${text}`),
    }
    const isSpread = spread === undefined ? {} : { spread }
    const opened = new ReceiverSession(channel, welcome, { receiver: name, bucket, asksFirst, ...isSpread })
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

/**
 * Sends this computer's status to the receiver: now, with a heartbeat after a change, and once a minute.
 * @param current returns null if there is no status.
 * @returns a function that stops it; `isLast`: sends a changed status first.
 */
export function tellStatus(
  channel: Pick<FrameChannel, 'send' | 'room'>,
  current: () => StatusNow | null,
): (isLast?: boolean) => void {
  let lastText = ''
  let lastAt = 0
  let isWaiting = false
  let isOver = false

  const send = () => {
    const status = current()
    if (status === null) return
    const frame = statusFrame(status, Date.now())
    const text = JSON.stringify(frame)
    const now = performance.now()
    if (text === lastText && now - lastAt < REPEAT_AFTER_MS) return
    lastText = text
    lastAt = now
    channel.send('status', frame)
  }
  const sendWithRoom = async (): Promise<void> => {
    // On a slow line status frames must not queue up.
    if (isWaiting) return
    isWaiting = true
    await channel.room()
    isWaiting = false
    if (!isOver) send()
  }

  void sendWithRoom()
  const timer = setInterval(() => void sendWithRoom(), ALIVE_EVERY_MS)
  return (isLast) => {
    isOver = true
    clearInterval(timer)
    if (isLast) send()
  }
}

/** Returns a status frame within the protocol's limits: an invalid frame would end the connection. Pure. */
export function statusFrame(status: StatusNow, now: number): Status {
  const { level, kind, sentence, version, oldestWaitingAt, waitingFiles } = status
  const frame = {
    level,
    kind: kind === null ? null : line(kind, LONGEST_WORD),
    sentence: line(sentence, LONGEST_SENTENCE),
    // A file can have any time; a wait cannot begin in the future.
    oldestWaitingAt: oldestWaitingAt === null ? null : Math.min(oldestWaitingAt, now),
    waitingFiles,
    version: line(version, LONGEST_WORD),
  }
  const words = sentenceParts.safeParse(status.words)
  const causes = sentenceCauses.safeParse(status.causes ?? [])
  const isTranslatable = words.success && causes.success
  const explained = causes.data?.length ? { causes: causes.data } : {}
  const whole = isTranslatable ? { ...frame, words: words.data, ...explained } : frame
  return Buffer.byteLength(JSON.stringify(whole)) <= MAX_STATUS_BYTES ? whole : frame
}

/** Returns the frame of a decision within the protocol's limits. Pure. */
export function decidedFrame({ id, accepted, sentence }: Decision): FrameHeader<'decided'> {
  if (sentence === null) return { id, accepted, sentence }
  const frame = { id, accepted, sentence: line(englishWords(sentence), LONGEST_SENTENCE) }
  const words = sentenceParts.safeParse(sentence)
  const whole = { ...frame, ...(words.success ? { words: words.data } : {}) }
  return Buffer.byteLength(JSON.stringify(whole)) <= MAX_DECIDED_BYTES ? whole : frame
}

/** Returns text as one line of at most `longest` UTF-16 units: names of files can contain any character. */
function line(text: string, longest: number): string {
  const plain = text.replace(/\p{Cc}+/gu, ' ')
  const short = plain.length <= longest ? plain : `${plain.slice(0, longest - 1)}…`
  return short.toWellFormed()
}

/**
 * Tests a receiver: dials it, verifies its certificate, and requests access as for a restore. A second session for
 * sending would look like a second computer with this one's certificate.
 */
export function testReceiver(
  destination: Tested<'receiver'>,
  { identity, name: ownName, signal }: TryOptions,
): Promise<DestinationTest> {
  const { name } = destination
  return runConnectionTest({
    name,
    signal,
    async run(step) {
      const hello = { name: ownName, purpose: 'restore', session: null } as const
      const { channel } = await step('connect', () => dial(destination, identity, hello, signal))
      channel.destroy(null)
      return message('test.answers', { name })
    },
    why: (error) => toConnectionTrouble(error, destination, false).problem,
  })
}

/**
 * Pairs with the receiver that created this code. Sends nothing unless the receiver's certificate is that of the
 * code. For a short one it sends its name and the first message of the proof, and all else after the receiver's proof. The
 * receiver pins this computer's certificate in turn.
 * @param name the name of this computer at the receiver.
 * @throws UserError with a remedy.
 */
export async function pairWithReceiver(
  text: string,
  name: string,
  identity: Identity,
  signal: AbortSignal,
  withinMs = PAIR_WITHIN_MS,
): Promise<ReceiverDestination> {
  const code = parseEnteredCode(text)
  const late = AbortSignal.timeout(withinMs)
  try {
    const either = AbortSignal.any([signal, late])
    const hello = { name, purpose: 'pair', session: null } as const
    const { host, port } = code
    const { channel, welcome, fingerprint } =
      'shortCode' in code
        ? await proveAndGreet(code, identity, hello, either)
        : {
            ...(await dial(code, identity, { ...hello, code: code.code }, either)),
            fingerprint: code.fingerprint,
          }
    channel.end()
    return { id: fingerprint, kind: 'receiver', name: welcome.name, host, port, fingerprint }
  } catch (error) {
    throw toPairingError(late.aborted ? timedOut() : error, code)
  }
}

/** The receiver did not prove that it has the short code, or does not see the certificates of this connection. */
class Unproven extends Error {
  override readonly name = 'Unproven'
}

/** Connects to an address, has both ends prove the short code, and returns the receiver's fingerprint. */
async function proveAndGreet(
  code: AddressedCode,
  identity: Identity,
  hello: Parameters<typeof greet>[1],
  signal: AbortSignal,
) {
  const proof = await beginProof(code.shortCode)
  const { socket, fingerprint } = await connectUnproven(code, identity, signal)
  let isProven = false
  const answer = (challenge: string) => {
    const answered = proof.answer(challenge, { station: identity.fingerprint, receiver: fingerprint })
    if (answered === null) throw new Unproven()
    isProven = true
    return answered
  }
  const dialled = await greet(socket, { ...hello, exchange: proof.request }, signal, answer)
  if (isProven) return { ...dialled, fingerprint }
  dialled.channel.destroy(null)
  throw new ProtocolError('welcome before the short code was proven')
}

function toPairingError(error: unknown, code: PairingCode | AddressedCode): UserError {
  const { host, port } = code
  const address = formatAddress(host, port)
  if (error instanceof ProxyError) return error
  if (error instanceof WrongFingerprint)
    return new UserError('transfer.pairWrongFingerprint', { address, fingerprint: error.fingerprint })
  const isRefused = error instanceof Unproven || (error instanceof Refused && error.code === 'code')
  if (isRefused)
    return new UserError('shortCode' in code ? 'transfer.shortCodeRefused' : 'transfer.pairCodeRefused', {
      address,
    })
  if (error instanceof Refused)
    return new UserError('transfer.pairRefused', { address, reason: error.message })
  const reason = errorCode(error) ?? errorText(error)
  if (reason === 'EPROTO' || reason.startsWith('ERR_SSL_'))
    return new UserError('transfer.pairNoTls', { address, reason }, { cause: error })
  return new UserError('transfer.pairUnreachable', { address, reason }, { cause: error })
}

const timedOut = () => Object.assign(new Error('timed out'), { code: 'ETIMEDOUT' })
