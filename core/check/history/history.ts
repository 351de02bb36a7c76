import { type Message, message } from '../../lib/i18n/message.ts'
import { UserError } from '../../lib/i18n/user-error.ts'
import { openThread, type Thread } from '../../lib/workers/thread.ts'
import { errorText } from '../../platform/system-error.ts'
import type { Checked, HistoryQuestion } from '../checker-messages.ts'
import type { HistoryCalls, KeptCheck } from './history-store.ts'

/** Checks are written this often, in milliseconds: what a power failure may take. */
const WRITE_EVERY_MS = 10_000
/** A batch that is out longer than this, in milliseconds, waits for a disk that hangs. */
const STUCK_AFTER_MS = 30_000
const MOST_QUESTIONS = 32
/** Checks that wait to be written; at 1,000 a second, 100 seconds of them. Those beyond are lost, and counted. */
const MOST_WAITING = 100_000

/**
 * Hands checks to a thread of its own, which writes them into the database. Whatever becomes of that thread and of
 * its disk, a check costs one small object here: one batch is out at a time, and what waits for it is bounded.
 */
export class History {
  readonly #script: URL
  readonly #tell: (sentence: Message) => void
  #file: string | null = null
  #thread: Thread<HistoryCalls> | null = null
  #timer: NodeJS.Timeout | undefined
  #waiting: KeptCheck[] = []
  /** Checks in the batch that is out, and for how long it is. */
  #out = 0
  #outMs = 0
  #lost = 0
  #isFailing = false

  /**
   * @param script is the thread's own script.
   * @param tell is called with what a person should know: once when it begins to fail, once when it is well again.
   */
  constructor(script: URL, tell: (sentence: Message) => void) {
    this.#script = script
    this.#tell = tell
  }

  add(checked: readonly Checked[]): void {
    if (this.#file === null) return
    for (const { id, at, delayMs, overall } of checked) {
      if (this.#waiting.length < MOST_WAITING) this.#waiting.push({ id, at, delayMs, kind: overall.kind })
      else this.#lost += 1
    }
  }

  /** Where the database is from now on; null: nothing is kept. */
  keepIn(file: string | null): void {
    if (file === this.#file) return
    void this.stop()
    this.#file = file
    if (file === null) return
    const onNews = (news: unknown) => this.#tell(news as Message)
    this.#thread = openThread(this.#script, { data: file, youngMb: 8, onNews })
    this.#timer = setInterval(() => this.#tick(file), WRITE_EVERY_MS).unref()
  }

  /** @throws UserError check.historyAway if the database cannot answer */
  async ask(question: HistoryQuestion) {
    if (this.#file === null || this.#thread === null) return { points: [], spanMs: 0 }
    const away = new UserError('check.historyAway', { path: this.#file })
    if (this.#thread.unanswered >= MOST_QUESTIONS) throw away
    this.#write()
    return this.#thread.call('ask', question).catch(() => Promise.reject(away))
  }

  /** The thread may hang in a call, and then lives on by itself. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#write()
    const stopping = this.#thread
    this.#thread = null
    this.#out = 0
    await stopping?.close()
  }

  #tick(file: string): void {
    this.#outMs += WRITE_EVERY_MS
    if (this.#out > 0 && this.#outMs >= STUCK_AFTER_MS)
      this.#failing(message('check.historyStuck', { path: file }))
    this.#write()
  }

  #write(): void {
    const asked = this.#thread
    const checks = this.#waiting
    if (asked === null || this.#out > 0 || checks.length === 0) return
    this.#out = checks.length
    this.#outMs = 0
    this.#waiting = []
    const ended = (failure: string | null) => {
      // Its file is another one by now.
      if (asked === this.#thread) this.#written(failure)
    }
    void asked.call('write', checks).then(
      () => ended(null),
      (error: unknown) => ended(errorText(error)),
    )
  }

  #written(failure: string | null): void {
    if (failure !== null) {
      this.#lost += this.#out
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
