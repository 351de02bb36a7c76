import { readFileSync, readlinkSync } from 'node:fs'
import { readFile, readlink } from 'node:fs/promises'
import path from 'node:path'
import { mountList } from '../../mounts/mount-list.ts'
import { isWithin, type Mount, parseMountinfo } from '../../mounts/mountinfo.ts'
import { changedPoints, mountTable } from '../kernel/mount-watch.ts'

/** How long one reading serves the checks of one tick, in milliseconds. */
const FRESH_MS = 50

/** Changes of single mounts that are remembered. */
const MOST_CHANGES = 200

/** The mounts of this process, read at most once for all the paths that are checked at the same moment. */
export interface MountTable {
  /** The last reading, whatever its age; never waits. */
  last(): readonly Mount[]
  /** The mount that a path lies on by its text alone; read again now if the last reading is old. */
  above(path: string): Mount | null
  current(): Promise<readonly Mount[]>
  /** Reads again now: a mount appeared since. */
  fresh(): Promise<readonly Mount[]>
  /** A number that grows whenever the table changes; read again now if the last reading is old. */
  generation(): number
  /** Whether no mount at or above any of these paths has come, gone or changed since that generation. */
  isUnchangedFor(paths: readonly string[], generation: number): boolean
  /** ext4's own count of the errors that it met since it was made or last mended; null: not ext4. */
  errorsCount(mount: Mount): Promise<number | null>
  /** The same, read at most once for all the paths that are checked at the same moment; never waits. */
  errorsCountNow(mount: Pick<Mount, 'type' | 'device'>): number | null
}

/** Asks the system alone, which no disk can hang (platform/mount-list.ts says what each system knows). */
export function createMountTable(): MountTable {
  let text = ''
  let mounts: readonly Mount[] = []
  /** The mount on top of each point. */
  let tops = new Map<string, Mount>()
  let generation = 0
  let changes: { point: string; generation: number }[] = []
  /** What changed in this generation and before is not remembered any more. */
  let forgottenUpTo = -1
  let readMs = Number.NEGATIVE_INFINITY
  let reading: Promise<readonly Mount[]> | null = null

  const take = (next: string) => {
    readMs = performance.now()
    if (next !== text) {
      generation += 1
      const points = changedPoints(mountTable(text), mountTable(next))
      changes.push(...points.map((point) => ({ point, generation })))
      mounts = parseMountinfo(next)
      tops = new Map(mounts.map((mount) => [mount.point, mount]))
    }
    if (changes.length > MOST_CHANGES) {
      forgottenUpTo = changes.at(-1 - MOST_CHANGES / 2)?.generation ?? generation
      changes = changes.filter((change) => change.generation > forgottenUpTo)
    }
    text = next
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
  readNow()
  const nowGeneration = () => {
    if (performance.now() - readMs >= FRESH_MS) readNow()
    return generation
  }
  const counts = new Map<string, { count: number | null; readMs: number }>()
  return {
    generation: nowGeneration,
    isUnchangedFor: (paths, since) => {
      if (nowGeneration() === since) return true
      if (since < forgottenUpTo) return false
      return !changes.some(
        (change) => change.generation > since && paths.some((one) => isWithin(one, change.point)),
      )
    },
    errorsCountNow: ({ type, device }) => {
      const now = performance.now()
      const last = counts.get(device)
      if (last !== undefined && now - last.readMs < FRESH_MS) return last.count
      const count = type === 'ext4' ? errorsCountOf(device) : null
      counts.set(device, { count, readMs: now })
      return count
    },
    last: () => mounts,
    above: (path) => {
      nowGeneration()
      return topAbove(tops, path)
    },
    current: () => (performance.now() - readMs < FRESH_MS ? Promise.resolve(mounts) : fresh()),
    fresh,
    errorsCount,
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

async function errorsCount(mount: Mount): Promise<number | null> {
  if (mount.type !== 'ext4') return null
  try {
    const disk = path.basename(await readlink(`/sys/dev/block/${mount.device}`))
    return Number(await readFile(`/sys/fs/ext4/${disk}/errors_count`, 'utf8'))
  } catch {
    return null
  }
}

function errorsCountOf(device: string): number | null {
  try {
    const disk = path.basename(readlinkSync(`/sys/dev/block/${device}`))
    return Number(readFileSync(`/sys/fs/ext4/${disk}/errors_count`, 'utf8'))
  } catch {
    return null
  }
}
