import { isUtf8 } from 'node:buffer'
import { once } from 'node:events'
import net, { type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { expectErrorCodes, ignoreError } from '../../dropped-errors.ts'
import { LATE, withTimeout } from '../../lib/async/timing.ts'
import { formatAddress } from '../../lib/i18n/formats.ts'
import { message } from '../../lib/i18n/message.ts'
import { UserError } from '../../lib/i18n/user-error.ts'
import { englishWords } from '../../lib/i18n/words.ts'
import { computeDigest, createHasher } from '../../platform/digest.ts'
import { MAX_FILE_BYTES } from '../../platform/file-metadata.ts'
import { errorCode } from '../../platform/system-error.ts'
import { findNameFault, folderName, MAX_PATH_BYTES } from '../../protocol/names.ts'
import { formatRemote } from '../../protocol/tls.ts'
import type { Offered, StoreSource } from '../../store/offered.ts'
import { isDurable, type StoreResult, toStoreResult } from '../../store/outcome.ts'
import type { IncomingFile } from '../../store/store.ts'
import type { ConnectionHost } from '../connection/host.ts'

/** The folder in the store for files of original clients: STORE/isocket/<client's address>/<path>. */
export const ISOCKET_FOLDER = 'isocket'
/** With 64 KiB for the socket and a small file each, at most 20 MiB of memory; and one open file each. */
const MAX_CONNECTIONS = 64
/** On close, a file being received has this much time to become durable. */
const FINISH_WITHIN_MS = 3_000
/** The original client never pauses between two files. */
const LINE_WITHIN_MS = 60_000
/**
 * A client takes the end of a connection for an acknowledgement. After it has begun a file, the receiver therefore
 * waits until the client's kernel must have given up (tcp_retries2, tcp(7): up to 924.6 s; doubled).
 */
const DATA_WITHIN_MS = 1_850_000
/** Interval of retries while the store is full, read-only or failing. */
const RETRY_MS = 2_000
/** Files up to this size are kept in memory until they are stored. */
const IN_MEMORY_BYTES = 256 * 1024
/** Data from a client that gets no answer is read in pieces of this size and discarded. */
const DISCARD_PIECE_BYTES = 64 * 1024
/** "FILE:", a path, ":", a size. */
const MAX_LINE_BYTES = 'FILE:'.length + MAX_PATH_BYTES + 1 + 20
const NEWLINE = 10
/** The mode of files that the original server created, with the usual umask. */
const FILE_MODE = 0o644
/** The original protocol does not transfer a file's owner. */
const NOBODY = { user: 0, group: 0 }
/** Results that do not change by retrying. */
const FINAL: ReadonlySet<StoreResult['status']> = new Set(['name', 'tooLarge'])
/** These match addresses as the system writes them. */
const EVERYWHERE = /^(::|(::ffff:)?0\.0\.0\.0)$/
const LOOPBACK = /^(::1$|(::ffff:)?127\.)/

export interface IsocketOptions {
  /** An address of this computer. */
  host: string
  /** 0: any free port. */
  port: number
}

export type IsocketHost = Pick<
  ConnectionHost,
  'store' | 'onReceived' | 'onRefusedConnection' | 'onRefusedFile' | 'log'
>

/**
 * Accepts original isocket clients: plain text, without authentication. A client announces a file by a line, sends the
 * content after the answer "OK", and takes a second "OK" for success.
 * @throws UserError if the address means all addresses, or cannot be listened on.
 */
export async function openIsocket(options: IsocketOptions, host: IsocketHost) {
  const { host: address, port } = options
  if (address === '*') throw new UserError('transfer.isocketEverywhere')
  const connections = new Set<IsocketConnection>()
  const server = net.createServer({ allowHalfOpen: true })

  server.on('connection', (socket) => {
    if (connections.size >= MAX_CONNECTIONS) {
      host.onRefusedConnection(
        formatRemote(socket),
        `isocket: more than ${MAX_CONNECTIONS} connections`,
        'flood',
      )
      socket.on('error', ignoreError('the client is refused anyway'))
      socket.resetAndDestroy()
      return
    }
    const connection = new IsocketConnection(socket, host)
    connections.add(connection)
    void connection.done.then(() => connections.delete(connection))
  })

  try {
    server.listen({ host: address, port })
    await once(server, 'listening')
  } catch (thrown) {
    const reason = errorCode(thrown) ?? String(thrown)
    throw new UserError('transfer.isocketListenFailed', { address: formatAddress(address, port), reason })
  }
  const bound = server.address() as net.AddressInfo
  // "0" and many other names mean all addresses. No connection has been accepted yet.
  if (EVERYWHERE.test(bound.address)) {
    server.close()
    throw new UserError('transfer.isocketEverywhere')
  }
  server.on('error', (error) => host.log('warn', `isocket: ${error.message}`))
  const at = formatAddress(address, bound.port)
  const warning = LOOPBACK.test(bound.address) ? 'transfer.isocketOpenHere' : 'transfer.isocketOpen'
  host.log('warn', englishWords(message(warning, { address: at })))

  return {
    port: bound.port,
    get connections() {
      return connections.size
    },
    async close() {
      server.close()
      const all = [...connections]
      for (const one of all) one.finish()
      const late = setTimeout(() => {
        for (const one of all) one.reset()
      }, FINISH_WITHIN_MS)
      await Promise.all(all.map((one) => one.done))
      clearTimeout(late)
    },
  }
}

/** A file as announced by its client. */
type Announced = Pick<Offered, 'path' | 'facts'>

/** Serves one original isocket client. A file is acknowledged once it is durable. */
class IsocketConnection {
  /** Resolves when the connection has ended. */
  readonly done: Promise<void>
  readonly #socket: Socket
  readonly #host: IsocketHost
  readonly #from: string
  /** The client's directory in the store. */
  readonly #source: string
  readonly #incoming: ReturnType<typeof readFrom>
  /** Aborted when the client has disconnected, or the receiver ends. */
  readonly #over = new AbortController()
  #isReceiving = false
  /** The client was asked for the content of its current file. */
  #isAsked = false
  #finishing = false
  #files = 0

  constructor(socket: Socket, host: IsocketHost) {
    this.#socket = socket
    this.#host = host
    this.#from = formatRemote(socket)
    this.#source = folderOfClient(socket.remoteAddress)
    this.#incoming = readFrom(socket)
    socket.on('error', ignoreError('reading from the connection reports it'))
    socket.once('close', () => this.#over.abort())
    socket.setNoDelay(true)
    socket.setKeepAlive(true, LINE_WITHIN_MS)
    this.done = this.#serve().catch((error: unknown) => {
      host.log('error', `isocket client ${this.#from}: ${String(error)}`)
      this.reset()
    })
  }

  /** Ends the connection after the current file. */
  finish(): void {
    this.#finishing = true
    if (!this.#isReceiving) this.reset()
  }

  /** Closes the connection now, with a reset: the client's next send(2) then fails, and it marks no file as sent. */
  reset(): void {
    this.#over.abort()
    if (!this.#socket.destroyed) this.#socket.resetAndDestroy()
  }

  async #serve(): Promise<void> {
    while (!this.#finishing && (await this.#serveLine()));
    if (!this.#socket.writableEnded) this.reset()
    else this.#socket.destroySoon()
    this.#host.log('info', `isocket client ${this.#from} is gone; files that it sent: ${this.#files}`)
  }

  /** Returns true if another line may follow. */
  async #serveLine(): Promise<boolean> {
    const line = await this.#incoming.line(MAX_LINE_BYTES, LINE_WITHIN_MS)
    if (this.#finishing || line === 'closed') return false
    if (typeof line === 'string') {
      this.#refuse(line === 'long' ? 'an endless line' : 'silent')
      return false
    }
    const header = parseHeader(line)
    if (header.kind === 'file') return this.#serveFile(header.path, header.size)
    if (header.kind === 'fault') this.#refuse(header.reason)
    // After STOP the client closes the connection. Any further data is ignored.
    if (header.kind === 'stop') this.#socket.end()
    return false
  }

  #refuse(reason: string): void {
    this.#host.onRefusedConnection(this.#from, `isocket: ${reason}`, 'isocket')
  }

  /** Receives one file and stores it, as durably as a file of any other sender. */
  async #serveFile(path: string, size: number): Promise<boolean> {
    this.#isReceiving = true
    this.#isAsked = false
    const facts = { size, mtimeNs: BigInt(Date.now()) * 1_000_000n, mode: FILE_MODE, ...NOBODY, more: null }
    const file = { path, facts }
    const result = await (size <= IN_MEMORY_BYTES ? this.#storeSmall(file) : this.#storeLarge(file))
    const isCut = typeof result === 'string'
    if (!isCut && isDurable(result)) {
      this.#isReceiving = false
      this.#answer()
      this.#files += 1
      this.#host.onReceived(1, size)
      return true
    }
    if (!isCut && !this.#isEnding) await this.#hold(path, result)
    const why = isCut ? result : result.status
    const from = this.#from
    this.#host.log('warn', `/${path} from ${from} was not received whole (${why}), so nothing of it is kept`)
    if (this.#isAsked && (this.#finishing || why === 'silent')) this.#host.log('warn', wronglyMarked(path))
    return false
  }

  /** Keeps a small file in memory until it is stored, so that disk errors only delay it. */
  async #storeSmall(file: Announced): Promise<StoreResult | Ended> {
    this.#askForContent()
    const { size } = file.facts
    const bytes = Buffer.alloc(size)
    for (let filled = 0; filled < size; ) {
      const piece = await this.#readSome(size - filled)
      if (typeof piece === 'string') return piece
      filled += piece.copy(bytes, filled)
    }
    const digest = computeDigest(bytes)
    return this.#retryUntilStored(file.path, async () =>
      this.#host.store.receive({ ...file, source: await this.#openSource(), session: null, bytes, digest }),
    )
  }

  async #storeLarge(file: Announced): Promise<StoreResult | Ended> {
    const begun = await this.#beginLarge(file)
    if ('status' in begun) return begun
    this.#askForContent()
    const hash = createHasher()
    for (let left = file.facts.size; left > 0; ) {
      const piece = await this.#readSome(left)
      if (typeof piece === 'string') {
        await begun.abort(false)
        return piece
      }
      left -= piece.length
      hash.update(piece)
      // Awaiting each write keeps the client from sending faster than the disk writes.
      await begun.write(piece)
      if (begun.refused !== null) {
        await begun.abort(false)
        return begun.refused
      }
    }
    return begun.finish(hash.digest())
  }

  /** Reserves space and opens a file before the client is asked for the content. */
  async #beginLarge(file: Announced): Promise<IncomingFile | StoreResult> {
    let begun: IncomingFile | null = null
    const made = await this.#retryUntilStored(file.path, async () => {
      const one = this.#host.store.begin({ ...file, source: await this.#openSource(), session: null }, {})
      await one.offset
      const { refused } = one
      if (refused === null) begun = one
      else await one.abort(false)
      return refused ?? { status: 'durable', detail: '' }
    })
    return begun ?? made
  }

  /** Retries until the file is stored or permanently refused, or the connection has ended. Logs each new reason. */
  async #retryUntilStored(path: string, attempt: () => Promise<StoreResult>): Promise<StoreResult> {
    let logged = ''
    for (;;) {
      const result = await attempt().catch(toStoreResult)
      if (isDurable(result) || FINAL.has(result.status)) return result
      const text = `${result.status} ${result.detail}`
      if (text !== logged) this.#host.onRefusedFile('isocket', this.#source, path, result)
      logged = text
      const { signal } = this.#over
      await delay(RETRY_MS, undefined, { signal }).catch(expectErrorCodes(['ABORT_ERR'], undefined))
      if (signal.aborted) return result
    }
  }

  /** Returns the directory for this client's files. @throws the system error. */
  #openSource(): Promise<StoreSource> {
    return this.#host.store.source(ISOCKET_FOLDER, this.#source)
  }

  /** Signals the client, which waits for it, to send the content. */
  #askForContent(): void {
    this.#isAsked = true
    this.#answer()
  }

  #answer(): void {
    this.#socket.write('OK\n')
  }

  #readSome(maxBytes: number): Promise<Buffer | Ended> {
    return this.#incoming.some(maxBytes, DATA_WITHIN_MS)
  }

  get #isEnding(): boolean {
    return this.#over.signal.aborted || this.#finishing
  }

  /** Leaves the client waiting, without the answer that it would take for success, until somebody stops the client. */
  async #hold(path: string, result: StoreResult): Promise<void> {
    this.#host.onRefusedFile('isocket', this.#source, path, result)
    const left = `${this.#from} is left without an answer, as it would take any for success`
    this.#host.log(
      'error',
      result.status === 'name'
        ? `/${path}: its name cannot be stored; ${left}, and what is behind it in its list is not sent, either: ` +
            'stop that client, rename the file or take it out of the list, and start the client again'
        : `${left}: stop that client, mend the store, and start it again; it will send /${path} again`,
    )
    while (!this.#isEnding && typeof (await this.#readSome(DISCARD_PIECE_BYTES)) !== 'string');
  }
}

