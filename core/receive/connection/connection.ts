import { randomBytes } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import { ignoreError } from '../../dropped-errors.ts'
import { LATE, withTimeout } from '../../lib/async/timing.ts'
import { errorCode } from '../../platform/system-error.ts'
import { FrameChannel } from '../../protocol/channel.ts'
import { ProtocolError } from '../../protocol/codec.ts'
import { hasCompression } from '../../protocol/compression.ts'
import type { Frame, FrameHeader, FrameType } from '../../protocol/frames.ts'
import { MAX_STREAMS, PROTOCOL, type RefusalCode } from '../../protocol/limits.ts'
import { challenge } from '../../protocol/short-code.ts'
import { formatRemote, HANDSHAKE_MS, peerFingerprint } from '../../protocol/tls.ts'
import { listResendRequests, type Sender } from '../../store/senders/senders.ts'
import { StoreSession } from '../../store/session/upload-session.ts'
import { compareSessions, type KnownSession } from '../../store/store.ts'
import type { ActiveConnection, ConnectionHost, ConnectionPlace, JoinedStream } from './host.ts'
import { Restoring } from './restoring.ts'

/** Files that were requested again and have not arrived are requested again after this time. */
const AGAIN_MS = 10 * 60_000
/** Maximum time that a welcome waits for the store's record of the sender: a hanging disk must not lock senders out. */
const KNOWN_WITHIN_MS = 3_000
const ASKED_AGAIN = 'the store cannot say what it has of the sender; the next connection asks again'

/** Log text: a sender closes the connection like this if the receiver's certificate differs from the pinned one. */
const ENDED_BEFORE_HELLO =
  "it ended before it said hello; if it is a sender, this receiver's certificate is not the one that it was paired with"

/** The state of a connection. */
type Phase =
  | { at: 'hello' }
  | { at: 'entering' }
  /** The station has to prove that it has the short pairing code. */
  | { at: 'proving'; prove: (proof: string) => void }
  | { at: 'sending'; sender: Sender; sending: StoreSession }
  | { at: 'attached'; joined: JoinedStream }
  | { at: 'restoring'; restoring: Restoring }
  | { at: 'over' }

/** The frames that are valid in each phase. After `over` every frame is ignored. */
const EXPECTED: Record<Exclude<Phase['at'], 'over'>, readonly FrameType[]> = {
  hello: ['hello', 'attach'],
  entering: ['alive'],
  proving: ['exchange', 'alive'],
  sending: [
    'source',
    'batch',
    'begin',
    'chunk',
    'end',
    'abort',
    'copy',
    'prove',
    'status',
    'decided',
    'alive',
  ],
  attached: ['source', 'batch', 'begin', 'chunk', 'end', 'abort', 'alive'],
  restoring: ['ask', 'fetch', 'alive'],
}

/** True if a frame is valid in this phase. */
function expected(phase: Phase, type: FrameType): boolean {
  // Frames in transit are ignored, so that the peer reads the refusal: a reset would discard it (RFC 9293, 3.10.4).
  if (phase.at === 'over') return true
  return EXPECTED[phase.at].includes(type)
}

/** Handles one connection from its first frame to its end. */
export class SenderConnection implements ActiveConnection {
  readonly #from: string
  readonly #host: ConnectionHost
  readonly #letIn: () => void
  readonly #channel: FrameChannel
  readonly #patience: NodeJS.Timeout
  #phase: Phase = { at: 'hello' }
  #leave: () => void = () => undefined
  #want: () => void = () => undefined
  #takesProposals = false
  #takesStreams = false
  #takesCompressed = false
  /** Joins a further data stream; null while there is no session that takes one. */
  #join: ActiveConnection['attach'] | null = null
  readonly #streams = new Set<{ close(): void }>()
  /** Id of the proposal that was sent last; null: that there is none. undefined: nothing was sent. */
  #proposed: string | null | undefined
  #isProposing = false
  #heardAt = performance.now()

