import { Rerun } from '../../pacing/rerun.ts'
import type { DirectoryState } from './steps.ts'
import { disturbed, listed, looked, newDirectoryState, nextStep, refused, unsettled } from './steps.ts'

/** What a batch directory's steps do to the world; a test puts its own events between any two of them. */
export interface DirectoryEffects {
  /** Watches the whole directory; resolves when no later change can be missed. */
  watch(): Promise<void>
  unwatch(): void
  /**
   * Offers every file that is due. `found`: how many were, or cannot be sent at all. `closed`: the producer's
   * mark is there.
   * @param isOvertaken nobody has closed it, and it is not the newest: a file that is being written is found, too.
   */
  list(isOvertaken: boolean): Promise<{ found: number; closed: boolean }>
  /** Files of it that the ledger does not have as sent: waiting and parked. */
  unsent(): number
  /** What, looked at anew, the directory is: closed by its producer, overtaken by a newer one, or live. */
  standing(): Promise<'closed' | 'overtaken' | 'live'>
  /** Makes finished.watch durably. */
  mark(): Promise<void>
  /** Milliseconds of a steady clock. */
  now(): number
  /** Calls back once at a time of that clock; returns the function that forgets it. */
  at(time: number, call: () => void): () => void
  changed(): void
  failed(step: string, thrown: unknown): void
}

/** One batch directory that is not marked as sent yet: carries out its steps one after the other. */
export class BatchDirectory {
  readonly #effects: DirectoryEffects
  readonly #quietMs: number
  readonly #run: Rerun
  #state: DirectoryState = newDirectoryState
  /** Files that events brought while a listing was under way. */
  #broughtMeanwhile = 0
  /** How often it was said that the watcher, or the listing, is worth nothing any more. */
  #rewatches = 0
  #relists = 0
  #forgetTimer: (() => void) | null = null
  #stopped = false

  constructor(effects: DirectoryEffects, quietMs: number) {
    this.#effects = effects
    this.#quietMs = quietMs
    // A failed step is tried again at the next event, nudge or comparison.
    this.#run = new Rerun(
      () => this.#steps(),
      (thrown) => effects.failed('step', thrown),
    )
  }

  get state(): Readonly<DirectoryState> {
    return this.#state
  }

  /** What a look at all batch directories found about this one. Takes its steps until it rests. */
  look(facts: { closed: boolean; newest: boolean }): Promise<void> {
    // A look that began before finished.parse landed must not undo the event that told of it.
    const closed = this.#state.closed || facts.closed
    const { newest } = facts
    if (closed !== this.#state.closed || newest !== this.#state.newest) {
      this.#set(looked(this.#state, { closed, newest }))
    }
    return this.#run.request()
  }

  /** finished.parse appeared. */
  close(): Promise<void> {
    this.#set({ ...this.#state, closed: true })
    return this.#run.request()
  }

  /** Events brought files that became waiting. */
  brought(files: number): void {
    this.#broughtMeanwhile += files
    if (files > 0) this.#set(disturbed(this.#state, files))
  }

  /** Lists it again in any case: events were lost, or it is time for a comparison. */
  relist(): Promise<void> {
    this.#relists += 1
    this.#set({ ...this.#state, listing: null })
    return this.#run.request()
  }

  /** The watcher is gone: watched and listed anew. */
  rewatch(): Promise<void> {
    this.#rewatches += 1
    this.#relists += 1
    this.#set({ ...this.#state, watching: false, listing: null })
    return this.#run.request()
  }

  /** Files became durable. */
  nudge(): Promise<void> {
    return this.#run.request()
  }

  stop(): void {
    this.#stopped = true
    this.#run.stop()
    this.#forgetTimer?.()
    this.#effects.unwatch()
  }

  async #steps(): Promise<void> {
    this.#forgetTimer?.()
    this.#forgetTimer = null
    while (!this.#stopped) {
      const facts = { unsent: this.#effects.unsent(), now: this.#effects.now(), quietMs: this.#quietMs }
      const next = nextStep(this.#state, facts)
      if (next.step === 'settle') {
        this.#forgetTimer = this.#effects.at(next.until, () => void this.#run.request())
        return
      }
      if (next.step === 'rest') return
      try {
        if (!(await this.#perform(next.step))) return
      } catch (thrown) {
        if (next.step === 'mark') this.#set(refused(this.#state, this.#effects.now()))
        if (!this.#stopped) this.#effects.failed(next.step, thrown)
        return
      }
    }
  }

  /** Whether another step may follow at once. */
  async #perform(step: 'watch' | 'list' | 'mark' | 'unwatch'): Promise<boolean> {
    switch (step) {
      case 'watch':
        return this.#watch()
      case 'list':
        await this.#list()
        return true
      case 'mark': {
        const before = this.#state
        // Asked in any case: a look may have told of a directory that had this name before.
        const standing = await this.#effects.standing()
        if (this.#state === before && before.closed !== (standing === 'closed'))
          this.#set({ ...before, closed: !before.closed })
        if (standing === 'live') {
          this.#set(unsettled(this.#state))
          return false
        }
        // Something happened while it was looked at: decided anew.
        if (this.#stopped || this.#state !== before || this.#effects.unsent() > 0) return true
        await this.#effects.mark()
        this.#set({ ...this.#state, sent: true })
        return true
      }
      case 'unwatch':
        this.#effects.unwatch()
        this.#set({ ...this.#state, watching: false })
        return true
    }
  }

  async #watch(): Promise<boolean> {
    const before = this.#rewatches
    await this.#effects.watch()
    // Gone again while it was opened: what was opened tells nothing.
    if (this.#rewatches === before) this.#set({ ...this.#state, watching: true })
    return true
  }

  async #list(): Promise<void> {
    const closing = this.#state.closed || !this.#state.newest
    const afterClose = this.#state.closed
    const allSent = this.#effects.unsent() === 0
    const startedAt = this.#effects.now()
    this.#broughtMeanwhile = 0
    const before = this.#relists
    const { found, closed } = await this.#effects.list(closing && !afterClose)
    this.#set(listed(this.#state, { startedAt, closing, afterClose, allSent, found }, closed))
    if (this.#broughtMeanwhile > 0) this.#set(disturbed(this.#state, this.#broughtMeanwhile))
    // What was lost meanwhile may have been lost where the listing had passed already.
    if (this.#relists !== before) this.#set({ ...this.#state, listing: null })
  }

  #set(state: DirectoryState): void {
    this.#state = state
    this.#effects.changed()
  }
}
