import { Marking, type MarkingEffects } from '../../../core/scan/batch/marking.ts'

export const QUIET_MS = 1000
/** More moments than any run has that comes to rest. */
const MOST_MOMENTS = 400

/**
 * open: its writer holds it. new: finished, and nobody knows of it. waiting: in the ledger. sent: durable.
 */
type FileState = 'open' | 'new' | 'waiting' | 'sent'

/**
 * One batch directory, its producer, the ledger and the clock, in memory. Before and after every effect that
 * takes time there is a moment in which the world may change, in a listing also between any two files: `at` puts
 * an event at the n-th of them.
 */
export class World {
  readonly directory: Marking
  readonly files = new Map<string, FileState>()
  readonly violations: string[] = []
  /** The effects that had moments: whatever gives a promise has them. */
  readonly effects = new Set<string>()
  closed = false
  newest = true
  vanished = false
  /** The disk is full: no mark can be made, and it is told so. */
  isFull = false
  refusedMarks = 0
  marks = 0
  moments = 0
  #marking = false
  #time = 0
  readonly #timers = new Map<() => void, number>()
  readonly #events = new Map<number, (() => void)[]>()

  /** When a file was last finished, in moments. */
  readonly #madeAt = new Map<string, number>()
  /** What the watcher has to tell, and the moment at which it does. */
  #news: { due: number; tell: () => void }[] = []
  readonly #delay: number

  /** @param delay moments that pass before an event is told */
  constructor(delay = 0) {
    this.#delay = delay
    this.directory = new Marking(this.#withMoments(this.#effects()), QUIET_MS)
  }

  at(moment: number, event: () => void): void {
    this.#events.set(moment, [...(this.#events.get(moment) ?? []), event])
  }

  /** A finished file appears, or is finished again. */
  write(name: string): void {
    if (this.#make(name)) this.#tell(name)
  }

  /** Its writer is done with a file. */
  close(name: string): void {
    if (this.files.get(name) === 'open') this.files.set(name, 'new')
    this.#tell(name)
  }

  finishParse(): void {
    if (this.vanished) return
    this.closed = true
    this.#notify(() => void this.directory.close())
  }

  newerAppears(): void {
    this.newest = false
    void this.directory.look({ closed: this.closed, newest: false })
  }

  /** The newer one is gone, so that its producer may go on; not in the instant of the mark. */
  newerVanishes(): void {
    if (this.#marking || this.marks > 0) return
    this.newest = true
    void this.directory.look({ closed: this.closed, newest: true })
  }

  /** Its producer begins a file; no event tells of it before it is finished. */
  begin(name: string): void {
    if (this.marks > 0) return
    this.files.set(name, 'open')
  }

  /** The directory is deleted; the look that follows finds nothing of it. */
  vanish(): void {
    this.vanished = true
    this.files.clear()
    this.#soon(() => this.directory.stop())
  }

  /** Events were lost, this one among them. */
  loseEvent(name: string): void {
    this.#make(name)
    void this.directory.relist()
  }

  sendAll(): void {
    for (const [name, state] of this.files) if (state === 'waiting') this.files.set(name, 'sent')
    void this.directory.nudge()
  }

  /** Starts it and lets it go on until nothing moves any more: sender, clock and all. */
  async run(): Promise<void> {
    await Promise.race([this.directory.look({ closed: this.closed, newest: this.newest }), settle()])
    for (let round = 0; round < 12; round += 1) {
      await settle()
      this.#tellUntil(Number.POSITIVE_INFINITY)
      await settle()
      this.sendAll()
      await settle()
      this.#time += QUIET_MS
      for (const [call, due] of [...this.#timers]) if (due <= this.#time && this.#timers.delete(call)) call()
      await settle()
    }
  }

  /**
   * Puts a finished file there, if its producer still may: after finished.parse it keeps its hands off, and what it
   * does in the instant of the mark nobody can promise to see.
   */
  #make(name: string): boolean {
    if (this.vanished || this.closed || this.#marking) return false
    if (this.marks > 0) this.violations.push(`${name} was written after the mark`)
    this.files.set(name, 'new')
    this.#madeAt.set(name, this.moments)
    return true
  }

  /** Events bring a finished file. */
  #tell(name: string): void {
    this.#notify(() => {
      if (this.#offer(name)) this.directory.brought(1)
    })
  }

  #notify(tell: () => void): void {
    const due = this.moments + this.#delay
    this.#news.push({ due, tell })
    if (this.#delay === 0) this.#tellUntil(due)
  }

  #tellUntil(moment: number): void {
    const due = this.#news.filter((one) => one.due <= moment)
    this.#news = this.#news.filter((one) => one.due > moment)
    for (const { tell } of due) tell()
  }

  #offer(name: string): boolean {
    if (this.files.get(name) !== 'new') return false
    this.files.set(name, 'waiting')
    return true
  }

  #soon(call: () => void): void {
    this.at(this.moments + 2, call)
  }

