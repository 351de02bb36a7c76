import { attempt } from '../../ledger/guard.ts'
import type { Ledger } from '../../ledger/ledger.ts'
import { mountAbove } from '../../mounts/mountinfo.ts'
import { readMounts, whereabouts } from '../../mounts/whereabouts.ts'

/**
 * Where a source's disk is mounted. The ledger remembers it, so that a disk that is away stays missing over a restart.
 * While the ledger fails, what it said before holds.
 * @param failed the ledger's trouble, which is none of the directory's.
 */
export function openHome(
  source: string,
  ledger: Pick<Ledger, 'home' | 'rememberHome'>,
  failed: (thrown: unknown) => void,
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
