import { readFileSync, readlinkSync } from 'node:fs'
import path from 'node:path'
import { mountList } from '../../mounts/mount-list.ts'
import { type Mount, parseMountinfo } from '../../mounts/mountinfo.ts'

/** How long one reading serves the checks of one tick, in milliseconds. */
const FRESH_MS = 50

/** The mounts of this process, read at most once for all the paths that are checked at the same moment. */
export type MountTable = ReturnType<typeof createMountTable>

/** Asks the system alone, which no disk can hang (mounts/mount-list.ts says what each system knows). */
export function createMountTable() {
  let text = ''
  let mounts: readonly Mount[] = []
  /** The mount on top of each point. */
  let tops = new Map<string, Mount>()
  let readMs = Number.NEGATIVE_INFINITY
  let reading: Promise<readonly Mount[]> | null = null
  let counts = new Map<string, { count: number | null; readMs: number }>()

  const take = (next: string) => {
    readMs = performance.now()
    if (next === text) return mounts
    text = next
    mounts = parseMountinfo(next)
    tops = new Map(mounts.map((mount) => [mount.point, mount]))
    counts = new Map()
    return mounts
  }
  const fresh = () => {
    reading ??= mountList
      .read()
      .then(take, () => mounts)
      .finally(() => {
        reading = null
      })
    return reading
  }
  const readNow = () => {
    try {
      take(mountList.readNow())
    } catch {
      // No /proc: nothing is known of mounts, and the probes do without.
      readMs = performance.now()
    }
  }
  return {
    /** The mount that a path lies on by its text alone; read again now if the last reading is old. */
    above: (path: string) => {
      if (performance.now() - readMs >= FRESH_MS) readNow()
      return topAbove(tops, path)
    },
    current: () => (performance.now() - readMs < FRESH_MS ? Promise.resolve(mounts) : fresh()),
    /** Reads again now: a mount appeared since. */
    fresh,
    /** ext4's own count of the errors that it met since it was made or last mended; null: not ext4. */
    errorsCount: ({ type, device }: Mount) => {
      if (type !== 'ext4') return null
      const now = performance.now()
      const last = counts.get(device)
      if (last !== undefined && now - last.readMs < FRESH_MS) return last.count
      const count = errorsCountOf(device)
      counts.set(device, { count, readMs: now })
      return count
    },
  }
}

/** The same as mountAbove finds among all mounts, at a cost that each path can have at each check. */
function topAbove(tops: ReadonlyMap<string, Mount>, path: string): Mount | null {
  let at = path
  while (at.startsWith('/')) {
    const mount = tops.get(at)
    if (mount !== undefined || at === '/') return mount ?? null
    at = at.slice(0, at.lastIndexOf('/')) || '/'
  }
  return null
}

function errorsCountOf(device: string): number | null {
  try {
    const disk = path.basename(readlinkSync(`/sys/dev/block/${device}`))
    return Number(readFileSync(`/sys/fs/ext4/${disk}/errors_count`, 'utf8'))
  } catch {
    return null
  }
}
