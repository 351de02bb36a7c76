import { callInThread, failed, lazily } from './libc.ts'

// Waiting for descriptors that the kernel makes readable: poll(2), eventfd(2). Linux only.

const EFD_NONBLOCK = 0o4000
const EFD_CLOEXEC = 0o2000000
const POLLIN = 1
const FOREVER = -1

const eventfd = lazily<[number, number]>('int eventfd(unsigned int initial, int flags)')
const pollCall = lazily<[Buffer, number, number]>('int poll(void *fds, unsigned long count, int timeout)')
const readCall = lazily<[number, Buffer, number]>('intptr_t read(int fd, void *buffer, size_t length)')

/** Returns an array of struct pollfd: the descriptor, the requested events, the returned events. */
function toPollfds(descriptors: readonly number[]): Buffer {
  const fds = Buffer.alloc(8 * descriptors.length)
  descriptors.forEach((fd, index) => {
    fds.writeInt32LE(fd, 8 * index)
    fds.writeInt16LE(POLLIN, 8 * index + 4)
  })
  return fds
}

/** Opens a counter that wakes a thread out of `waitReadable` when eight bytes are written to it: eventfd(2). */
export function openWake(): number {
  const fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)
  if (fd < 0) throw failed('eventfd')
  return fd
}

/** Blocks this thread until a descriptor is readable, or until the timeout; returns the readable ones: poll(2). */
export function waitReadable(descriptors: readonly number[], timeoutMs: number): number[] {
  const fds = toPollfds(descriptors)
  if (pollCall(fds, descriptors.length, timeoutMs) <= 0) return []
  return descriptors.filter((_, index) => (fds.readInt16LE(8 * index + 6) & POLLIN) !== 0)
}

/** Returns the number of bytes read; 0 if there is nothing to read. */
export function readNow(fd: number, buffer: Buffer): number {
  return Math.max(0, Number(readCall(fd, buffer, buffer.length)))
}

/**
 * Resolves when one of the descriptors is readable. Occupies a thread of libuv's pool until then, and process.exit() waits
 * for it: one of the descriptors should be a counter of `openWake`.
 */
export async function whenReadable(descriptors: readonly number[]): Promise<void> {
  const call = 'int poll(void *fds, unsigned long count, int timeout)'
  await callInThread(call, [toPollfds(descriptors), descriptors.length, FOREVER])
}
