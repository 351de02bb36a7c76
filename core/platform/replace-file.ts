import { randomBytes } from 'node:crypto'
import { rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { ignoreError, warnUnlessCode } from '../dropped-errors.ts'
import { syncDirectory } from './fd.ts'

/** Replaces a small file whole: whoever reads it sees the old content or the new one, also after a crash. */
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
 * A small file of the data directory, whose disk may be the very one that has just failed. What cannot be written stops
 * nothing: it is for files whose loss costs little.
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
    /** Returns at once; a thread of the pool writes. Of texts that come meanwhile the last is written. */
    save(text: string) {
      next = text
      writing ??= write()
    },
    /** Resolves when the last of them is written, or could not be. */
    saved: () => writing ?? Promise.resolve(),
  }
}