/** A parsed line of an isocket client. */
type Header =
  | { kind: 'file'; path: string; size: number }
  | { kind: 'stop' }
  | { kind: 'fault'; reason: string }

/**
 * Parses `FILE:<path>:<size>` or `STOP` (github.com/hugolu/isocket, lsocket.client). The size follows the last colon.
 * The original server split at the first one, and lost every path that contains a colon.
 */
export function parseHeader(line: Buffer): Header {
  if (!isUtf8(line)) return fault('a name that is not UTF-8')
  const text = line.toString('utf8').replace(/\r$/, '')
  if (text === 'STOP') return { kind: 'stop' }
  const fields = /^FILE:(.+):([0-9]{1,16})$/s.exec(text)
  const [, given, digits] = fields ?? []
  if (given === undefined || digits === undefined) return fault('neither FILE:<path>:<size> nor STOP')
  const path = confinePath(given)
  if (path === null) return fault(`the name ${JSON.stringify(given)} is not stored`)
  const size = Number(digits)
  return size > MAX_FILE_BYTES ? fault(`${digits} bytes are too many`) : { kind: 'file', path, size }
}

const fault = (reason: string): Header => ({ kind: 'fault', reason })

/**
 * Returns the path of a file below the sender's folder; null: invalid. Clients send the path on their side, mostly an
 * absolute one. A path that would lead out of the folder is invalid.
 */
