import path from 'node:path'
import type { FileFacts } from '../../files/facts.ts'
import { lstatOrNull } from '../../files/lstat-or-null.ts'
import type { Due } from '../../ledger/ledger.ts'
import type { OutgoingSource, Session } from '../destinations/destination.ts'
import { directoriesAbove } from '../reading/read.ts'
import { asAttempt, type SendAttempt, type Shared, type SourceParts } from './contract.ts'

/** Where the destination may have the content of a file already. */
export interface CopySource {
  /** The source that it was sent from. */
  source: OutgoingSource
  path: string
  /** What it has there; null: nobody knows, and whatever the file holds is asked for. */
  digest: Uint8Array | null
  /** See CopyFrom. */
  isTrusted: boolean
}

/** Where the destination may have some of these files, under their own names or earlier ones, by the files' ids. */
export function copySourcesOf(
  { source, shared }: SourceParts,
  dues: readonly Due[],
  session: Session,
): Map<number, CopySource> {
  const found = new Map<number, CopySource>()
  // Files are read before it is asked: not for an answer that is known.
  if (session.copies === 'none') return found
  const unknown = session.copies === 'any' ? dues.filter(({ digest }) => digest === null) : []
  const elsewhere = shared.sentElsewhere(unknown)
  for (const { id, path: name, digest, isTrusted } of dues) {
    if (session.copies === 'trusted' && !isTrusted) continue
    const sent = elsewhere.get(id)
    const from = sent === undefined ? null : shared.sourceOf(sent.source)
    if (sent !== undefined && from !== null)
      found.set(id, { source: from, path: sent.path, digest: sent.digest, isTrusted: false })
    else if (digest !== null || session.asksFirst) found.set(id, { source, path: name, digest, isTrusted })
  }
  return found
}

/**
 * Whether a content may be what the destination has. What was sent of the file itself is forgotten where it is not: from
 * now on the destination may have either.
 */
export function mayBe(
  { shared }: SourceParts,
  due: Due,
  { digest: wanted }: CopySource,
  digest: Buffer,
): boolean {
  const isIt = wanted === null || digest.equals(wanted)
  if (!isIt && due.digest !== null) shared.onOtherContent(due)
  return isIt
}

/** Has the destination copy what it has; null: it has it not, or no more. */
export async function askForCopy(
  { source, shared }: SourceParts,
  due: Due,
  facts: FileFacts,
  digest: Uint8Array,
  from: CopySource,
  session: Session,
): Promise<SendAttempt | null> {
  const isItself = from.source.id === source.id && from.path === due.path
  const isMoved = !isItself && (await isGone(from, shared))
  const directories = isItself ? [] : await directoriesAbove({ root: source.path, path: due.path })
  const copyFrom = { source: from.source, path: from.path, isMoved, isTrusted: from.isTrusted }
  const answer = await session.copy({ source, path: due.path, facts }, directories, digest, copyFrom)
  return answer === null ? null : asAttempt(answer, digest)
}

/** Whether the name that a content was sent under is there no more, and not only its disk. */
async function isGone({ source, path: file }: CopySource, shared: Shared): Promise<boolean> {
  if (shared.whereabouts(source) === 'away' || shared.isBelowAway(source, file)) return false
  const stats = await lstatOrNull(path.join(source.path, file)).catch(() => undefined)
  return stats === null && (await lstatOrNull(source.path).catch(() => null)) !== null
}
