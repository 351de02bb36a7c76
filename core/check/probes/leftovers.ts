import path from 'node:path'
import { lstat, opendir, unlink } from './calls.ts'
import { isLeftOver, PROBE_FILE_PREFIX } from './probe-name.ts'

/** Entries of a directory that are looked at; a probe file that is missed is found another time. */
const MOST_ENTRIES = 50_000

/**
 * Removes the probe files that killed runs left in a directory. Returns how many it removed; trouble is not its
 * business, the probes name it.
 */
export async function removeLeftOvers(directory: string): Promise<number> {
  let removed = 0
  try {
    const entries = await opendir(directory, { bufferSize: 512 })
    try {
      for (let looked = 0; looked < MOST_ENTRIES; looked += 1) {
        const entry = await entries.read()
        if (entry === null) break
        if (!entry.name.startsWith(PROBE_FILE_PREFIX) || !entry.isFile()) continue
        const file = path.join(directory, entry.name)
        const { mtimeMs } = await lstat(file)
        if (!isLeftOver(entry.name, Date.now() - mtimeMs)) continue
        await unlink(file)
        removed += 1
      }
    } finally {
      await entries.close().catch(() => undefined)
    }
  } catch {
    return removed
  }
  return removed
}