function confinePath(path: string): string | null {
  const given = path.split('/')
  // A path that ends like a directory cannot name a file: existing files there would have to be moved aside.
  if (['', '.'].includes(given.at(-1) ?? '')) return null
  const parts = given.filter((part) => part !== '' && part !== '.')
  const relative = parts.join('/')
  return findNameFault(relative) === null ? relative : null
}

/** Returns the client's address as a folder name: each client gets its own folder. */
function folderOfClient(address: string | undefined): string {
  return folderName((address ?? 'unknown').replace(/^::ffff:/, ''))
}

/** Returns the log text for a file that the client will wrongly take for stored. */
const wronglyMarked = (path: string) =>
  `The original client takes this for success and sets the group-write bit: to send it again, run there: chmod g-w '/${path}'`

/** The reason why reading has ended. */
type Ended = 'closed' | 'silent' | 'long'

/** Reads a socket in pieces. Only the socket's own buffer is read ahead (64 KiB). */
export function readFrom(socket: Socket) {
  const pieces = socket.iterator({ destroyOnReturn: false })
  let pending: Buffer = Buffer.alloc(0)

  /** Returns more bytes, or the reason why there are none. The timeout starts here, so slow data is not `silent`. */
  const more = async (withinMs: number): Promise<Buffer | Ended> => {
    // Throws if the connection has failed, or was closed in the middle of a piece.
    const next = await withTimeout(withinMs, pieces.next()).catch(ignoreError('the connection was cut', null))
    if (next === LATE) return 'silent'
    return next === null || next.done === true ? 'closed' : next.value
  }

  return {
    /** Reads up to the next newline, and omits it. `long`: there is none within `maxBytes`. */
    async line(maxBytes: number, withinMs: number) {
      const until = performance.now() + withinMs
      for (;;) {
        const end = pending.subarray(0, maxBytes + 1).indexOf(NEWLINE)
        if (end >= 0) {
          const line = pending.subarray(0, end)
          pending = pending.subarray(end + 1)
          return line
        }
        if (pending.length > maxBytes) return 'long'
        const bytes = await more(Math.max(0, until - performance.now()))
        if (typeof bytes === 'string') return bytes
        pending = Buffer.concat([pending, bytes])
      }
    },
    /** Returns at least one byte, at most `maxBytes`. */
    async some(maxBytes: number, withinMs: number) {
      if (pending.length === 0) {
        const bytes = await more(withinMs)
        if (typeof bytes === 'string') return bytes
        pending = bytes
      }
      const piece = pending.subarray(0, maxBytes)
      pending = pending.subarray(piece.length)
      return piece
    },
  }
}
