import { randomBytes } from 'node:crypto'
import { rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { ignoreError, warnUnlessCode } from '../dropped-errors.ts'
import { syncDirectory } from './fd.ts'

/** Replaces a small file atomically: readers see either the old or the new content, also after a crash. */
export async function replaceFile(file: string, content: string | Uint8Array, mode = 0o600): Promise<void> {
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`
  try {
    await writeFile(temporary, content, { flag: 'wx', mode, flush: true })
    await rename(temporary, file)
  } catch (thrown) {
    await rm(temporary, { force: true }).catch(ignoreError('the error of the write itself is thrown'))
    throw thrown
  }
  await syncDirectory(path.dirname(file))
}

/**
 * Writes a small file of the data directory, whose disk may be the one that has just failed. Errors stop nothing: for
 * files whose loss is acceptable.
 */
export function openKeptFile(file: string) {
  let next: string | null = null
  let writing: Promise<void> | null = null
  const write = async () => {
    for (let now = next; now !== null; now = next) {
      next = null
      await replaceFile(file, now).catch((error) =>
        warnUnlessCode(error, [], 'a small file of the data directory cannot be written'),
      )
    }
    writing = null
  }
  return {
    /**
     * Returns immediately; a thread of the pool writes. If several texts are saved during a write, only the
     * last is written.
     */
    save(text: string) {
      next = text
      writing ??= write()
    },
    /** Resolves when the last text is written, or could not be. */
    saved: () => writing ?? Promise.resolve(),
  }
}
