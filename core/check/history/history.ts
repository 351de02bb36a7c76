import { Worker } from 'node:worker_threads'
import { type Message, message } from '../../words/message.ts'
import { Problem } from '../../words/problem.ts'
import type { Checked, HistoryAnswer, HistoryQuestion } from '../messages.ts'
import { createCheckBuffer, MOST_WAITING } from './buffer.ts'
import type { FromHistoryThread, ToHistoryThread } from './protocol.ts'

/** Checks are written this often, in milliseconds: what a power failure may take. */
const WRITE_EVERY_MS = 10_000
/** A batch that is out longer than this, in milliseconds, waits for a disk that hangs. */
const STUCK_AFTER_MS = 30_000
/** Stopping waits this long, in milliseconds, for the last batch. */
const STOP_WITHIN_MS = 1_000
const MOST_QUESTIONS = 32

export interface History {
  add(checked: readonly Checked[]): void
  /** Where the database is from now on; null: nothing is kept. */
  keepIn(file: string | null): void
  /** @throws Problem check.historyAway if the database cannot answer */
  ask(question: HistoryQuestion): Promise<HistoryAnswer>
  stop(): Promise<void>
}

interface Question {
  resolve(answer: HistoryAnswer): void
  reject(reason: Problem): void
}

/**
 * Hands checks to a thread of its own, which writes them into the database. Whatever becomes of that thread and of
 * its disk, a check costs a few stores here: one batch is out at a time, and what waits for it is bounded.
 *
 * @param script is the thread's own script.
 * @param tell is called with what a person should know: once when it begins to fail, once when it is well again.
 */
export function createHistory(script: URL, tell: (sentence: Message) => void): History {
  const buffer = createCheckBuffer()
  const questions = new Map<number, Question>()
  let file: string | null = null
  let thread: Worker | null = null
  let writeTimer: NodeJS.Timeout | null = null
  let stuckTimer: NodeJS.Timeout | null = null
  /** Checks in the batch that is out. */
  let out = 0
  let lost = 0
  let isFailing = false
  /** The thread is asked to end: that it does is no failure. */
  let isStopping = false
  let lastQuestion = 0

  const failing = (sentence: Message) => {
    if (!isFailing) tell(sentence)
    isFailing = true
  }

  const schedule = () => {
    writeTimer ??= setTimeout(() => {
      writeTimer = null
      write()
    }, WRITE_EVERY_MS)
    writeTimer.unref()
  }

  const post = (said: ToHistoryThread) => thread?.postMessage(said)

  const write = () => {
    if (file === null || out > 0) return
    const batch = buffer.take()
    if (batch === null) return
    thread ??= start(file)
    out = batch.checks.count
    const path = file
    stuckTimer = setTimeout(() => failing(message('check.historyStuck', { path })), STUCK_AFTER_MS)
    stuckTimer.unref()
    post({ type: 'write', ...batch })
  }

  const settled = (failure: string | null) => {
    if (stuckTimer !== null) clearTimeout(stuckTimer)
    stuckTimer = null
    lost += buffer.takeLost() + (failure === null ? 0 : out)
    out = 0
    if (failure !== null) {
      failing(message('check.historyLost', { path: file ?? '', reason: failure }))
      return
    }
    if (isFailing) tell(message('check.historyBack', { lost }))
    isFailing = false
    lost = 0
    if (buffer.waiting() > 0) schedule()
  }

  const away = () => new Problem('check.historyAway', { path: file ?? '' })

  const take = (said: FromHistoryThread) => {
    switch (said.type) {
      case 'written':
        return settled(said.failure)
      case 'answer':
        questions.get(said.number)?.resolve(said.answer)
        return questions.delete(said.number)
      case 'refused':
        questions.get(said.number)?.reject(away())
        return questions.delete(said.number)
      case 'notice':
        return tell(said.notice)
      default:
        return said satisfies never
    }
  }

  const start = (path: string): Worker => {
    // Without a limit its garbage alone would take a hundred megabytes.
    const worker = new Worker(script, { resourceLimits: { maxYoungGenerationSizeMb: 8 } })
    worker.unref()
    worker.on('message', (said: FromHistoryThread) => thread === worker && take(said))
    worker.once('error', (thrown) => ended(worker, String(thrown)))
    worker.once('exit', () => ended(worker, 'its thread ended'))
    worker.postMessage({ type: 'open', file: path } satisfies ToHistoryThread)
    return worker
  }

  const ended = (worker: Worker, reason: string) => {
    if (thread !== worker) return
    leave()
    if (!isStopping) settled(reason)
  }

  /** Lets go of the thread, which may hang in a call and then lives on by itself. */
  const leave = () => {
    thread = null
    buffer.forgetNames()
    for (const { reject } of questions.values()) reject(away())
    questions.clear()
  }

  return {
    add: (checked) => {
      if (file === null) return
      for (const one of checked) buffer.add(one)
      if (!isFailing && buffer.waiting() > MOST_WAITING / 2) write()
      schedule()
    },
    keepIn: (next) => {
      if (next === file) return
      write()
      post({ type: 'stop' })
      if (thread !== null) leave()
      out = 0
      file = next
    },
    ask: (question) => {
      if (file === null) return Promise.resolve({ points: [], spanMs: 0 })
      if (questions.size >= MOST_QUESTIONS) return Promise.reject(away())
      thread ??= start(file)
      if (!isFailing) write()
      lastQuestion += 1
      const number = lastQuestion
      return new Promise((resolve, reject) => {
        questions.set(number, { resolve, reject })
        post({ type: 'ask', number, question })
      })
    },
    stop: () => {
      if (thread === null && buffer.waiting() === 0) return Promise.resolve()
      write()
      isStopping = true
      return new Promise((resolve) => {
        const timer = setTimeout(resolve, STOP_WITHIN_MS)
        thread?.once('exit', () => {
          clearTimeout(timer)
          resolve()
        })
        post({ type: 'stop' })
      })
    },
  }
}
