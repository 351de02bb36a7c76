import { isDeepStrictEqual } from 'node:util'
import { warnUnlessCode } from '../../dropped-errors.ts'
import type { WorkerConfig } from '../../lib/workers/definition.ts'
import { isWithin, readMounts } from '../../platform/mounts.ts'
import type { checkerDefinition, DiskFacts } from '../checker-messages.ts'
import { readDisks } from './read-disks.ts'

/** Interval of reading, in milliseconds: smartd(8) uses the same. */
const EVERY_MS = 30 * 60_000
/** Delay after a change of the mounts or the paths, which often come together, in milliseconds. */
const SETTLE_MS = 1_000

/** Reads the health of the disks below the checked paths, now and every half hour; one reading at a time. */
export class DiskWatch {
  readonly #report: (disks: DiskFacts[], at: number) => void
  #config: Pick<WorkerConfig<typeof checkerDefinition>, 'paths' | 'knownMounts' | 'diskHealth'> | null = null
  #known: DiskFacts[] = []
  #timer: NodeJS.Timeout | null = null
  /** When the timer ends, in milliseconds of performance.now(). */
  #dueAt = 0
  #isReading = false
  #isWantedAgain = false

  constructor(report: (disks: DiskFacts[], at: number) => void) {
    this.#report = report
  }

  configure(config: WorkerConfig<typeof checkerDefinition>): void {
    const { paths, knownMounts, diskHealth } = config
    const before = this.#config
    this.#config = { paths, knownMounts, diskHealth }
    if (before?.diskHealth === diskHealth && isDeepStrictEqual(before.paths, paths)) return
    if (!diskHealth) this.#known = []
    this.readSoon()
  }

  /** Reads after a short delay, in addition to the timetable. */
  readSoon(): void {
    if (this.#isReading) this.#isWantedAgain = true
    else this.#schedule(SETTLE_MS)
  }

  /** Reads soon if a path is on one of these mount points, or was: the disks of the others are unchanged. */
  mountsChanged(points: readonly string[]): void {
    const places = this.#pathsNow().flatMap(({ path, knownPoint }) => [path, knownPoint ?? path])
    if (places.some((place) => points.some((point) => isWithin(place, point)))) this.readSoon()
  }

  stop(): void {
    this.#config = null
    this.#cancel()
  }

  #pathsNow() {
    const { paths = [], knownMounts = {} } = this.#config ?? {}
    return paths.map((one) => ({ ...one, knownPoint: knownMounts[one.id]?.mount.point ?? null }))
  }

  /** Schedules a reading, unless one is due earlier: frequent changes do not postpone it. */
  #schedule(ms: number): void {
    if (!this.#config?.diskHealth) {
      this.#cancel()
      return
    }
    const dueAt = performance.now() + ms
    if (this.#timer !== null && this.#dueAt <= dueAt) return
    this.#cancel()
    this.#dueAt = dueAt
    this.#timer = setTimeout(() => void this.#read(), ms)
  }

  #cancel(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }

  async #read(): Promise<void> {
    this.#timer = null
    this.#isReading = true
    this.#isWantedAgain = false
    const wanted = this.#pathsNow()
    const at = Date.now()
    const disks = await readDisks(wanted, readMounts() ?? [], this.#known, at).catch((error) =>
      warnUnlessCode(error, [], 'the health of the disks cannot be read', this.#known),
    )
    this.#isReading = false
    if (this.#config?.diskHealth) {
      this.#known = disks
      this.#report(disks, at)
    }
    this.#schedule(this.#isWantedAgain ? SETTLE_MS : EVERY_MS)
  }
}
