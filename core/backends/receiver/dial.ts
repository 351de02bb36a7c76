import type { TLSSocket } from 'node:tls'
import { formatAddress } from '../../lib/i18n/formats.ts'
import { type Message, message } from '../../lib/i18n/message.ts'
import { findProxy, findProxyProblem } from '../../lib/network/tunnel.ts'
import { errorCode } from '../../platform/system-error.ts'
import { type ChannelHandlers, FrameChannel, SILENT_AFTER_MS, SilentPeer } from '../../protocol/channel.ts'
import { ProtocolError } from '../../protocol/codec.ts'
import { hasCompression } from '../../protocol/compression.ts'
import type { Frame, FrameHeader, FrameType } from '../../protocol/frames.ts'
import type { Identity } from '../../protocol/identity.ts'
import { PROTOCOL, type RefusalCode } from '../../protocol/limits.ts'
import { connectPinned, HANDSHAKE_MS, type Peer, WrongFingerprint } from '../../protocol/tls.ts'
import type { ReceiverDestination } from '../../settings/destination-schema.ts'
import { type ConnectionTrouble, isOwnHost } from '../keep-connected.ts'

/** The receiver refused the connection, with a reason. */
export class Refused extends Error {
  override readonly name = 'Refused'
  readonly code: RefusalCode

  constructor({ code, reason }: FrameHeader<'refused'>) {
    super(reason)
    this.code = code
  }
}

export interface Dialled {
  channel: FrameChannel
  /** This computer's address on the connection. */
  localAddress: string | null
  /** Both ends have the same address: the receiver is on this computer. */
  isToItself: boolean
  welcome: FrameHeader<'welcome'>
  /** The time from `hello` to `welcome`: a round trip, and what the receiver had to do. */
  roundTripMs: number
  /** Sets the handlers of the frames after the welcome. Call it before the first `await`. */
  follow(onFrame: (frame: Frame) => void, onClose: (reason: Error | null) => void, onRoom?: () => void): void
}

const expected: Record<'hello' | 'pair' | 'send' | 'restore', ReadonlySet<FrameType>> = {
  hello: new Set(['welcome', 'exchange', 'refused', 'alive']),
  pair: new Set(['refused', 'alive']),
  restore: new Set(['told', 'content', 'refused', 'alive']),
  send: new Set(['result', 'credit', 'resume', 'proof', 'want', 'twice', 'propose', 'refused', 'alive']),
}

/**
 * Connects to a receiver, verifies its pinned certificate, and sends `hello`.
 * @throws WrongFingerprint, Refused, ProtocolError, ProxyError, or the system error.
 */
export async function dial(
  peer: Peer,
  identity: Identity,
  hello: Omit<FrameHeader<'hello'>, 'protocol'>,
  signal: AbortSignal,
): Promise<Dialled> {
  // Behind a proxy the addresses of the connection are those of the way to the proxy.
  const isOwn = findProxy(peer) === null ? null : await isOwnHost(peer.host)
  const startedAt = performance.now()
  const socket = await connectPinned(peer, identity, signal)
  const connectMs = performance.now() - startedAt
  const dialled = await greet(socket, hello, signal)
  // Connecting takes two round trips and some computing. The shorter time is the better estimate.
  const roundTripMs = Math.min(connectMs, dialled.roundTripMs)
  return { ...dialled, roundTripMs, isToItself: isOwn ?? dialled.isToItself }
}

/**
 * Sends `hello` on a connection to the verified receiver, or to one that has to prove itself in an exchange, and waits for its `welcome`.
 * @param answer returns the answer to the receiver's message of an exchange; only if `hello` begins one
 * @throws Refused, ProtocolError, or the system error.
 */
export function greet(
  socket: TLSSocket,
  hello: Omit<FrameHeader<'hello'>, 'protocol'>,
  signal: AbortSignal,
  answer?: (message: string) => string,
): Promise<Dialled> {
  const localAddress = socket.localAddress ?? null
  const isToItself = localAddress !== null && localAddress === socket.remoteAddress
  return new Promise((resolve, reject) => {
    const startedAt = performance.now()
    let phase: keyof typeof expected = 'hello'
    let onRoom: (() => void) | undefined
    let onClose = (reason: Error | null) => {
      reject(reason ?? Object.assign(new Error('closed'), { code: 'ECONNRESET' }))
    }
    let onFrame = (frame: Frame) => {
      if (frame.type === 'exchange' && answer !== undefined)
        channel.send('exchange', { message: answer(frame.header.message) })
      if (frame.type !== 'welcome') return
      const welcome = frame.header
      if (welcome.protocol !== PROTOCOL)
        throw new ProtocolError(`welcome: protocol ${welcome.protocol} was not offered`)
      phase = hello.purpose
      if (welcome.zstd === true) channel.startCompressing()
      clearTimeout(timer)
      resolve({
        channel,
        localAddress,
        isToItself,
        welcome,
        roundTripMs: performance.now() - startedAt,
        follow(nextFrame, nextClose, nextRoom) {
          onFrame = nextFrame
          onClose = nextClose
          onRoom = nextRoom
          if (channel.closed) onClose(null)
        },
      })
    }
    const handlers: ChannelHandlers = {
      allowed: (type) =>
        expected[phase].has(type) &&
        (type !== 'propose' || hello.proposals === true) &&
        (type !== 'exchange' || answer !== undefined),
      onFrame(frame) {
        if (frame.type === 'refused') throw new Refused(frame.header)
        onFrame(frame)
      },
      onRoom: () => onRoom?.(),
      onClose(reason) {
        clearTimeout(timer)
        signal.removeEventListener('abort', abort)
        onClose(reason)
      },
    }
    const channel = new FrameChannel(socket, handlers)
    const timer = setTimeout(
      () => channel.destroy(Object.assign(new Error('no welcome'), { code: 'ETIMEDOUT' })),
      HANDSHAKE_MS,
    )
    const abort = () => channel.destroy(new Error('stopped'))
    signal.addEventListener('abort', abort)
    channel.send('hello', { protocol: PROTOCOL, ...hello, zstd: hasCompression })
  })
}

