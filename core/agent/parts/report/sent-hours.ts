import { HourlyCounts } from '../../../lib/hourly-counts.ts'
import type { AgentServices, Part } from '../../services.ts'
import { isCounted } from '../../state/derived.ts'

/** Counts the files of each source that were sent in each of the last hours, since Holdfast started. */
export class SentHours implements Part {
  readonly #agent: Pick<AgentServices, 'store'>
  readonly #counts = new HourlyCounts()

  constructor(agent: Pick<AgentServices, 'store'>) {
    this.#agent = agent
  }

  /** Adds what was sent since the last call. The number of files that all destinations have falls with a new destination. */
  tick(now: number): void {
    const { sources } = this.#agent.store.state
    const ids = new Set(sources.map(({ settings }) => settings.id))
    const totals = sources.filter(isCounted).map((one) => [one.settings.id, one.totals.sentFiles] as const)
    this.#counts.note(ids, totals, now)
  }

  /** Returns the files of each hour, oldest first, by source. */
  read(now: number): Record<string, number[]> {
    return this.#counts.read(now)
  }
}
