import type { BigIntStats } from 'node:fs'
import { stat } from 'node:fs/promises'
import path from 'node:path'
import type { Due } from '../../ledger/ledger.ts'
import type { Whereabouts } from '../../mounts/whereabouts.ts'
import type { Semaphore } from '../../pacing/semaphore.ts'
import type { Unsent } from '../reading/read.ts'
import { isBeingWritten } from '../reading/read.ts'
import type { Answer, Outgoing, Session } from '../session/session.ts'
import type { Attempt, SendSource, Shared } from './contract.ts'
import type { CopySource } from './copy.ts'
import { isWorthCopying } from './copy.ts'

/** What the sending of a lane's small and of its large files have in common. */
export interface LaneParts {
  /** The source's id. */
  readonly source: string
  readonly shared: Shared
  /** The slots for its files of this kind. */
  readonly slots: Semaphore
  /** False: nothing begins any more, a large file stops at its next chunk, and small ones before the line. */
  mayGoOn(): boolean
  /** The file's absolute path. */
  fileOf(due: Due): string
  outgoing(due: Due, mode: number): Outgoing
  /**
   * What is found, or not found, under a disk that is away says nothing about the file. The function is good for files
   * that were read together: it looks once at what they have in common.
   */
  judge(): (unsent: Unsent, due: Due) => Promise<Attempt>
  /** What was sent before and looks like one of these files under an earlier name, by the files' ids. */
  copySources(dues: readonly Due[], session: Session): Map<number, CopySource>
  /** Has the receiver copy what it has; null: it has it no more. */
  askForCopy(due: Due, mode: number, from: CopySource, session: Session): Promise<Attempt | null>
}

export const asAttempt = (answer: Answer, digest: Uint8Array | null): Attempt =>
  answer === null ? { kind: 'lost' } : { kind: 'answer', answer, digest }

export function lanePartsOf(
  source: SendSource,
  slots: Semaphore,
  shared: Shared,
  mayGoOn: () => boolean,
): LaneParts {
  const outgoing = (due: Due, mode: number): Outgoing => ({
    source: source.name,
    path: due.path,
    size: due.size,
    mtimeMs: Number(due.mtimeNs) / 1e6,
    mode,
  })
  // Paths of the ledger have "/". To join and normalize them anew for each file costs more than to look it up.
  const above = path.join(source.path, path.sep)
  const fileOf = (due: Due) => (path.sep === '/' ? `${above}${due.path}` : path.join(source.path, due.path))
  return {
    source: source.id,
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
      const asked = dues.filter(({ size }) => isWorthCopying(size))
      const found = asked.length > 0 ? shared.copySources(asked) : new Map<number, CopySource>()
      for (const [id, { digest }] of found) if (!session.canCopy(digest)) found.delete(id)
      return found
    },

    async askForCopy(due, mode, { folder, path: name, digest }, session) {
      const answer = await session.copy(outgoing(due, mode), digest, { source: folder, path: name })
      return answer?.status === 'unknown' ? null : asAttempt(answer, digest)
    },
  }
}
