import type { Socket } from 'node:net'
import type { Outcome } from '../../store/outcome.ts'
import { folderName } from '../../wire/names.ts'
import { remoteOf } from '../../wire/tls.ts'
import type { ConnectionHost } from '../connection/host.ts'
import type { Ended } from './incoming.ts'
import { MAX_LINE_BYTES, parseHeader, readFrom } from './incoming.ts'
import type { IsocketResult } from './store-file.ts'
import { storeFile } from './store-file.ts'

/** The folder in the store for what original clients send: STORE/isocket/<client's address>/<path>. */
export const ISOCKET_FOLDER = 'isocket'

/** The original client never rests between two files. */
const LINE_WITHIN_MS = 60_000
/**
 * A client takes a connection that ends for an acknowledgement. So one that has begun a file is waited for until
 * its own kernel must have given up (tcp_retries2, tcp(7): up to 924.6 s; doubled).
 */
const DATA_WITHIN_MS = 1_850_000
/** What a client that gets no answer still sends is read in pieces of this size, and thrown away. */
const HELD_BYTES = 64 * 1024
/** As the original server made its files, under the usual umask. */
const FILE_MODE = 0o644
/** Its wire does not say whose a file is. */
const NOBODY = { user: 0, group: 0 }

export type IsocketHost = Pick<
  ConnectionHost,
  'store' | 'onReceived' | 'onRefusedConnection' | 'onRefusedFile' | 'log'
>

export type IsocketConnection = ReturnType<typeof serveIsocket>

interface OnItsWay {
  path: string
  size: number
  /** Whether the client was asked for the contents. */
  asked: boolean
}

/** The address alone, as a folder's name: what two clients send does not mix. */
function folderOfClient(address: string | undefined): string {
  return folderName((address ?? 'unknown').replace(/^::ffff:/, ''))
}

/** What to say where the client will believe that a file is stored that is not. */
const wronglyMarked = (path: string) =>
  `The original client takes this for success and sets the group-write bit: to send it again, run there: chmod g-w '/${path}'`

/** Serves one original isocket client: the acknowledgement of a file is sent when it is durable. */
export function serveIsocket(socket: Socket, host: IsocketHost) {
  const from = remoteOf(socket)
  const source = folderOfClient(socket.remoteAddress)
  const incoming = readFrom(socket)
  const over = new AbortController()
  let onItsWay: OnItsWay | null = null
  let finishing = false
  let files = 0
  socket.on('error', () => undefined)
  socket.once('close', () => over.abort())
  socket.setNoDelay(true)
  socket.setKeepAlive(true, LINE_WITHIN_MS)

  const reset = () => {
    over.abort()
    if (!socket.destroyed) socket.resetAndDestroy()
  }
  const answer = () => void socket.write('OK\n')

  const receive = async (file: OnItsWay): Promise<IsocketResult> => {
    const { path, size } = file
    const facts = { size, mtimeNs: BigInt(Date.now()) * 1_000_000n, mode: FILE_MODE, ...NOBODY, more: null }
    return storeFile(
      host.store,
      { path, facts },
      {
        directory: () => host.store.source(ISOCKET_FOLDER, source),
        ready() {
          file.asked = true
          answer()
        },
        some: (maxBytes) => incoming.some(maxBytes, DATA_WITHIN_MS),
        onTrouble: (outcome) => host.onRefusedFile('isocket', source, path, outcome),
        signal: over.signal,
      },
    )
  }

  /** The client waits, for ever, for an answer that must not be given; it ends when somebody ends the client. */
  const hold = async (path: string, outcome: Outcome): Promise<void> => {
    host.onRefusedFile('isocket', source, path, outcome)
    const left = `${from} is left without an answer, as it would take any for success`
    host.log(
      'error',
      outcome.status === 'name'
        ? `/${path}: its name cannot be stored; ${left}, and what is behind it in its list is not sent, either: ` +
            'stop that client, rename the file or take it out of the list, and start the client again'
        : `${left}: stop that client, mend the store, and start it again; it will send /${path} again`,
    )
    while (
      !over.signal.aborted &&
      !finishing &&
      typeof (await incoming.some(HELD_BYTES, DATA_WITHIN_MS)) !== 'string'
    );
  }

  const serveFile = async (file: OnItsWay): Promise<boolean> => {
    onItsWay = file
    const stored = await receive(file)
    if (stored.kind === 'durable') {
      onItsWay = null
      answer()
      files += 1
      host.onReceived(1, file.size)
      return true
    }
    if (stored.kind === 'refused' && !over.signal.aborted && !finishing) await hold(file.path, stored.outcome)
    const why: Ended | string = stored.kind === 'cut' ? stored.why : stored.outcome.status
    host.log('warn', `/${file.path} from ${from} was not received whole (${why}), so nothing of it is kept`)
    if (file.asked && (finishing || why === 'silent')) host.log('warn', wronglyMarked(file.path))
    return false
  }

  /** Whether another line may follow. */
  const serveLine = async (): Promise<boolean> => {
    const line = await incoming.line(MAX_LINE_BYTES, LINE_WITHIN_MS)
    if (finishing || line === 'closed') return false
    if (typeof line === 'string') {
      host.onRefusedConnection(
        from,
        line === 'long' ? 'isocket: an endless line' : 'isocket: silent',
        'isocket',
      )
      return false
    }
    const header = parseHeader(line)
    if (header.kind === 'file') return serveFile({ ...header, asked: false })
    if (header.kind === 'fault') host.onRefusedConnection(from, `isocket: ${header.reason}`, 'isocket')
    // After STOP the client closes by itself; whatever it says then is not heard.
    if (header.kind === 'stop') socket.end()
    return false
  }

  const serve = async (): Promise<void> => {
    while (!finishing && (await serveLine()));
    if (!socket.writableEnded) reset()
    else socket.destroySoon()
    host.log('info', `isocket client ${from} is gone; files that it sent: ${files}`)
  }

  return {
    done: serve().catch((thrown: unknown) => {
      host.log('error', `isocket client ${from}: ${String(thrown)}`)
      reset()
    }),
    /** Ends it after the file that is on its way. */
    finish() {
      finishing = true
      if (onItsWay === null) reset()
    },
    /** Ends it now. A reset, not an end: the next send(2) of the client fails then, and it marks nothing. */
    reset,
  }
}
