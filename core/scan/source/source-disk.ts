import { attempt } from '../../ledger/guard.ts'
import type { Ledger } from '../../ledger/ledger.ts'
import { mountAbove } from '../../mounts/mountinfo.ts'
import { readMounts, whereabouts } from '../../mounts/whereabouts.ts'

/**
 * Where a source's disk is mounted. The ledger remembers it, so that a disk that is away stays missing over a restart.
 * While the ledger fails, what it said before holds.
 */
export class Home {
  readonly #source: string
  readonly #ledger: Pick<Ledger, 'home' | 'rememberHome'>
  readonly #failed: (thrown: unknown) => void
  /** undefined: the ledger has said nothing yet. */
  #point: string | null | undefined

  /** @param failed the ledger's trouble, which is none of the directory's. */
  constructor(
    source: string,
    ledger: Pick<Ledger, 'home' | 'rememberHome'>,
    failed: (thrown: unknown) => void,
  ) {
    this.#source = source
    this.#ledger = ledger
    this.#failed = failed
  }

  /** Asks the ledger. false: it has never answered, and what the path shows may be the directory underneath. */
  isKnown(): boolean {
    this.#point = attempt(() => this.#ledger.home(this.#source), this.#point, this.#failed)
    return this.#point !== undefined
  }

  /** The mount point that the source was on and that nothing is mounted on now; else null, and where it is is noted. */
  missing(root: string): string | null {
    const mounts = readMounts()
    const home = this.#point ?? null
    if (whereabouts(home, mounts) === 'away') return home
    const now = mounts === null ? null : (mountAbove(mounts, root)?.point ?? null)
    if (now === null || now === home) return null
    attempt(() => this.#ledger.rememberHome(this.#source, now), undefined, this.#failed)
    return null
  }

  isThere(): boolean {
    this.isKnown()
    return whereabouts(this.#point ?? null) !== 'away'
  }
}
