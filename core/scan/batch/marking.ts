import { Rerun } from '../../lib/async/rerun.ts'

/** Effects of a batch directory's marking; a test inserts its own events between any two of them. */
export interface MarkingEffects {
  /**
   * Compares the directory with the ledger, and offers what is due. `found`: number of files that were due, or cannot
   * be sent at all. `closed`: the producer's mark exists. `isEmpty`: the directory never had a file.
   * @param isOvertaken it is neither closed nor the newest: files with temporary names are found, too.
   */
  list(isOvertaken: boolean): Promise<{ found: number; closed: boolean; isEmpty: boolean }>
  /** Counts its unsent files in the ledger: waiting and parked. */
  unsent(): number
  /** Reads the directory's state again: closed by its producer, overtaken by a newer one, or live. */
  standing(): Promise<'closed' | 'overtaken' | 'live'>
  /** Makes finished.watch durably. */
  mark(): Promise<void>
  /** Returns milliseconds of a monotonic clock. */
  now(): number
  /** Calls back once at a time of that clock; returns the function that cancels it. */
  at(time: number, call: () => void): () => void
  changed(): void
  failed(step: 'list' | 'mark', error: unknown): void
}

/** Pause before a directory is listed again after a listing found something, or after its mark could not be made. */
const AGAIN_MS = 30_000

/**
 * Decides when one batch directory may be marked as sent. It is marked after a listing that found nothing and that
 * began when all of this was true: the producer has closed the directory, or a newer one exists; and the ledger has
 * every known file of it as sent. If it was not closed, its producer may still be at work: then two such listings, the
 * quiet period apart, must have found nothing. Any change meanwhile makes a listing worthless. A directory that was
 * not closed and never had a file is not marked, since its producer has not begun.
 */
export class Marking {
  readonly #effects: MarkingEffects
  readonly #quietMs: number
  readonly #run: Rerun
  #closed = false
  #newest = false
  #isEmpty = false
  #sent = false
  /** Its mark is being made, and may be there already. */
  #isMarking = false
  /** Result of the last listing; null: there was none. */
  #found: number | null = null
  /** It must be listed in any case. */
  #owesListing = true
  /** Counts the changes; each makes a listing that is under way worthless. */
  #changes = 0
  /** Start of the first in the present series of listings that found nothing. */
  #restingSince: number | null = null
  /** No listing that decides about the mark begins before this time. */
  #notBefore = Number.NEGATIVE_INFINITY
  #forgetTimer: (() => void) | null = null
  #stopped = false

