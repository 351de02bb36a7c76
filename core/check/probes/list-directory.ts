import { constants } from 'node:fs'
import path from 'node:path'
import { opendir } from './calls.ts'
import { systemErrorOf } from './errno.ts'
import { type ReadResult, readFile } from './read-file.ts'

/** Entries of a directory that are looked at for a file to read. */
const LOOKED_AT = 32

/**
 * The read probe of a directory: opens and lists the beginning of it. A network or FUSE file system has to ask
 * its server for that; a local one may answer from memory, so where `sample` is set (no write probe will go to
 * the disk) the first regular file among the first entries is read with O_DIRECT as well. O_NONBLOCK and
 * O_NOFOLLOW keep a FIFO or a link that has just taken the file's place from being followed.
 */
export async function listDirectory(
  directory: string,
  options: { isBuffered: boolean; sample: boolean; enter?: (step: string) => void },
): Promise<ReadResult> {
  const started = performance.now()
  let step: 'open' | 'read' = 'open'
  let file: string | null = null
  try {
    options.enter?.('open')
    const entries = await opendir(directory, { bufferSize: LOOKED_AT })
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
      await entries.close().catch(() => undefined)
    }
  } catch (thrown) {
    const failure = { step, ...systemErrorOf(thrown) }
    return { delayMs: performance.now() - started, failure, isBuffered: options.isBuffered }
  }
  const delayMs = performance.now() - started
  if (!options.sample || file === null) return { delayMs, failure: null, isBuffered: options.isBuffered }
  const sampled = await readFile(file, {
    ...options,
    flags: (constants.O_NONBLOCK ?? 0) | (constants.O_NOFOLLOW ?? 0),
  })
  // What concerns that one file (its rights, its removal) says nothing about the directory.
  const isOfFile = ['EACCES', 'EPERM', 'ENOENT', 'ELOOP', 'EISDIR'].includes(sampled.failure?.code ?? '')
  return isOfFile ? { delayMs, failure: null, isBuffered: options.isBuffered } : sampled
}
