const HOUR_MS = 3_600_000

/** Hours of a day, which are counted and shown. */
export const DAY_HOURS = 24

/** Counts by hour how totals have grown, by id, over the last day. */
export class HourlyCounts {
  readonly #byId = new Map<string, { total: number; hours: Map<number, number> }>()

  /** Called often: adds the growth since the last call to the present hour. Totals of other ids are forgotten. */
  note(ids: ReadonlySet<string>, totals: Iterable<readonly [id: string, total: number]>, now: number): void {
    const hour = Math.floor(now / HOUR_MS)
    for (const id of this.#byId.keys()) if (!ids.has(id)) this.#byId.delete(id)
    for (const [id, total] of totals) {
      const known = this.#byId.get(id)
      if (known === undefined) {
        this.#byId.set(id, { total, hours: new Map() })
        continue
      }
      const added = total - known.total
      known.total = total
      if (added > 0) known.hours.set(hour, (known.hours.get(hour) ?? 0) + added)
      for (const old of known.hours.keys()) if (old <= hour - DAY_HOURS) known.hours.delete(old)
    }
  }

  /** Returns the growth in each hour, oldest first, by id. */
  read(now: number): Record<string, number[]> {
    const first = Math.floor(now / HOUR_MS) - DAY_HOURS + 1
    const list = (hours: ReadonlyMap<number, number>) =>
      Array.from({ length: DAY_HOURS }, (_, index) => hours.get(first + index) ?? 0)
    return Object.fromEntries([...this.#byId].map(([id, { hours }]) => [id, list(hours)]))
  }
}