  constructor(effects: MarkingEffects, quietMs: number) {
    this.#effects = effects
    this.#quietMs = quietMs
    this.#run = new Rerun(
      () => this.#goOn(),
      (error) => effects.failed('list', error),
    )
  }

  /** True if a file that comes now comes after the mark. */
  get isMarked(): boolean {
    return this.#sent || this.#isMarking
  }

  get state(): { closed: boolean; newest: boolean; sent: boolean; found: number | null } {
    return {
      closed: this.#closed,
      newest: this.#newest || this.#isEmpty,
      sent: this.#sent,
      found: this.#found,
    }
  }

  /** Applies the result of a look at all batch directories. Continues until nothing is left to do for now. */
  look({ closed, newest }: { closed: boolean; newest: boolean }): Promise<void> {
    // A look that began before finished.parse appeared must not undo the event that reported it.
    if (closed) this.#close()
    if (newest && !this.#newest) this.#unsettle()
    if (!newest && this.#newest) this.#owesListing = true
    this.#newest = newest
    this.#effects.changed()
    return this.#run.request()
  }

  /** Records that finished.parse appeared. */
  close(): Promise<void> {
    this.#close()
    this.#effects.changed()
    return this.#run.request()
  }

  /** Events queued files of the directory. */
  brought(files: number): void {
    if (files === 0) return
    this.#isEmpty = false
    this.#unsettle()
    this.#notBefore = Number.NEGATIVE_INFINITY
    this.#effects.changed()
  }

  /** Lists it again in any case: events were lost, or a comparison is due. */
  relist(): Promise<void> {
    this.#owesListing = true
    this.#notBefore = Number.NEGATIVE_INFINITY
    return this.#run.request()
  }

  /** Files became durable at a destination. */
  nudge(): Promise<void> {
    return this.#run.request()
  }

  stop(): void {
    this.#stopped = true
    this.#run.stop()
    this.#forgetTimer?.()
  }

  #close(): void {
    if (this.#closed) return
    this.#closed = true
    // From now on files with temporary names are sent, too.
    this.#owesListing = true
    this.#unsettle()
    this.#notBefore = Number.NEGATIVE_INFINITY
  }

  #unsettle(): void {
    this.#changes += 1
    this.#restingSince = null
  }

  async #goOn(): Promise<void> {
    this.#forgetTimer?.()
    this.#forgetTimer = null
    while (!this.#stopped && !this.#sent) {
      const isLive = !this.#closed && (this.#newest || this.#isEmpty)
      if (!this.#owesListing) {
        // A live directory gets its files by events. For unsent files the sender nudges.
        if (isLive || this.#effects.unsent() > 0) return
        if (this.#effects.now() < this.#notBefore) {
          this.#forgetTimer = this.#effects.at(this.#notBefore, () => void this.#run.request())
          return
        }
      }
      try {
        if ((await this.#list()) && !(await this.#mark())) return
      } catch (error) {
        this.#owesListing = true
        if (!this.#stopped) this.#effects.failed('list', error)
        // Repeated at the next event, nudge or comparison.
        return
      }
    }
  }

  /** Lists the directory. True if it may be marked. */
  async #list(): Promise<boolean> {
    const isClosed = this.#closed
    const mayBeMarked = (isClosed || !this.#newest) && this.#effects.unsent() === 0
    const startedAt = this.#effects.now()
    const changes = this.#changes
    this.#owesListing = false
    const { found, closed, isEmpty } = await this.#effects.list(!isClosed && !this.#newest)
    this.#found = found
    // A file may have arrived after the listing passed its place.
    this.#isEmpty = isEmpty && changes === this.#changes
    if (closed) this.#close()
    this.#effects.changed()
    if (!mayBeMarked || changes !== this.#changes || this.#owesListing) return false
    if (found > 0) {
      // The file was offered, or is held open: its writer may remove it, which causes no event.
      this.#restingSince = null
      this.#notBefore = startedAt + AGAIN_MS
      return false
    }
    if (isClosed) return true
    if (this.#isEmpty) return false
    this.#restingSince ??= startedAt
    this.#notBefore = this.#restingSince + this.#quietMs
    return startedAt >= this.#notBefore
  }

  /** Marks the directory after a last check. False: it is live, so the run pauses until the next event. */
  async #mark(): Promise<boolean> {
    const changes = this.#changes
    // Always checked again: the last look may have seen an earlier directory of this name.
    const standing = await this.#effects.standing()
    if (this.#stopped || changes !== this.#changes || this.#owesListing) return true
    if (this.#closed !== (standing === 'closed')) {
      this.#closed = standing === 'closed'
      this.#unsettle()
      this.#effects.changed()
      return standing !== 'live'
    }
    if (standing === 'live') {
      this.#unsettle()
      return false
    }
    if (this.#effects.unsent() > 0) return true
    this.#isMarking = true
    try {
      await this.#effects.mark()
      this.#sent = true
      this.#effects.changed()
    } catch (error) {
      // A producer may have begun a file meanwhile; no event reports it before it is finished.
      this.#unsettle()
      this.#notBefore = this.#effects.now() + AGAIN_MS
      if (!this.#stopped) this.#effects.failed('mark', error)
    } finally {
      this.#isMarking = false
    }
    return true
  }
}
