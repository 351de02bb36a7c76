import { isUtf8 } from 'node:buffer'
import { MAX_FILE_BYTES } from '../../wire/limits.ts'
import { MAX_PATH_BYTES, nameFault } from '../../wire/names.ts'

/** "FILE:", a path, ":", a size. */
export const MAX_LINE_BYTES = 'FILE:'.length + MAX_PATH_BYTES + 1 + 20

/** One line of an isocket client, without its end. */
export type Header =
  | { kind: 'file'; path: string; size: number }
  | { kind: 'stop' }
  | { kind: 'fault'; reason: string }

const fault = (reason: string): Header => ({ kind: 'fault', reason })

/**
 * Clients name files by the path that they have there, mostly an absolute one: it is kept, below the sender's
 * folder. What would lead out of that folder is no name.
 */
function confined(path: string): string | null {
  const given = path.split('/')
  // A directory's name is no file's: what is there would make way for it.
  if (['', '.'].includes(given.at(-1) ?? '')) return null
  const parts = given.filter((part) => part !== '' && part !== '.')
  const relative = parts.join('/')
  return nameFault(relative) === null ? relative : null
}

/**
 * Reads `FILE:<path>:<size>` or `STOP` (github.com/hugolu/isocket, lsocket.client). The size is what stands after
 * the last colon: the original server took the first one, and lost every path with a colon in it.
 */
export function parseHeader(line: Buffer): Header {
  if (!isUtf8(line)) return fault('a name that is not UTF-8')
  const text = line.toString('utf8').replace(/\r$/, '')
  if (text === 'STOP') return { kind: 'stop' }
  const fields = /^FILE:(.+):([0-9]{1,16})$/s.exec(text)
  const [, given, digits] = fields ?? []
  if (given === undefined || digits === undefined) return fault('neither FILE:<path>:<size> nor STOP')
  const path = confined(given)
  if (path === null) return fault(`the name ${JSON.stringify(given)} is not stored`)
  const size = Number(digits)
  return size > MAX_FILE_BYTES ? fault(`${digits} bytes are too many`) : { kind: 'file', path, size }
}
