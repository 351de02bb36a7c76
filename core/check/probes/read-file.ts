import { constants, type PathLike } from 'node:fs'
import { alignedMemory, close, O_DIRECT, open, READ_BYTES, read } from './calls.ts'
import { type SystemError, systemErrorOf } from './errno.ts'

export interface ReadResult {
  /** Milliseconds of open, one read and close together. */
  delayMs: number
  failure: ({ step: 'open' | 'read' | 'close' } & SystemError) | null
  /** The file system refused O_DIRECT, so the read may have been answered from memory. */
  isBuffered: boolean
}

/**
 * Reads the first 4096 bytes of a file with O_DIRECT, so that the disk itself has to answer; an empty file
 * answers with 0 bytes and is well. A file system that refuses O_DIRECT (EINVAL, at open or at read) is read
 * through the page cache. The file is opened as it is: a FIFO without a writer hangs, as every reader would.
 */
export async function readFile(
  path: PathLike,
  options: { isBuffered: boolean; flags?: number; enter?: (step: string) => void },
): Promise<ReadResult> {
  if (!options.isBuffered && O_DIRECT !== 0) {
    const direct = await readOnce(path, O_DIRECT | (options.flags ?? 0), options.enter)
    if (direct.failure?.code !== 'EINVAL') return { ...direct, isBuffered: false }
  }
  const buffered = await readOnce(path, options.flags ?? 0, options.enter)
  return { ...buffered, isBuffered: true }
}

async function readOnce(
  path: PathLike,
  flags: number,
  enter: (step: string) => void = () => undefined,
): Promise<Omit<ReadResult, 'isBuffered'>> {
  const started = performance.now()
  let step: 'open' | 'read' | 'close' = 'open'
  try {
    enter(step)
    const file = await open(path, constants.O_RDONLY | flags)
    step = 'read'
    try {
      enter(step)
      await read(file, alignedMemory, 0, READ_BYTES, null)
    } catch (thrown) {
      await close(file).catch(() => undefined)
      throw thrown
    }
    step = 'close'
    enter(step)
    await close(file)
    return { delayMs: performance.now() - started, failure: null }
  } catch (thrown) {
    return { delayMs: performance.now() - started, failure: { step, ...systemErrorOf(thrown) } }
  }
}
