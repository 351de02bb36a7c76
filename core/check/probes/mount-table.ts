import { readFileSync, readlinkSync } from 'node:fs'
import path from 'node:path'
import type { Mount } from '../../mounts/mountinfo.ts'
import { readMounts } from '../../mounts/whereabouts.ts'

/** How long one reading serves the checks of one tick, in milliseconds. */
const FRESH_MS = 50

/** What is mounted, read at most once for all the paths that are checked at the same moment. */
export function createMountTable() {
  let mounts: readonly Mount[] = []
  let readMs = Number.NEGATIVE_INFINITY
  /** Reads again now: a mount appeared since. */
  const fresh = () => {
    readMs = performance.now()
    mounts = readMounts() ?? mounts
    return mounts
  }
  return { fresh, current: () => (performance.now() - readMs < FRESH_MS ? mounts : fresh()) }
}
export type MountTable = ReturnType<typeof createMountTable>

/** ext4's own count of the errors that it met since it was made or last mended; null: not ext4. */
export function errorsCountOf({ type, device }: Mount): number | null {
  if (type !== 'ext4') return null
  try {
    const disk = path.basename(readlinkSync(`/sys/dev/block/${device}`))
    return Number(readFileSync(`/sys/fs/ext4/${disk}/errors_count`, 'utf8'))
  } catch {
    return null
  }
}
