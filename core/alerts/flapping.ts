import type { Incident } from './incident.ts'
import type { AlertState, FlapSeries, OpenIncident } from './state.ts'

// How often what comes and goes, and what lasts, is told; pure. Times are milliseconds of the steady clock.

/** What comes back within this time is the same trouble; what stays well for so long is over. */
export const QUIET_MS = 15 * 60_000
/** The incident of a trouble from which on it counts as one that comes and goes. */
export const UNSTABLE_FROM = 3
/** A failure is told again after the first, and then after each of the others. */
export const FIRST_REPEAT_MS = 4 * 3_600_000
export const REPEAT_MS = 24 * 3_600_000
/** What comes and goes, and then lasts for so long, is a failure like any other. */
const LASTING_MS = 5 * 60_000
/** However often it has lasted: what fails for good then must not be silent for longer. */
const LASTING_AT_MOST_MS = 60 * 60_000

/** The trouble that an incident is the next one of; undefined: it begins one. One that still fails has its own. */
export function troubleBefore(troubles: readonly FlapSeries[], incident: Incident): FlapSeries | undefined {
  return troubles.find((one) => one.quietSinceMs !== null && isAgain(one, incident))
}

/** That trouble, or a new one, with the incident. */
export function troubleWith(before: FlapSeries | undefined, incident: Incident): FlapSeries {
  const { id, startedAt } = incident
  const { times, paths, ...known } = before ?? { id, startedAt, times: 0, lastings: 0, paths: {} }
  return { ...known, times: times + 1, incident, paths: { ...paths, ...incident.paths }, quietSinceMs: null }
}

export function isUnstable({ times }: Pick<FlapSeries, 'times'>): boolean {
  return times >= UNSTABLE_FROM
}

/** When it is told as one that lasts: each time after twice as long, up to an hour, so that this does not flap, either. */
export function lastsAtMs(trouble: FlapSeries, { tellAtMs }: OpenIncident): number {
  return tellAtMs + lastingMs(trouble)
}

export function lastingMs({ lastings }: Pick<FlapSeries, 'lastings'>): number {
  return Math.min(LASTING_AT_MOST_MS, LASTING_MS * 2 ** lastings)
}

/** Whether it has been well for so long that it is over. */
export function isQuiet({ quietSinceMs }: FlapSeries, steadyMs: number): boolean {
  return quietSinceMs !== null && quietSinceMs + QUIET_MS <= steadyMs
}

/** A trouble as one incident: since its beginning, with all that were part of it. */
export function wholeOf({ incident, startedAt, paths }: FlapSeries): Incident {
  return { ...incident, startedAt, paths }
}

/** The troubles whose incidents have ended by what was just observed are quiet from now on. */
export function withQuiet(before: AlertState, after: AlertState, steadyMs: number): AlertState {
  if (before.open === after.open || after.troubles.length === 0) return after
  const ended = after.past.filter(({ id }) => before.open.some((one) => one.id === id))
  if (ended.length === 0) return after
  const troubles = after.troubles.map((trouble) => {
    const last = ended.find(({ id }) => id === trouble.incident.id)
    const paths = { ...trouble.paths, ...last?.paths }
    if (last !== undefined) return { ...trouble, incident: last, paths, quietSinceMs: steadyMs }
    // Of one that was over before it was told nobody hears, but it was not quiet.
    const short = ended.find((one) => trouble.quietSinceMs !== null && isAgain(trouble, one))
    if (short === undefined) return trouble
    return { ...trouble, incident: { ...trouble.incident, endedAt: short.endedAt }, quietSinceMs: steadyMs }
  })
  return { ...after, troubles }
}

/** A path that is no longer looked after has no part in any trouble; one that ends by that ends without a word. */
export function withoutPath(state: AlertState, id: string): AlertState {
  const troubles = state.troubles.flatMap((trouble) => {
    // Others may have joined the one that is open.
    const open = state.open.find((one) => one.id === trouble.incident.id)
    const { [id]: _, ...paths } = { ...trouble.paths, ...open?.paths }
    return Object.keys(paths).length === 0 ? [] : [{ ...trouble, paths }]
  })
  return { ...state, troubles }
}

/** In how many milliseconds a failure is told again that was told last so long ago, so many times besides the first. */
export function repeatInMs(toldForMs: number, repeats: number): number {
  const pauseMs = repeats === 0 ? FIRST_REPEAT_MS : REPEAT_MS
  // A clock that was set back makes the pause no longer than it can be.
  return Math.max(0, pauseMs - Math.max(0, toldForMs))
}

/** What may be each path's own fault is a trouble of that path; else it is one of what the paths share. */
function isAgain({ incident: before, paths }: FlapSeries, now: Incident): boolean {
  if (before.kind !== now.kind || before.group !== now.group || before.isOwn !== now.isOwn) return false
  // A path that fails for the first time beside one that comes and goes has to be told.
  return !now.isOwn || Object.keys(now.paths).every((id) => paths[id] !== undefined)
}
