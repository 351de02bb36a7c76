import { readFileSync } from 'node:fs'
import { readFile, readlink } from 'node:fs/promises'
import path from 'node:path'
import { type Mount, parseMountinfo } from '../mountinfo.ts'

const MOUNTINFO = '/proc/self/mountinfo'

/** How long one reading serves the checks of one tick, in milliseconds. */
const FRESH_MS = 50

/** The mounts of this process, read at most once for all the paths that are checked at the same moment. */
export interface MountTable {
  /** The last reading, whatever its age; never waits. */
  last(): readonly Mount[]
  current(): Promise<readonly Mount[]>
  /** Reads again now: a mount appeared since. */
  fresh(): Promise<readonly Mount[]>
  /** ext4's own count of the errors that it met since it was made or last mended; null: not ext4. */
  errorsCount(mount: Mount): Promise<number | null>
}

/** Reads /proc only, which no disk can hang. Elsewhere than on Linux the table stays empty. */
export function createMountTable(): MountTable {
  let text = ''
  let mounts: readonly Mount[] = []
  let readMs = Number.NEGATIVE_INFINITY
  let reading: Promise<readonly Mount[]> | null = null

  const take = (next: string) => {
    readMs = performance.now()
    if (next !== text) mounts = parseMountinfo(next)
    text = next
    return mounts
  }
  const fresh = () => {
    reading ??= readFile(MOUNTINFO, 'utf8')
      .then(take, () => mounts)
      .finally(() => {
        reading = null
      })
    return reading
  }
  try {
    take(readFileSync(MOUNTINFO, 'utf8'))
  } catch {
    // No /proc: nothing is known of mounts, and the probes do without.
  }
  return {
    last: () => mounts,
    current: () => (performance.now() - readMs < FRESH_MS ? Promise.resolve(mounts) : fresh()),
    fresh,
    errorsCount,
  }
}

async function errorsCount(mount: Mount): Promise<number | null> {
  if (mount.type !== 'ext4') return null
  try {
    const disk = path.basename(await readlink(`/sys/dev/block/${mount.device}`))
    return Number(await readFile(`/sys/fs/ext4/${disk}/errors_count`, 'utf8'))
  } catch {
    return null
  }
}
