import { Worker } from 'node:worker_threads'
import { type Message, message } from '../../words/message.ts'
import { Problem } from '../../words/problem.ts'
import type { Checked, HistoryAnswer, HistoryQuestion } from '../messages.ts'
import type { FromHistoryThread, KeptCheck, ToHistoryThread } from './protocol.ts'

/** Checks are written this often, in milliseconds: what a power failure may take. */
const WRITE_EVERY_MS = 10_000
/** A batch that is out longer than this, in milliseconds, waits for a disk that hangs. */
const STUCK_AFTER_MS = 30_000
/** Stopping waits this long, in milliseconds, for the last batch. */
const STOP_WITHIN_MS = 1_000
const MOST_QUESTIONS = 32
/** Checks that wait to be written; at 1,000 a second, 100 seconds of them. Those beyond are lost, and counted. */
const MOST_WAITING = 100_000

export interface History {
  add(checked: readonly Checked[]): void
  /** Where the database is from now on; null: nothing is kept. */
  keepIn(file: string | null): void
  /** @throws Problem check.historyAway if the database cannot answer */
  ask(question: HistoryQuestion): Promise<HistoryAnswer>
  stop(): Promise<void>
}

/**
 * Hands checks to a thread of its own, which writes them into the database. Whatever becomes of that thread and of
 * its disk, a check costs one small object here: one batch is out at a time, and what waits for it is bounded.
 *
 * @param script is the thread's own script.
 * @param tell is called with what a person should know: once when it begins to fail, once when it is well again.
 */
export function createHistory(script: URL, tell: (sentence: Message) => void): History {
  let file: string | null = null
  let thread: Worker | null = null
  let timer: NodeJS.Timeout | undefined
  let waiting: KeptCheck[] = []
  /** Checks in the batch that is out, and for how long it is. */
  let out = 0
  let outMs = 0
  let lost = 0
  let isFailing = false
  const questions = new Map<number, (answer: HistoryAnswer | null) => void>()
  let lastQuestion = 0

  const failing = (sentence: Message) => {
    if (!isFailing) tell(sentence)
    isFailing = true
  }

  const post = (said: ToHistoryThread) => {
    thread ??= start()
    thread.postMessage(said)
  }

  const write = () => {
    if (out > 0 || waiting.length === 0) return
    post({ type: 'write', checks: waiting })
    out = waiting.length
    outMs = 0
    waiting = []
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

  const take = (said: FromHistoryThread) => {
    if (said.type === 'notice') tell(said.notice)
    else if (said.type === 'written') written(said.failure)
    else {
      questions.get(said.number)?.(said.answer)
      questions.delete(said.number)
    }
  }

  const start = (): Worker => {
    // Without a limit its garbage alone would take a hundred megabytes.
    const resourceLimits = { maxYoungGenerationSizeMb: 8 }
    const worker = new Worker(script, { workerData: file, resourceLimits })
    worker.unref()
    const ended = (reason: string) => {
      if (thread !== worker) return
      letGo()
      written(reason)
    }
    worker.on('message', (said: FromHistoryThread) => thread === worker && take(said))
    worker.once('error', (thrown) => ended(String(thrown)))
    worker.once('exit', () => ended('its thread ended'))
    return worker
  }

  /** The thread may hang in a call, and then lives on by itself. */
  const letGo = () => {
    thread = null
    for (const answer of questions.values()) answer(null)
    questions.clear()
  }

  const stop = (): Promise<void> => {
    clearInterval(timer)
    write()
    const stopping = thread
    letGo()
    out = 0
    if (stopping === null) return Promise.resolve()
    stopping.postMessage({ type: 'stop' } satisfies ToHistoryThread)
    return new Promise((resolve) => {
      const late = setTimeout(resolve, STOP_WITHIN_MS)
      stopping.once('exit', () => {
        clearTimeout(late)
        resolve()
      })
    })
  }

  return {
    add: (checked) => {
      if (file === null) return
      for (const { id, at, delayMs, overall } of checked) {
        if (waiting.length < MOST_WAITING) waiting.push({ id, at, delayMs, kind: overall.kind })
        else lost += 1
      }
    },
    keepIn: (next) => {
      if (next === file) return
      void stop()
      file = next
      if (file !== null) timer = setInterval(tick, WRITE_EVERY_MS).unref()
    },
    ask: (question) => {
      if (file === null) return Promise.resolve({ points: [], spanMs: 0 })
      const away = new Problem('check.historyAway', { path: file })
      if (questions.size >= MOST_QUESTIONS) return Promise.reject(away)
      write()
      lastQuestion += 1
      const number = lastQuestion
      return new Promise((resolve, reject) => {
        questions.set(number, (answer) => (answer === null ? reject(away) : resolve(answer)))
        post({ type: 'ask', number, question })
      })
    },
    stop,
  }
}
