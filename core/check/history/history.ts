import { errorText } from '../../files/system-error.ts'
import { type Message, message } from '../../words/message.ts'
import { Problem } from '../../words/problem.ts'
import { openThread, type Thread } from '../../worker/thread.ts'
import type { Checked, HistoryQuestion } from '../messages.ts'
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
 *
 * @param script is the thread's own script.
 * @param tell is called with what a person should know: once when it begins to fail, once when it is well again.
 */
export function createHistory(script: URL, tell: (sentence: Message) => void) {
  let file: string | null = null
  let thread: Thread<HistoryCalls> | null = null
  let timer: NodeJS.Timeout | undefined
  let waiting: KeptCheck[] = []
  /** Checks in the batch that is out, and for how long it is. */
  let out = 0
  let outMs = 0
  let lost = 0
  let isFailing = false

  const failing = (sentence: Message) => {
    if (!isFailing) tell(sentence)
    isFailing = true
  }

  const write = () => {
    const asked = thread
    if (asked === null || out > 0 || waiting.length === 0) return
    out = waiting.length
    outMs = 0
    const checks = waiting
    waiting = []
    const ended = (failure: string | null) => {
      // Its file is another one by now.
      if (asked === thread) written(failure)
    }
    void asked.call('write', checks).then(
      () => ended(null),
      (thrown: unknown) => ended(errorText(thrown)),
    )
  }

  const tick = () => {
    outMs += WRITE_EVERY_MS
    if (out > 0 && outMs >= STUCK_AFTER_MS) failing(message('check.historyStuck', { path: file ?? '' }))
    write()
  }

  const written = (failure: string | null) => {
    if (failure !== null) {
      lost += out
      failing(message('check.historyLost', { path: file ?? '', reason: failure }))
    } else {
      if (isFailing) tell(message('check.historyBack', { lost }))
      isFailing = false
      lost = 0
    }
    out = 0
  }

  /** The thread may hang in a call, and then lives on by itself. */
  const stop = async (): Promise<void> => {
    clearInterval(timer)
    write()
    const stopping = thread
    thread = null
    out = 0
    await stopping?.close()
  }

  return {
    add: (checked: readonly Checked[]) => {
      if (file === null) return
      for (const { id, at, delayMs, overall } of checked) {
        if (waiting.length < MOST_WAITING) waiting.push({ id, at, delayMs, kind: overall.kind })
        else lost += 1
      }
    },
    /** Where the database is from now on; null: nothing is kept. */
    keepIn: (next: string | null) => {
      if (next === file) return
      void stop()
      file = next
      if (file === null) return
      thread = openThread(script, { data: file, youngMb: 8, onNews: (news) => tell(news as Message) })
      timer = setInterval(tick, WRITE_EVERY_MS).unref()
    },
    /** @throws Problem check.historyAway if the database cannot answer */
    async ask(question: HistoryQuestion) {
      if (file === null || thread === null) return { points: [], spanMs: 0 }
      const away = new Problem('check.historyAway', { path: file })
      if (thread.unanswered >= MOST_QUESTIONS) throw away
      write()
      return thread.call('ask', question).catch(() => Promise.reject(away))
    },
    stop,
  }
}