/** A further data stream of a session. */
export interface AttachedStream {
  channel: FrameChannel
  /** The credit that the session got with it. */
  bytes: number
  roundTripMs: number
}

/**
 * Opens a further data stream of a session, on a connection with the same certificates.
 * @param session its key, and whether its receiver takes compressed payloads, from the welcome.
 * @param onLost the stream has ended after it was attached; not called if this end has closed it in order.
 * @throws as `dial` does.
 */
export async function attachStream(
  peer: Peer,
  identity: Identity,
  session: { key: string; zstd: boolean | undefined },
  signal: AbortSignal,
  { onRoom, onLost }: { onRoom(): void; onLost(reason: Error): void },
): Promise<AttachedStream> {
  const socket = await connectPinned(peer, identity, signal)
  return new Promise((resolve, reject) => {
    const startedAt = performance.now()
    let isAttached = false
    const gone = () => Object.assign(new Error('closed'), { code: 'ECONNRESET' })
    const channel = new FrameChannel(socket, {
      allowed: (type) => type === 'refused' || type === 'alive' || (type === 'credit' && !isAttached),
      onFrame(frame) {
        if (frame.type === 'refused') throw new Refused(frame.header)
        if (frame.type !== 'credit') return
        isAttached = true
        if (session.zstd === true) channel.startCompressing()
        clearTimeout(timer)
        resolve({ channel, bytes: frame.header.bytes, roundTripMs: performance.now() - startedAt })
      },
      onRoom,
      onClose(reason) {
        clearTimeout(timer)
        signal.removeEventListener('abort', abort)
        if (!isAttached) reject(reason ?? gone())
        else if (reason !== null || !channel.isEnding) onLost(reason ?? gone())
      },
    })
    const timer = setTimeout(
      () => channel.destroy(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })),
      HANDSHAKE_MS,
    )
    const abort = () => channel.destroy(null)
    signal.addEventListener('abort', abort)
    channel.send('attach', { protocol: PROTOCOL, key: session.key })
  })
}

/** Returns the state and message for a failed or lost connection. */
export function toConnectionTrouble(
  error: unknown,
  destination: Pick<ReceiverDestination, 'name' | 'host' | 'port'>,
  wasConnected: boolean,
): ConnectionTrouble {
  const { name } = destination
  const address = formatAddress(destination.host, destination.port)
  const refused = (problem: Message) => ({ state: 'refused', problem }) as const
  if (error instanceof WrongFingerprint)
    return refused(message('transfer.wrongFingerprint', { name, address, fingerprint: error.fingerprint }))
  if (error instanceof Refused) {
    if (error.code === 'notPaired') return refused(message('transfer.notPaired', { name, address }))
    if (error.code === 'revoked') return refused(message('transfer.revoked', { name, address }))
    if (error.code === 'twice') return refused(message('transfer.twice', { name, address }))
    if (error.code === 'protocol') return refused(message('transfer.versionRefused', { name, address }))
    // The receiver has too many connections, or could not parse a frame: a later attempt can succeed.
    const { message: reason } = error
    return { state: 'unreachable', problem: message('transfer.refusedOther', { name, address, reason }) }
  }
  if (error instanceof SilentPeer) {
    const seconds = SILENT_AFTER_MS / 1000
    return { state: 'unreachable', problem: message('transfer.silent', { name, address, seconds }) }
  }
  const proxyProblem = findProxyProblem(error)
  if (proxyProblem !== null) return { state: 'unreachable', problem: proxyProblem }
  const reason = errorCode(error) ?? (error instanceof Error ? error.message : 'ECONNRESET')
  const key = wasConnected ? 'transfer.lost' : 'transfer.unreachable'
  return { state: 'unreachable', problem: message(key, { name, address, reason }) }
}
