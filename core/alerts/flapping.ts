import type { Incident } from './incident.ts'
import type { AlertState, FlapSeries, OpenIncident } from './state.ts'

// Decides how often flapping and ongoing failures are notified; pure. Times are milliseconds of the monotonic clock.

/** A failure that returns within this time continues its series. A series that is quiet this long has ended. */
export const QUIET_MS = 15 * 60_000
/** Number of incidents from which a series counts as flapping. */
export const UNSTABLE_FROM = 3
/** Delay before the first repeated notification of a failure, and between later ones. */
export const FIRST_REPEAT_MS = 4 * 3_600_000
export const REPEAT_MS = 24 * 3_600_000
/** A flapping subject that fails for this long is notified like any other failure. */
const LASTING_MS = 5 * 60_000
/**
 * Upper limit of that time, however often the failure has lasted: a permanent failure must not stay silent longer.
 */
const LASTING_AT_MOST_MS = 60 * 60_000

/**
 * Returns the quiet series that an incident continues; undefined: it starts a new one. A series that still fails
 * already has its incident.
 */
export function findSeries(troubles: readonly FlapSeries[], incident: Incident): FlapSeries | undefined {
  return troubles.find((one) => one.quietSinceMs !== null && isAgain(one, incident))
}

/** Adds an incident to a series, or to a new one. */
export function extendSeries(before: FlapSeries | undefined, incident: Incident): FlapSeries {
  const { id, startedAt } = incident
  const { times, paths, ...known } = before ?? { id, startedAt, times: 0, lastings: 0, paths: {} }
  return { ...known, times: times + 1, incident, paths: { ...paths, ...incident.paths }, quietSinceMs: null }
}

export function isUnstable({ times }: Pick<FlapSeries, 'times'>): boolean {
  return times >= UNSTABLE_FROM
}

/**
 * Returns when an incident is notified as lasting. The time doubles each time, up to an hour, so that these
 * notifications do not flap either.
 */
export function lastsAtMs(trouble: FlapSeries, { tellAtMs }: OpenIncident): number {
  return tellAtMs + lastingMs(trouble)
}

export function lastingMs({ lastings }: Pick<FlapSeries, 'lastings'>): number {
  return Math.min(LASTING_AT_MOST_MS, LASTING_MS * 2 ** lastings)
}

/** True if a series has been quiet long enough to end. */
export function isQuiet({ quietSinceMs }: FlapSeries, steadyMs: number): boolean {
  return quietSinceMs !== null && quietSinceMs + QUIET_MS <= steadyMs
}

/** Returns a series as one incident: from its start, with all paths involved. */
export function toIncident({ incident, startedAt, paths }: FlapSeries): Incident {
  return { ...incident, startedAt, paths }
}

/** Marks the series whose incidents have just ended as quiet from now on. */
export function withQuiet(before: AlertState, after: AlertState, steadyMs: number): AlertState {
  if (before.open === after.open || after.troubles.length === 0) return after
  const ended = after.past.filter(({ id }) => before.open.some((one) => one.id === id))
  if (ended.length === 0) return after
  const troubles = after.troubles.map((trouble) => {
    const last = ended.find(({ id }) => id === trouble.incident.id)
    const paths = { ...trouble.paths, ...last?.paths }
    if (last !== undefined) return { ...trouble, incident: last, paths, quietSinceMs: steadyMs }
    // An incident that ended before its notification is never notified, but the quiet time starts again.
    const short = ended.find((one) => trouble.quietSinceMs !== null && isAgain(trouble, one))
    if (short === undefined) return trouble
    return { ...trouble, incident: { ...trouble.incident, endedAt: short.endedAt }, quietSinceMs: steadyMs }
  })
  return { ...after, troubles }
}

/** Removes a path that is no longer monitored from all series. A series without paths ends without a notification. */
export function withoutPath(state: AlertState, id: string): AlertState {
  const troubles = state.troubles.flatMap((trouble) => {
    // More paths may have joined the open incident.
    const open = state.open.find((one) => one.id === trouble.incident.id)
    const { [id]: _, ...paths } = { ...trouble.paths, ...open?.paths }
    return Object.keys(paths).length === 0 ? [] : [{ ...trouble, paths }]
  })
  return { ...state, troubles }
}

/**
 * Returns the milliseconds until the next repetition, from the time since the last notification and the repetitions
 * so far.
 */
export function repeatInMs(toldForMs: number, repeats: number): number {
  const pauseMs = repeats === 0 ? FIRST_REPEAT_MS : REPEAT_MS
  // A clock that was set back must not prolong the pause.
  return Math.max(0, pauseMs - Math.max(0, toldForMs))
}

/**
 * True if an incident continues a series. A failure that may be the paths' own belongs to a series of these paths;
 * any other belongs to what the paths share.
 */
function isAgain({ incident: before, paths }: FlapSeries, now: Incident): boolean {
  if (before.kind !== now.kind || before.group !== now.group || before.isOwn !== now.isOwn) return false
  // A path that fails for the first time next to a flapping one needs its own notification.
  return !now.isOwn || Object.keys(now.paths).every((id) => paths[id] !== undefined)
}
