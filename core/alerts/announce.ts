import {
  FIRST_REPEAT_MS,
  isQuiet,
  isUnstable,
  lastsAtMs,
  QUIET_MS,
  REPEAT_MS,
  troubleBefore,
  troubleWith,
  UNSTABLE_FROM,
  wholeOf,
} from './flapping.ts'
import type { Incident } from './incident.ts'
import { factsOf, isAwaited, overOf, recoveriesOf } from './incidents.ts'
import type { AlertState, FlapSeries, Now, OpenIncident } from './state.ts'

/** What has to be told to a person. */
export interface Announcement {
  /** lasting: it was told before; unstable: it comes and goes; over: what came and went does so no more. */
  what: 'failed' | 'lasting' | 'recovered' | 'unstable' | 'over'
  incident: Incident
  /** The one that was told to come and go. */
  trouble: FlapSeries | null
}

/**
 * What has to be told by now; the returned state knows it as told. Of what is held nothing is told, but its end if its
 * beginning was.
 * @param isMuted a person wants to hear nothing of its sources now.
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
  const recovered = recoveriesOf(after).map(
    (incident): Announcement => ({ what: 'recovered', incident, trouble: null }),
  )
  const over = state.troubles
    .filter((trouble) => trouble.incident.isSilent && isDone(state, trouble, now))
    .flatMap((trouble): Announcement[] => {
      const incident = overOf(state, wholeOf(trouble))
      return incident === null ? [] : [{ what: 'over', incident, trouble }]
    })
  return {
    state: { ...after, owed: state.owed.filter((one) => isAwaited(after, one)) },
    announcements: [...announcements, ...recovered, ...over],
  }
}

/** When an incident is to be told, by the steady clock; null: not as it is now. */
function dueAtMs(troubles: readonly FlapSeries[], incident: OpenIncident, now: Now): number | null {
  if (incident.acknowledged !== null) return null
  const snoozedMs = snoozedUntilMs(incident, now)
  if (!incident.told) return Math.max(incident.tellAtMs, snoozedMs ?? 0)
  const trouble = silentOf(troubles, incident)
  if (trouble !== undefined) return Math.max(lastsAtMs(trouble, incident), snoozedMs ?? 0)
  return snoozedMs ?? incident.repeatAtMs
}

/** Whichever clock comes to it first: the one on the wall may have been wrong, or be wrong now. */
function snoozedUntilMs(
  { snoozedUntil, snoozedUntilMs: planned }: OpenIncident,
  { at, steadyMs }: Now,
): number | null {
  if (snoozedUntil === null || planned === null) return null
  return Math.min(planned, steadyMs + snoozedUntil - at)
}

/**
 * When there is something to tell, by the steady clock, if nothing changes until then; null: never. What is muted now is
 * looked at again when somebody asks for that.
 */
export function tellAgainAtMs(
  state: AlertState,
  now: Now,
  isMuted: (incident: Incident) => boolean = () => false,
): number | null {
  const times = [
    ...recoveriesOf(state).map(() => Number.NEGATIVE_INFINITY),
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
  /** As it is now; null: unchanged. */
  trouble: FlapSeries | null
  announcement: Announcement | null
}

/** What becomes of an incident whose time has come. */
function tell(troubles: readonly FlapSeries[], incident: OpenIncident, { at, steadyMs }: Now): Judged {
  const named = Object.keys(incident.failing)
  const told = { ...incident, toldAt: at, named, snoozedUntil: null, snoozedUntilMs: null }
  if (!incident.told) return first(troubles, told, steadyMs)
  const trouble = silentOf(troubles, incident)
  if (trouble !== undefined) {
    // Its end is then that of all that came and went.
    const paths = { ...trouble.paths, ...told.paths }
    const next = { ...told, paths, isSilent: false, repeatAtMs: steadyMs + FIRST_REPEAT_MS }
    return {
      next,
      trouble: { ...trouble, lastings: trouble.lastings + 1, incident: factsOf(next) },
      announcement: { what: 'failed', incident: factsOf(next), trouble },
    }
  }
  const next = { ...told, repeats: incident.repeats + 1, repeatAtMs: steadyMs + REPEAT_MS }
  return { next, trouble: null, announcement: { what: 'lasting', incident: factsOf(next), trouble: null } }
}

function first(troubles: readonly FlapSeries[], incident: OpenIncident, steadyMs: number): Judged {
  const before = troubleBefore(troubles, incident)
  const { times } = troubleWith(before, incident)
  const isSilent = isUnstable({ times })
  // Also where the last one lasted, and was told as over: the last word must not be that it is well.
  const isNews = !isSilent || times === UNSTABLE_FROM || before?.incident.isSilent === false
  const named = isNews ? incident.named : []
  const next = { ...incident, told: true, isSilent, named, repeatAtMs: steadyMs + FIRST_REPEAT_MS }
  const trouble = troubleWith(before, factsOf(next))
  const announcement: Announcement = isSilent
    ? { what: 'unstable', incident: trouble.incident, trouble }
    : { what: 'failed', incident: trouble.incident, trouble: null }
  return { next, trouble, announcement: isNews ? announcement : null }
}

/** The trouble of an incident that comes and goes, and of which nothing is told. */
function silentOf(troubles: readonly FlapSeries[], { id, isSilent }: Incident): FlapSeries | undefined {
  return isSilent ? troubles.find((one) => one.incident.id === id) : undefined
}

/** It was quiet for long enough; and what nobody would be told of else is told. */
function isDone(state: AlertState, trouble: FlapSeries, { steadyMs }: Now): boolean {
  return isQuiet(trouble, steadyMs) && !isWaiting(state, trouble)
}

/** The end of one that lasted was told already. */
function isWaiting(state: AlertState, trouble: FlapSeries): boolean {
  return trouble.incident.isSilent && isAwaited(state, wholeOf(trouble))
}
