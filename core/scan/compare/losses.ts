import type { ContentIdentity } from '../../files/stat-facts.ts'
import { attempt } from '../../ledger/guard.ts'
import type { Ledger } from '../../ledger/ledger.ts'
import type { Held } from '../../ledger/suspects.ts'
import { throttled } from '../../pacing/throttled.ts'
import type { Source } from '../../settings/schema.ts'
import type { ScannedFile } from '../tree/facts.ts'

/** Changes are gathered for so long before it is decided: a rotated log has its new name by then. */
const DECIDE_AFTER_MS = 2_000

/** Whether many files of a source have lost their content: then nothing of it is sent before a person has decided. */
export type Losses = ReturnType<typeof openLosses>

export interface LossesOptions {
  source: Pick<Source, 'id' | 'kind'>
  ledger: Ledger
  destinations: readonly string[]
  /** It is held, or goes again. */
  changed(): void
  failed(thrown: unknown): void
}

export function openLosses({ source, ledger, destinations, changed, failed }: LossesOptions) {
  const { id } = source
  let held = attempt(() => ledger.held(id), null, failed)
  const set = (next: Held | null) => {
    held = next
    changed()
  }
  const release = () => {
    ledger.release(id)
    set(null)
  }
  const decide = () => {
    const now = Date.now()
    if (held === null) ledger.forgetSuspects(id, now - COUNTED_MS)
    const found = ledger.countSuspects(id, held === null ? now - COUNTED_MS : 0)
    if (held !== null && found.lost + found.changed === 0) return release()
    const sent = Math.max(0, ...destinations.map((one) => ledger.totals(one)[id]?.sentFiles ?? 0))
    const counts = { ...found, known: sent + found.lost + found.changed }
    if (held === null ? !isIncident(counts) : JSON.stringify({ ...held, ...counts }) === JSON.stringify(held))
      return
    const next = { ...counts, since: held?.since ?? now }
    ledger.hold(id, next)
    set(next)
  }
  const decideLater = throttled(DECIDE_AFTER_MS, () => attempt(decide, undefined, failed))
  // What was found shortly before an earlier process ended.
  decideLater()

  return {
    /** Of these files, which are about to be offered, the paths of those that must wait a moment. Throws what the ledger throws. */
    notice(files: readonly ScannedFile[]) {
      const facts = new Map(files.map((file) => [file.path, file]))
      const now = Date.now()
      const known = ledger.suspected(id, [...facts.keys()])
      const back = known.filter((one) => isBack(one, facts.get(one.path) ?? one))
      const fresh = destinations.flatMap((one) => ledger.earlier(one, id, files))
      const suspects = fresh.flatMap((before) => {
        const after = facts.get(before.path)
        const suspicion =
          after === undefined ? null : suspicionOf(before, after, source.kind === 'batch', now)
        return suspicion === null ? [] : [{ ...before, suspicion }]
      })
      if (back.length > 0)
        ledger.removeSuspects(
          id,
          back.map(({ path }) => path),
        )
      if (suspects.length > 0) ledger.addSuspects(id, suspects, now)
      if (back.length + suspects.length > 0) decideLater()
      return new Set(suspects.map(({ path }) => path))
    },
    held: () => held,
    /** A person wants everything sent as it is. */
    release,
    /** What is suspected now; at most `limit` paths. */
    paths: (limit: number) => ledger.suspectPaths(id, limit),
    stop: decideLater.stop,
  }
}

// When many files of a source lose what was in them: a fault and its repair (fsck), or a program that encrypts them.
// Pure; all numbers are here.

/** What is counted: what happened to a source's files within this time. */
export const COUNTED_MS = 60 * 60_000
/** What has lost its content is sent so much later: others may follow, and then it waits. */
export const WAIT_MS = 10_000

/** Emptied, or less than this share of what was sent is left. */
const LEFT_SHARE = 0.5
/** So many files, and this share of all that were sent, are no accident. */
const LOST = { files: 10, share: 0.2 }
/** Other content in place, hardly longer than before, in a file that had rested for so long. */
const CHANGED = { files: 50, share: 0.5, grown: 1.1, restedMs: 24 * 3_600_000 }

/** lost: it is empty, or most of it is gone; changed: something else is in its place. */
export type Suspicion = 'lost' | 'changed'

/**
 * What a change of one file may be a sign of; null: of nothing. Appending makes a file longer, and saving a document or
 * copying it anew mostly gives it another inode.
 *
 * @param before what was sent of it.
 * @param isBatch of a producer's directories whatever is written again is its work; only what is empty is not.
 * @param nowMs milliseconds since 1970.
 */
export function suspicionOf(
  before: ContentIdentity,
  now: ContentIdentity,
  isBatch: boolean,
  nowMs: number,
): Suspicion | null {
  if (before.size === 0) return null
  if (now.size === 0) return 'lost'
  if (isBatch) return null
  if (now.size < before.size * LEFT_SHARE) return 'lost'
  const isInPlace = now.inode === before.inode && now.mtimeNs !== before.mtimeNs
  const hadRested = nowMs - Number(before.mtimeNs / 1_000_000n) > CHANGED.restedMs
  return isInPlace && hadRested && now.size <= before.size * CHANGED.grown ? 'changed' : null
}

/** Whether a file that was suspected has what was sent of it back, or more than what made it one. */
export function isBack(before: ContentIdentity & { suspicion: Suspicion }, now: ContentIdentity): boolean {
  if (before.suspicion === 'lost') return now.size >= before.size * LEFT_SHARE
  const apartNs = now.mtimeNs - before.mtimeNs
  // SFTP keeps whole seconds.
  return now.size === before.size && apartNs < 2_000_000_000n && apartNs > -2_000_000_000n
}

/** Whether that many of a source's files are no accident. @param known files that were sent. */
export function isIncident({
  lost,
  changed,
  known,
}: {
  lost: number
  changed: number
  known: number
}): boolean {
  const isLost = lost >= LOST.files && lost >= known * LOST.share
  return isLost || (changed >= CHANGED.files && changed >= known * CHANGED.share)
}
