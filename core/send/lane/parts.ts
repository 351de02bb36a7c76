import type { BigIntStats } from 'node:fs'
import { stat } from 'node:fs/promises'
import path from 'node:path'
import type { FileFacts } from '../../files/facts.ts'
import { lstatOrNull } from '../../files/lstat-or-null.ts'
import type { Due } from '../../ledger/ledger.ts'
import type { Whereabouts } from '../../mounts/whereabouts.ts'
import type { Semaphore } from '../../pacing/semaphore.ts'
import type { SourceFile, Unsent } from '../reading/read.ts'
import { directoriesAbove, isBeingWritten } from '../reading/read.ts'
import type { Answer, Outgoing, Session } from '../session/session.ts'
import type { Attempt, SendSource, Shared } from './contract.ts'
import type { CopySource } from './copy.ts'

/** What the sending of a lane's small and of its large files have in common. */
export interface LaneParts {
  /** The source's id, and its absolute path. */
  readonly source: string
  readonly root: string
  readonly shared: Shared
  /** The slots for its files of this kind. */
  readonly slots: Semaphore
  /** False: nothing begins any more, a large file stops at its next chunk, and small ones before the line. */
  mayGoOn(): boolean
  /** The file's absolute path. */
  fileOf(due: Due): SourceFile
  outgoing(due: Due, facts: FileFacts): Outgoing
  /**
   * What is found, or not found, under a disk that is away says nothing about the file. The function is good for files
   * that were read together: it looks once at what they have in common.
   */
  judge(): (unsent: Unsent, due: Due) => Promise<Attempt>
  /** Where the receiver may have one of these files, under its own name or an earlier one, by the files' ids. */
  copySources(dues: readonly Due[], session: Session): Map<number, CopySource>
  /** Has the receiver copy what it has; null: it has it not, or no more. */
  askForCopy(
    due: Due,
    facts: FileFacts,
    digest: Uint8Array,
    from: CopySource,
    session: Session,
  ): Promise<Attempt | null>
}

export const asAttempt = (answer: Answer, digest: Uint8Array | null): Attempt =>
  answer === null ? { kind: 'lost' } : { kind: 'answer', answer, digest }

export function lanePartsOf(
  source: SendSource,
  slots: Semaphore,
  shared: Shared,
  mayGoOn: () => boolean,
): LaneParts {
  const outgoing = (due: Due, facts: FileFacts): Outgoing => ({ source, path: due.path, facts })
  const root = source.path
  const fileOf = ({ path }: Due): SourceFile => ({ root, path })
  const itself = { id: source.id, name: source.name, root }
  return {
    source: source.id,
    root,
    shared,
    slots,
    mayGoOn,
    outgoing,
    fileOf,

    judge() {
      let where: Whereabouts | null = null
      let root: Promise<BigIntStats | null> | null = null
      return async (unsent, due) => {
        where ??= shared.whereabouts(source)
        if (where === 'away') return { kind: 'source-missing' }
        if (shared.isBelowAway(source, due.path)) return { kind: 'doubtful' }
        // As it is now it may be half a file: its facts are not taken over before its writer has closed it.
        if (unsent.kind === 'changed' && (await isBeingWritten(fileOf(due)))) return { kind: 'being-written' }
        if (unsent.kind !== 'vanished') return unsent
        root ??= stat(source.path, { bigint: true }).catch(() => null)
        const there = await root
        if (there === null) return { kind: 'source-missing' }
        return where === 'unknown' && there.dev !== due.device ? { kind: 'doubtful' } : unsent
      }
    },

    copySources(dues, session) {
      const found = shared.copySources(dues.filter(({ digest }) => digest === null))
      for (const { id, path, digest } of dues) {
        const isUnknown = digest === null && (!session.asksFirst || found.has(id))
        if (!isUnknown) found.set(id, { source: itself, path, digest })
      }
      return found
    },

    async askForCopy(due, facts, digest, from, session) {
      const isItself = from.source.id === source.id && from.path === due.path
      const isMoved = !isItself && (await isGone(from, shared))
      const { path } = from
      const directories = isItself ? [] : await directoriesAbove(fileOf(due))
      const copyFrom = { source: from.source, path, isMoved }
      const answer = await session.copy(outgoing(due, facts), directories, digest, copyFrom)
      return answer?.status === 'unknown' ? null : asAttempt(answer, digest)
    },
  }
}

/** Whether the name that a content was sent under is there no more, and not only its disk. */
async function isGone({ source: { id, root }, path: file }: CopySource, shared: Shared): Promise<boolean> {
  if (shared.whereabouts({ id }) === 'away' || shared.isBelowAway({ id }, file)) return false
  const stats = await lstatOrNull(path.join(root, file)).catch(() => undefined)
  return stats === null && (await lstatOrNull(root).catch(() => null)) !== null
}
