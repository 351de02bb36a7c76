import koffi from 'koffi'
import { lastError } from '../../files/libc.ts'

const IN_NONBLOCK = 0o4000
const IN_CLOEXEC = 0o2000000
const EFD_NONBLOCK = 0o4000
const EFD_CLOEXEC = 0o2000000
const POLLIN = 1

const libc = koffi.load(null)
const inotifyInit1: (flags: number) => number = libc.func('int inotify_init1(int flags)')
const inotifyAddWatch: (fd: number, path: string, mask: number) => number = libc.func(
  'int inotify_add_watch(int fd, const char *path, uint32_t mask)',
)
const inotifyRmWatch: (fd: number, wd: number) => number = libc.func('int inotify_rm_watch(int fd, int wd)')
const eventfd: (initial: number, flags: number) => number = libc.func(
  'int eventfd(unsigned int initial, int flags)',
)
const pollCall: (fds: Buffer, count: number, timeout: number) => number = libc.func(
  'int poll(void *fds, unsigned long count, int timeout)',
)
const readCall: (fd: number, buffer: Buffer, length: number) => number = libc.func(
  'intptr_t read(int fd, void *buffer, size_t length)',
)
const close: (fd: number) => number = libc.func('int close(int fd)')

function systemError(call: string): Error & { code: string } {
  const code = lastError()
  return Object.assign(new Error(`${call}: ${code}`), { code })
}

/** A new inotify instance. Throws EMFILE at the limit of instances. */
export function openInotify(): number {
  const fd = inotifyInit1(IN_NONBLOCK | IN_CLOEXEC)
  if (fd < 0) throw systemError('inotify_init1')
  return fd
}

/** The watch's number, or the error's name: ENOSPC at the limit of watches (inotify_add_watch(2)). */
export function addWatch(fd: number, path: string, mask: number): number | string {
  const wd = inotifyAddWatch(fd, path, mask)
  return wd < 0 ? lastError() : wd
}

export function removeWatch(fd: number, wd: number): void {
  // Fails if the kernel removed the watch already; either way it is gone.
  inotifyRmWatch(fd, wd)
}

/** A counter that wakes a thread out of `waitReadable` when eight bytes are written to it: eventfd(2). */
export function openWake(): number {
  const fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)
  if (fd < 0) throw systemError('eventfd')
  return fd
}

/** Blocks this thread until one of the descriptors is readable; a negative one is left out: poll(2). */
export function waitReadable(descriptors: readonly [number, number], timeoutMs: number): [boolean, boolean] {
  const [one, other] = descriptors
  pollFds.writeInt32LE(one, 0)
  pollFds.writeInt32LE(POLLIN, 4)
  pollFds.writeInt32LE(other, 8)
  pollFds.writeInt32LE(POLLIN, 12)
  if (pollCall(pollFds, 2, timeoutMs) <= 0) return [false, false]
  return [(pollFds.readInt16LE(6) & POLLIN) !== 0, (pollFds.readInt16LE(14) & POLLIN) !== 0]
}
const pollFds = Buffer.alloc(16)

/** For descriptors of this file: those that Node opened are Node's to close. */
export function closeDescriptor(fd: number): void {
  close(fd)
}

/** Bytes read; 0 when there is nothing to read. */
export function readNow(fd: number, buffer: Buffer): number {
  return Math.max(0, Number(readCall(fd, buffer, buffer.length)))
}
