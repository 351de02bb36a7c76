import { constants } from 'node:fs'
import koffi from 'koffi'
import { MAX_ATTRIBUTE_BYTES, MAX_ATTRIBUTES } from './facts.ts'

// Calls of the C library that Node has not. All of them block: they belong into threads, or on descriptors of
// which the kernel answers from memory. Linux alone, but for what says otherwise.

const libc = koffi.load(null)

// Of two names for one number the first: EAGAIN, not EWOULDBLOCK.
const errorNames = new Map(
  Object.entries(koffi.os.errno)
    .reverse()
    .map(([name, value]) => [value, name]),
)

/** The name of the error of this thread's last failed call ("EAGAIN"). */
export function lastError(): string {
  const number = koffi.errno()
  return errorNames.get(number) ?? `errno ${number}`
}

/** An error as Node throws it: with the system's name as `code`. */
export function failed(call: string, code: string = lastError()): Error {
  return Object.assign(new Error(`${code}: ${call}`), { code, syscall: call })
}

type Call<Words extends unknown[]> = (...words: Words) => number

/** A function is looked up when it is first called: not every C library has all of them. */
export function lazily<Words extends unknown[]>(declaration: string): Call<Words> {
  let call: Call<Words> | null = null
  return (...words) => {
    call ??= libc.func(declaration) as Call<Words>
    return call(...words)
  }
}

/** Where bytes are in memory. */
export const addressOf = (bytes: Uint8Array): bigint => koffi.address(bytes)

const syncfsCall = lazily<[number]>('int syncfs(int fd)')

/** Makes all durable that was written to the file system of this descriptor: syncfs(2). @throws what the system says. */
export function syncWhole(fd: number): void {
  if (syncfsCall(fd) !== 0) throw failed('syncfs')
}

const futimensCall = lazily<[number, BigInt64Array]>('int futimens(int fd, void *times)')
const NANOSECONDS = 1_000_000_000n
/** Instead of nanoseconds: this time stays as it is (utimensat(2)). */
const UTIME_OMIT = 0x3ffffffen

/**
 * Sets the time of modification, in nanoseconds since 1970, to the last one: futimens(3). What the file system has no
 * times for it changes to the nearest that it has. Any POSIX system.
 * @throws what the system says.
 */
export function setModified(fd: number, mtimeNs: bigint): void {
  const nanoseconds = ((mtimeNs % NANOSECONDS) + NANOSECONDS) % NANOSECONDS
  const times = BigInt64Array.of(0n, UTIME_OMIT, (mtimeNs - nanoseconds) / NANOSECONDS, nanoseconds)
  if (futimensCall(fd, times) !== 0) throw failed('futimens')
}

const AT_FDCWD = -100
const AT_SYMLINK_FOLLOW = 0x400
const linkatCall = lazily<[number, string, number, string, number]>(
  'int linkat(int from, const char *path, int to, const char *name, int flags)',
)

/**
 * Gives an open file a name in an open directory, where nothing has that name yet: linkat(2), by way of /proc/self/fd,
 * as the descriptor alone is forbidden to all without CAP_DAC_READ_SEARCH before Linux 6.10.
 * @returns the error's name (EEXIST: something is there), or null.
 */
export function linkOpenFile(fd: number, directory: number, name: string): string | null {
  const isLinked = linkatCall(AT_FDCWD, `/proc/self/fd/${fd}`, directory, name, AT_SYMLINK_FOLLOW) === 0
  return isLinked ? null : lastError()
}

/** The same number on x86-64 and arm64, as of all calls since Linux 5.0. */
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
 * Opens what is at a path below an open directory, and follows no symbolic link in any part of it: openat2(2).
 * @returns the descriptor; null: the kernel has no such call (before Linux 5.6, or a sandbox that forbids it).
 * @throws what the system says, ELOOP for a symbolic link.
 */
export function openat2(directory: number, path: string, flags: number): number | null {
  const how = BigUint64Array.of(BigInt(flags | O_CLOEXEC), 0n, RESOLVE)
  for (;;) {
    const fd = openat2Call(SYS_openat2, directory, path, how, how.byteLength)
    if (fd >= 0) return fd
    const code = lastError()
    if (code === 'ENOSYS' || (code === 'EPERM' && !hasOpenat2())) return null
    // EAGAIN: something was renamed on the way, in this very moment.
    if (code !== 'EINTR' && code !== 'EAGAIN') throw failed(`openat2 '${path}'`, code)
  }
}

