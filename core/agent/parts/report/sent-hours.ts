import { HourlyCounts } from '../../../lib/hourly-counts.ts'
import { isCounted } from '../../state/derived.ts'
import type { SourceState } from '../../state/schema.ts'

/** Counts the files of each source that were sent in each of the last hours, since Holdfast started. */
export class SentHours {
  readonly #counts = new HourlyCounts()

  /**
   * Called often: adds what was sent since the last call. The number of files that all destinations have falls when a
   * destination is added.
   */
  note(sources: readonly SourceState[], now: number): void {
    const ids = new Set(sources.map(({ settings }) => settings.id))
    const totals = sources.filter(isCounted).map((one) => [one.settings.id, one.totals.sentFiles] as const)
    this.#counts.note(ids, totals, now)
  }

  /** Returns the files of each hour, oldest first, by source. */
  read(now: number): Record<string, number[]> {
    return this.#counts.read(now)
  }
}
