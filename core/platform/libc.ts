import { constants } from 'node:fs'
import koffi from 'koffi'
import { MAX_ATTRIBUTE_BYTES, MAX_ATTRIBUTES } from './file-metadata.ts'

// Functions of the C library that Node lacks. All of them block: call them in threads, or on descriptors for which the
// kernel answers from memory. Linux only, unless stated otherwise.
const libc = koffi.load(null)

// If a number has two names, the first is used: EAGAIN, not EWOULDBLOCK.
const errorNames = new Map(
  Object.entries(koffi.os.errno)
    .reverse()
    .map(([name, value]) => [value, name]),
)

/** Returns the name of the error of this thread's last failed call ("EAGAIN"). */
export function lastError(): string {
  const number = koffi.errno()
  return errorNames.get(number) ?? `errno ${number}`
}

/** Creates an error like those of Node, with the system's error name as `code`. */
export function failed(call: string, code: string = lastError()): Error {
  return Object.assign(new Error(`${code}: ${call}`), { code, syscall: call })
}

type Call<Words extends unknown[]> = (...words: Words) => number

/** Returns a function that is looked up on its first call, because not every C library has all of them. */
export function lazily<Words extends unknown[]>(declaration: string): Call<Words> {
  let call: Call<Words> | null = null
  return (...words) => {
    call ??= libc.func(declaration) as Call<Words>
    return call(...words)
  }
}

/**
 * Calls a function in a thread of libuv's pool, and resolves to its result; null: koffi could not call it. koffi keeps no
 * reference to bytes that it passes on, so the callback keeps them until the call has returned.
 */
export function callInThread(declaration: string, words: readonly unknown[]): Promise<number | null> {
  const { promise, resolve } = Promise.withResolvers<number | null>()
  libc.func(declaration).async(...words, (error: unknown, result: number) => {
    // Names the words, so that they live until here.
    resolve(error === null && words.length > 0 ? result : null)
  })
  return promise
}

/** Returns the memory address of bytes. */
export const getAddress = (bytes: Uint8Array): bigint => koffi.address(bytes)

const syncfsCall = lazily<[number]>('int syncfs(int fd)')

/** Makes everything durable that was written to this descriptor's file system: syncfs(2). @throws the system error. */
export function syncWhole(fd: number): void {
  if (syncfsCall(fd) !== 0) throw failed('syncfs')
}

const futimensCall = lazily<[number, BigInt64Array]>('int futimens(int fd, void *times)')
const NANOSECONDS = 1_000_000_000n
/** Instead of nanoseconds: leaves this time unchanged (utimensat(2)). */
const UTIME_OMIT = 0x3ffffffen

/**
 * Sets the modification time, in nanoseconds since 1970: futimens(3). The file system rounds it to its own resolution
 * and range. Any POSIX system.
 * @throws the system error.
 */
export function setModified(fd: number, mtimeNs: bigint): void {
  if (futimensCall(fd, toTimes(mtimeNs)) !== 0) throw failed('futimens')
}

/** Returns the two times of utimensat(2): the time of access stays, the modification time becomes this. */
function toTimes(mtimeNs: bigint): BigInt64Array {
  const nanoseconds = ((mtimeNs % NANOSECONDS) + NANOSECONDS) % NANOSECONDS
  return BigInt64Array.of(0n, UTIME_OMIT, (mtimeNs - nanoseconds) / NANOSECONDS, nanoseconds)
}

const AT_FDCWD = -100

/**
 * Sets the modification time of a path, in nanoseconds since 1970: utimensat(2). Runs in a thread of the native library,
 * because a file system that hangs blocks it. Resolves to false if the system refuses, as it does for another user's
 * directory.
 */
export function setModifiedAt(path: string, mtimeNs: bigint): Promise<boolean> {
  const call = 'int utimensat(int directory, const char *path, void *times, int flags)'
  return callInThread(call, [AT_FDCWD, path, toTimes(mtimeNs), 0]).then((result) => result === 0)
}

const AT_SYMLINK_FOLLOW = 0x400
const linkatCall = lazily<[number, string, number, string, number]>(
  'int linkat(int from, const char *path, int to, const char *name, int flags)',
)

/**
 * Links an open file to a free name in an open directory: linkat(2) through /proc/self/fd, because linking the
 * descriptor itself requires CAP_DAC_READ_SEARCH before Linux 6.10.
 * @returns the error's name (EEXIST: the name is taken), or null.
 */
export function linkOpenFile(fd: number, directory: number, name: string): string | null {
  const isLinked = linkatCall(AT_FDCWD, `/proc/self/fd/${fd}`, directory, name, AT_SYMLINK_FOLLOW) === 0
  return isLinked ? null : lastError()
}

/** The same on x86-64 and arm64, as for all calls since Linux 5.0. */
const SYS_openat2 = 437
const RESOLVE_NO_MAGICLINKS = 0x02n
const RESOLVE_NO_SYMLINKS = 0x04n
const RESOLVE_BENEATH = 0x08n
const RESOLVE = RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH
const O_CLOEXEC = 0o2000000
const openat2Call = lazily<[number, number, string, BigUint64Array, number]>(
  'long syscall(long number, int directory, const char *path, void *how, size_t bytes)',
)

/**
 * Opens a path below an open directory without following a symbolic link in any component: openat2(2).
 * @returns the descriptor; null: the call is unavailable (before Linux 5.6, or in a sandbox that forbids it).
 * @throws the system error, ELOOP for a symbolic link.
 */
