import { isUtf8 } from 'node:buffer'
import { endianness } from 'node:os'

export interface InotifyEvent {
  /** Number of the watch; -1 for a queue overflow. */
  wd: number
  mask: number
  /** '' where the event is about the watched directory itself; null if the name is not valid UTF-8. */
  name: string | null
}

const HEADER = 16

/**
 * The events of one read(2), in order: struct inotify_event of inotify(7) is wd, mask, cookie, len (32 bits
 * each, the machine's byte order), then len bytes of the name, padded with NUL.
 */
export function* decodeEvents(bytes: Buffer, order: 'LE' | 'BE' = endianness()): Generator<InotifyEvent> {
  const unsigned = (at: number) => (order === 'LE' ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at))
  let at = 0
  while (at + HEADER <= bytes.length) {
    const length = unsigned(at + 12)
    const begin = at + HEADER
    at = begin + length
    let end = at
    while (end > begin && bytes[end - 1] === 0) end -= 1
    const text = bytes.toString('utf8', begin, end)
    const isName = !text.includes('\uFFFD') || isUtf8(bytes.subarray(begin, end))
    // | 0 makes the unsigned number signed: an overflow has wd -1.
    yield { wd: unsigned(begin - HEADER) | 0, mask: unsigned(begin - HEADER + 4), name: isName ? text : null }
  }
}
