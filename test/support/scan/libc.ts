import { openSync } from 'node:fs'
import koffi from 'koffi'

// Calls of the C library that Node lacks: open(2), linkat(2), renameat2(2), setxattr(2), truncate(2), mmap(2).

const O_WRONLY = 1
const O_TMPFILE = 0o20200000
const AT_FDCWD = -100
const AT_SYMLINK_FOLLOW = 0x400
const PROT_READ_WRITE = 3
const MAP_SHARED = 1
const RENAME_EXCHANGE = 2

const libc = koffi.load(null)
const linkat = libc.func('int linkat(int from, const char *old, int to, const char *new, int flags)')
const truncate = libc.func('int truncate(const char *path, long length)')
const mmap = libc.func('void *mmap(void *at, size_t length, int prot, int flags, int fd, long offset)')
const munmap = libc.func('int munmap(void *at, size_t length)')
const renameat2 = libc.func('int renameat2(int from, const char *old, int to, const char *new, uint flags)')
const setxattr = libc.func(
  'int setxattr(const char *path, const char *name, const char *value, size_t size, int flags)',
)
const memset = libc.func('void *memset(void *at, int byte, size_t length)')

function checked(what: string, result: number): void {
  if (result !== 0) throw new Error(`${what}: errno ${koffi.errno()}`)
}

/** Opens a file of this directory that has no name yet. */
export function openNameless(directory: string): number {
  return openSync(directory, O_TMPFILE | O_WRONLY, 0o644)
}

export function giveName(fd: number, file: string): void {
  checked('linkat', linkat(AT_FDCWD, `/proc/self/fd/${fd}`, AT_FDCWD, file, AT_SYMLINK_FOLLOW))
}

/** Exchanges two names at once: renameat2(2). */
export function exchangeNames(one: string, other: string): void {
  checked('renameat2', renameat2(AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE))
}

export function setAttributeByPath(file: string, name: string, value: string): void {
  checked('setxattr', setxattr(file, name, value, Buffer.byteLength(value), 0))
}

/** Changes a file's size without opening it. */
export function truncateByPath(file: string, length: number): void {
  checked('truncate', truncate(file, length))
}

/** Maps a file's first bytes for writing. */
export function mapFile(fd: number, length: number): { fill(byte: number): void; unmap(): void } {
  const at = mmap(null, length, PROT_READ_WRITE, MAP_SHARED, fd, 0)
  return {
    fill: (byte) => void memset(at, byte, length),
    unmap: () => checked('munmap', munmap(at, length)),
  }
}
