import { errorText } from '../../files/system-error.ts'
import type { InnerMount } from '../../ledger/contract.ts'
import { attempt } from '../../ledger/guard.ts'
import type { Source } from '../../settings/schema.ts'
import type { Message } from '../../words/message.ts'
import { message } from '../../words/message.ts'
import { unsentAnywhere } from '../compare/everywhere.ts'
import type { SessionContext } from '../session.ts'
import { absolutePath } from '../tree/facts.ts'
import type { MountScope } from '../tree/mounts.ts'

/**
 * Which file systems inside a source belong to it; one that is away is told as a problem. What is mounted there is
 * remembered in the ledger. A mount point that nothing is mounted on any more is remembered for as long as files below it
 * wait, so that neither they are forgotten nor what lies underneath is taken for them; then it is a directory like any
 * other. Where the ledger cannot remember them they are noted at the next listing.
 * @param root the source's absolute path, with symbolic links resolved.
 */
export function mountScopeOf(
  { id, path: source, oneFileSystem }: Pick<Source, 'id' | 'path' | 'oneFileSystem'>,
  { root, ledger, destinations }: Pick<SessionContext, 'root' | 'ledger' | 'destinations'>,
  problem: (problem: Message) => void,
): MountScope {
  const failed = (thrown: unknown) =>
    problem(message('scan.ledgerFailed', { path: source, reason: errorText(thrown) }))
  const noteMounts = (present: readonly string[]): string[] => {
    const known = ledger.mountsInside(id)
    const now = present.map((point): InnerMount => ({ path: relativeTo(root, point), point }))
    const away = known.filter(({ path, point }) => {
      if (present.includes(point) || absolutePath(root, path) !== point) return false
      return unsentAnywhere(ledger, destinations, id, path).waiting > 0
    })
    const wanted = [...now, ...away]
    if (JSON.stringify(wanted) !== JSON.stringify(known))
      attempt(() => ledger.rememberMountsInside(id, wanted), undefined, failed)
    for (const { point } of away) problem(message('scan.innerDiskMissing', { path: point }))
    return away.map(({ point }) => point)
  }
  return { oneFileSystem, away: (present) => attempt(() => noteMounts(present), [], failed) }
}

function relativeTo(root: string, point: string): string {
  return point.slice(root === '/' ? 1 : root.length + 1)
}
