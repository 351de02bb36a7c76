import path from 'node:path'
import { warnUnlessCode } from '../../dropped-errors.ts'
import { LATE, withTimeout } from '../../lib/async/timing.ts'
import { type Message, message } from '../../lib/i18n/message.ts'
import type { LogLevel } from '../../lib/workers/definition.ts'
import { openThread } from '../../lib/workers/thread.ts'
import { lstatOrNull } from '../../platform/files.ts'
import type { SetAside } from '../../platform/sqlite.ts'
import { errorText } from '../../platform/system-error.ts'
import {
  type ChangesQuestion,
  type ChannelHealth,
  INCIDENT_FILE,
  type ReportMark,
  type TimelinePage,
  type TimelineQuestion,
} from '../incident.ts'
import type { ChangeRow, ChangeRows, Commit, Left } from './database.ts'

// The main process's side of the alert store: a thread calls SQLite, because its disk may hang or fail.

const ANSWER_WITHIN_MS = 2_000
/** Limit of calls that wait for a hung disk. Further calls fail at once. */
const MOST_OUT = 256

/** The calls that the thread accepts. */
export interface StoreCalls {
  load: { input: number; output: Left }
  commit: { input: Commit; output: true }
  noteHealth: { input: ChannelHealth; output: unknown }
  page: { input: TimelineQuestion; output: TimelinePage }
  evidence: { input: string; output: string | null }
  addChanges: { input: readonly ChangeRow[]; output: unknown }
  changes: { input: ChangesQuestion; output: ChangeRows }
  reported: { input: null; output: { mark: ReportMark | null } }
}

type Call = keyof StoreCalls
type Answer<C extends Call> = Promise<StoreCalls[C]['output']>

/** The policy's state, outbox and timeline on a disk that may hang or fail. Every call ends within its timeout. */
export interface AlertStore {
  /** @throws Error if the disk fails, or does not respond within some seconds */
  call<C extends Call>(call: C, input: StoreCalls[C]['input']): Answer<C>
  /** Resolves when all earlier calls are done, or the timeout for the disk has passed. */
  /** Resolves to false if a hung disk blocks the thread. */
  close(): Promise<boolean>
}

const EMPTY: { [C in Call]: StoreCalls[C]['output'] } = {
  load: { policy: null, past: [], waiting: [], told: [], seen: [], health: [] },
  commit: true,
  noteHealth: null,
  page: { entries: [], next: null },
  evidence: null,
  addChanges: true,
  changes: { rows: [], next: null },
  reported: { mark: null },
}

/** For one-shot runs and tests: stores nothing. */
export const noAlertStore: AlertStore = {
  call: async (call) => EMPTY[call],
  close: async () => true,
}

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
  /** Without a file there is nothing to load, and no thread is started for it. */
  const isThere = async () =>
    (await lstatOrNull(file)) !== null ||
    (await lstatOrNull(path.join(path.dirname(file), INCIDENT_FILE))) !== null
  const inTime = async <T>(answer: Promise<T>): Promise<T> => {
    const output = await withTimeout(ANSWER_WITHIN_MS, answer)
    // The call still counts as pending, because pending calls are limited.
    if (output === LATE) throw new Error(`${file} has not answered within ${ANSWER_WITHIN_MS} ms`)
    return output
  }
  return {
    async call(call, input) {
      if (thread.unanswered >= MOST_OUT) throw new Error(`${file} does not answer`)
      if ((call === 'load' || call === 'reported') && !(await inTime(isThere()))) return EMPTY[call]
      const answer = thread.call(call, input)
      // Only the disk is timed: a thread that starts slowly uses no disk of the data.
      await Promise.race([thread.started, answer])
      return inTime(answer)
    },
    close: thread.close,
  }
}

const WRITING: ReadonlySet<Call> = new Set<Call>(['commit', 'noteHealth', 'addChanges'])

/** A store that tolerates a failing disk: notices that cannot be stored are still delivered. */
export class KeptStore {
  readonly #store: AlertStore
  readonly #changed: (level: LogLevel, sentence: Message) => void
  /** True if something could not be written since the last commit. */
  isFailing = false

  /** @param changed is called once when something cannot be written, and once when a commit succeeds again */
  constructor(store: AlertStore, changed: (level: LogLevel, sentence: Message) => void) {
    this.#store = store
    this.#changed = changed
  }

  /** Returns null if the disk failed. */
  async call<C extends Call>(
    call: C,
    input: StoreCalls[C]['input'],
  ): Promise<StoreCalls[C]['output'] | null> {
    try {
      const output = await this.#store.call(call, input)
      // Other calls may fit into the rest of a full disk.
      if (this.isFailing && call === 'commit') {
        this.isFailing = false
        this.#changed('info', message('alert.kept'))
      }
      return output
    } catch (error) {
      // A slow disk that delays reading at the start keeps nothing from being recorded.
      if (!WRITING.has(call)) return warnUnlessCode(error, [], 'the caller reads again later', null)
      const isKnown = this.isFailing
      this.isFailing = true
      if (!isKnown) this.#changed('warn', message('alert.notKept', { reason: errorText(error) }))
      return null
    }
  }
}
