import type { InnerMount } from '../send/ledger-contract.ts'
import type { Source } from '../settings/schema.ts'
import type { Message } from '../words/message.ts'
import { message } from '../words/message.ts'
import { unsentAnywhere } from './everywhere.ts'
import { absolutePath } from './facts.ts'
import type { MountScope } from './mounts.ts'
import type { ScanLedger } from './session.ts'

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

  constructor(options: InnerMountsOptions) {
    this.#options = options
  }

  /**
   * Notes the mount points that are there (absolute paths); gives those that are away. Throws what the ledger
   * throws.
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
    if (JSON.stringify(wanted) !== JSON.stringify(known)) ledger.rememberMountsInside(source, wanted)
    return away.map(({ point }) => point)
  }
}

/** Which file systems inside a source belong to it; one that is away is told as a problem. */
export function mountScopeOf(
  { path: source, oneFileSystem }: Pick<Source, 'path' | 'oneFileSystem'>,
  options: InnerMountsOptions,
  tell: { problem(problem: Message): void; log(text: string): void },
): MountScope {
  const inner = new InnerMounts(options)
  return {
    oneFileSystem,
    away: (present) => {
      try {
        const away = inner.away(present)
        for (const path of away) tell.problem(message('scan.innerDiskMissing', { path }))
        return away
      } catch (thrown) {
        tell.log(`mount points inside ${source}: ${String(thrown)}`)
        return []
      }
    },
  }
}

function relativeTo(root: string, point: string): string {
  return point.slice(root === '/' ? 1 : root.length + 1)
}
