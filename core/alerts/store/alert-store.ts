import { LATE, withTimeout } from '../../lib/async/with-timeout.ts'
import { message } from '../../lib/i18n/message.ts'
import { englishWords } from '../../lib/i18n/words.ts'
import { openThread } from '../../lib/workers/thread.ts'
import type { SetAside } from '../../platform/sqlite-file.ts'
import { errorText } from '../../platform/system-error.ts'
import type { Incident } from '../incident.ts'
import type { OutboxEntry } from '../outbox.ts'
import type { TimelinePage, TimelineQuestion } from '../timeline.ts'
import type { Left } from './database.ts'

/** The calls that the thread accepts. */
export interface StoreCalls {
  load: { input: number; output: Left }
  save: { input: readonly OutboxEntry[]; output: unknown }
  record: { input: readonly Incident[]; output: unknown }
  page: { input: TimelineQuestion; output: TimelinePage }
}

/** Outbox and timeline on a disk that may hang or fail. Every call ends within its timeout. */
export interface AlertStore {
  /** @throws Error if the disk fails, or does not respond within some seconds */
  call<C extends keyof StoreCalls>(call: C, input: StoreCalls[C]['input']): Promise<StoreCalls[C]['output']>
  /** Resolves when all earlier calls are done, or the timeout for the disk has passed. */
  close(): Promise<void>
}

const ANSWER_WITHIN_MS = 2_000
/** Limit of calls that wait for a hung disk. Further calls fail at once. */
const MOST_OUT = 256

/**
 * @param script the script of the thread
 * @param tell is called with a file that had to be set aside
 */
export function openAlertStore(script: URL, file: string, tell: (aside: SetAside) => void): AlertStore {
  const thread = openThread<StoreCalls>(script, {
    data: { file },
    youngMb: 2,
    onNews: (news) => tell(news as SetAside),
  })
  return {
    async call(call, input) {
      if (thread.unanswered >= MOST_OUT) throw new Error(`${file} does not answer`)
      const output = await withTimeout(ANSWER_WITHIN_MS, thread.call(call, input))
      // The call still counts as pending, because pending calls are limited.
      if (output === LATE) throw new Error(`${file} has not answered within ${ANSWER_WITHIN_MS} ms`)
      return output
    },
    close: thread.close,
  }
}

/** A store that tolerates a failing disk: notices that cannot be stored are still delivered. */
export class KeptStore {
  readonly #store: AlertStore
  readonly #log: (level: 'info' | 'warn', text: string) => void
  /** A disk failure is logged once, and its recovery too. */
  isFailing = false

  constructor(store: AlertStore, log: (level: 'info' | 'warn', text: string) => void) {
    this.#store = store
    this.#log = log
  }

  /** Returns null if the disk failed. */
  async call<C extends keyof StoreCalls>(
    call: C,
    input: StoreCalls[C]['input'],
  ): Promise<StoreCalls[C]['output'] | null> {
    try {
      const output = await this.#store.call(call, input)
      if (this.isFailing) this.#log('info', englishWords(message('alert.kept')))
      this.isFailing = false
      return output
    } catch (error) {
      const reason = errorText(error)
      if (!this.isFailing) this.#log('warn', englishWords(message('alert.notKept', { reason })))
      this.isFailing = true
      return null
    }
  }
}
