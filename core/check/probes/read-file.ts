import fs, { constants, type PathLike } from 'node:fs'
import { promisify } from 'node:util'
import { closeFd, closeQuietly, openFd } from '../../platform/fd.ts'
import { type SystemError, toSystemError } from './findings.ts'

// The read probe of a file. `holdfast check --pipe` starts with it, so it imports little.

/** open(2)'s O_DIRECT; 0 where the system has none. */
const O_DIRECT = constants.O_DIRECT ?? 0
const READ_BYTES = 4096

const read = promisify(fs.read)

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
