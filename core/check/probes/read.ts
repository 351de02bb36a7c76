import fs, { constants, type PathLike } from 'node:fs'
import { opendir } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { ignoreError } from '../../dropped-errors.ts'
import { closeFd, closeQuietly, openFd } from '../../platform/fd.ts'
import { READ_FILE } from '../../platform/open-flags.ts'
import { type SystemError, toSystemError } from './errno.ts'

const read = promisify(fs.read)
/** open(2)'s O_DIRECT; 0 where the system has none. */
const O_DIRECT = constants.O_DIRECT ?? 0
const READ_BYTES = 4096
/**
 * O_DIRECT needs memory that is aligned to the disk's blocks, which a Buffer is not; WebAssembly's memory is aligned
 * to its 64 KiB pages. The content is not used, so all reads share the memory, including those that never return.
 */
const alignedMemory = new Uint8Array(new WebAssembly.Memory({ initial: 1 }).buffer, 0, READ_BYTES)

export interface ProbeReadResult {
  /** Milliseconds of open, one read and close together. */
  delayMs: number
  failure: ({ step: 'open' | 'read' | 'close' } & SystemError) | null
  /** The file system refused O_DIRECT, so the read may have been served from memory. */
  isBuffered: boolean
}

/**
 * Reads the first 4096 bytes of a file with O_DIRECT, so that the disk itself has to answer; 0 bytes of an empty file
 * are a success. If the file system refuses O_DIRECT (EINVAL, at open or at read), reads through the page cache. Any
 * type of file is opened: a FIFO without a writer hangs, as it would for every reader.
 */
export async function readFile(
  file: PathLike,
  options: { isBuffered: boolean; flags?: number; enter?: (step: string) => void },
): Promise<ProbeReadResult> {
  if (!options.isBuffered && O_DIRECT !== 0) {
    const direct = await readOnce(file, O_DIRECT | (options.flags ?? 0), options.enter)
    if (direct.failure?.code !== 'EINVAL') return { ...direct, isBuffered: false }
  }
  const buffered = await readOnce(file, options.flags ?? 0, options.enter)
  return { ...buffered, isBuffered: true }
}

async function readOnce(
  file: PathLike,
  flags: number,
  enter: (step: string) => void = () => undefined,
): Promise<Omit<ProbeReadResult, 'isBuffered'>> {
  const started = performance.now()
  let step: 'open' | 'read' | 'close' = 'open'
  try {
    enter(step)
    const descriptor = await openFd(file, constants.O_RDONLY | flags)
    step = 'read'
    try {
      enter(step)
      await read(descriptor, alignedMemory, 0, READ_BYTES, null)
    } catch (error) {
      await closeQuietly(descriptor)
      throw error
    }
    step = 'close'
    enter(step)
    await closeFd(descriptor)
    return { delayMs: performance.now() - started, failure: null }
  } catch (error) {
    return { delayMs: performance.now() - started, failure: { step, ...toSystemError(error) } }
  }
}

/** Limit of a directory's entries that are searched for a file to read. */
const LOOKED_AT = 32

/**
 * Runs the read probe of a directory: opens it and lists its beginning. A network or FUSE file system has to ask its
 * server for that; a local one may answer from memory. So if `sample` is set (no write probe will access the disk),
 * the first regular file among the first entries is read with O_DIRECT as well.
 */
export async function listDirectory(
  directory: string,
  options: { isBuffered: boolean; sample: boolean; enter?: (step: string) => void },
): Promise<ProbeReadResult> {
  const started = performance.now()
  let step: 'open' | 'read' = 'open'
  let file: string | null = null
  try {
    options.enter?.('open')
    // For each entry whose type the file system does not give, Node.js makes a call that blocks this thread.
    const entries = await opendir(directory, { bufferSize: options.sample ? LOOKED_AT : 1 })
    step = 'read'
    options.enter?.('read')
    try {
      for (let looked = 0; looked < LOOKED_AT && file === null; looked += 1) {
        const entry = await entries.read()
        if (entry === null) break
        if (entry.isFile()) file = path.join(directory, entry.name)
        if (!options.sample) break
      }
    } finally {
      await entries.close().catch(ignoreError('the listing itself is what the probe tests'))
    }
  } catch (error) {
    const failure = { step, ...toSystemError(error) }
    return { delayMs: performance.now() - started, failure, isBuffered: options.isBuffered }
  }
  const delayMs = performance.now() - started
  if (!options.sample || file === null) return { delayMs, failure: null, isBuffered: options.isBuffered }
  const sampled = await readFile(file, { ...options, flags: READ_FILE })
  // Errors of that file alone (its permissions, its removal) do not count for the directory.
  const isOfFile = ['EACCES', 'EPERM', 'ENOENT', 'ELOOP', 'EISDIR'].includes(sampled.failure?.code ?? '')
  return isOfFile ? { delayMs, failure: null, isBuffered: options.isBuffered } : sampled
}
