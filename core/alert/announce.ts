import type { Incident } from './incident.ts'
import type { AlertState, Now, OpenIncident, Trouble } from './state.ts'
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
} from './troubles.ts'

/** What has to be told to a person. */
export interface Announcement {
  /** lasting: it was told before; unstable: it comes and goes; over: what came and went does so no more. */
  what: 'failed' | 'lasting' | 'recovered' | 'unstable' | 'over'
  incident: Incident
  /** The one that was told to come and go. */
  trouble: Trouble | null
}

/**
 * What has to be told by now; the returned state knows it as told. Of what is held nothing is told, but its end if its
 * beginning was.
 * @param isMuted a person wants to hear nothing of its sources now.
 */
export function announce(
  state: AlertState,
  { at, steadyMs }: Now,
  isMuted: (incident: Incident) => boolean = () => false,
): { state: AlertState; announcements: Announcement[] } {
  let troubles = state.troubles.filter((trouble) => !isQuiet(trouble, steadyMs))
  const announcements: Announcement[] = []
  const open = state.open.map((incident) => {
    if (isHeld(incident, at) || isMuted(incident)) return incident
    const { next, trouble, announcement } = judge(troubles, incident, steadyMs)
    if (announcement !== null) announcements.push(announcement)
    if (trouble !== null) troubles = [...troubles.filter(({ id }) => id !== trouble.id), trouble]
    return next
  })
  const recovered = state.recoveries.map(
    (incident): Announcement => ({ what: 'recovered', incident, trouble: null }),
  )
  const over = state.troubles
    .filter((trouble) => isQuiet(trouble, steadyMs) && isToldAsOver(state, trouble))
    .map((trouble): Announcement => {
      return { what: 'over', incident: { ...trouble.incident, startedAt: trouble.startedAt }, trouble }
    })
  return {
    state: { ...state, open, recoveries: [], troubles },
    announcements: [...announcements, ...recovered, ...over],
  }
}

/** A person has seen to it, or wants to hear of it later. */
function isHeld({ acknowledged, snoozedUntil }: Incident, at: number): boolean {
  return acknowledged !== null || (snoozedUntil !== null && snoozedUntil > at)
}

/**
 * When there is something to tell, by the steady clock, if nothing changes until then; null: never. What is held or
 * muted now is looked at again when somebody asks for that.
 */
export function tellAgainAtMs(
  { open, recoveries, troubles }: AlertState,
  at: number,
  isMuted: (incident: Incident) => boolean = () => false,
): number | null {
  const times = [
    ...recoveries.map(() => Number.NEGATIVE_INFINITY),
    ...open.flatMap((incident) => {
      if (isHeld(incident, at) || isMuted(incident)) return []
      if (!incident.told) return incident.tellAtMs
      const trouble = incident.isSilent ? troubleOf(troubles, incident) : undefined
      return trouble === undefined ? incident.repeatAtMs : lastsAtMs(trouble, incident)
    }),
    ...troubles.flatMap(({ quietSinceMs }) => (quietSinceMs === null ? [] : [quietSinceMs + QUIET_MS])),
  ]
  return times.length === 0 ? null : Math.min(...times)
}

interface Judged {
  next: OpenIncident
  /** As it is now; null: unchanged. */
  trouble: Trouble | null
  announcement: Announcement | null
}

function judge(troubles: readonly Trouble[], incident: OpenIncident, steadyMs: number): Judged {
  if (!incident.told) return first(troubles, incident, steadyMs)
  const trouble = incident.isSilent ? troubleOf(troubles, incident) : undefined
  if (trouble !== undefined) {
    if (lastsAtMs(trouble, incident) > steadyMs) return { next: incident, trouble: null, announcement: null }
    const next = { ...incident, isSilent: false, repeatAtMs: steadyMs + FIRST_REPEAT_MS }
    return {
      next,
      trouble: { ...trouble, lastings: trouble.lastings + 1, incident: next },
      announcement: { what: 'failed', incident: next, trouble },
    }
  }
  if (incident.repeatAtMs > steadyMs) return { next: incident, trouble: null, announcement: null }
  const next = { ...incident, repeats: incident.repeats + 1, repeatAtMs: steadyMs + REPEAT_MS }
  return { next, trouble: null, announcement: { what: 'lasting', incident: next, trouble: null } }
}

function first(troubles: readonly Trouble[], incident: OpenIncident, steadyMs: number): Judged {
  if (incident.tellAtMs > steadyMs) return { next: incident, trouble: null, announcement: null }
  const before = troubleBefore(troubles, incident)
  const trouble = troubleWith(before, { ...incident, told: true })
  const next = {
    ...incident,
    told: true,
    isSilent: isUnstable(trouble),
    repeatAtMs: steadyMs + FIRST_REPEAT_MS,
  }
  const now = { ...trouble, incident: next }
  if (!isUnstable(now))
    return { next, trouble: now, announcement: { what: 'failed', incident: next, trouble: null } }
  // Also where the last one lasted, and was told as over: the last word must not be that it is well.
  const isNews = now.times === UNSTABLE_FROM || before?.incident.isSilent === false
  const announcement = isNews ? { what: 'unstable' as const, incident: next, trouble: now } : null
  return { next, trouble: now, announcement }
}

function troubleOf(troubles: readonly Trouble[], { id }: Incident): Trouble | undefined {
  return troubles.find((one) => one.incident.id === id)
}

/** The end of one that lasted was told already; and a path that fails in another way now is not well. */
function isToldAsOver({ open }: AlertState, { incident }: Trouble): boolean {
  const isFailing = open.some(({ failing }) =>
    Object.keys(incident.paths).some((id) => failing[id] !== undefined),
  )
  return incident.isSilent && !isFailing
}
