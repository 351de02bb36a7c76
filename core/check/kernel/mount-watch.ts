import { mountList } from '../../mounts/mount-list.ts'
import { parseMountinfo } from '../../mounts/mountinfo.ts'
import type { Clock } from '../clock.ts'

/** How often the mount table is looked at, in milliseconds. */
export const MOUNT_WATCH_MS = 1_000

/** What the mount table says of each mount point: file system and options of the mount on top of it. */
export type MountTable = ReadonlyMap<string, string>

export function mountTable(mountinfo: string): MountTable {
  return new Map(
    parseMountinfo(mountinfo).map(({ point, id, device, options, superOptions }) => [
      point,
      [id, device, options.join(), superOptions.join()].join(' '),
    ]),
  )
}

/** The mount points that came, went, or changed their file system or its options. */
export function changedPoints(before: MountTable, after: MountTable): string[] {
  const points = new Set([...before.keys(), ...after.keys()])
  return [...points].filter((point) => before.get(point) !== after.get(point))
}

/**
 * Looks at the mount table between the checks: it is one small read for all paths, and tells of a disk that
 * was unmounted or that the kernel made read-only at once, whatever the interval of the checks is. It only
 * says where to look; the verdict is the probes'. Returns the function that ends it.
 */
export function watchMounts(
  clock: Clock,
  changed: (points: string[]) => void,
  read: () => Promise<string> = mountList.read,
): () => void {
  let text: string | null = null
  let table: MountTable | null = null
  let cancel = () => {}
  let isOver = false
  const look = async () => {
    try {
      const now = await read()
      if (now === text) return
      text = now
      const next = mountTable(now)
      const points = table === null ? [] : changedPoints(table, next)
      table = next
      if (points.length > 0 && !isOver) changed(points)
    } catch {
      // No /proc, or the system refuses just now: until the next look the checks alone will tell.
    } finally {
      if (!isOver) cancel = clock.at(clock.now() + MOUNT_WATCH_MS, look)
    }
  }
  void look()
  return () => {
    isOver = true
    cancel()
  }
}
