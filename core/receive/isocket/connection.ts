import type { Socket } from 'node:net'
import { folderName } from '../../protocol/names.ts'
import { formatRemote } from '../../protocol/tls.ts'
import type { Outcome } from '../../store/outcome.ts'
import type { ConnectionHost } from '../connection/host.ts'
import { type Ended, MAX_LINE_BYTES, parseHeader, readFrom } from './incoming.ts'
import { type IsocketResult, storeFile } from './store-file.ts'

/** The folder in the store for files of original clients: STORE/isocket/<client's address>/<path>. */
export const ISOCKET_FOLDER = 'isocket'

/** The original client never pauses between two files. */
const LINE_WITHIN_MS = 60_000
/**
 * A client takes the end of a connection for an acknowledgement. After it has begun a file, the receiver therefore
 * waits until the client's kernel must have given up (tcp_retries2, tcp(7): up to 924.6 s; doubled).
 */
const DATA_WITHIN_MS = 1_850_000
/** Data from a client that gets no answer is read in pieces of this size and discarded. */
const HELD_BYTES = 64 * 1024
/** The mode of files that the original server created, with the usual umask. */
const FILE_MODE = 0o644
/** The original protocol does not transfer a file's owner. */
const NOBODY = { user: 0, group: 0 }

export type IsocketHost = Pick<
  ConnectionHost,
  'store' | 'onReceived' | 'onRefusedConnection' | 'onRefusedFile' | 'log'
>

/** Returns the client's address as a folder name: each client gets its own folder. */
function folderOfClient(address: string | undefined): string {
  return folderName((address ?? 'unknown').replace(/^::ffff:/, ''))
}

/** Returns the log text for a file that the client will wrongly take for stored. */
const wronglyMarked = (path: string) =>
  `The original client takes this for success and sets the group-write bit: to send it again, run there: chmod g-w '/${path}'`

/** Serves one original isocket client. A file is acknowledged once it is durable. */
export class IsocketConnection {
  /** Resolves when the connection has ended. */
  readonly done: Promise<void>
  readonly #socket: Socket
  readonly #host: IsocketHost
  readonly #from: string
  readonly #source: string
  readonly #incoming: ReturnType<typeof readFrom>
  readonly #over = new AbortController()
  #isReceiving = false
  #finishing = false
  #files = 0

  constructor(socket: Socket, host: IsocketHost) {
    this.#socket = socket
    this.#host = host
    this.#from = formatRemote(socket)
    this.#source = folderOfClient(socket.remoteAddress)
    this.#incoming = readFrom(socket)
    socket.on('error', () => undefined)
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
      this.#refused(line === 'long' ? 'an endless line' : 'silent')
      return false
    }
    const header = parseHeader(line)
    if (header.kind === 'file') return this.#serveFile(header)
    if (header.kind === 'fault') this.#refused(header.reason)
    // After STOP the client closes the connection. Any further data is ignored.
    if (header.kind === 'stop') this.#socket.end()
    return false
  }

  #refused(reason: string): void {
    this.#host.onRefusedConnection(this.#from, `isocket: ${reason}`, 'isocket')
  }

  async #serveFile({ path, size }: { path: string; size: number }): Promise<boolean> {
    this.#isReceiving = true
    let isAsked = false
    const stored = await this.#receive(path, size, () => {
      isAsked = true
      this.#answer()
    })
    if (stored.kind === 'durable') {
      this.#isReceiving = false
      this.#answer()
      this.#files += 1
      this.#host.onReceived(1, size)
      return true
    }
    if (stored.kind === 'refused' && !this.#isEnding) await this.#hold(path, stored.outcome)
    const why: Ended | string = stored.kind === 'cut' ? stored.why : stored.outcome.status
    const from = this.#from
    this.#host.log('warn', `/${path} from ${from} was not received whole (${why}), so nothing of it is kept`)
    if (isAsked && (this.#finishing || why === 'silent')) this.#host.log('warn', wronglyMarked(path))
    return false
  }

  /** @param ready is called when the client may send the content. */
  #receive(path: string, size: number, ready: () => void): Promise<IsocketResult> {
    const { store } = this.#host
    const facts = { size, mtimeNs: BigInt(Date.now()) * 1_000_000n, mode: FILE_MODE, ...NOBODY, more: null }
    return storeFile(
      store,
      { path, facts },
      {
        directory: () => store.source(ISOCKET_FOLDER, this.#source),
        ready,
        some: (maxBytes) => this.#incoming.some(maxBytes, DATA_WITHIN_MS),
        onTrouble: (outcome) => this.#host.onRefusedFile('isocket', this.#source, path, outcome),
        signal: this.#over.signal,
      },
    )
  }

  #answer(): void {
    this.#socket.write('OK\n')
  }

  get #isEnding(): boolean {
    return this.#over.signal.aborted || this.#finishing
  }

  /** Leaves the client waiting, without the answer that it would take for success, until somebody stops the client. */
  async #hold(path: string, outcome: Outcome): Promise<void> {
    this.#host.onRefusedFile('isocket', this.#source, path, outcome)
    const left = `${this.#from} is left without an answer, as it would take any for success`
    this.#host.log(
      'error',
      outcome.status === 'name'
        ? `/${path}: its name cannot be stored; ${left}, and what is behind it in its list is not sent, either: ` +
            'stop that client, rename the file or take it out of the list, and start the client again'
        : `${left}: stop that client, mend the store, and start it again; it will send /${path} again`,
    )
    while (!this.#isEnding && typeof (await this.#incoming.some(HELD_BYTES, DATA_WITHIN_MS)) !== 'string');
  }
}
