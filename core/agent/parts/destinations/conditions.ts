import { isDiskKind } from '../../../alerts/kinds.ts'
import { message } from '../../../lib/i18n/message.ts'
import {
  awayFor,
  condition,
  type FoundCondition,
  MINUTE_MS,
  shortened,
  UNREACHABLE_AFTER_MS,
  unknown,
  well,
} from '../../state/condition.ts'
import { destinationFailure, isSafe } from '../../state/derived.ts'
import type { AppState, DestinationState, SourceState } from '../../state/schema.ts'

/** Returns the conditions of the destinations. */
export function destinationConditions(state: AppState, now: number): FoundCondition[] {
  const subjects = new Set(state.incidents.flatMap(({ paths }) => Object.keys(paths)))
  return state.destinations.flatMap((one) => [
    ...destinationCondition(state, one, now),
    ...state.sources.flatMap((source) => unfitCondition(state, one, source, subjects, now)),
  ])
}

/**
 * Reports the files of a source that a destination has no room for, while it takes others.
 * @param subjects those of all incidents: an ended one may still have to be notified, or return
 */
function unfitCondition(
  { destinations: all }: AppState,
  { id, name, unfit = [], connection }: DestinationState,
  { settings, destinations }: SourceState,
  subjects: ReadonlySet<string>,
  now: number,
): FoundCondition[] {
  const first = unfit.find(({ source }) => source === settings.id)
  if (first === undefined && !subjects.has(`unfit:${id}:${settings.id}`)) return []
  const place = first === undefined ? settings.name : `${settings.name}/${shortened(first.path)}`
  const subject = { id: `unfit:${id}:${settings.id}`, name: place, source: settings.id }
  // While the whole destination fails, its files show nothing.
  const isKnown = connection.state === 'connected' && connection.problem === null
  if (first === undefined) return isKnown ? well(subject, now) : unknown(subject)
  const hasAll = ({ totals, reported }: SourceState['destinations'][number]) =>
    reported === true && totals.waitingFiles + totals.parkedFiles === 0
  const done = new Set(destinations.filter(hasAll).map((one) => one.id))
  const safe = all.filter((one) => done.has(one.id) && isSafe(one)).map((one) => one.name)
  const params = { name, file: place, size: first.size, count: first.count, places: safe.join(', ') }
  const where = safe.length === 0 ? 'condition.unfitWaits' : 'condition.unfitSafe'
  return condition(subject, 'incomplete', now, message('condition.unfit', { ...params, where }), MINUTE_MS, {
    sentence: message('status.unfit', params),
    detail: message(where, params),
  })
}

function destinationCondition(state: AppState, destination: DestinationState, now: number): FoundCondition[] {
  const { id, name, connection, ejectedAt } = destination
  const subject = { id: `destination:${id}`, name, source: null }
  if (ejectedAt !== undefined) return []
  const failure = destinationFailure(state, destination)
  // Before the first connection attempt the condition is unknown, and an incident of an earlier run stays open.
  if (failure === null) return connection.state === 'connected' ? well(subject, now) : unknown(subject)
  const { kind, since, sentence } = failure
  // Its disk is checked, and has its own incident.
  if (isDiskKind(kind)) return []
  if (kind !== 'unreachable') return condition(subject, kind, since ?? now, sentence, MINUTE_MS)
  const isAway = awayFor(connection.since, now) > UNREACHABLE_AFTER_MS
  return isAway ? unreachable(state, destination, now) : unknown(subject)
}

function unreachable(state: AppState, destination: DestinationState, now: number): FoundCondition[] {
  const { id, name, kind, connection } = destination
  const since = Math.min(connection.since, now)
  const isHere = state.destinations.length === 1 && kind === 'embedded'
  return condition(
    { id: `destination:${id}`, name, source: null },
    'unreachable',
    since,
    message('condition.unreachable', { name }),
    state.settings.alerts.unreachableMinutes * MINUTE_MS,
    {
      sentence: message(isHere ? 'status.unreachableEmbedded' : 'status.unreachable', { name }),
      detail: message('status.since', { since }),
    },
  )
}
