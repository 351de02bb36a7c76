import fs from 'node:fs'
import { promisify } from 'node:util'

/**
 * The file calls of the probes, on plain descriptors: a FileHandle costs more than the call it wraps. Each runs
 * in libuv's pool, so one that hangs costs a thread and nothing else.
 */
export const open = promisify(fs.open)
export const close = promisify(fs.close)
export const read = promisify(fs.read)
export const write = promisify(fs.write)
export const fsync = promisify(fs.fsync)
export const fstat = promisify(fs.fstat)
export const stat = promisify(fs.stat)
export const lstat = promisify(fs.lstat)
export const unlink = promisify(fs.unlink)
export const statfs = promisify(fs.statfs)
export const opendir = promisify(fs.opendir)

/** open(2)'s O_DIRECT; 0 where the system has none. */
export const O_DIRECT: number = fs.constants.O_DIRECT ?? 0
/** open(2)'s O_PATH, which Node does not name: finds a file without opening it. */
export const O_PATH = 0o10000000

export const READ_BYTES = 4096

/**
 * O_DIRECT wants memory that is aligned to the disk's blocks, which a Buffer is not; WebAssembly's is aligned to
 * its 64 KiB pages. Nobody looks at what is read, so all reads share it, also those that never return.
 */
export const alignedMemory = new Uint8Array(new WebAssembly.Memory({ initial: 1 }).buffer, 0, READ_BYTES)
