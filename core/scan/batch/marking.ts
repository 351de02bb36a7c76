import { Rerun } from '../../lib/async/rerun.ts'

/** What a batch directory's marking needs of the world; a test puts its own events between any two of these. */
export interface MarkingEffects {
  /**
   * Compares the directory with the ledger, and offers what is due. `found`: how many files were due, or cannot be
   * sent at all. `closed`: the producer's mark is there. `isEmpty`: no file was ever seen in it.
   * @param isOvertaken nobody has closed it, and it is not the newest: a file that is being written is found, too.
   */
  list(isOvertaken: boolean): Promise<{ found: number; closed: boolean; isEmpty: boolean }>
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
  failed(step: 'list' | 'mark', error: unknown): void
}

/** A directory in which a listing has found something, or that refused its mark, is listed again after this. */
const AGAIN_MS = 30_000

/**
 * Decides when one batch directory may be marked as sent. It is marked when a listing found nothing that began after
 * these were all true: the producer has closed the directory, or a newer one exists; and the ledger has every known
 * file of it as sent. If nobody closed it, its producer may still be at work: then two such listings that are the quiet
 * period apart must have found nothing. Whatever changes meanwhile makes a listing worthless. One that nobody closed and
 * that never had a file is not marked: its producer has not begun.
 */
export class Marking {
  readonly #effects: MarkingEffects
  readonly #quietMs: number
  readonly #run: Rerun
  #closed = false
  #newest = false
  #isEmpty = false
  #sent = false
  /** What the last listing has found; null: there was none. */
  #found: number | null = null
  /** It has to be listed in any case. */
  #owesListing = true
  /** Counts whatever makes a listing that is under way worthless. */
  #changes = 0
  /** When the first of the listings began that have found it at rest, one after the other. */
  #restingSince: number | null = null
  /** No listing for the mark's sake begins before this. */
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

  get state(): { closed: boolean; newest: boolean; sent: boolean; found: number | null } {
    return {
      closed: this.#closed,
      newest: this.#newest || this.#isEmpty,
      sent: this.#sent,
      found: this.#found,
    }
  }

  /** What a look at all batch directories found about this one. Goes on until it rests. */
  look({ closed, newest }: { closed: boolean; newest: boolean }): Promise<void> {
    // A look that began before finished.parse landed must not undo the event that told of it.
    if (closed) this.#close()
    if (newest && !this.#newest) this.#unsettle()
    if (!newest && this.#newest) this.#owesListing = true
    this.#newest = newest
    this.#effects.changed()
    return this.#run.request()
  }

  /** finished.parse appeared. */
  close(): Promise<void> {
    this.#close()
    this.#effects.changed()
    return this.#run.request()
  }

  /** Events brought files that became waiting. */
  brought(files: number): void {
    if (files === 0) return
    this.#isEmpty = false
    this.#unsettle()
    this.#notBefore = Number.NEGATIVE_INFINITY
    this.#effects.changed()
  }

  /** Lists it again in any case: events were lost, or it is time for a comparison. */
  relist(): Promise<void> {
    this.#owesListing = true
    this.#notBefore = Number.NEGATIVE_INFINITY
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
  }

  #close(): void {
    if (this.#closed) return
    this.#closed = true
    // Files with temporary names go from now on.
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
        // Live: events bring its files. Unsent: the sender's nudge comes.
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
        // Tried again at the next event, nudge or comparison.
        return
      }
    }
  }

  /** Whether the listing shows that the directory may be marked. */
  async #list(): Promise<boolean> {
    const isClosed = this.#closed
    const mayBeMarked = (isClosed || !this.#newest) && this.#effects.unsent() === 0
    const startedAt = this.#effects.now()
    const changes = this.#changes
    this.#owesListing = false
    const { found, closed, isEmpty } = await this.#effects.list(!isClosed && !this.#newest)
    this.#found = found
    // A file may have come since the listing passed its place.
    this.#isEmpty = isEmpty && changes === this.#changes
    if (closed) this.#close()
    this.#effects.changed()
    if (!mayBeMarked || changes !== this.#changes || this.#owesListing) return false
    if (found > 0) {
      // It was offered, or is held open: then its writer may remove it, which no event tells.
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

  /** False: it is live, and rests until something happens. */
  async #mark(): Promise<boolean> {
    const changes = this.#changes
    // Asked in any case: a look may have told of a directory that had this name before.
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
    try {
      await this.#effects.mark()
      this.#sent = true
      this.#effects.changed()
    } catch (error) {
      // A producer may have begun a file meanwhile, and nothing tells of it before it is finished.
      this.#unsettle()
      this.#notBefore = this.#effects.now() + AGAIN_MS
      if (!this.#stopped) this.#effects.failed('mark', error)
    }
    return true
  }
}
