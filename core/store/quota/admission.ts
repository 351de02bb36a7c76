import type { StatsFs } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { StorageError } from '../outcome.ts'
import { DEFAULT_KEEP, type Keep } from '../retention/retention.ts'

/** Inodes that stay free: the lesser of this number and this share of all inodes of the file system. */
const FREE_NAMES = { most: 10_000, share: 0.01 }
/** Maximum of directories that are remembered as existing; when it is exceeded, all are forgotten. */
const MOST_KNOWN = 20_000

/**
 * Bytes that each name counts for a quota besides its content, about a block and an inode. Without it, empty files in
 * deep directories would cost nothing.
 */
export const NAME_BYTES = 4096

/** Limits of one sender in the store, older versions included; null: no limit. */
export interface Quota {
  bytes: number | null
  files: number | null
}

/** Free space on the store's disk: the lesser of the two, in bytes and in percent of the disk. */
export interface Floor {
  bytes: number
  percent: number
}

export interface StoreRules {
  keep: Keep
  /** Days for which no content is removed after it was replaced, whatever `keep` is; 0: `keep` alone applies. */
  lockDays: number
  floor: Floor
  quota: {
    each: Quota
    /** By the sender's folder in the store; a null or missing limit is taken from `each`. */
    of: Readonly<Record<string, Partial<Quota>>>
  }
}

/**
 * Keeps 1 GiB free, on a small disk 1 %: other programs may use the same disk, and a completely full file system is
 * slow and hard to clean up. There is no default quota: only the administrator can choose one.
 */
export const DEFAULT_RULES: StoreRules = {
  keep: DEFAULT_KEEP,
  lockDays: 0,
  floor: { bytes: 1024 ** 3, percent: 1 },
  quota: { each: { bytes: null, files: null }, of: {} },
}

/** An announced file. */
interface Coming {
  /** Its path below the store's root. */
  place: string
  size: number
}

/** Room that is reserved for one file in transfer. */
export interface Room {
  /** Releases the room of bytes that are on the disk now, and are no longer part of the disk's free space. */
  written(bytes: number): void
  /** Ends the reservation. */
  leave(): void
}

export interface Amount {
  files: number
  /** Size of the files, older versions included. */
  bytes: number
  /** Names on the disk: files, older versions and directories. */
  names: number
}

/**
 * Decides if there is room for a file before it is written. Files in transfer count as stored, with their names and
 * those of the directories that must be created.
 */
export class Admission {
  readonly #root: string
  readonly #rules: StoreRules
  readonly #used: (folder: string) => Amount
  readonly #onTheWay = new Map<string, Amount>()
  readonly #known = new Set<string>()
  /** Reserved bytes that are not written yet, of all senders. */
  #all = 0

  /** @param used returns the stored totals of a sender. */
  constructor(root: string, rules: StoreRules, used: (folder: string) => Amount) {
    this.#root = root
    this.#rules = rules
    this.#used = used
  }

  /**
   * Counts bytes that a sender has on the disk, but not in the manifest. The returned function subtracts them again.
   */
  charge(folder: string, bytes: number): () => void {
    this.#count(folder, { files: 0, bytes, names: 0 })
    let left = bytes
    return () => {
      this.#count(folder, { files: 0, bytes: -left, names: 0 })
      left = 0
    }
  }

