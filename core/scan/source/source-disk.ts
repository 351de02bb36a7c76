import type { InnerMount } from '../../ledger/contract.ts'
import { attempt } from '../../ledger/health.ts'
import type { Ledger } from '../../ledger/ledger.ts'
import { getMountPresence } from '../../ledger/mount-presence.ts'
import { message } from '../../lib/i18n/message.ts'
import { findMount, readMounts } from '../../platform/mounts/mountinfo.ts'
import type { Source } from '../../settings/schema.ts'
import type { MountScope } from '../../walk/regions.ts'
import { absolutePath, relativeTo } from '../../walk/scanned-file.ts'
import { countUnsent } from '../reconcile/ledger-diff.ts'
import type { SessionContext } from '../source-session.ts'

/**
 * Tracks where a source's disk is mounted. The ledger remembers the mount point, so that a missing disk stays missing
 * over a restart. While the ledger fails, its last answer is used.
 * @param failed called with errors of the ledger, which do not concern the directory.
 */
export function openHome(
  source: string,
  ledger: Pick<Ledger, 'home' | 'rememberHome'>,
  failed: (error: unknown) => void,
) {
  /** undefined: the ledger has not answered yet. */
  let home: string | null | undefined

  const isKnown = (): boolean => {
    home = attempt(() => ledger.home(source), home, failed)
    return home !== undefined
  }
  return {
    /** Reads the ledger. false: it has never answered, and the path may show the directory underneath the disk. */
    isKnown,
    /** Returns the source's mount point if nothing is mounted there now; else null, after recording the present one. */
    missing(root: string): string | null {
      const mounts = readMounts()
      const before = home ?? null
      if (getMountPresence(before, mounts) === 'away') return before
      const now = mounts === null ? null : (findMount(mounts, root)?.point ?? null)
      if (now !== null && now !== before) attempt(() => ledger.rememberHome(source, now), undefined, failed)
      return null
    },
    isThere: () => {
      isKnown()
      return getMountPresence(home ?? null) !== 'away'
    },
  }
}

/**
 * Decides which file systems inside a source belong to it, and reports a problem for each that is unmounted. The ledger
 * remembers the mount points. An unmounted one is remembered while files below it wait: otherwise these would be
 * forgotten, or files of the directory underneath would be taken for them. After that it is a directory like any other.
 * If the ledger cannot be written, the mount points are recorded at the next listing.
 * @param root the source's absolute path, with symbolic links resolved.
 */
export function createMountScope(
  { id, oneFileSystem }: Pick<Source, 'id' | 'oneFileSystem'>,
  context: Pick<SessionContext, 'root' | 'ledger' | 'destinations' | 'problem' | 'ledgerFailed'>,
): MountScope {
  const { root, ledger, destinations, problem, ledgerFailed } = context
  const noteMounts = (present: readonly string[]): string[] => {
    const known = ledger.mountsInside(id)
    const now = present.map((point): InnerMount => ({ path: relativeTo(root, point), point }))
    const away = known.filter(({ path, point }) => {
      if (present.includes(point) || absolutePath(root, path) !== point) return false
      return countUnsent(ledger, destinations, id, path).waiting > 0
    })
    const wanted = [...now, ...away]
    if (JSON.stringify(wanted) !== JSON.stringify(known))
      attempt(() => ledger.rememberMountsInside(id, wanted), undefined, ledgerFailed)
    for (const { point } of away) problem(message('scan.innerDiskMissing', { path: point }))
    return away.map(({ point }) => point)
  }
  return { oneFileSystem, away: (present) => attempt(() => noteMounts(present), [], ledgerFailed) }
}
