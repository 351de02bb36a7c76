import { message } from '../../../lib/i18n/message.ts'
import {
  awayFor,
  condition,
  type FoundCondition,
  headlines,
  MINUTE_MS,
  type Subject,
  unknown,
  well,
} from '../../state/condition.ts'
import type { AppState, ComputerState } from '../../state/schema.ts'

/** A watched computer that was not reached for this long is reported. */
const AWAY_AFTER_MS = 2 * MINUTE_MS
/** A computer with so many incidents within this time has one incident for all of its failures. */
const MANY_INCIDENTS = 10
const MANY_WITHIN_MS = 15 * MINUTE_MS

/** Returns the conditions of the watched computers. */
export const computerConditions = (state: AppState, now: number): FoundCondition[] =>
  state.computers.flatMap((one) => oneComputerConditions(state, one, now))

/**
 * Reports each failure of a watched computer, and that it cannot be reached, as subjects of their own: a second failure
 * is notified while the first one lasts. That computer chooses their ids: after many incidents within a short time its
 * failures are one subject, which fails until that time has passed.
 */
function oneComputerConditions(
  { awakeSince, incidents }: AppState,
  { id, name, address, connection, status }: ComputerState,
  now: number,
): FoundCondition[] {
  const own = { id: `computer:${id}`, name, source: null }
  const contact = { ...own, id: `computer-contact:${id}` }
  /** Failures there that are still incidents here. */
  const lasting = incidents
    .filter(({ endedAt }) => endedAt === null)
    .flatMap(({ failing }) => Object.keys(failing).filter((one) => one.startsWith(`${own.id}:`)))
    .map((one) => ({ ...own, id: one }))
  if (connection.state === 'connected' && status !== null) {
    const isOfIt = (one: string) => one === own.id || one.startsWith(`${own.id}:`)
    const recent = incidents.filter(
      ({ noticedAt, paths }) => Math.abs(now - noticedAt) < MANY_WITHIN_MS && Object.keys(paths).some(isOfIt),
    )
    if (recent.length >= MANY_INCIDENTS) {
      const sentence = message('condition.computerUnstable', { name, address })
      const all = condition(own, 'computer-failing', now, sentence, 0)
      return [...well(contact, now), ...all, ...lasting.flatMap((one) => well(one, now))]
    }
    const failures = status.level === 'failing' ? status.failures : []
    const failing = failures.flatMap((one) =>
      reportedCondition({ ...own, id: `${own.id}:${one.id}` }, { ...one, level: 'failing' }, now),
    )
    const ended = lasting.filter((one) => failing.every((other) => other.id !== one.id))
    return [
      ...well(contact, now),
      // An earlier version reports only its gravest failure.
      ...(failing.length > 0 ? well(own, now) : reportedCondition(own, status, now)),
      ...failing,
      ...ended.flatMap((one) => well(one, now)),
    ]
  }
  const since = Math.max(connection.since, awakeSince)
  const before = [own, ...lasting].flatMap(unknown)
  if (awayFor(since, now) < AWAY_AFTER_MS) return [...before, ...unknown(contact)]
  const sentence = connection.problem ?? message('status.senderSilent', { name })
  return [...before, ...condition(contact, 'computer-silent', since, sentence, 0)]
}

type Reported = NonNullable<ComputerState['status']>

function reportedCondition(
  subject: Subject,
  { level, sentence, causes = [] }: Pick<Reported, 'level' | 'sentence'> & Partial<Reported['failures'][0]>,
  now: number,
): FoundCondition[] {
  if (level !== 'failing' && level !== 'attention') return well(subject, now)
  const kind = `computer-${level}` as const
  const { key: said, params } = sentence
  const named = message('condition.computer', { ...params, watched: subject.name, said })
  // That computer has delayed its failures already. What needs attention there may soon be over.
  const tellAfterMs = level === 'failing' ? 0 : AWAY_AFTER_MS
  const headline = { sentence: message(headlines[kind], { name: subject.name }), detail: sentence }
  return condition({ ...subject, cause: causes }, kind, now, named, tellAfterMs, headline)
}
