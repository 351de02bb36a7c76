import { setTimeout as delay } from 'node:timers/promises'
import type { TLSSocket } from 'node:tls'
import { errorCode } from '../../files/system-error.ts'
import type { Channel } from '../../wire/channel.ts'
import { openChannel } from '../../wire/channel.ts'
import { WireFault } from '../../wire/codec.ts'
import type { Frame, FrameHeader, FrameType } from '../../wire/frames.ts'
import type { RefusalCode } from '../../wire/limits.ts'
import { COPY_PROTOCOL, PROTOCOL_VERSIONS } from '../../wire/limits.ts'
import { HANDSHAKE_MS, hasExpired, peerFingerprint, remoteOf } from '../../wire/tls.ts'
import type { Outcome } from '../file-refused.ts'
import type { Announcement, ReceiverRenewal } from '../senders/renewal.ts'
import type { Sender } from '../senders/senders.ts'
import type { Store } from '../store/store.ts'
import type { Place } from './connected.ts'
import type { RefusedKind } from './counters.ts'
import type { Sending } from './session.ts'
import { openSending } from './session.ts'

/** What a connection needs to know, and what it tells. */
export interface ConnectionHost {
  name: string
  store: Store
  accepted(fingerprint: string): Sender | null
  /** The sender with this certificate, accepted or not. */
  known(fingerprint: string): Sender | null
  /**
   * Uses up a pairing code; resolves to null if it is none.
   * @param mayPin is asked when it is one, before anything is changed.
   * @throws where it cannot be used now, but later.
   */
  pair(fingerprint: string, code: string, name: string, mayPin: () => boolean): Promise<Sender | null>
  renewal: Pick<ReceiverRenewal, 'welcome' | 'onHello'>
  /** Registers a sender's connection; null: it has too many. `drop` is called when it may send no longer. */
  enter(sender: Sender, drop: (sender: Sender) => void): Place | null
  onRefusedConnection(from: string, reason: string, kind: RefusedKind): void
  onReceived(files: number, bytes: number): void
  onRefusedFile(sender: string, source: string, path: string, outcome: Outcome): void
  log(level: 'info' | 'warn' | 'error', message: string): void
}

/** @param letIn to be called when the peer has turned out to be a sender that may send. */
export type Connection = (socket: TLSSocket, host: ConnectionHost, letIn: () => void) => void

type Phase =
  | { at: 'hello' }
  | { at: 'renewing' }
  | { at: 'pairing'; judging: boolean }
  | { at: 'sending'; protocol: number; sender: Sender; sending: Sending }
  | { at: 'over' }

const sendingTypes = new Set<FrameType>(['batch', 'begin', 'chunk', 'end', 'abort', 'alive'])

function expected(phase: Phase, type: FrameType): boolean {
  switch (phase.at) {
    case 'hello':
      return type === 'hello'
    case 'renewing':
      return type === 'alive'
    case 'pairing':
      return type === 'alive' || (type === 'pair' && !phase.judging)
    case 'sending':
      return sendingTypes.has(type) || (type === 'copy' && phase.protocol >= COPY_PROTOCOL)
    case 'over':
      // What was on its way is let pass, so that the refusal is read and not lost in a reset (RFC 9293, 3.10.4).
      return true
    default:
      return phase satisfies never
  }
}

/** A sender ends the connection like this when the certificate that it is shown is not the one that it has pinned. */
const ENDED_BEFORE_HELLO =
  "it ended before it said hello; if it is a sender, this receiver's certificate is not the one that it was paired with"

const LATE = 'it cannot pair now (its store has not answered in time)'

/** A code is judged within this, in milliseconds, or not at all: less than its sender waits for all of the pairing. */
const JUDGED_WITHIN_MS = 8_000

/** Longest that a welcome waits for certificates to be pinned. */
const RENEWAL_MS = 3_000

