import type { DirectoryEffects } from '../../core/scan/batch/directory.ts'
import { BatchDirectory } from '../../core/scan/batch/directory.ts'

export const QUIET_MS = 1000

/**
 * One batch directory, its producer, the ledger and the clock, in memory. Every effect stops at moments where
 * the world may change: `at` puts an event at the n-th of them.
 */
export class World {
  readonly directory: BatchDirectory
  readonly files = new Map<string, 'new' | 'waiting' | 'sent'>()
  readonly violations: string[] = []
  closed = false
  newest = true
  marks = 0
  moments = 0
  #watching = false
  #time = 0
  readonly #timers = new Map<() => void, number>()
  readonly #events = new Map<number, (() => void)[]>()

  constructor() {
    this.directory = new BatchDirectory(this.#effects(), QUIET_MS)
  }

  at(moment: number, event: () => void): void {
    this.#events.set(moment, [...(this.#events.get(moment) ?? []), event])
  }

  write(name: string): void {
    if (this.marks > 0) this.violations.push(`${name} was written after the mark`)
    this.files.set(name, 'new')
    // An unwatched directory tells nothing: only a listing can find the file.
    if (this.#watching && this.#offer(name)) this.directory.brought(1)
  }

  finishParse(): void {
    this.closed = true
    if (this.#watching) void this.directory.close()
  }

  newerAppears(): void {
    this.newest = false
    void this.directory.look({ closed: this.closed, newest: false })
  }

  sendAll(): void {
    for (const [name, state] of this.files) if (state === 'waiting') this.files.set(name, 'sent')
    void this.directory.nudge()
  }

  /** Starts it and lets it go on until nothing moves any more: sender, clock and all. */
  async run(): Promise<void> {
    await this.directory.look({ closed: this.closed, newest: this.newest })
    for (let round = 0; round < 12; round += 1) {
      await settle()
      this.sendAll()
      await settle()
      this.#time += QUIET_MS
      for (const [call, due] of [...this.#timers]) if (due <= this.#time && this.#timers.delete(call)) call()
      await settle()
    }
  }

  #offer(name: string): boolean {
    if (this.files.get(name) !== 'new') return false
    this.files.set(name, 'waiting')
    return true
  }

  async #moment(): Promise<void> {
    await Promise.resolve()
    for (const event of this.#events.get(this.moments) ?? []) event()
    this.moments += 1
    await Promise.resolve()
  }

  #unsent(): number {
    return [...this.files.values()].filter((state) => state === 'waiting').length
  }

  #effects(): DirectoryEffects {
    return {
      watch: async () => {
        await this.#moment()
        this.#watching = true
        await this.#moment()
      },
      unwatch: () => {
        this.#watching = false
      },
      list: async () => {
        await this.#moment()
        let found = 0
        for (const name of [...this.files.keys()]) {
          if (this.#offer(name)) {
            found += 1
            // As in life: a listing has the watcher look at the file, which reports it as finished.
            this.directory.brought(1)
          }
          await this.#moment()
        }
        const closed = this.closed
        await this.#moment()
        return { found, closed }
      },
      unsent: () => this.#unsent(),
      isClosing: async () => {
        await this.#moment()
        return this.closed || !this.newest
      },
      mark: async () => {
        this.marks += 1
        for (const [name, state] of this.files) {
          if (state !== 'sent') this.violations.push(`marked while ${name} was ${state}`)
        }
        if (!this.closed && this.newest) this.violations.push('marked while its producer is at work')
        await this.#moment()
      },
      now: () => this.#time,
      at: (time, call) => {
        this.#timers.set(call, time)
        return () => void this.#timers.delete(call)
      },
      changed: () => undefined,
      failed: (step, thrown) => this.violations.push(`${step}: ${String(thrown)}`),
    }
  }
}

/** Lets every promise that can go on go on. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
}
