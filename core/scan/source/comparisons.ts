import { backoffMs } from '../../pacing/backoff.ts'

/** The longest pause before a source is compared again because files could not be offered. */
const SOON_AT_MOST_MS = 30_000

/** When a source is compared with the ledger: on its timetable, and soon after files could not be offered. */
export class Comparisons {
  readonly #compare: () => Promise<void>
  readonly #everyMs: number
  #timer: NodeJS.Timeout | null = null
  #soonTimer: NodeJS.Timeout | null = null
  #attempt = 0
  /** Files could not be offered since the last one for their sake began. */
  #isOwed = false
  #stopped = false

  constructor(compare: () => Promise<void>, everyMs: number) {
    this.#compare = compare
    this.#everyMs = everyMs
    this.#arm()
  }

  /** Files were found and not offered: nobody else will find them again before the timetable's next comparison. */
  soon(): void {
    this.#isOwed = true
    if (this.#stopped || this.#soonTimer !== null) return
    this.#attempt += 1
    this.#soonTimer = setTimeout(() => void this.#compareNow(), backoffMs(this.#attempt, SOON_AT_MOST_MS))
  }

  stop(): void {
    this.#stopped = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    if (this.#soonTimer !== null) clearTimeout(this.#soonTimer)
  }

  async #compareNow(): Promise<void> {
    this.#isOwed = false
    await this.#compare()
    this.#soonTimer = null
    if (this.#isOwed) this.soon()
    else this.#attempt = 0
  }

  #arm(): void {
    this.#timer = setTimeout(async () => {
      await this.#compare()
      if (!this.#stopped) this.#arm()
    }, this.#everyMs)
  }
}
