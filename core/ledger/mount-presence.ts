import { warnUnlessCode } from '../dropped-errors.ts'
import { isWithin, type Mount, readMounts } from '../platform/mounts.ts'
import type { InnerMount } from './contract.ts'
import type { Ledger } from './ledger.ts'

/**
 * Presence of a source's disk. `away`: it is not mounted, so the source's path shows the directory underneath, whose
 * files must not be used. `unknown`: its mount point was never recorded.
 */
export type MountPresence = 'there' | 'away' | 'unknown'

/** @param home the mount point that the source was on. */
export function getMountPresence(
  home: string | null,
  mounts: readonly Mount[] | null = readMounts(),
): MountPresence {
  if (home === null || mounts === null) return 'unknown'
  return mounts.some(({ point }) => point === home) ? 'there' : 'away'
}

/** True if a file (relative to its source) is below a mount point where nothing is mounted now. */
export function isBelowAway(file: string, inside: readonly InnerMount[]): boolean {
  const above = inside.filter(({ path }) => isWithin(file, path))
  const mounts = above.length === 0 ? null : readMounts()
  if (mounts === null) return false
  return above.some(({ point }) => !mounts.some((mount) => mount.point === point))
}

const NOT_KNOWN = 'the ledger cannot be read; the disks of its sources count as away'

/**
 * Finds out whether sources' disks are mounted. If the ledger cannot be read they count as away, which loses no file.
 */
export function openMountPresence(ledger: Pick<Ledger, 'home' | 'mountsInside'>) {
  return {
    of({ id }: { id: string }): MountPresence {
      try {
        return getMountPresence(ledger.home(id))
      } catch (error) {
        return warnUnlessCode(error, [], NOT_KNOWN, 'away')
      }
    },
    isBelowAway({ id }: { id: string }, file: string): boolean {
      try {
        return isBelowAway(file, ledger.mountsInside(id))
      } catch (error) {
        return warnUnlessCode(error, [], NOT_KNOWN, true)
      }
    },
  }
}
