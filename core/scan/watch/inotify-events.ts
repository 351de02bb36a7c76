import { isUtf8 } from 'node:buffer'

/** Bits of an inotify mask: inotify(7), linux/inotify.h. */
export const IN = {
  MODIFY: 0x0000_0002,
  CLOSE_WRITE: 0x0000_0008,
  MOVED_FROM: 0x0000_0040,
  MOVED_TO: 0x0000_0080,
  CREATE: 0x0000_0100,
  DELETE: 0x0000_0200,
  DELETE_SELF: 0x0000_0400,
  MOVE_SELF: 0x0000_0800,
  UNMOUNT: 0x0000_2000,
  Q_OVERFLOW: 0x0000_4000,
  IGNORED: 0x0000_8000,
  ONLYDIR: 0x0100_0000,
  DONT_FOLLOW: 0x0200_0000,
  EXCL_UNLINK: 0x0400_0000,
  ISDIR: 0x4000_0000,
} as const

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
 * each, the machine's byte order, which is little-endian on all that Holdfast runs on), then len bytes of the name,
 * padded with NUL.
 */
export function* decodeEvents(bytes: Buffer): Generator<InotifyEvent> {
  let at = 0
  while (at + HEADER <= bytes.length) {
    const start = at
    const length = bytes.readUInt32LE(start + 12)
    const mask = bytes.readUInt32LE(start + 4)
    at = start + HEADER + length
    const name = nameOf(bytes, start + HEADER, at)
    yield { wd: bytes.readInt32LE(start), mask, name }
  }
}

/** null if it is not valid UTF-8. */
function nameOf(bytes: Buffer, begin: number, padded: number): string | null {
  let end = padded
  while (end > begin && bytes[end - 1] === 0) end -= 1
  const text = bytes.toString('utf8', begin, end)
  return !text.includes('\uFFFD') || isUtf8(bytes.subarray(begin, end)) ? text : null
}
