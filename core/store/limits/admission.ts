import { statfs } from 'node:fs/promises'
import { FileRefused } from '../outcome.ts'
import type { Amount, StoreRules } from './rules.ts'
import { floorBytes, NAME_BYTES, overQuota, quotaOf } from './rules.ts'

/** Of the names that a file system can have (inodes), so many stay free, or this share. */
const FREE_NAMES = { most: 10_000, share: 0.01 }

/** Room that is reserved for one file on its way. */
export interface Room {
  /** So many more of its bytes are on the disk, which says so itself by now: their room is not counted twice. */
  written(bytes: number): void
  /** The file is on its way no more. */
  leave(): void
}

export type Admission = ReturnType<typeof openAdmission>

interface Disk {
  free: number
  total: number
  /** Names that can still be made; null: the file system does not count them. */
  freeNames: number | null
  names: number
}

/**
 * Decides before a file is written whether there is room for it: files on their way count as if they were stored.
 *
 * @param used what a sender has stored.
 */
export function openAdmission(root: string, rules: StoreRules, used: (folder: string) => Amount) {
  const onTheWay = new Map<string, { files: number; bytes: number }>()
  /** Bytes that are still to be written. */
  let all = 0

  const ask = async (): Promise<Disk> => {
    const { bavail, blocks, bsize, ffree, files } = await statfs(root)
    return { free: bavail * bsize, total: blocks * bsize, freeNames: files > 0 ? ffree : null, names: files }
  }

  const coming = (folder: string) => onTheWay.get(folder) ?? { files: 0, bytes: 0 }
  const count = (folder: string, files: number, bytes: number) => {
    const before = coming(folder)
    const after = { files: before.files + files, bytes: before.bytes + bytes }
    if (after.files === 0 && after.bytes === 0) onTheWay.delete(folder)
    else onTheWay.set(folder, after)
  }

  const refusal = (folder: string, size: number, now: Disk): FileRefused | null => {
    const stored = used(folder)
    const { files, bytes } = coming(folder)
    const sum = {
      files: stored.files + files,
      bytes: stored.bytes + bytes,
      names: stored.names + files,
    }
    const quota = quotaOf(rules, folder)
    const over = overQuota(quota, sum, size)
    const needed = size + NAME_BYTES
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

  const roomOf = (folder: string, size: number): Room => {
    count(folder, 1, size)
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
        count(folder, -1, -size)
        all -= left
      },
    }
  }

  return {
    /** Counts bytes that a sender has on the disk, but not in the manifest; the result takes them off again. */
    charge(folder: string, bytes: number) {
      count(folder, 0, bytes)
      let left = bytes
      return () => {
        count(folder, 0, -left)
        left = 0
      }
    },
    /**
     * Of each file its room, by its size, or why there is none.
     * @throws what the system says of a disk that cannot be asked.
     */
    async enterAll(folder: string, sizes: readonly number[]) {
      const now = await ask()
      return sizes.map((size) => refusal(folder, size, now) ?? roomOf(folder, size))
    },
  }
}
