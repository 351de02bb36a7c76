import { errorText } from '../../files/system-error.ts'
import type { InnerMount } from '../../ledger/contract.ts'
import type { Source } from '../../settings/schema.ts'
import type { Message } from '../../words/message.ts'
import { message } from '../../words/message.ts'
import { unsentAnywhere } from '../compare/everywhere.ts'
import type { ScanLedger } from '../session.ts'
import { absolutePath } from '../tree/facts.ts'
import type { MountScope } from '../tree/mounts.ts'

export interface InnerMountsOptions {
  /** The source's id. */
  source: string
  /** Its absolute path, with symbolic links resolved. */
  root: string
  ledger: Pick<ScanLedger, 'mountsInside' | 'rememberMountsInside' | 'unsentBelow'>
  destinations: readonly string[]
}

/**
 * Remembers in the ledger what is mounted inside a source. A mount point that nothing is mounted on any more is
 * remembered for as long as files below it wait, so that neither they are forgotten nor what lies underneath is
 * taken for them; then it is a directory like any other.
 */
export class InnerMounts {
  readonly #options: InnerMountsOptions
  readonly #unnoted: (thrown: unknown) => void

  /** @param unnoted the ledger could not remember them: they are noted at the next listing. */
  constructor(options: InnerMountsOptions, unnoted: (thrown: unknown) => void) {
    this.#options = options
    this.#unnoted = unnoted
  }

  /**
   * Notes the mount points that are there (absolute paths); gives those that are away. Throws what the ledger
   * throws when it is asked.
   */
  away(present: readonly string[]): string[] {
    const { source, root, ledger, destinations } = this.#options
    const known = ledger.mountsInside(source)
    const now = present.map((point): InnerMount => ({ path: relativeTo(root, point), point }))
    const away = known.filter(({ path, point }) => {
      if (present.includes(point) || absolutePath(root, path) !== point) return false
      return unsentAnywhere(ledger, destinations, source, path).waiting > 0
    })
    const wanted = [...now, ...away]
    try {
      if (JSON.stringify(wanted) !== JSON.stringify(known)) ledger.rememberMountsInside(source, wanted)
    } catch (thrown) {
      this.#unnoted(thrown)
    }
    return away.map(({ point }) => point)
  }
}

/** Which file systems inside a source belong to it; one that is away is told as a problem. */
export function mountScopeOf(
  { path: source, oneFileSystem }: Pick<Source, 'path' | 'oneFileSystem'>,
  options: InnerMountsOptions,
  tell: { problem(problem: Message): void },
): MountScope {
  const failed = (thrown: unknown) => {
    const reason = errorText(thrown)
    tell.problem(message('scan.ledgerFailed', { path: source, reason }))
  }
  const inner = new InnerMounts(options, failed)
  return {
    oneFileSystem,
    away: (present) => {
      try {
        const away = inner.away(present)
        for (const path of away) tell.problem(message('scan.innerDiskMissing', { path }))
        return away
      } catch (thrown) {
        failed(thrown)
        return []
      }
    },
  }
}

function relativeTo(root: string, point: string): string {
  return point.slice(root === '/' ? 1 : root.length + 1)
}
