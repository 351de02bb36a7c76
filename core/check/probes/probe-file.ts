import { randomBytes } from 'node:crypto'
import { lstat, opendir, unlink } from 'node:fs/promises'
import path from 'node:path'

/** Holdfast's own files: the scanner never ships them (filter/names.ts). */
const PROBE_FILE = /^\.holdfast-probe-[0-9a-f]{8}-\d{1,10}-[0-9a-f]{8}-\d+$/

const random = () => randomBytes(4).toString('hex')
const RUN = `.holdfast-probe-${random()}-${process.pid}-${random()}`
let made = 0

/** A name that no other probe, process or computer uses. */
export function probeName(): string {
  made += 1
  return `${RUN}-${made}`
}

/**
 * An older probe file, in milliseconds, is one that nobody removes any more: its process was killed, or its file system
 * has lost its last moments.
 */
const KEEP_MS = 60 * 60 * 1000
/** Entries of a directory that are looked at; a probe file that is missed is found another time. */
const MOST_ENTRIES = 50_000

/** Removes the probe files that killed runs left in a directory. Trouble is not its business, the probes name it. */
export async function removeLeftOvers(directory: string): Promise<void> {
  try {
    let looked = 0
    for await (const { name } of await opendir(directory, { bufferSize: 512 })) {
      looked += 1
      if (looked > MOST_ENTRIES) return
      if (!PROBE_FILE.test(name)) continue
      const file = path.join(directory, name)
      const stats = await lstat(file)
      if (stats.isFile() && Date.now() - stats.mtimeMs > KEEP_MS) await unlink(file)
    }
  } catch {
    // Another time.
  }
}
