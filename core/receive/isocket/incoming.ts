import { isUtf8 } from 'node:buffer'
import type { Socket } from 'node:net'
import { ignoreError } from '../../dropped-errors.ts'
import { LATE, withTimeout } from '../../lib/async/with-timeout.ts'
import { MAX_FILE_BYTES } from '../../platform/facts.ts'
import { findNameFault, MAX_PATH_BYTES } from '../../protocol/names.ts'

/** The reason why reading has ended. */
export type Ended = 'closed' | 'silent' | 'long'

const NEWLINE = 10

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

/** "FILE:", a path, ":", a size. */
export const MAX_LINE_BYTES = 'FILE:'.length + MAX_PATH_BYTES + 1 + 20

/** A parsed line of an isocket client. */
type Header =
  | { kind: 'file'; path: string; size: number }
  | { kind: 'stop' }
  | { kind: 'fault'; reason: string }

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