export function openat2(directory: number, path: string, flags: number): number | null {
  const how = BigUint64Array.of(BigInt(flags | O_CLOEXEC), 0n, RESOLVE)
  for (;;) {
    const fd = openat2Call(SYS_openat2, directory, path, how, how.byteLength)
    if (fd >= 0) return fd
    const code = lastError()
    if (code === 'ENOSYS' || (code === 'EPERM' && !hasOpenat2())) return null
    // EAGAIN: a component was renamed at the same moment.
    if (code !== 'EINTR' && code !== 'EAGAIN') throw failed(`openat2 '${path}'`, code)
  }
}

let isKnown: boolean | null = null

/** True if the call is available: a sandbox returns EPERM for all calls that it does not support. */
function hasOpenat2(): boolean {
  if (isKnown === null) {
    const how = BigUint64Array.of(BigInt((constants.O_RDONLY ?? 0) | O_CLOEXEC), 0n, 0n)
    const fd = openat2Call(SYS_openat2, AT_FDCWD, '/', how, how.byteLength)
    isKnown = fd >= 0
    if (fd >= 0) closeDescriptor(fd)
  }
  return isKnown
}

const LOCK_EX_NB = 6
const flockCall = lazily<[number, number]>('int flock(int fd, int operation)')

/**
 * Locks an open file or directory until it is closed: flock(2).
 * @returns the error's name (EAGAIN: already locked), or null.
 */
export function lockNow(fd: number): string | null {
  return flockCall(fd, LOCK_EX_NB) === 0 ? null : lastError()
}

/** Closes a descriptor that was opened in this file. Descriptors that Node opened must be closed by Node. */
export const closeDescriptor = lazily<[number]>('int close(int fd)')

const F_SETLEASE = 1024
const F_SETSIG = 10
const F_RDLCK = 0
const F_UNLCK = 2
const SIGURG = 23
// Linux passes the arguments of a variadic function like those of any other one, on x86-64 and on arm64.
const fcntlCall = lazily<[number, number, number]>('int fcntl(int fd, int command, long argument)')

/**
 * Checks if a process has this file open for writing, by taking a read lease for a moment: fcntl(2). The descriptor
 * must be open for reading only. `unknown`: the file belongs to another user (EACCES without CAP_LEASE), or the file
 * system has no leases. `isClosedNext`: the caller closes the descriptor immediately, which ends the lease.
 */
export function hasWriter(fd: number, { isClosedNext = false } = {}): 'no' | 'yes' | 'unknown' {
  // If a writer opens the file while the lease is held, the kernel sends the holder a signal. SIGIO would terminate
  // this process; SIGURG is ignored by default: signal(7).
  fcntlCall(fd, F_SETSIG, SIGURG)
  if (fcntlCall(fd, F_SETLEASE, F_RDLCK) === 0) {
    if (!isClosedNext) fcntlCall(fd, F_SETLEASE, F_UNLCK)
    return 'no'
  }
  return lastError() === 'EAGAIN' ? 'yes' : 'unknown'
}

const POSIX_FADV_DONTNEED = 4

/**
 * Drops a synced file from the kernel's page cache, so that the next read comes from the disk: posix_fadvise(2). Runs
 * in a thread of the native library, because it takes time for a large file.
 */
export function forgetCachedPages(fd: number, done: () => void): void {
  const call = 'int posix_fadvise(int fd, long offset, long length, int advice)'
  void callInThread(call, [fd, 0, 0, POSIX_FADV_DONTNEED]).then(done)
}

const flistxattrCall = lazily<[number, Uint8Array | null, number]>(
  'long flistxattr(int fd, void *list, size_t bytes)',
)
const fgetxattrCall = lazily<[number, string, Uint8Array | null, number]>(
  'long fgetxattr(int fd, const char *name, void *value, size_t bytes)',
)
const fsetxattrCall = lazily<[number, string, Uint8Array, number, number]>(
  'int fsetxattr(int fd, const char *name, const void *value, size_t bytes, int flags)',
)

/** Extended attributes of the file's owner (xattr(7)) and ACLs (acl(5)); all others belong to the system. */
const KEPT = /^(user\.|system\.posix_acl_(access|default)$)/

/**
 * Returns the extended attributes to keep of an open file or directory; null: there are none. Omits those beyond
 * MAX_ATTRIBUTE_BYTES. Never throws.
 */
export function readAttributes(fd: number): Record<string, Buffer> | null {
  // ENOTSUP and similar errors: there are no attributes.
  const bytes = flistxattrCall(fd, null, 0)
  if (bytes <= 0) return null
  const list = Buffer.alloc(bytes)
  const filled = flistxattrCall(fd, list, bytes)
  let left = MAX_ATTRIBUTE_BYTES
  const kept: Record<string, Buffer> = {}
  for (const name of list.toString('utf8', 0, Math.max(0, filled)).split('\0')) {
    if (!KEPT.test(name)) continue
    const value = readAttribute(fd, name)
    left -= name.length + (value?.length ?? 0)
    if (value === null || left < 0 || Object.keys(kept).length >= MAX_ATTRIBUTES) continue
    kept[name] = value
  }
  return Object.keys(kept).length === 0 ? null : kept
}

function readAttribute(fd: number, name: string): Buffer | null {
  const size = fgetxattrCall(fd, name, null, 0)
  if (size < 0 || size > MAX_ATTRIBUTE_BYTES) return null
  const value = Buffer.alloc(size)
  const filled = fgetxattrCall(fd, name, value, size)
  return filled < 0 ? null : value.subarray(0, filled)
}

/** Sets an extended attribute; false: its name is not among those kept, or the system refuses. */
export function setAttribute(fd: number, name: string, value: Uint8Array): boolean {
  return KEPT.test(name) && fsetxattrCall(fd, name, value, value.length, 0) === 0
}
