import { randomBytes } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import { errorCode } from '../../files/system-error.ts'
import { inTime, LATE } from '../../pacing/in-time.ts'
import type { Sender } from '../../store/senders/senders.ts'
import { wantedOf } from '../../store/senders/senders.ts'
import { openSending } from '../../store/session/session.ts'
import type { KnownSession } from '../../store/store.ts'
import { judgeSession } from '../../store/store.ts'
import { FrameChannel } from '../../wire/channel.ts'
import { WireFault } from '../../wire/codec.ts'
import type { Frame, FrameHeader } from '../../wire/frames.ts'
import type { RefusalCode } from '../../wire/limits.ts'
import { PROTOCOL } from '../../wire/limits.ts'
import { peerFingerprint } from '../../wire/pin.ts'
import { HANDSHAKE_MS, remoteOf } from '../../wire/tls.ts'
import type { ConnectionPlace, Guest } from './connected.ts'
import type { ConnectionHost } from './host.ts'
import type { Phase } from './phase.ts'
import { expected } from './phase.ts'
import { openRestoring } from './restoring.ts'
import { openWants } from './wants.ts'

/** @param letIn to be called when the peer has turned out to be a sender that may send. */
export type ConnectionHandler = (socket: TLSSocket, host: ConnectionHost, letIn: () => void) => void

/** A sender ends the connection like this when the certificate that it is shown is not the one that it has pinned. */
const ENDED_BEFORE_HELLO =
  "it ended before it said hello; if it is a sender, this receiver's certificate is not the one that it was paired with"

/** Longest that a welcome waits for what the store knows of the sender: a disk that hangs must not keep it out. */
const KNOWN_WITHIN_MS = 3_000