  async #moment(): Promise<void> {
    await Promise.resolve()
    if (this.moments === MOST_MOMENTS) this.violations.push('it does not come to rest')
    // Nothing goes on from here: a test that finds it must end.
    if (this.moments >= MOST_MOMENTS) return new Promise(() => undefined)
    const events = this.#events.get(this.moments) ?? []
    this.moments += 1
    this.#tellUntil(this.moments)
    for (const event of events) event()
    await Promise.resolve()
  }

  #withMoments(effects: MarkingEffects): MarkingEffects {
    const wrap = (name: string, effect: (...given: unknown[]) => unknown) => {
      return (...given: unknown[]) => {
        if (!takesTime(effect)) return effect(...given)
        this.effects.add(name)
        if (name === 'mark') this.#marking = true
        return (async () => {
          await this.#moment()
          const result = await effect(...given)
          await this.#moment()
          return result
        })()
      }
    }
    return Object.fromEntries(
      Object.entries(effects).map(([name, effect]) => [name, wrap(name, effect)]),
    ) as unknown as MarkingEffects
  }

  #unsent(): number {
    return [...this.files.values()].filter((state) => state === 'waiting').length
  }

  /** Nobody has said that it is the last file of its directory, and its event is still on its way. */
  #isTooFresh(name: string): boolean {
    return !this.closed && (this.#madeAt.get(name) ?? 0) > this.moments - this.#delay - 2
  }

  #mustBeThere(): void {
    if (this.vanished) throw Object.assign(new Error('gone'), { code: 'ENOENT' })
  }

  #effects(): MarkingEffects {
    return {
      list: async () => {
        this.#mustBeThere()
        this.#marking = false
        let found = 0
        for (const name of [...this.files.keys()]) {
          if (this.files.get(name) === 'open') found += 1
          if (this.#offer(name)) {
            found += 1
            // As in life: a listing has the watcher look at the file, which reports it as finished.
            this.directory.brought(1)
          }
          await this.#moment()
        }
        return { found, closed: this.closed, isEmpty: this.files.size === 0 }
      },
      unsent: () => this.#unsent(),
      standing: async () => {
        this.#marking = !this.closed && !this.newest
        return this.closed ? 'closed' : this.newest ? 'live' : 'overtaken'
      },
      mark: async () => {
        this.#mustBeThere()
        if (this.isFull) throw Object.assign(new Error('no space left'), { code: 'ENOSPC' })
        this.marks += 1
        for (const [name, state] of this.files) {
          if (state === 'sent') continue
          if (this.#isTooFresh(name)) this.files.delete(name)
          else this.violations.push(`marked while ${name} was ${state}`)
        }
        if (!this.closed && this.newest) this.violations.push('marked while its producer is at work')
      },
      now: () => this.#time,
      at: (time, call) => {
        this.#timers.set(call, time)
        return () => void this.#timers.delete(call)
      },
      changed: () => undefined,
      failed: (step, error) => {
        if (this.isFull && step === 'mark') this.refusedMarks += 1
        else if (!this.vanished) this.violations.push(`${step}: ${String(error)}`)
      },
    }
  }
}

const takesTime = (effect: (...given: unknown[]) => unknown) => effect.constructor.name === 'AsyncFunction'

/** Lets every promise that can go on go on. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
}
