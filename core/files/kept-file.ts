import { replaceFile } from './replace-file.ts'

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
      await replaceFile(file, now).catch(() => undefined)
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