  /** @param letIn called once the peer is identified as a sender that may send. */
  constructor(socket: TLSSocket, host: ConnectionHost, letIn: () => void) {
    this.#from = formatRemote(socket)
    this.#host = host
    this.#letIn = letIn
    const fingerprint = peerFingerprint(socket)
    this.#channel = new FrameChannel(socket, {
      allowed: (type) => expected(this.#phase, type),
      stalledMs: () => host.store.stalledMs(),
      onFrame: (frame) => {
        if (fingerprint !== null) this.#onFrame(fingerprint, frame)
      },
      onFault: ({ message }) =>
        this.#channel.send('refused', { code: 'malformed', reason: message.slice(0, 500) }),
      onClose: (reason) => this.#onClose(reason),
    })
    // Applies to every peer until it is admitted: otherwise a silent stranger would occupy a connection.
    this.#patience = setTimeout(() => {
      const why = this.#phase.at === 'hello' ? 'no hello in time' : 'not let in in time'
      if (!this.#isOver) this.#refuse('malformed', why)
    }, HANDSHAKE_MS)
    if (fingerprint !== null) return
    host.onRefusedConnection(this.#from, 'no client certificate', 'certificate')
    this.#phase = { at: 'over' }
    this.#channel.destroy(null)
  }

  heardAt(): number {
    return this.#heardAt
  }

  onTwice(from: string): void {
    if (this.#phase.at === 'sending') this.#channel.send('twice', { from })
  }

  /** Discards partial files. Files that were received completely are still stored. */
  drop({ name, fingerprint }: Sender): void {
    if (this.#phase.at === 'sending') this.#phase.sending.close(false)
    else if (this.#phase.at === 'restoring') this.#phase.restoring.close()
    else return
    this.#refuse('revoked', `${name} (certificate ${fingerprint}) was revoked while it was connected`)
  }

  attach(key: string, stream: { close(): void }): JoinedStream | null {
    return this.#phase.at === 'sending' ? (this.#join?.(key, stream) ?? null) : null
  }

  replace(): void {
    this.#closeStreams()
    if (this.#phase.at === 'sending') this.#phase.sending.close(true)
    this.#channel.destroy(new Error('its sender has connected anew'))
  }

  want(): void {
    this.#want()
  }

  propose(): void {
    void this.#propose()
  }

  get #compression(): Pick<FrameHeader<'welcome'>, 'zstd'> {
    return this.#takesCompressed ? { zstd: hasCompression } : {}
  }

  get #isOver(): boolean {
    return this.#phase.at === 'over'
  }

  #onFrame(peer: string, frame: Frame): void {
    this.#heardAt = performance.now()
    const phase = this.#phase
    if (frame.type === 'alive') return
    if (phase.at === 'hello' && frame.type === 'hello') this.#hello(peer, frame.header)
    else if (phase.at === 'hello' && frame.type === 'attach') this.#attach(peer, frame.header)
    else if (phase.at === 'attached') phase.joined.handle(frame)
    else if (phase.at === 'proving' && frame.type === 'exchange') phase.prove(frame.header.message)
    else if (phase.at === 'sending' && frame.type === 'status')
      this.#host.onStatus(phase.sender, frame.header)
    else if (phase.at === 'sending' && frame.type === 'decided')
      void this.#decided(phase.sender, frame.header)
    else if (phase.at === 'sending') phase.sending.handle(frame)
    else if (phase.at === 'restoring') phase.restoring.handle(frame)
  }

  #hello(
    peer: string,
    { protocol, name, purpose, session, code = '', exchange, proposals, streams, zstd }: FrameHeader<'hello'>,
  ) {
    this.#takesCompressed = zstd === true
    if (this.#takesCompressed) this.#channel.startCompressing()
    this.#takesProposals = proposals === true
    this.#takesStreams = streams === true
    if (protocol !== PROTOCOL)
      return this.#refuse('protocol', `speaks protocol ${protocol}, here is ${PROTOCOL}`)
    if (purpose === 'pair') {
      const paired =
        exchange === undefined
          ? this.#pair(peer, { secret: code }, name)
          : this.#challenge(peer, exchange, name)
      paired.catch((error) => this.#cannotPair(error))
      return
    }
    const sender = this.#host.accepted(peer)
    const known = this.#host.known(peer)
    if (sender === null && known !== null && known.revokedAt !== null)
      return this.#refuse('revoked', `${known.name} (certificate ${peer}) was revoked`)
    if (sender === null) return this.#refuse('notPaired', `${name} (certificate ${peer}) is not paired`)
    if (purpose === 'restore') return this.#restore(sender)
    this.#phase = { at: 'entering' }
    this.#enter(sender, peer, session).catch((error: unknown) => {
      if (!this.#isOver) this.#refuse('busy', String(error), 'it cannot be served now; its log says why')
    })
  }

  /** Joins this connection to the session of the same sender, as a further data stream. */
  #attach(peer: string, { protocol, key }: FrameHeader<'attach'>) {
    const host = this.#host
    if (protocol !== PROTOCOL)
      return this.#refuse('protocol', `speaks protocol ${protocol}, here is ${PROTOCOL}`)
    const sender = host.accepted(peer)
    if (sender === null) return this.#refuse('notPaired', `a data stream of ${peer}, which is not paired`)
    const close = () => {
      this.#phase = { at: 'over' }
      this.#channel.destroy(null)
    }
    const joined = host.attach(sender, key, { close })
    if (joined === null)
      return this.#refuse('busy', `${sender.name} has no session with this key, or no room for a data stream`)
    this.#admit(joined.leave)
    this.#phase = { at: 'attached', joined }
    this.#channel.send('credit', { bytes: joined.bytes })
  }

  #cannotPair(error: unknown): void {
    if (this.#isOver) return
    const sent = `it cannot pair now (${errorCode(error) ?? 'its log says why'})`
    this.#refuse('busy', `pairing failed: ${String(error)}`, sent)
  }

  /** Has the station prove that it has the short pairing code, and pairs with it then. */
  async #challenge(peer: string, request: string, name: string) {
    const host = this.#host
    this.#phase = { at: 'entering' }
    const short = await host.takeShortCode()
    const ends = { station: peer, receiver: host.fingerprint }
    const proof = short && (await challenge(short.code, request, ends))
    if (this.#channel.closed || this.#isOver) return
    if (short === null) return this.#refuse('code', `${name} tried a short code, but no short code is open`)
    if (proof === null) return this.#refuse('code', `${name} sent no request for a short pairing code`)
    this.#phase = {
      at: 'proving',
      prove: (answer) => {
        if (!proof.accepts(answer))
          return this.#refuse('code', `${name} has not proven its short pairing code`)
        this.#pair(peer, { file: short.file }, name).catch((error) => this.#cannotPair(error))
      },
    }
    this.#channel.send('exchange', { message: proof.challenge })
  }

  async #pair(peer: string, code: Parameters<ConnectionHost['pair']>[1], name: string) {
    this.#phase = { at: 'entering' }
    const sender = await this.#host.pair(peer, code, name)
    if (sender !== null)
      this.#host.log('info', `paired with ${sender.name} (certificate ${peer}) from ${this.#from}`)
    if (this.#channel.closed || this.#isOver) return
    if (sender === null) return this.#refuse('code', `${name} gave a wrong or outdated pairing code`)
    const { name: receiver } = this.#host
    this.#channel.send('welcome', { protocol: PROTOCOL, name: receiver, bytes: 0, files: 0, session: null })
    this.#end()
  }

  /** Serves a sender's own files, and no other ones. */
  #restore(sender: Sender) {
    const host = this.#host
    const leave = host.enterRestore(sender, this)
    if (leave === null) return this.#refuse('busy', `${sender.name} has too many restores at a time`)
    this.#admit(leave)
    this.#phase = { at: 'restoring', restoring: new Restoring(this.#channel, host, sender.folder) }
    host.log('info', `${sender.name} restores from ${this.#from}`)
    this.#channel.send('welcome', {
      ...{ protocol: PROTOCOL, name: host.name, bytes: 0, files: 0, session: null, counts: true },
      ...this.#compression,
    })
  }

  async #enter(sender: Sender, peer: string, theirs: FrameHeader<'hello'>['session']) {
    const host = this.#host
    const place = await host.enter(sender, this.#from, this)
    if (this.#channel.closed || this.#isOver) return place?.leave()
    if (place === null)
      return this.#refuse('twice', `${sender.name} is connected already, and the other end of that answers`)
    this.#leave = () => place.leave()
    // The sender's earlier session is closed by now: otherwise its last files could change what this welcome says.
    const { known, isForked } = await findAgreedSession(host, sender.folder, theirs)
    if (this.#channel.closed || this.#isOver) return
    if (host.accepted(peer)?.folder !== sender.folder)
      return this.#refuse('revoked', `${sender.name} (certificate ${peer}) is accepted no longer`)
    this.#receive(sender, place, known, isForked)
  }

  /** Admits a sender, after the last agreed session is known. */
  #receive(sender: Sender, place: ConnectionPlace, known: KnownSession | null, isForked: boolean): void {
    const host = this.#host
    const { name, folder } = sender
    this.#admit(() => place.leave())
    // A name that the sender does not get must not be recorded.
    const session =
      known === null
        ? null
        : {
            ...{ epoch: known.epoch, position: known.position, last: known.session },
            ...{ next: randomBytes(16).toString('hex'), isForked },
          }
    const sending = new StoreSession(this.#channel, host.store, session?.next ?? null, place.window, {
      openSource: (id, source, signal) => host.openSource(sender, id, source, signal),
      onReceived: host.onReceived,
      onRefused: (source, path, result) => host.onRefusedFile(name, source, path, result),
      onWithheld: place.release,
    })
    this.#phase = { at: 'sending', sender, sending }
    host.log('info', `${name} connected from ${this.#from}`)
    const key = randomBytes(16).toString('hex')
    const streams = this.#takesStreams ? { streams: { key, most: MAX_STREAMS } } : {}
    if (this.#takesStreams) this.#join = this.#createJoin(key, place, sending)
    this.#channel.send('welcome', {
      protocol: PROTOCOL,
      name: host.name,
      ...place.window,
      session,
      ...streams,
      ...this.#compression,
    })
    if (isForked)
      host.log('warn', `${name}: its data, or this store, was put back to an earlier state, or copied`)
    this.#want = createResendRequester(this.#channel, () => listResendRequests(host.store, host, folder))
    this.#want()
    host.onTakesProposals(sender, this.#takesProposals)
    this.propose()
  }

  /** Returns a function that joins further data streams to the session. */
  #createJoin(key: string, place: ConnectionPlace, sending: StoreSession): ActiveConnection['attach'] {
    return (given, stream) => {
      if (given !== key || this.#streams.size >= MAX_STREAMS - 1) return null
      const room = place.grow()
      if (room === null) return null
      const opened = sending.openStream(room.bytes)
      this.#streams.add(stream)
      return {
        bytes: opened.bytes,
        // After the end of the session its frames are ignored: the sender reads the refusal on the first connection.
        handle: (frame) => {
          if (this.#phase.at === 'sending') opened.handle(frame)
        },
        onLost: (reason) => this.#onLostStream(reason),
        leave: () => {
          this.#streams.delete(stream)
          room.leave()
          opened.close()
        },
      }
    }
  }

  /** Ends the session: the sender begins a new one, with a single connection, and resumes there. */
  #onLostStream({ message }: Error): void {
    if (this.#phase.at !== 'sending') return
    const { sender, sending } = this.#phase
    const reason = `a data stream was lost: ${message}`
    sending.close(true)
    this.#host.log('info', `${sender.name} is gone: ${reason}`)
    this.#channel.send('refused', { code: 'busy', reason: reason.slice(0, 500) })
    this.#end()
  }

  #closeStreams(): void {
    for (const stream of this.#streams) stream.close()
  }

  /** Sends the proposed settings that wait for a decision, or that none do, if that is new on this connection. */
  async #propose(): Promise<void> {
    // On a slow line proposals must not queue up: only the last one counts.
    if (!this.#takesProposals || this.#isProposing) return
    this.#isProposing = true
    await this.#channel.room()
    this.#isProposing = false
    if (this.#channel.closed || this.#phase.at !== 'sending') return
    const found = this.#host.findProposal(this.#phase.sender)
    if (this.#proposed === (found?.id ?? null)) return
    this.#proposed = found?.id ?? null
    const proposal = found === null ? null : { id: found.id, by: found.by, text: found.text }
    this.#channel.send('propose', { proposal })
  }

  /** Records the decision about the last proposal. A decision about another one, or a repeated one, is ignored. */
  async #decided(sender: Sender, decision: FrameHeader<'decided'>): Promise<void> {
    if (decision.id !== this.#proposed) return
    this.#proposed = undefined
    try {
      await this.#host.onDecided(sender, decision)
      const what = decision.accepted ? 'accepted' : 'declined'
      this.#host.log('info', `${sender.name} has ${what} the proposed settings`)
      this.propose()
    } catch (error) {
      this.#host.log('warn', `the decision of ${sender.name} about proposed settings: ${String(error)}`)
    }
  }

  /** Marks the connection as admitted; `leave` releases its place. */
  #admit(leave: () => void): void {
    this.#leave = leave
    clearTimeout(this.#patience)
    this.#letIn()
  }

  /** @param sent the reason for the peer, if it must not see the logged one. */
  #refuse(code: RefusalCode, reason: string, sent = reason): void {
    this.#host.onRefusedConnection(this.#from, reason, code)
    this.#channel.send('refused', { code, reason: sent.slice(0, 500) })
    this.#end()
  }

  #end(): void {
    this.#phase = { at: 'over' }
    this.#channel.ignoreInput()
    this.#channel.end()
  }

  #onClose(reason: Error | null): void {
    const phase = this.#phase
    clearTimeout(this.#patience)
    this.#leave()
    this.#closeStreams()
    if (phase.at === 'attached' && reason !== null) phase.joined.onLost(reason)
    if (phase.at === 'sending') {
      phase.sending.close(true)
      const why = reason === null ? '' : `: ${reason.message}`
      this.#host.log(reason instanceof ProtocolError ? 'warn' : 'info', `${phase.sender.name} is gone${why}`)
    }
    if (phase.at === 'restoring') phase.restoring.close()
    if (phase.at === 'over') return
    // Protocol errors are refusals in every phase; an admitted sender was sent the refusal as well (onFault).
    if (reason instanceof ProtocolError)
      this.#host.onRefusedConnection(this.#from, reason.message, 'malformed')
    else if (phase.at === 'proving')
      this.#host.onRefusedConnection(this.#from, 'it did not prove its short pairing code', 'code')
    else if (phase.at === 'hello')
      this.#host.onRefusedConnection(this.#from, reason?.message ?? ENDED_BEFORE_HELLO, 'other')
  }
}