/** Serves one connection from its first frame to its end. */
export const serveConnection: Connection = (socket, host, letIn) => {
  const from = remoteOf(socket)
  let phase: Phase = { at: 'hello' }
  let leave: () => void = () => undefined
  /** The code was right: whoever gave it is waited for, and told. */
  let isPinning = false
  const isOver = () => phase.at === 'over'

  /** @param said what the other end hears of it, if that is not for its ears. */
  const refuse = (code: RefusalCode, reason: string, said = reason) => {
    host.onRefusedConnection(from, reason, code)
    channel.send('refused', { code, reason: said.slice(0, 500) })
    phase = { at: 'over' }
    channel.end()
  }

  /** Half files are thrown away; what is whole and on its way to the disk is kept. */
  const drop = (sender: Sender) => {
    if (phase.at !== 'sending') return
    phase.sending.close(false)
    refuse('revoked', `${sender.name} (certificate ${sender.fingerprint}) was revoked while it was connected`)
  }

  const fingerprint = peerFingerprint(socket)

  /** Lets a sender in, once what it says about certificates is pinned. */
  const welcome = (sender: Sender, protocol: number, announced: Announcement) => {
    const place = host.enter(sender, drop)
    if (place === null) return refuse('busy', `${sender.name} has too many connections`)
    leave = place.leave
    clearTimeout(patience)
    letIn()
    const sending = openSending(channel, host.store, sender.folder, place.window, {
      onReceived: host.onReceived,
      onRefused: (source, path, outcome) => host.onRefusedFile(sender.name, source, path, outcome),
    })
    phase = { at: 'sending', protocol, sender, sending }
    host.log('info', `${sender.name} connected from ${from}`)
    const said = host.renewal.welcome(sender, announced)
    channel.send('welcome', { protocol, name: host.name, ...place.window, ...said })
  }

  const hello = (peer: string, header: FrameHeader<'hello'>) => {
    const { protocols, name, purpose } = header
    const protocol = PROTOCOL_VERSIONS.find((version) => protocols.includes(version))
    if (protocol === undefined)
      return refuse(
        'protocol',
        `speaks protocol ${protocols.join(', ')}, here is ${PROTOCOL_VERSIONS.join(', ')}`,
      )
    if (hasExpired(socket, Date.now()))
      return refuse('expired', `the certificate of ${name} (${peer}) has expired`)
    if (purpose === 'pair') {
      phase = { at: 'pairing', judging: false }
      channel.send('welcome', { protocol, name: host.name, bytes: 0, files: 0 })
      return
    }
    const sender = host.accepted(peer)
    const known = host.known(peer)
    if (sender === null && known !== null && known.revokedAt !== null)
      return refuse('revoked', `${known.name} (certificate ${peer}) was revoked`)
    if (sender === null) return refuse('notPaired', `${name} (certificate ${peer}) is not paired`)
    const renewing = host.renewal.onHello(sender, peer, header)
    if (renewing === null) return welcome(sender, protocol, header)
    phase = { at: 'renewing' }
    // A disk that hangs must not keep the sender out: then it is told nothing of certificates.
    const late = delay(RENEWAL_MS, undefined, { ref: false })
    void Promise.race([renewing, late]).then(() => {
      if (channel.closed) return
      const now = host.accepted(peer)
      if (now === null) refuse('revoked', `${name} (certificate ${peer}) is accepted no longer`)
      else welcome(now, protocol, header)
    })
  }

  const judgedLate = () => {
    if (!isPinning && !isOver()) refuse('busy', 'pairing failed: the store has not answered in time', LATE)
  }

  const judge = async (peer: string, { code, name }: FrameHeader<'pair'>) => {
    phase = { at: 'pairing', judging: true }
    clearTimeout(patience)
    patience = setTimeout(judgedLate, JUDGED_WITHIN_MS)
    const sender = await host.pair(peer, code, name, () => {
      isPinning = phase.at === 'pairing' && !channel.closed
      return isPinning
    })
    if (sender !== null) host.log('info', `paired with ${sender.name} (certificate ${peer}) from ${from}`)
    if (channel.closed || isOver()) return
    if (sender === null) return refuse('code', `${name} gave a wrong or outdated pairing code`)
    channel.send('paired', { name: host.name })
    phase = { at: 'over' }
    channel.end()
  }

  const onFrame = (peer: string, frame: Frame) => {
    if (frame.type === 'alive') return
    if (phase.at === 'hello' && frame.type === 'hello') hello(peer, frame.header)
    else if (phase.at === 'pairing' && frame.type === 'pair')
      judge(peer, frame.header).catch((thrown: unknown) => {
        if (isOver()) return
        const said = `it cannot pair now (${errorCode(thrown) ?? 'its log says why'})`
        refuse('busy', `pairing failed: ${String(thrown)}`, said)
      })
    else if (phase.at === 'sending') phase.sending.handle(frame)
  }

  const channel: Channel = openChannel(socket, {
    allowed: (type) => expected(phase, type),
    stalledMs: () => host.store.stalledMs(),
    onFrame: (frame) => {
      if (fingerprint !== null) onFrame(fingerprint, frame)
    },
    onFault: ({ message }) => channel.send('refused', { code: 'malformed', reason: message.slice(0, 500) }),
    onClose(reason) {
      clearTimeout(patience)
      leave()
      if (phase.at === 'sending') {
        phase.sending.close(true)
        const why = reason === null ? '' : `: ${reason.message}`
        host.log(reason instanceof WireFault ? 'warn' : 'info', `${phase.sender.name} is gone${why}`)
      }
      if (phase.at === 'over') return
      // A broken protocol is refused whenever it comes: a sender that was let in has heard so, too (onFault).
      if (reason instanceof WireFault) host.onRefusedConnection(from, reason.message, 'malformed')
      else if (phase.at === 'hello')
        host.onRefusedConnection(from, reason?.message ?? ENDED_BEFORE_HELLO, 'other')
    },
  })
  // Until it is let in, whoever it is: a stranger that says no more would keep its place among the connections.
  let patience = setTimeout(() => {
    if (!isOver()) refuse('malformed', phase.at === 'pairing' ? 'no code in time' : 'no hello in time')
  }, HANDSHAKE_MS)
  if (fingerprint === null) {
    host.onRefusedConnection(from, 'no client certificate', 'certificate')
    phase = { at: 'over' }
    channel.destroy(null)
  }
}
