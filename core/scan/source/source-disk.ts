import type { InnerMount } from '../../ledger/contract.ts'
import { attempt } from '../../ledger/health.ts'
import type { Ledger } from '../../ledger/ledger.ts'
import { whereabouts } from '../../ledger/mount-presence.ts'
import { message } from '../../lib/i18n/message.ts'
import { mountAbove, readMounts } from '../../platform/mounts/mountinfo.ts'
import type { Source } from '../../settings/schema.ts'
import type { MountScope } from '../../walk/regions.ts'
import { absolutePath, relativeTo } from '../../walk/scanned-file.ts'
import { unsentAnywhere } from '../reconcile/ledger-diff.ts'
import type { SessionContext } from '../source-session.ts'

/**
 * Where a source's disk is mounted. The ledger remembers it, so that a disk that is away stays missing over a restart.
 * While the ledger fails, what it said before holds.
 * @param failed the ledger's trouble, which is none of the directory's.
 */
export function openHome(
  source: string,
  ledger: Pick<Ledger, 'home' | 'rememberHome'>,
  failed: (error: unknown) => void,
) {
  /** undefined: the ledger has said nothing yet. */
  let home: string | null | undefined

  const isKnown = (): boolean => {
    home = attempt(() => ledger.home(source), home, failed)
    return home !== undefined
  }
  return {
    /** Asks the ledger. false: it has never answered, and what the path shows may be the directory underneath. */
    isKnown,
    /** The mount point that the source was on and that nothing is mounted on now; else null, and where it is is noted. */
    missing(root: string): string | null {
      const mounts = readMounts()
      const before = home ?? null
      if (whereabouts(before, mounts) === 'away') return before
      const now = mounts === null ? null : (mountAbove(mounts, root)?.point ?? null)
      if (now !== null && now !== before) attempt(() => ledger.rememberHome(source, now), undefined, failed)
      return null
    },
    isThere: () => {
      isKnown()
      return whereabouts(home ?? null) !== 'away'
    },
  }
}

/**
 * Which file systems inside a source belong to it; one that is away is told as a problem. What is mounted there is
 * remembered in the ledger. A mount point that nothing is mounted on any more is remembered for as long as files below it
 * wait, so that neither they are forgotten nor what lies underneath is taken for them; then it is a directory like any
 * other. Where the ledger cannot remember them they are noted at the next listing.
 * @param root the source's absolute path, with symbolic links resolved.
 */
export function mountScopeOf(
  { id, oneFileSystem }: Pick<Source, 'id' | 'oneFileSystem'>,
  context: Pick<SessionContext, 'root' | 'ledger' | 'destinations' | 'problem' | 'ledgerFailed'>,
): MountScope {
  const { root, ledger, destinations, problem, ledgerFailed } = context
  const noteMounts = (present: readonly string[]): string[] => {
    const known = ledger.mountsInside(id)
    const now = present.map((point): InnerMount => ({ path: relativeTo(root, point), point }))
    const away = known.filter(({ path, point }) => {
      if (present.includes(point) || absolutePath(root, path) !== point) return false
      return unsentAnywhere(ledger, destinations, id, path).waiting > 0
    })
    const wanted = [...now, ...away]
    if (JSON.stringify(wanted) !== JSON.stringify(known))
      attempt(() => ledger.rememberMountsInside(id, wanted), undefined, ledgerFailed)
    for (const { point } of away) problem(message('scan.innerDiskMissing', { path: point }))
    return away.map(({ point }) => point)
  }
  return { oneFileSystem, away: (present) => attempt(() => noteMounts(present), [], ledgerFailed) }
}
