import { DEFAULT_KEEP, type Keep } from '../retention/choose.ts'

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
  floor: { bytes: 1024 ** 3, percent: 1 },
  quota: { each: { bytes: null, files: null }, of: {} },
}

export function getQuota({ quota }: StoreRules, folder: string): Quota {
  const own = quota.of[folder]
  return { bytes: own?.bytes ?? quota.each.bytes, files: own?.files ?? quota.each.files }
}

/**
 * Returns the folders that have a quota and belong to no sender. Quotas go by folder, and a folder can differ from the
 * sender's name: for a renamed sender, or a second sender of the same name. Such a quota would silently have no effect.
 */
export function findUnusedQuotas({ quota }: StoreRules, folders: readonly string[]): string[] {
  return Object.keys(quota.of).filter((folder) => !folders.includes(folder))
}

/** Returns the bytes that stay free on a disk of `diskBytes`. */
export function floorBytes(floor: Floor, diskBytes: number): number {
  return Math.min(floor.bytes, (diskBytes * floor.percent) / 100)
}

/**
 * Bytes that each name counts for a quota besides its content, about a block and an inode. Without it, empty files in
 * deep directories would cost nothing.
 */
export const NAME_BYTES = 4096

export interface Amount {
  files: number
  /** Size of the files, older versions included. */
  bytes: number
  /** Names on the disk: files, older versions and directories. */
  names: number
}

/** Returns why another file would exceed the quota, as the detail of the status "full"; null: it would not. */
export function checkQuota(quota: Quota, used: Amount, more: { size: number; names: number }): string | null {
  const bytes = used.bytes + more.size + (used.names + more.names) * NAME_BYTES
  if (quota.bytes !== null && bytes > quota.bytes) return `quota bytes ${quota.bytes}`
  if (quota.files !== null && used.files + 1 > quota.files) return `quota files ${quota.files}`
  return null
}