/**
 * Returns the session that both ends last agreed on, for the welcome; null: none. If the sender's position is older
 * than the store's, the files stored since are first recorded in the manifest, to be offered again. If that fails now,
 * the welcome repeats the sender's own position, so that the next connection finds the same difference.
 */
async function findAgreedSession(
  host: ConnectionHost,
  folder: string,
  theirs: FrameHeader<'hello'>['session'],
) {
  const found = await withTimeout(KNOWN_WITHIN_MS, host.store.known(folder)).catch(
    ignoreError(ASKED_AGAIN, null),
  )
  const known = found === LATE ? null : found
  const { isForked, offerSince } = compareSessions(theirs, known)
  if (known === null || offerSince === null) return { known, isForked }
  const written = await withTimeout(KNOWN_WITHIN_MS, host.store.wantSince(folder, offerSince)).catch(
    (error: unknown) => {
      host.log('warn', `files to be offered again: ${String(error)}`)
      return LATE
    },
  )
  return { known: written === LATE ? { ...known, position: offerSince } : known, isForked }
}

/**
 * Returns a function that asks a sender to offer the files again that are missing. Repeated requests for the same files
 * are harmless.
 * @param wanted see `listResendRequests`.
 */
function createResendRequester(
  channel: FrameChannel,
  wanted: () => ReturnType<typeof listResendRequests>,
): () => void {
  let again: NodeJS.Timeout | undefined

  const sendAll = async (): Promise<void> => {
    let isAny = false
    for await (const files of wanted()) {
      isAny = true
      await channel.room()
      if (channel.closed) return
      if (files.length > 0) channel.send('want', { files })
    }
    clearTimeout(again)
    if (isAny) again = setTimeout(send, AGAIN_MS).unref()
  }

  // If the disk does not answer now, the next connection asks again.
  const send = () => void sendAll().catch(ignoreError('the next connection asks for missing files again'))
  return send
}
