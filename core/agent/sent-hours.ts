import { DAY_HOURS } from '../check/checker-messages.ts'
import { isCounted } from './state/derived.ts'
import type { SourceState } from './state/schema.ts'

const HOUR_MS = 3_600_000

/** Counts the files of each source that were sent in each of the last hours, since Holdfast started. */
export class SentHours {
  readonly #bySource = new Map<string, { sentFiles: number; hours: Map<number, number> }>()

  /** Called often: adds what was sent since the last call to the present hour. */
  note(sources: readonly SourceState[], now: number): void {
    const hour = Math.floor(now / HOUR_MS)
    const ids = new Set(sources.map(({ settings }) => settings.id))
    for (const id of this.#bySource.keys()) if (!ids.has(id)) this.#bySource.delete(id)
    for (const source of sources) {
      if (!isCounted(source)) continue
      const { sentFiles } = source.totals
      const known = this.#bySource.get(source.settings.id)
      if (known === undefined) {
        this.#bySource.set(source.settings.id, { sentFiles, hours: new Map() })
        continue
      }
      // The number of files that all destinations have falls when a destination is added.
      const added = sentFiles - known.sentFiles
      known.sentFiles = sentFiles
      if (added > 0) known.hours.set(hour, (known.hours.get(hour) ?? 0) + added)
      for (const old of known.hours.keys()) if (old <= hour - DAY_HOURS) known.hours.delete(old)
    }
  }

  /** Returns the files of each hour, oldest first, by source. */
  read(now: number): Record<string, number[]> {
    const first = Math.floor(now / HOUR_MS) - DAY_HOURS + 1
    const list = (hours: ReadonlyMap<number, number>) =>
      Array.from({ length: DAY_HOURS }, (_, index) => hours.get(first + index) ?? 0)
    return Object.fromEntries([...this.#bySource].map(([id, { hours }]) => [id, list(hours)]))
  }
}
