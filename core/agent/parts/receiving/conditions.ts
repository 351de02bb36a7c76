import { message } from '../../../lib/i18n/message.ts'
import { evaluateSenders, evaluateStore } from '../../../receive/service/evaluate.ts'
import {
  awayFor,
  type Condition,
  condition,
  type FoundCondition,
  headlines,
  MINUTE_MS,
  unknown,
  well,
} from '../../state/condition.ts'
import { judgeSenders } from '../../state/derived.ts'
import type { AppState } from '../../state/schema.ts'

/** A receiver that takes longer to open its store probably waits for its disk. */
const LONGEST_START_MS = 5 * MINUTE_MS

/** Reports that other computers cannot send here although the settings allow it, or that space runs out. */
export function receivingCondition({ receiving }: AppState, now: number): FoundCondition[] {
  if (receiving === null) return []
  const { directory, problem, store, since, isRunning } = receiving
  const subject = { id: 'receiving', name: directory, source: null }
  const notReceiving = message('status.notReceiving')
  const isLate = !isRunning && awayFor(since, now) > LONGEST_START_MS
  const failure = problem ?? (isLate ? message('condition.receivingLate', { path: directory, since }) : null)
  if (failure !== null)
    return condition(subject, 'worker', since, failure, MINUTE_MS, {
      sentence: notReceiving,
      detail: failure,
    })
  if (!isRunning || store.failures === 1) return unknown(subject)
  const { kind, sentence, tellAfterMs } = evaluateStore(directory, store.problems)
  if (kind === 'ok' || kind === 'slow') return well(subject, now)
  const headline = kind === 'low-space' ? message('status.receivingLowSpace') : notReceiving
  // A disk's incident needs two samples. An unchanged result is one; the next test changes the delay.
  const delay = store.failures === 2 ? MINUTE_MS : tellAfterMs
  return condition(subject, kind, now, sentence, delay, { sentence: headline, detail: sentence })
}

/** Reports senders of this computer's receiver that report a failure, or that were not connected for long. */
export function senderConditions(state: AppState, now: number): FoundCondition[] {
  const { receiving, incidents, settings } = state
  const { receive } = settings
  if (receiving === null || receive === null) return []
  // Before the receiver's first report, incidents of an earlier run stay open.
  if (!receiving.isRunning)
    return incidents
      .filter(({ kind, endedAt }) => endedAt === null && isSenderKind(kind))
      .flatMap(({ failing }) => Object.keys(failing).map((id) => ({ id, kind: 'unknown' as const })))
  const senders = receiving.senders.map(({ sentence, words, causes, ...one }) => ({
    ...one,
    status: sentence === null ? null : { sentence, words, causes },
  }))
  return evaluateSenders(senders, receive.failingMinutes, judgeSenders(state, now)).flatMap(
    (one): FoundCondition[] => {
      const id = `sender:${one.id}`
      if (one.kind === 'unknown') return [{ id, kind: 'unknown' }]
      const subject = { id, name: one.path, source: null }
      const { kind, since = now, sentence, cause, tellAfterMs } = one
      if (!isSenderKind(kind)) return well(subject, now)
      const detail = kind === 'sender-silent' ? message('status.since', { since }) : sentence
      const headline = { sentence: message(headlines[kind], { name: one.path }), detail }
      return condition({ ...subject, cause }, kind, since, sentence, tellAfterMs, headline)
    },
  )
}

const isSenderKind = (kind: Condition['kind'] | 'slow'): kind is 'sender-silent' | 'sender-failing' =>
  kind === 'sender-silent' || kind === 'sender-failing'
