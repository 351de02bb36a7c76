import { isUtf8 } from 'node:buffer'
import { failed, lastError, lazily } from '../platform/libc.ts'

const IN_NONBLOCK = 0o4000
const IN_CLOEXEC = 0o2000000
const EFD_NONBLOCK = 0o4000
const EFD_CLOEXEC = 0o2000000
const POLLIN = 1

const inotifyInit1 = lazily<[number]>('int inotify_init1(int flags)')
const inotifyAddWatch = lazily<[number, string, number]>(
  'int inotify_add_watch(int fd, const char *path, uint32_t mask)',
)
const inotifyRmWatch = lazily<[number, number]>('int inotify_rm_watch(int fd, int wd)')
const eventfd = lazily<[number, number]>('int eventfd(unsigned int initial, int flags)')
const pollCall = lazily<[Buffer, number, number]>('int poll(void *fds, unsigned long count, int timeout)')
const readCall = lazily<[number, Buffer, number]>('intptr_t read(int fd, void *buffer, size_t length)')

/** Opens a new inotify instance. Throws EMFILE at the limit of instances. */
export function openInotify(): number {
  const fd = inotifyInit1(IN_NONBLOCK | IN_CLOEXEC)
  if (fd < 0) throw failed('inotify_init1')
  return fd
}

/** Returns the watch descriptor, or the error's name: ENOSPC at the limit of watches (inotify_add_watch(2)). */
export function addWatch(fd: number, path: string, mask: number): number | string {
  const wd = inotifyAddWatch(fd, path, mask)
  return wd < 0 ? lastError() : wd
}

export function removeWatch(fd: number, wd: number): void {
  // Fails if the kernel removed the watch already; either way it is gone.
  inotifyRmWatch(fd, wd)
}

/** Opens a counter that wakes a thread out of `waitReadable` when eight bytes are written to it: eventfd(2). */
export function openWake(): number {
  const fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)
  if (fd < 0) throw failed('eventfd')
  return fd
}

/** Blocks this thread until a descriptor is readable, or until the timeout; returns the readable ones: poll(2). */
export function waitReadable(descriptors: readonly number[], timeoutMs: number): number[] {
  // struct pollfd: the descriptor, the requested events, the returned events.
  const fds = Buffer.alloc(8 * descriptors.length)
  descriptors.forEach((fd, index) => {
    fds.writeInt32LE(fd, 8 * index)
    fds.writeInt16LE(POLLIN, 8 * index + 4)
  })
  if (pollCall(fds, descriptors.length, timeoutMs) <= 0) return []
  return descriptors.filter((_, index) => (fds.readInt16LE(8 * index + 6) & POLLIN) !== 0)
}

/** Returns the number of bytes read; 0 if there is nothing to read. */
export function readNow(fd: number, buffer: Buffer): number {
  return Math.max(0, Number(readCall(fd, buffer, buffer.length)))
}

/** Bits of an inotify mask: inotify(7), linux/inotify.h. */
export const IN = {
  MODIFY: 0x0000_0002,
  ATTRIB: 0x0000_0004,
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
  /** The same number for the two events of one rename. */
  cookie: number
  /** '' if the event is about the watched directory itself; null if the name is not valid UTF-8. */
  name: string | null
}

const HEADER = 16

/**
 * Decodes the events of one read(2), in order. struct inotify_event of inotify(7) is wd, mask, cookie, len (32 bits
 * each, in the machine's byte order, which is little-endian on all systems that Holdfast runs on), then len bytes of
 * the name, padded with NUL.
 */
export function* decodeEvents(bytes: Buffer): Generator<InotifyEvent> {
  let at = 0
  while (at + HEADER <= bytes.length) {
    const start = at
    const length = bytes.readUInt32LE(start + 12)
    const mask = bytes.readUInt32LE(start + 4)
    const cookie = bytes.readUInt32LE(start + 8)
    at = start + HEADER + length
    const name = decodeName(bytes, start + HEADER, at)
    yield { wd: bytes.readInt32LE(start), mask, cookie, name }
  }
}

/** Returns null if it is not valid UTF-8. */
function decodeName(bytes: Buffer, begin: number, padded: number): string | null {
  let end = padded
  while (end > begin && bytes[end - 1] === 0) end -= 1
  const text = bytes.toString('utf8', begin, end)
  return !text.includes('\uFFFD') || isUtf8(bytes.subarray(begin, end)) ? text : null
}
