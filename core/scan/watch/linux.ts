import koffi from 'koffi'
import { failed, lastError } from '../../files/libc.ts'

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

/** A new inotify instance. Throws EMFILE at the limit of instances. */
export function openInotify(): number {
  const fd = inotifyInit1(IN_NONBLOCK | IN_CLOEXEC)
  if (fd < 0) throw failed('inotify_init1')
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
  if (fd < 0) throw failed('eventfd')
  return fd
}

/** Blocks this thread until a descriptor is readable, or for so long; gives those that are: poll(2). */
export function waitReadable(descriptors: readonly number[], timeoutMs: number): number[] {
  // struct pollfd: the descriptor, the events that are asked for, those that came.
  const fds = Buffer.alloc(8 * descriptors.length)
  descriptors.forEach((fd, index) => {
    fds.writeInt32LE(fd, 8 * index)
    fds.writeInt16LE(POLLIN, 8 * index + 4)
  })
  if (pollCall(fds, descriptors.length, timeoutMs) <= 0) return []
  return descriptors.filter((_, index) => (fds.readInt16LE(8 * index + 6) & POLLIN) !== 0)
}

/** Bytes read; 0 when there is nothing to read. */
export function readNow(fd: number, buffer: Buffer): number {
  return Math.max(0, Number(readCall(fd, buffer, buffer.length)))
}
