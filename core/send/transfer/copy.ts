import path from 'node:path'
import type { FoundDirectory, OutgoingSource, Session } from '../../backends/destination.ts'
import { ignoreError } from '../../dropped-errors.ts'
import type { QueuedFile, SentContent, TransferResult } from '../../ledger/ledger.ts'
import type { FileMetadata } from '../../platform/file-metadata.ts'
import { lstatOrNull } from '../../platform/files.ts'
import type { ContentDigests } from '../reading/read.ts'
import { type Shared, type SourceParts, withDigests } from './attempt.ts'

/** A name under which the destination has a content. */
interface SentName extends Omit<SentContent, 'source'> {
  source: OutgoingSource
}

/** The names of one content, shared by all files that were looked up with it. */
interface SentNames {
  /** Oldest first. */
  all: readonly SentName[]
  /** The names that no longer exist at the source; null until the first check. */
  gone: Promise<readonly SentName[]> | null
  /** The number of files that have not requested a copy yet. */
  waiting: number
}

/** Where the destination may already have the content of a file. */
export interface CopySource {
  /** null: only under the file's own name. */
  names: SentNames | null
  /** Digest of the content under the file's own name there; null: unknown, so the destination is queried. */
  digest: Uint8Array | null
  /** See CopyFrom. */
  isTrusted: boolean
  storedNs: bigint
}

/** Returns where the destination may already have the content of these files, by the files' ids. */
export function findCopySources(
  { shared }: SourceParts,
  dues: readonly QueuedFile[],
  session: Session,
): Map<number, CopySource> {
  const found = new Map<number, CopySource>()
  // A query requires reading the files first, which is useless if the answer is known.
  if (session.copies === 'none') return found
  const unknown = session.copies === 'any' ? dues.filter(({ digest }) => digest === null) : []
  const elsewhere = shared.sentElsewhere(unknown)
  const shares = new Map<readonly SentContent[], SentNames>()
  const getNames = (sent: readonly SentContent[]): SentNames => {
    const all = sent.flatMap(({ source: id, ...name }): SentName[] => {
      const source = shared.findSource(id)
      return source === null ? [] : [{ ...name, source }]
    })
    const names = shares.get(sent) ?? { all, gone: null, waiting: 0 }
    shares.set(sent, names)
    names.waiting += 1
    return names
  }
  for (const { id, digest, isTrusted, storedNs } of dues) {
    if (session.copies === 'trusted' && !isTrusted) continue
    const sent = elsewhere.get(id)
    const names = sent === undefined ? null : getNames(sent)
    if (names !== null && names.all.length > 0)
      found.set(id, { names, digest: null, isTrusted: false, storedNs })
    else if (digest !== null || session.asksFirst) found.set(id, { names: null, digest, isTrusted, storedNs })
  }
  return found
}

/**
 * Returns true if the destination may have this content. Otherwise the recorded digest of the file is deleted: from now
 * on the destination may have either content.
 */
export function mayHaveContent(
  { shared }: SourceParts,
  due: QueuedFile,
  { names, digest: wanted }: CopySource,
  digest: Buffer,
): boolean {
  const isIt =
    names === null
      ? wanted === null || digest.equals(wanted)
      : names.all.some((name) => digest.equals(name.digest))
  if (!isIt && due.digest !== null) shared.onOtherContent(due)
  return isIt
}

/**
 * Asks the destination to copy a content that it has; returns null if it does not have it.
 * @param readDirectories returns the directories above the file.
 */
export async function askForCopy(
  { source, shared }: SourceParts,
  due: QueuedFile,
  content: ContentDigests & { facts: FileMetadata },
  { names, isTrusted, storedNs }: CopySource,
  session: Session,
  readDirectories: () => readonly FoundDirectory[] | Promise<readonly FoundDirectory[]>,
): Promise<TransferResult | null> {
  const { digest, facts } = content
  const file = { source, path: due.path, facts }
  if (names === null) {
    const directories = await readDirectories()
    const from = { ...file, isMoved: false, isTrusted, storedNs }
    const result = await session.copy(file, directories, digest, from)
    return result === null ? null : withDigests(result, content)
  }
  const gone = await claimGone(names, digest, shared)
  const left = new Set(gone)
  try {
    const [from = names.all.find((name) => digest.equals(name.digest)), ...others] = gone
    if (from === undefined) return null
    const directories = await readDirectories()
    const result = await session.copy(file, directories, digest, {
      ...{ source: from.source, path: from.path, isMoved: gone.length > 0, isTrusted: false },
    })
    if (result?.kind !== 'stored') return result
    left.delete(from)
    let { position } = result
    for (const other of others) {
      const old = { source: other.source, path: other.path, isMoved: true, isTrusted: false }
      const moved = await session.copy(file, [], digest, old)
      if (moved?.kind !== 'stored') continue
      left.delete(other)
      position = Math.max(position, moved.position)
    }
    const moved = gone
      .filter((name) => !left.has(name))
      .map(({ id, source: { id: source }, path }) => ({ id, source, path }))
    return withDigests({ ...result, position, moved }, content)
  } finally {
    for (const { id } of left) shared.moving.delete(id)
  }
}

/**
 * Claims names of the content that no longer exist at the source, the last one first: each must be reported to the
 * destination as moved exactly once. Names in excess of the files that still wait are all claimed by this file.
 */
async function claimGone(names: SentNames, digest: Buffer, shared: Shared): Promise<SentName[]> {
  names.waiting -= 1
  names.gone ??= Promise.all(
    names.all.map(async (name) => ((await isGone(name, shared)) ? [name] : [])),
  ).then((found) => found.flat())
  const free = (await names.gone).filter((name) => !shared.moving.has(name.id) && digest.equals(name.digest))
  const claimed = free.toReversed().slice(0, Math.max(1, free.length - names.waiting))
  for (const { id } of claimed) shared.moving.add(id)
  return claimed
}

/** True if the name no longer exists at the source although its disk is mounted. */
async function isGone({ source, path: file }: SentName, shared: Shared): Promise<boolean> {
  if (shared.whereabouts(source) === 'away' || shared.isBelowAway(source, file)) return false
  const stats = await lstatOrNull(path.join(source.path, file)).catch(
    ignoreError('a name that cannot be looked at is not gone'),
  )
  return (
    stats === null &&
    (await lstatOrNull(source.path).catch(ignoreError('a source that cannot be looked at is away', null))) !==
      null
  )
}
