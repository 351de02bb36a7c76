import { attempt } from '../../ledger/guard.ts'
import type { Ledger } from '../../ledger/ledger.ts'
import type { Held } from '../../ledger/suspects.ts'
import { throttled } from '../../pacing/throttled.ts'
import type { Source } from '../../settings/schema.ts'
import type { FileFacts } from '../tree/facts.ts'
import { COUNTED_MS, isBack, isIncident, suspicionOf } from './suspicion.ts'

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
    notice(files: readonly FileFacts[]) {
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
