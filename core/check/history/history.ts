import { type Message, message } from '../../lib/i18n/message.ts'
import { UserError } from '../../lib/i18n/user-error.ts'
import { openThread, type Thread } from '../../lib/workers/thread.ts'
import { errorText } from '../../platform/system-error.ts'
import type {
  Checked,
  DayVerdicts,
  HistoryAnswer,
  HistoryQuestion,
  VerdictKind,
} from '../checker-messages.ts'
import type { HistoryCalls, KeptCheck } from './history-store.ts'

/** Interval at which is decided whether to write, in milliseconds. */
const LOOK_EVERY_MS = 10_000
/**
 * Longest time, in milliseconds, that checks wait while no verdict changes: each write costs blocks of the disk, and a
 * power failure loses only checks that were like the one before. A changed verdict is written at the next look.
 */
const KEEP_MS = 10 * 60_000
/** As many checks are written without waiting. */
const MOST_KEPT = 5_000
/** A write that takes longer than this, in milliseconds, waits for a disk that hangs. */
const STUCK_AFTER_MS = 30_000
const MOST_QUESTIONS = 32
/**
 * Limit of checks that wait to be written; at 1,000 a second, 100 seconds of them. Further ones are lost, and counted.
 */
const MOST_WAITING = 100_000

/**
 * Passes checks to a separate thread, which writes them into the database. Even if that thread or its disk hangs, a
 * check costs only one small object here: one batch is written at a time, and the waiting checks are bounded.
 */
export class History {
  readonly #script: URL
  readonly #tell: (sentence: Message) => void
  #file: string | null = null
  #thread: Thread<HistoryCalls> | null = null
  #timer: NodeJS.Timeout | undefined
  #waiting: KeptCheck[] = []
  /** The last verdict of each path. */
  readonly #kinds = new Map<string, VerdictKind>()
  #isChanged = false
  #waitedMs = 0
  /** Number of checks in the batch that is being written, and how long that has taken. */
  #out = 0
  #outMs = 0
  #lost = 0
  #isFailing = false

  /**
   * @param script is the thread's own script.
   * @param tell is called with a sentence for a person: once on failure, once on recovery.
   */
  constructor(script: URL, tell: (sentence: Message) => void) {
    this.#script = script
    this.#tell = tell
  }

  add(checked: readonly Checked[]): void {
    if (this.#file === null) return
    for (const { id, at, delayMs, overall } of checked) {
      const { kind } = overall
      if (this.#kinds.get(id) !== kind) this.#isChanged = true
      this.#kinds.set(id, kind)
      if (this.#waiting.length < MOST_WAITING) this.#waiting.push({ id, at, delayMs, kind })
      else this.#lost += 1
    }
  }

  /** Sets the file of the database; null: no history is kept. */
  keepIn(file: string | null): void {
    if (file === this.#file) return
    void this.stop()
    this.#file = file
    if (file === null) return
    const onNews = (news: unknown) => this.#tell(news as Message)
    this.#thread = openThread(this.#script, { data: file, youngMb: 8, onNews })
    this.#timer = setInterval(() => this.#tick(file), LOOK_EVERY_MS).unref()
  }

  /** @throws UserError check.historyAway if the database cannot answer */
  async ask(question: HistoryQuestion): Promise<HistoryAnswer> {
    return (await this.#call((thread) => thread.call('ask', question))) ?? { points: [], spanMs: 0 }
  }

  /** @throws UserError check.historyAway if the database cannot answer */
  async askDay(): Promise<DayVerdicts> {
    return (await this.#call((thread) => thread.call('day', Date.now()))) ?? {}
  }

  async #call<T>(call: (thread: Thread<HistoryCalls>) => Promise<T>): Promise<T | null> {
    if (this.#file === null || this.#thread === null) return null
    const away = new UserError('check.historyAway', { path: this.#file })
    if (this.#thread.unanswered >= MOST_QUESTIONS) throw away
    this.#write()
    return call(this.#thread).catch(() => Promise.reject(away))
  }

  /** Stops the thread. If it hangs in a call, it is left running. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#write()
    const stopping = this.#thread
    this.#thread = null
    this.#out = 0
    await stopping?.close()
  }

  #tick(file: string): void {
    this.#outMs += LOOK_EVERY_MS
    this.#waitedMs += LOOK_EVERY_MS
    if (this.#out > 0 && this.#outMs >= STUCK_AFTER_MS)
      this.#failing(message('check.historyStuck', { path: file }))
    const isDue = this.#waitedMs >= KEEP_MS || this.#waiting.length >= MOST_KEPT
    // After a failed write the next one is the trial of whether the disk is back.
    if (this.#isChanged || this.#isFailing || isDue) this.#write()
  }

  #write(): void {
    const asked = this.#thread
    const checks = this.#waiting
    if (asked === null || this.#out > 0 || checks.length === 0) return
    this.#out = checks.length
    this.#outMs = 0
    this.#waiting = []
    this.#isChanged = false
    this.#waitedMs = 0
    const ended = (failure: string | null) => {
      // Ignore the result if the file has been changed since.
      if (asked === this.#thread) this.#written(checks, failure)
    }
    void asked.call('write', checks).then(
      () => ended(null),
      (error: unknown) => ended(errorText(error)),
    )
  }

  #written(checks: KeptCheck[], failure: string | null): void {
    if (failure !== null) {
      // They may begin with the verdict of the disk that has failed here, too.
      const all = [...checks, ...this.#waiting]
      this.#waiting = all.slice(0, MOST_WAITING)
      this.#lost += all.length - this.#waiting.length
      this.#failing(message('check.historyLost', { path: this.#file ?? '', reason: failure }))
    } else {
      if (this.#isFailing) this.#tell(message('check.historyBack', { lost: this.#lost }))
      this.#isFailing = false
      this.#lost = 0
    }
    this.#out = 0
  }

  #failing(sentence: Message): void {
    if (!this.#isFailing) this.#tell(sentence)
    this.#isFailing = true
  }
}
