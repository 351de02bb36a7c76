import type { BigIntStats } from 'node:fs'
import { stat } from 'node:fs/promises'
import { ignoreError } from '../../dropped-errors.ts'
import type { QueuedFile } from '../../ledger/ledger.ts'
import type { MountPresence } from '../../ledger/mount-presence.ts'
import type { Unsent } from '../reading/facts.ts'
import { mayBeWritten } from '../reading/read.ts'
import type { SendAttempt, SourceParts } from './contract.ts'

/**
 * Returns a function that classifies files that could not be read. A result below an unmounted disk shows nothing about
 * the file. Create one function for files that were read together: it checks their common source once.
 */
export function createJudge({
  source,
  shared,
}: SourceParts): (unsent: Unsent, due: QueuedFile) => Promise<SendAttempt> {
  let where: MountPresence | null = null
  let root: Promise<BigIntStats | null> | null = null
  return async (unsent, due) => {
    where ??= shared.whereabouts(source)
    if (where === 'away') return { kind: 'source-missing' }
    if (shared.isBelowAway(source, due.path)) return { kind: 'doubtful' }
    // The changed file may be incomplete: the scanner offers it again when its writer has finished.
    const file = { root: source.path, path: due.path }
    if (unsent.kind === 'changed' && (await mayBeWritten(file, unsent.facts, due)))
      return { kind: 'being-written' }
    if (unsent.kind !== 'vanished') return unsent
    root ??= stat(source.path, { bigint: true }).catch(
      ignoreError('a source that cannot be looked at is missing', null),
    )
    const there = await root
    if (there === null) return { kind: 'source-missing' }
    return where === 'unknown' && there.dev !== due.device ? { kind: 'doubtful' } : unsent
  }
}