  /**
   * Reserves room for files. Returns for each file its room, or why there is none.
   * @throws system errors if the disk's free space cannot be read
   */
  async enterAll(folder: string, files: readonly Coming[]): Promise<(Room | StorageError)[]> {
    const now = await statfs(this.#root)
    return files.map(({ place, size }) => {
      const directories = this.#newDirectories(place)
      const names = 1 + directories.length
      const refused = this.#refusal(folder, size, names, now)
      if (refused !== null) return refused
      // Only for an admitted file: a refused one must count its directories when it is sent again.
      if (this.#known.size > MOST_KNOWN) this.#known.clear()
      for (const directory of directories) this.#known.add(directory)
      return this.#reserve(folder, size, names)
    })
  }

  /**
   * Checks that a sender has room for another source, whose directory counts as a name like its other sources'.
   * @param sources its sources with the new one.
   * @throws StorageError if there is none; system errors if the disk's free space cannot be read
   */
  async enterSource(folder: string, sources: number): Promise<void> {
    const refused = this.#refusal(folder, 0, sources, await statfs(this.#root))
    if (refused !== null) throw refused
  }

  #refusal(folder: string, size: number, names: number, now: StatsFs): StorageError | null {
    const sum = addAmounts(this.#used(folder), this.#coming(folder))
    const quota = getQuota(this.#rules, folder)
    const over = checkQuota(quota, sum, { size, names })
    const needed = size + names * NAME_BYTES
    if (over !== null) {
      const beyond = sum.bytes + sum.names * NAME_BYTES + needed - (quota.bytes ?? Number.POSITIVE_INFINITY)
      return new StorageError('full', over, beyond > 0 ? beyond : null)
    }
    const { bavail, blocks, bsize, ffree, files } = now
    // files is 0 if the file system does not count inodes.
    if (files > 0 && ffree < Math.min(FREE_NAMES.most, files * FREE_NAMES.share))
      return new StorageError('full', 'names')
    const free = bavail * bsize
    const missing = floorBytes(this.#rules.floor, blocks * bsize) + this.#all + needed - free
    if (size > free) return new StorageError('full', 'ENOSPC', Math.max(missing, size - free))
    return missing > 0 ? new StorageError('full', 'floor', missing) : null
  }

  #reserve(folder: string, size: number, names: number): Room {
    this.#count(folder, { files: 1, bytes: size, names })
    this.#all += size
    let left = size
    let isOver = false
    return {
      written: (bytes) => {
        const landed = isOver ? 0 : Math.min(bytes, left)
        left -= landed
        this.#all -= landed
      },
      leave: () => {
        if (isOver) return
        isOver = true
        this.#count(folder, { files: -1, bytes: -size, names: -names })
        this.#all -= left
      },
    }
  }

  #coming(folder: string): Amount {
    return this.#onTheWay.get(folder) ?? { files: 0, bytes: 0, names: 0 }
  }

  #count(folder: string, more: Amount): void {
    const after = addAmounts(this.#coming(folder), more)
    if (after.files === 0 && after.bytes === 0 && after.names === 0) this.#onTheWay.delete(folder)
    else this.#onTheWay.set(folder, after)
  }

  /** Returns the parent directories that are not remembered as existing. */
  #newDirectories(place: string): string[] {
    const made: string[] = []
    for (let end = place.lastIndexOf('/'); end > 0; end = place.lastIndexOf('/', end - 1)) {
      const directory = place.slice(0, end)
      if (this.#known.has(directory)) break
      made.push(directory)
    }
    return made
  }
}

const addAmounts = (one: Amount, other: Amount): Amount => ({
  files: one.files + other.files,
  bytes: one.bytes + other.bytes,
  names: one.names + other.names,
})

export function getQuota({ quota }: StoreRules, folder: string): Quota {
  const own = Object.hasOwn(quota.of, folder) ? quota.of[folder] : undefined
  return { bytes: own?.bytes ?? quota.each.bytes, files: own?.files ?? quota.each.files }
}

/** Returns why another file would exceed the quota, as the detail of the status "full"; null: it would not. */
export function checkQuota(quota: Quota, used: Amount, more: { size: number; names: number }): string | null {
  const bytes = used.bytes + more.size + (used.names + more.names) * NAME_BYTES
  if (quota.bytes !== null && bytes > quota.bytes) return `quota bytes ${quota.bytes}`
  if (quota.files !== null && used.files + 1 > quota.files) return `quota files ${quota.files}`
  return null
}

/**
 * Returns the bytes that a sender may still store.
 * @param free on the store's disk, beyond what must stay free.
 */
export function getSpaceLeft(rules: StoreRules, folder: string, used: Amount, free: number): number {
  const { bytes } = getQuota(rules, folder)
  const ofQuota = (bytes ?? Number.POSITIVE_INFINITY) - used.bytes - used.names * NAME_BYTES
  return Math.max(0, Math.min(ofQuota, free))
}

/** Returns the bytes that stay free on a disk of `diskBytes`. */
export function floorBytes(floor: Floor, diskBytes: number): number {
  return Math.min(floor.bytes, (diskBytes * floor.percent) / 100)
}

/**
 * Returns the folders that have a quota and belong to no sender. Quotas go by folder, and a folder can differ from the
 * sender's name: for a renamed sender, or a second sender of the same name. Such a quota would silently have no effect.
 */
export function findUnusedQuotas({ quota }: StoreRules, folders: readonly string[]): string[] {
  return Object.keys(quota.of).filter((folder) => !folders.includes(folder))
}
