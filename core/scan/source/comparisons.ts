import { throttled } from '../../pacing/throttled.ts'

/** Pause before a source is compared again because files could not be offered. */
const SOON_MS = 5_000

/** When a source is compared with the ledger: on its timetable, and soon after files could not be offered. */
export class Comparisons {
  /** Files were found and not offered: nobody else will find them again before the timetable's next comparison. */
  readonly soon: ReturnType<typeof throttled>
  readonly #compare: () => Promise<void>
  readonly #everyMs: number
  #timer: NodeJS.Timeout | undefined
  #stopped = false

  constructor(compare: () => Promise<void>, everyMs: number) {
    this.#compare = compare
    this.#everyMs = everyMs
    this.soon = throttled(SOON_MS, () => void compare())
    this.#arm()
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
    this.soon.stop()
  }

  #arm(): void {
    this.#timer = setTimeout(async () => {
      await this.#compare()
      if (!this.#stopped) this.#arm()
    }, this.#everyMs)
  }
}