let isKnown: boolean | null = null

/** Whether the call is there: a sandbox says EPERM for all calls that it does not know. */
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

/** Locks an open file or directory for as long as it is open: flock(2). @returns the error's name (EAGAIN: another has it), or null. */
export function lockNow(fd: number): string | null {
  return flockCall(fd, LOCK_EX_NB) === 0 ? null : lastError()
}

/** For descriptors that were opened here: those that Node opened are Node's to close. */
export const closeDescriptor = lazily<[number]>('int close(int fd)')

const F_SETLEASE = 1024
const F_SETSIG = 10
const F_RDLCK = 0
const F_UNLCK = 2
const SIGURG = 23
// Linux passes the words of a variadic function as those of any other, on x86-64 as on arm64.
const fcntlCall = lazily<[number, number, number]>('int fcntl(int fd, int command, long argument)')

/**
 * Whether a process holds this file open for writing, asked by taking a read lease for an instant: fcntl(2). The
 * descriptor is open for reading only. `unknown`: not our file (EACCES without CAP_LEASE), or a file system without
 * leases. `isClosedNext`: the caller closes the descriptor at once, with which the lease ends.
 */
export function hasWriter(fd: number, { isClosedNext = false } = {}): 'no' | 'yes' | 'unknown' {
  // A writer that comes while the lease is held sends its holder a signal; SIGIO would end this process,
  // SIGURG is ignored by default: signal(7).
  fcntlCall(fd, F_SETSIG, SIGURG)
  if (fcntlCall(fd, F_SETLEASE, F_RDLCK) === 0) {
    if (!isClosedNext) fcntlCall(fd, F_SETLEASE, F_UNLCK)
    return 'no'
  }
  return lastError() === 'EAGAIN' ? 'yes' : 'unknown'
}

const POSIX_FADV_DONTNEED = 4

/**
 * Has the kernel forget what it keeps in memory of a file that is synced, so that what is read next comes from the
 * disk: posix_fadvise(2). In a thread of the native library: to forget a large file takes its time.
 */
export function forgetCachedPages(fd: number, done: () => void): void {
  const call = libc.func('int posix_fadvise(int fd, long offset, long length, int advice)')
  call.async(fd, 0, 0, POSIX_FADV_DONTNEED, () => done())
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

/** Extended attributes that belong to the file's owner (xattr(7)) and its ACLs (acl(5)); others are the system's. */
const KEPT = /^(user\.|system\.posix_acl_(access|default)$)/

/**
 * The extended attributes of an open file or directory that are kept; null: it has none. Beyond MAX_ATTRIBUTE_BYTES they
 * are left out. Never throws.
 */
export function attributesOf(fd: number): Record<string, Buffer> | null {
  // ENOTSUP and the like: none there.
  const bytes = flistxattrCall(fd, null, 0)
  if (bytes <= 0) return null
  const list = Buffer.alloc(bytes)
  const filled = flistxattrCall(fd, list, bytes)
  let left = MAX_ATTRIBUTE_BYTES
  const kept: Record<string, Buffer> = {}
  for (const name of list.toString('utf8', 0, Math.max(0, filled)).split('\0')) {
    if (!KEPT.test(name)) continue
    const value = attributeOf(fd, name)
    left -= name.length + (value?.length ?? 0)
    if (value === null || left < 0 || Object.keys(kept).length >= MAX_ATTRIBUTES) continue
    kept[name] = value
  }
  return Object.keys(kept).length === 0 ? null : kept
}

function attributeOf(fd: number, name: string): Buffer | null {
  const size = fgetxattrCall(fd, name, null, 0)
  if (size < 0 || size > MAX_ATTRIBUTE_BYTES) return null
  const value = Buffer.alloc(size)
  const filled = fgetxattrCall(fd, name, value, size)
  return filled < 0 ? null : value.subarray(0, filled)
}

/** Sets one of them; false: it is none that is kept, or the system does not let it be set. */
export function setAttribute(fd: number, name: string, value: Uint8Array): boolean {
  return KEPT.test(name) && fsetxattrCall(fd, name, value, value.length, 0) === 0
}
