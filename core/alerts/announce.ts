import {
  extendSeries,
  FIRST_REPEAT_MS,
  findSeries,
  isQuiet,
  isUnstable,
  lastsAtMs,
  QUIET_MS,
  REPEAT_MS,
  toIncident,
  UNSTABLE_FROM,
} from './flapping.ts'
import type { Incident } from './incident.ts'
import { getRecoveredPart, getRecoveries, isAwaited, stripPlans } from './incidents.ts'
import type { AlertState, FlapSeries, Now, OpenIncident } from './state.ts'

/** A notification that is due. */
export interface Announcement {
  /** lasting: a repetition; unstable: the subject flaps; over: the flapping has ended. */
  what: 'failed' | 'lasting' | 'recovered' | 'unstable' | 'over'
  incident: Incident
  /** The flap series concerned; null: the subject does not flap. */
  trouble: FlapSeries | null
}

/**
 * Returns the notifications that are due, and the state in which they count as sent. A muted incident is not
 * notified, but its recovery is if its failure was.
 * @param isMuted true if a person has muted all sources of the incident
 */
export function announce(
  state: AlertState,
  now: Now,
  isMuted: (incident: Incident) => boolean = () => false,
): { state: AlertState; announcements: Announcement[] } {
  let troubles = state.troubles.filter((trouble) => !isDone(state, trouble, now))
  const announcements: Announcement[] = []
  const open = state.open.map((incident) => {
    const dueMs = isMuted(incident) ? null : dueAtMs(troubles, incident, now)
    if (dueMs === null || dueMs > now.steadyMs) return incident
    const { next, trouble, announcement } = tell(troubles, incident, now)
    if (announcement !== null) announcements.push(announcement)
    if (trouble !== null) troubles = [...troubles.filter(({ id }) => id !== trouble.id), trouble]
    return next
  })
  const after = { ...state, open, troubles }
  const recovered = getRecoveries(after).map(
    (incident): Announcement => ({ what: 'recovered', incident, trouble: null }),
  )
  const over = state.troubles
    .filter((trouble) => trouble.incident.isSilent && isDone(state, trouble, now))
    .flatMap((trouble): Announcement[] => {
      const incident = getRecoveredPart(state, toIncident(trouble))
      return incident === null ? [] : [{ what: 'over', incident, trouble }]
    })
  return {
    state: { ...after, owed: state.owed.filter((one) => isAwaited(after, one)) },
    announcements: [...announcements, ...recovered, ...over],
  }
}

/** Returns when an incident is due for a notification, by the monotonic clock; null: not in its present state. */
function dueAtMs(troubles: readonly FlapSeries[], incident: OpenIncident, now: Now): number | null {
  if (incident.acknowledged !== null) return null
  const snoozedMs = snoozedUntilMs(incident, now)
  if (!incident.told) return Math.max(incident.tellAtMs, snoozedMs ?? 0)
  const trouble = findSilentSeries(troubles, incident)
  if (trouble !== undefined) return Math.max(lastsAtMs(trouble, incident), snoozedMs ?? 0)
  return snoozedMs ?? incident.repeatAtMs
}

/**
 * Returns the end of a snooze by the clock that reaches it first, because the wall clock may be wrong, or may have
 * been.
 */
function snoozedUntilMs(
  { snoozedUntil, snoozedUntilMs: planned }: OpenIncident,
  { at, steadyMs }: Now,
): number | null {
  if (snoozedUntil === null || planned === null) return null
  return Math.min(planned, steadyMs + snoozedUntil - at)
}

/**
 * Returns when the next notification is due, by the monotonic clock, if nothing changes until then; null: never.
 * Skips muted incidents, so it must be called again when muting ends.
 */
export function tellAgainAtMs(
  state: AlertState,
  now: Now,
  isMuted: (incident: Incident) => boolean = () => false,
): number | null {
  const times = [
    ...getRecoveries(state).map(() => Number.NEGATIVE_INFINITY),
    ...state.open.flatMap((incident) => {
      const dueMs = isMuted(incident) ? null : dueAtMs(state.troubles, incident, now)
      return dueMs ?? []
    }),
    ...state.troubles.flatMap((trouble) => {
      const { quietSinceMs } = trouble
      return quietSinceMs === null || isWaiting(state, trouble) ? [] : quietSinceMs + QUIET_MS
    }),
  ]
  return times.length === 0 ? null : Math.min(...times)
}

interface Judged {
  next: OpenIncident
  /** The updated series; null: unchanged. */
  trouble: FlapSeries | null
  announcement: Announcement | null
}

/** Decides on the notification of an incident that is due. */
function tell(troubles: readonly FlapSeries[], incident: OpenIncident, { at, steadyMs }: Now): Judged {
  const named = Object.keys(incident.failing)
  const told = { ...incident, toldAt: at, named, snoozedUntil: null, snoozedUntilMs: null }
  if (!incident.told) return tellFirst(troubles, told, steadyMs)
  const trouble = findSilentSeries(troubles, incident)
  if (trouble !== undefined) {
    // Its recovery then covers all paths of the series.
    const paths = { ...trouble.paths, ...told.paths }
    const next = { ...told, paths, isSilent: false, repeatAtMs: steadyMs + FIRST_REPEAT_MS }
    return {
      next,
      trouble: { ...trouble, lastings: trouble.lastings + 1, incident: stripPlans(next) },
      announcement: { what: 'failed', incident: stripPlans(next), trouble },
    }
  }
  const next = { ...told, repeats: incident.repeats + 1, repeatAtMs: steadyMs + REPEAT_MS }
  return { next, trouble: null, announcement: { what: 'lasting', incident: stripPlans(next), trouble: null } }
}

function tellFirst(troubles: readonly FlapSeries[], incident: OpenIncident, steadyMs: number): Judged {
  const before = findSeries(troubles, incident)
  const { times } = extendSeries(before, incident)
  const isSilent = isUnstable({ times })
  // Also if the previous incident was notified as recovered: that recovery must not be the last notification.
  const isNews = !isSilent || times === UNSTABLE_FROM || before?.incident.isSilent === false
  const named = isNews ? incident.named : []
  const next = { ...incident, told: true, isSilent, named, repeatAtMs: steadyMs + FIRST_REPEAT_MS }
  const trouble = extendSeries(before, stripPlans(next))
  const announcement: Announcement = isSilent
    ? { what: 'unstable', incident: trouble.incident, trouble }
    : { what: 'failed', incident: trouble.incident, trouble: null }
  return { next, trouble, announcement: isNews ? announcement : null }
}

/** Returns the flap series of an incident that is not notified because it flaps. */
function findSilentSeries(
  troubles: readonly FlapSeries[],
  { id, isSilent }: Incident,
): FlapSeries | undefined {
  return isSilent ? troubles.find((one) => one.incident.id === id) : undefined
}

/** True if a series was quiet long enough, and no failure of its paths still awaits a notification. */
function isDone(state: AlertState, trouble: FlapSeries, { steadyMs }: Now): boolean {
  return isQuiet(trouble, steadyMs) && !isWaiting(state, trouble)
}

/**
 * True if the end of a silent series has to wait (see isAwaited). The end of a series that lasted was already
 * notified.
 */
function isWaiting(state: AlertState, trouble: FlapSeries): boolean {
  return trouble.incident.isSilent && isAwaited(state, toIncident(trouble))
}
