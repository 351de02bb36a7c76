import { statfs } from 'node:fs/promises'
import { FileRefused } from '../outcome.ts'
import type { Amount, StoreRules } from './rules.ts'
import { floorBytes, NAME_BYTES, overQuota, quotaOf } from './rules.ts'

/** Of the names that a file system can have (inodes), so many stay free, or this share. */
const FREE_NAMES = { most: 10_000, share: 0.01 }
/** Directories that are remembered to be there; when it is full it is begun again. */
const MOST_KNOWN = 20_000

/** A file that wants to come. */
interface Coming {
  /** Its place below the store's root. */
  place: string
  size: number
}

/** Room that is reserved for one file on its way. */
export interface Room {
  /** So many more of its bytes are on the disk, which says so itself by now: their room is not counted twice. */
  written(bytes: number): void
  /** The file is on its way no more. */
  leave(): void
}

export type Admission = ReturnType<typeof openAdmission>

/**
 * Decides before a file is written whether there is room for it: files on their way count as if they were stored, with
 * their names and those of the directories that have to be made.
 *
 * @param used what a sender has stored.
 */
export function openAdmission(root: string, rules: StoreRules, used: (folder: string) => Amount) {
  const onTheWay = new Map<string, Amount>()
  const known = new Set<string>()
  /** Bytes that are still to be written. */
  let all = 0

  /** `freeNames`: that can still be made; null: the file system does not count them. */
  const ask = async () => {
    const { bavail, blocks, bsize, ffree, files } = await statfs(root)
    return { free: bavail * bsize, total: blocks * bsize, freeNames: files > 0 ? ffree : null, names: files }
  }

  const coming = (folder: string): Amount => onTheWay.get(folder) ?? { files: 0, bytes: 0, names: 0 }
  const sumOf = (one: Amount, other: Amount): Amount => ({
    files: one.files + other.files,
    bytes: one.bytes + other.bytes,
    names: one.names + other.names,
  })
  const count = (folder: string, more: Amount) => {
    const after = sumOf(coming(folder), more)
    if (after.files === 0 && after.bytes === 0 && after.names === 0) onTheWay.delete(folder)
    else onTheWay.set(folder, after)
  }

  /** Directories above a place that are not known to be there. */
  const newDirectories = (place: string): string[] => {
    const made: string[] = []
    for (let end = place.lastIndexOf('/'); end > 0; end = place.lastIndexOf('/', end - 1)) {
      const directory = place.slice(0, end)
      if (known.has(directory)) break
      made.push(directory)
    }
    return made
  }
  /** Only those of an admitted file: a refused one pays for them when it comes again. */
  const remember = (directories: readonly string[]) => {
    if (known.size > MOST_KNOWN) known.clear()
    for (const directory of directories) known.add(directory)
  }

  const refusal = (folder: string, size: number, names: number, now: Awaited<ReturnType<typeof ask>>) => {
    const sum = sumOf(used(folder), coming(folder))
    const quota = quotaOf(rules, folder)
    const over = overQuota(quota, sum, { size, names })
    const needed = size + names * NAME_BYTES
    if (over !== null) {
      const beyond = sum.bytes + sum.names * NAME_BYTES + needed - (quota.bytes ?? Number.POSITIVE_INFINITY)
      return new FileRefused('full', over, beyond > 0 ? beyond : null)
    }
    if (now.freeNames !== null && now.freeNames < Math.min(FREE_NAMES.most, now.names * FREE_NAMES.share))
      return new FileRefused('full', 'names')
    const missing = floorBytes(rules.floor, now.total) + all + needed - now.free
    if (size > now.free) return new FileRefused('full', 'ENOSPC', Math.max(missing, size - now.free))
    return missing > 0 ? new FileRefused('full', 'floor', missing) : null
  }

  const roomOf = (folder: string, size: number, names: number): Room => {
    count(folder, { files: 1, bytes: size, names })
    all += size
    let left = size
    let isOver = false
    return {
      written(bytes) {
        const landed = isOver ? 0 : Math.min(bytes, left)
        left -= landed
        all -= landed
      },
      leave() {
        if (isOver) return
        isOver = true
        count(folder, { files: -1, bytes: -size, names: -names })
        all -= left
      },
    }
  }

  return {
    /** Counts bytes that a sender has on the disk, but not in the manifest; the result takes them off again. */
    charge(folder: string, bytes: number) {
      count(folder, { files: 0, bytes, names: 0 })
      let left = bytes
      return () => {
        count(folder, { files: 0, bytes: -left, names: 0 })
        left = 0
      }
    },
    /**
     * Of each file its room, or why there is none.
     * @throws what the system says of a disk that cannot be asked.
     */
    async enterAll(folder: string, files: readonly Coming[]) {
      const now = await ask()
      return files.map(({ place, size }) => {
        const directories = newDirectories(place)
        const names = 1 + directories.length
        const refused = refusal(folder, size, names, now)
        if (refused !== null) return refused
        remember(directories)
        return roomOf(folder, size, names)
      })
    },
  }
}
