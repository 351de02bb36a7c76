import { DEFAULT_KEEP, type Keep } from '../retention/choose.ts'

/** What one sender may have in the store, older versions included; null: no limit. */
export interface Quota {
  bytes: number | null
  files: number | null
}

/** What stays free on the store's disk: the lesser of the two, in bytes and in percent of the disk. */
export interface Floor {
  bytes: number
  percent: number
}

export interface StoreRules {
  keep: Keep
  floor: Floor
  quota: {
    each: Quota
    /** By the sender's folder in the store; what is null there is as for `each`. */
    of: Readonly<Record<string, Partial<Quota>>>
  }
}

/**
 * 1 GiB, on a small disk 1 %: other programs may live on the same disk, and a file system that is filled to its last
 * block is slow and hard to clean up. No quota: only who runs the receiver knows one.
 */
export const DEFAULT_RULES: StoreRules = {
  keep: DEFAULT_KEEP,
  floor: { bytes: 1024 ** 3, percent: 1 },
  quota: { each: { bytes: null, files: null }, of: {} },
}

export function quotaOf({ quota }: StoreRules, folder: string): Quota {
  const own = quota.of[folder]
  return { bytes: own?.bytes ?? quota.each.bytes, files: own?.files ?? quota.each.files }
}

/**
 * Folders with a quota that limits none of these. It may be a name that is not its sender's folder: after a new name,
 * or of a second sender of that name, no quota would hold, and nobody would know.
 */
export function quotasOfNobody({ quota }: StoreRules, folders: readonly string[]): string[] {
  return Object.keys(quota.of).filter((folder) => !folders.includes(folder))
}

/** Bytes that stay free on a disk of `diskBytes`. */
export function floorBytes(floor: Floor, diskBytes: number): number {
  return Math.min(floor.bytes, (diskBytes * floor.percent) / 100)
}

/**
 * What a name takes of a quota beside its content: a block and an inode are about that. Without it empty files in deep
 * directories would cost nothing.
 */
export const NAME_BYTES = 4096

export interface Amount {
  files: number
  /** Of contents. */
  bytes: number
  /** Of files, older contents and directories. */
  names: number
}

/** Why a sender with this usage may not store one more file, as the detail of the status "full"; null: it may. */
export function overQuota(quota: Quota, used: Amount, more: { size: number; names: number }): string | null {
  const bytes = used.bytes + more.size + (used.names + more.names) * NAME_BYTES
  if (quota.bytes !== null && bytes > quota.bytes) return `quota bytes ${quota.bytes}`
  if (quota.files !== null && used.files + 1 > quota.files) return `quota files ${quota.files}`
  return null
}
