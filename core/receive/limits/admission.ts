import { statfs } from 'node:fs/promises'
import { FileRefused } from '../file-refused.ts'
import type { Amount, StoreRules } from './rules.ts'
import { floorBytes, overQuota, quotaOf } from './rules.ts'

/** What the disk said is good for so long, in milliseconds. */
const DISK_MS = 250

/** Room that is reserved for one file on its way. */
export interface Room {
  /** Why it may only stay if this very content is there already; null: it may. */
  unlessSame: FileRefused | null
  /** So many more of its bytes are on the disk, which says so itself by now: their room is not counted twice. */
  written(bytes: number): void
  /** The file is on its way no more: what was not written of it by now never will be. */
  leave(): void
}

/** Room that is reserved for several files of one sender. */
export interface Reserved {
  /** Of each file why it may only stay if this very content is there already; null: it may. */
  unlessSame: readonly (FileRefused | null)[]
  /** One of the files, of this size, is on its way no more; `landed`: it is on the disk, or may be. */
  leave(size: number, landed: boolean): void
}

export interface Admission {
  /** @throws what the system says of a disk that cannot be asked. */
  enter(folder: string, size: number): Promise<Room>
  /** The same for several files at once. */
  enterAll(folder: string, sizes: readonly number[]): Promise<Reserved>
  /** Counts bytes that a sender has on the disk, but not in the manifest; the result takes them off again. */
  charge(folder: string, bytes: number): () => void
}

interface Disk {
  free: number
  total: number
}

/**
 * Decides before a file is written whether there is room for it: files on their way count as if they were stored.
 *
 * @param usage what a sender has, and `known`, which resolves when that can be told.
 */
export function openAdmission(
  root: string,
  rules: StoreRules,
  known: Promise<void>,
  usage: (folder: string) => Amount,
): Admission {
  const onTheWay = new Map<string, Amount>()
  /** Bytes that are still to be written. */
  let all = 0
  /** `landed`: bytes that were written since it was asked, and may be missing in what it says. */
  let asked: { at: number; disk: Promise<Disk>; landed: number } | null = null

  const ask = async (): Promise<Disk> => {
    const { bavail, blocks, bsize } = await statfs(root)
    return { free: bavail * bsize, total: blocks * bsize }
  }

  /** What the disk had free, without what has landed on it since. */
  const disk = async (): Promise<Disk> => {
    const now = performance.now()
    if (asked === null || now - asked.at > DISK_MS) asked = { at: now, disk: ask(), landed: 0 }
    const mine = asked
    const { free, total } = await mine.disk
    return { free: free - mine.landed, total }
  }

  const count = (folder: string, files: number, bytes: number) => {
    const before = onTheWay.get(folder) ?? { files: 0, bytes: 0 }
    const after = { files: before.files + files, bytes: before.bytes + bytes }
    if (after.files === 0 && after.bytes === 0) onTheWay.delete(folder)
    else onTheWay.set(folder, after)
  }
  const land = (bytes: number) => {
    if (asked !== null) asked.landed += bytes
  }

  const refusal = (folder: string, size: number, { free, total }: Disk): FileRefused | null => {
    const stored = usage(folder)
    const coming = onTheWay.get(folder) ?? { files: 0, bytes: 0 }
    const used = { files: stored.files + coming.files, bytes: stored.bytes + coming.bytes }
    const quota = quotaOf(rules, folder)
    const over = overQuota(quota, used, size)
    const overBytes = used.bytes + size - (quota.bytes ?? Number.POSITIVE_INFINITY)
    if (over !== null) return new FileRefused('full', over, overBytes > 0 ? overBytes : null)
    const missing = floorBytes(rules.floor, total) + all + size - free
    if (size > free) return new FileRefused('full', 'ENOSPC', Math.max(missing, size - free))
    return missing > 0 ? new FileRefused('full', 'floor', missing) : null
  }

  const enterAll = async (folder: string, sizes: readonly number[]): Promise<Reserved> => {
    const { bytes, files } = quotaOf(rules, folder)
    if (bytes !== null || files !== null) await known
    const room = await disk()
    const unlessSame = sizes.map((size) => {
      const refused = refusal(folder, size, room)
      count(folder, 1, size)
      all += size
      return refused
    })
    const leave = (size: number, landed: boolean) => {
      count(folder, -1, -size)
      all -= size
      if (landed) land(size)
    }
    return { unlessSame, leave }
  }

  const enter = async (folder: string, size: number): Promise<Room> => {
    const { unlessSame } = await enterAll(folder, [size])
    const [refused = null] = unlessSame
    let left = size
    let isOver = false
    return {
      unlessSame: refused,
      written(bytes) {
        const more = isOver ? 0 : Math.min(bytes, left)
        left -= more
        all -= more
        land(more)
      },
      leave() {
        if (isOver) return
        isOver = true
        count(folder, -1, -size)
        all -= left
      },
    }
  }

  return {
    charge(folder, bytes) {
      count(folder, 0, bytes)
      let left = bytes
      return () => {
        count(folder, 0, -left)
        left = 0
      }
    },
    enter,
    enterAll,
  }
}
