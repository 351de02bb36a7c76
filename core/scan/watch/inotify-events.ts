import { isUtf8 } from 'node:buffer'
import { endianness } from 'node:os'
import { IN } from './inotify-masks.ts'

export interface InotifyEvent {
  /** Number of the watch; -1 for a queue overflow. */
  wd: number
  mask: number
  /** '' where the event is about the watched directory itself; null if the name is not valid UTF-8. */
  name: string | null
}

const HEADER = 16
/** What a program that writes a file brings about before it closes it. */
const BEFORE_CLOSE = IN.CREATE | IN.MODIFY

/**
 * The events of one read(2), in order: struct inotify_event of inotify(7) is wd, mask, cookie, len (32 bits
 * each, the machine's byte order), then len bytes of the name, padded with NUL. A file's creation and writes that its
 * close follows at once are left out: the close tells all that they do, and a burst of files is mostly of these.
 */
export function* decodeEvents(bytes: Buffer, order: 'LE' | 'BE' = endianness()): Generator<InotifyEvent> {
  const unsigned = (at: number) => (order === 'LE' ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at))
  let at = 0
  while (at + HEADER <= bytes.length) {
    const start = at
    const length = unsigned(start + 12)
    const mask = unsigned(start + 4)
    at = start + HEADER + length
    if ((mask & ~BEFORE_CLOSE) === 0 && isClosedNext(bytes, start, at, unsigned)) continue
    const name = nameOf(bytes, start + HEADER, at)
    // | 0 makes the unsigned number signed: an overflow has wd -1.
    yield { wd: unsigned(start) | 0, mask, name }
  }
}

/** Whether the event after this one, or after more writes of the same file, is the file's close. */
function isClosedNext(bytes: Buffer, start: number, end: number, unsigned: (at: number) => number): boolean {
  const length = end - start
  for (let next = end; next + length <= bytes.length; next += length) {
    if (unsigned(next) !== unsigned(start) || unsigned(next + 12) !== length - HEADER) return false
    if (bytes.compare(bytes, next + HEADER, next + length, start + HEADER, end) !== 0) return false
    const mask = unsigned(next + 4)
    if (mask === IN.CLOSE_WRITE) return true
    if (mask !== IN.MODIFY) return false
  }
  return false
}

/** null if it is not valid UTF-8. */
function nameOf(bytes: Buffer, begin: number, padded: number): string | null {
  let end = padded
  while (end > begin && bytes[end - 1] === 0) end -= 1
  const text = bytes.toString('utf8', begin, end)
  return !text.includes('\uFFFD') || isUtf8(bytes.subarray(begin, end)) ? text : null
}