/** Serves one connection from its first frame to its end. */
export const serveConnection: ConnectionHandler = (socket, host, letIn) => {
  const from = remoteOf(socket)
  let phase: Phase = { at: 'hello' }
  let leave: () => void = () => undefined
  let heardAt = performance.now()
  const isOver = () => phase.at === 'over'

  /** @param said what the other end hears of it, if that is not for its ears. */
  const refuse = (code: RefusalCode, reason: string, said = reason) => {
    host.onRefusedConnection(from, reason, code)
    channel.send('refused', { code, reason: said.slice(0, 500) })
    phase = { at: 'over' }
    channel.end()
  }

  const guest: Guest = {
    heardAt: () => heardAt,
    onTwice: (other) => channel.send('twice', { from: other }),
    /** Half files are thrown away; what is whole and on its way to the disk is kept. */
    drop(sender) {
      if (phase.at === 'sending') phase.sending.close(false)
      else if (phase.at === 'restoring') phase.restoring.close()
      else return
      refuse(
        'revoked',
        `${sender.name} (certificate ${sender.fingerprint}) was revoked while it was connected`,
      )
    },
    replace() {
      if (phase.at === 'sending') phase.sending.close(true)
      channel.destroy(new Error('its sender has connected anew'))
    },
    want: () => undefined,
  }

  const fingerprint = peerFingerprint(socket)

  /** Lets a sender in, once it is known what both ends last agreed on. */
  const welcome = (sender: Sender, place: ConnectionPlace, known: KnownSession | null, isForked: boolean) => {
    leave = place.leave
    clearTimeout(patience)
    letIn()
    const next = randomBytes(16).toString('hex')
    const sending = openSending(channel, host.store, next, place.window, {
      sourceOf: (id, name) => host.sourceOf(sender, id, name),
      onReceived: host.onReceived,
      onRefused: (source, path, outcome) => host.onRefusedFile(sender.name, source, path, outcome),
    })
    phase = { at: 'sending', sender, sending }
    host.log('info', `${sender.name} connected from ${from}`)
    const session =
      known === null
        ? null
        : { epoch: known.epoch, position: known.position, last: known.session, next, isForked }
    channel.send('welcome', { protocol: PROTOCOL, name: host.name, ...place.window, session })
    if (isForked)
      host.log('warn', `${sender.name}: its data, or this store, was put back to an earlier state, or copied`)
    guest.want = openWants(channel, () => wantedOf(host.store, host, sender.folder))
    guest.want()
  }

  /**
   * What the sender does not know of is written down to be offered again before it hears of the position. Where that
   * cannot be done now it hears of its own, and the next connection finds the same.
   */
  const offerAgain = async (folder: string, known: KnownSession, since: number): Promise<KnownSession> => {
    const written = await inTime(KNOWN_WITHIN_MS, host.store.wantSince(folder, since)).catch(
      (thrown: unknown) => {
        host.log('warn', `files to be offered again: ${String(thrown)}`)
        return LATE
      },
    )
    return written === LATE ? { ...known, position: since } : known
  }

  const enter = async (sender: Sender, peer: string, theirs: FrameHeader<'hello'>['session']) => {
    const found = await inTime(KNOWN_WITHIN_MS, host.store.known(sender.folder)).catch(() => null)
    const known = found === LATE ? null : found
    const { isForked, offerSince } = judgeSession(theirs, known)
    const told =
      known === null || offerSince === null ? known : await offerAgain(sender.folder, known, offerSince)
    if (channel.closed || isOver()) return
    const place = await host.enter(sender, from, guest)
    if (channel.closed || isOver()) return place?.leave()
    if (place === null)
      return refuse('twice', `${sender.name} is connected already, and the other end of that answers`)
    if (host.accepted(peer)?.folder !== sender.folder) {
      place.leave()
      return refuse('revoked', `${sender.name} (certificate ${peer}) is accepted no longer`)
    }
    welcome(sender, place, told, isForked)
  }

  /** Gives a sender its own files back, and nothing else. */
  const restore = (sender: Sender) => {
    const out = host.enterRestore(sender, guest)
    if (out === null) return refuse('busy', `${sender.name} has too many restores at a time`)
    leave = out
    clearTimeout(patience)
    letIn()
    phase = {
      at: 'restoring',
      sender,
      restoring: openRestoring(channel, host.store.read, sender.folder, (directory) =>
        host.sourceIn(sender.folder, directory),
      ),
    }
    host.log('info', `${sender.name} restores from ${from}`)
    channel.send('welcome', { protocol: PROTOCOL, name: host.name, bytes: 0, files: 0, session: null })
  }

  const judge = async (peer: string, code: string, name: string) => {
    phase = { at: 'entering' }
    const sender = await host.pair(peer, code, name)
    if (sender !== null) host.log('info', `paired with ${sender.name} (certificate ${peer}) from ${from}`)
    if (channel.closed || isOver()) return
    if (sender === null) return refuse('code', `${name} gave a wrong or outdated pairing code`)
    channel.send('welcome', { protocol: PROTOCOL, name: host.name, bytes: 0, files: 0, session: null })
    phase = { at: 'over' }
    channel.end()
  }

  const hello = (peer: string, { protocol, name, purpose, session, code = '' }: FrameHeader<'hello'>) => {
    if (protocol !== PROTOCOL) return refuse('protocol', `speaks protocol ${protocol}, here is ${PROTOCOL}`)
    if (purpose === 'pair') {
      judge(peer, code, name).catch((thrown: unknown) => {
        if (isOver()) return
        const said = `it cannot pair now (${errorCode(thrown) ?? 'its log says why'})`
        refuse('busy', `pairing failed: ${String(thrown)}`, said)
      })
      return
    }
    const sender = host.accepted(peer)
    const known = host.known(peer)
    if (sender === null && known !== null && known.revokedAt !== null)
      return refuse('revoked', `${known.name} (certificate ${peer}) was revoked`)
    if (sender === null) return refuse('notPaired', `${name} (certificate ${peer}) is not paired`)
    if (purpose === 'restore') return restore(sender)
    phase = { at: 'entering' }
    enter(sender, peer, session).catch((thrown: unknown) => {
      if (!isOver()) refuse('busy', String(thrown), 'it cannot be served now; its log says why')
    })
  }

  const onFrame = (peer: string, frame: Frame) => {
    heardAt = performance.now()
    if (frame.type === 'alive') return
    if (phase.at === 'hello' && frame.type === 'hello') hello(peer, frame.header)
    else if (phase.at === 'sending' && frame.type === 'status') host.onStatus(phase.sender, frame.header)
    else if (phase.at === 'sending') phase.sending.handle(frame)
    else if (phase.at === 'restoring') phase.restoring.handle(frame)
  }

  const channel: FrameChannel = new FrameChannel(socket, {
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
      if (phase.at === 'restoring') phase.restoring.close()
      if (phase.at === 'over') return
      // A broken protocol is refused whenever it comes: a sender that was let in has heard so, too (onFault).
      if (reason instanceof WireFault) host.onRefusedConnection(from, reason.message, 'malformed')
      else if (phase.at === 'hello')
        host.onRefusedConnection(from, reason?.message ?? ENDED_BEFORE_HELLO, 'other')
    },
  })
  // Until it is let in, whoever it is: a stranger that says no more would keep its place among the connections.
  const patience = setTimeout(() => {
    if (!isOver()) refuse('malformed', phase.at === 'hello' ? 'no hello in time' : 'not let in in time')
  }, HANDSHAKE_MS)
  if (fingerprint === null) {
    host.onRefusedConnection(from, 'no client certificate', 'certificate')
    phase = { at: 'over' }
    channel.destroy(null)
  }
}
