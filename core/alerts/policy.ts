import type { Message } from '../lib/i18n/message.ts'
import {
  type AlertState,
  COLLECT_MS,
  type FailureRun,
  type FlapSeries,
  type Incident,
  KEPT_INCIDENTS,
  type Now,
  type OpenIncident,
  type Sample,
} from './incident.ts'
import { describeDropped, type IncidentKind } from './kinds.ts'

// The policy of incidents; pure. `observe` applies one result: failures that are alike become one incident, which ends
// with its last failing path. `announce` then decides on the notifications that are due: a failure once it has lasted
// long enough, repetitions, its recovery. A failure that returns soon continues a flap series: its third incident is
// notified as unstable, and later ones are silent unless they last. Times named `…Ms` are milliseconds of the
// monotonic clock.

/** Kinds that need two samples. EROFS, a call that never returns, and Holdfast's own failures need only one. */
const NEEDS_TWO: ReadonlySet<IncidentKind> = new Set([
  'io-error',
  'missing',
  'full',
  'permission',
  'stale',
  'error',
])

/** A failure that returns within this time continues its flap series. A series that is quiet this long has ended. */
export const QUIET_MS = 15 * 60_000
/** Number of incidents from which a series counts as flapping. */
const UNSTABLE_FROM = 3
/** Delay before the first repeated notification of a failure, and between later ones. */
export const FIRST_REPEAT_MS = 4 * 3_600_000
export const REPEAT_MS = 24 * 3_600_000
/** A flapping subject that fails for this long is notified like any other failure. */
const LASTING_MS = 5 * 60_000
/**
 * Upper limit of that time. However often the failure has lasted, a permanent failure must not stay silent longer.
 */
const LASTING_AT_MOST_MS = 60 * 60_000

/** A notification that is due. */
export interface Announcement {
  /** lasting: a repetition; unstable: the subject flaps; over: the flapping has ended. */
  what: 'failed' | 'lasting' | 'recovered' | 'unstable' | 'over'
  incident: Incident
  /** The flap series concerned; null: the subject does not flap. */
  series: FlapSeries | null
}

/** The decision on an incident that is due. */
interface Decision {
  next: OpenIncident
  /** The updated series; null: unchanged. */
  series: FlapSeries | null
  announcement: Announcement | null
}

/** Applies one result of one path: it begins, joins, leaves or ends an incident, or is only a suspicion. */
export function observe(state: AlertState, sample: Sample): AlertState {
  return withQuiet(state, applySample(state, sample), sample.steadyMs)
}

function applySample(state: AlertState, sample: Sample): AlertState {
  if (!isIncident(sample.kind)) {
    const explained = withOutcome(state, sample.id, sample)
    return leave(withoutSuspicion(explained, sample.id), sample.id, sample.at)
  }
  const kind = sample.kind
  const suspicion = updateSuspicion(state.suspicions[sample.id], kind, sample)
  const suspected = { ...state, suspicions: { ...state.suspicions, [sample.id]: suspicion } }
  const since = findStart(suspicion, isInIncident(state, sample.id))
  if (since === null) return suspected
  const known = findIncident(state, sample, kind)
  // The path leaves its other incidents, because it no longer fails in their way.
  const moved = leave(suspected, sample.id, sample.at, known)
  if (known === undefined) return openIncident(moved, sample, kind, since)
  return { ...moved, open: moved.open.map((one) => (one === known ? join(known, sample) : one)) }
}

function isIncident(kind: Sample['kind']): kind is IncidentKind {
  return kind !== 'ok' && kind !== 'slow'
}

function updateSuspicion(
  before: FailureRun | undefined,
  kind: IncidentKind,
  { since: at, isOwn }: Sample,
): FailureRun {
  const { failures, since } = before ?? { failures: 0, since: at }
  // A failure of the disk itself started later than an earlier, lesser failure of its path.
  const isAnother = before?.kind !== kind || before.isOwn !== isOwn
  const run = before === undefined || isAnother ? { ofKind: 0, kindSince: at } : before
  return { failures: failures + 1, since, kind, ofKind: run.ofKind + 1, kindSince: run.kindSince, isOwn }
}

/**
 * Returns the start of an incident of this kind; null: there is none yet. Failures of alternating kinds count
 * together. A path that is part of an incident leaves it only for a kind that alone has enough samples.
 */
function findStart(suspicion: FailureRun, isInAnIncident: boolean): number | null {
  const needed = NEEDS_TWO.has(suspicion.kind) ? 2 : 1
  if (suspicion.ofKind >= needed) return suspicion.kindSince
  return !isInAnIncident && suspicion.failures >= needed ? suspicion.since : null
}

/** True if a path's failure needs another sample before it becomes an incident. */
export function isSuspected(state: AlertState, id: string): boolean {
  return state.suspicions[id] !== undefined && !isInIncident(state, id)
}

/** Returns the open incident that a sample belongs to. */
function findIncident(state: AlertState, sample: Sample, kind: IncidentKind): OpenIncident | undefined {
  const alike = state.open.filter((one) => one.kind === kind && one.group === sample.group)
  // A failure of the disk itself needs its own notification, even if the path is already part of a notified incident.
  const open = alike.filter((one) => !one.told || !one.isOwn || sample.isOwn)
  const own = open.find((one) => hasFailing(one, sample.id))
  return own ?? open.find(({ told }) => !sample.isOwn || !told)
}

function openIncident(state: AlertState, sample: Sample, kind: IncidentKind, since: number): AlertState {
  // The clock may have been set back meanwhile.
  const startedAt = Math.min(since, sample.at)
  const incident: OpenIncident = {
    id: `${sample.at}-${state.opened + 1}`,
    kind,
    group: sample.group,
    isOwn: sample.isOwn,
    paths: { [sample.id]: sample.path },
    failing: { [sample.id]: sample.sentence },
    sources: sample.source === null ? [] : [sample.source],
    sentence: sample.sentence,
    ...(sample.cause && { cause: sample.cause }),
    step: sample.step,
    startedAt,
    noticedAt: sample.at,
    endedAt: null,
    told: false,
    isSilent: false,
    repeats: 0,
    acknowledged: null,
    snoozedUntil: null,
    tellAtMs: getTellAtMs(sample, startedAt),
    tellAfterMs: sample.tellAfterMs,
    repeatAtMs: sample.steadyMs + FIRST_REPEAT_MS,
    snoozedUntilMs: null,
    toldAt: null,
    named: [],
  }
  return { ...state, open: [...state.open, incident], opened: state.opened + 1 }
}

/** Adds a sample to an incident. The sentence stays that of the first path, with its elapsed time. */
function join(incident: OpenIncident, sample: Sample): OpenIncident {
  const { id, path, sentence, cause, isOwn, source } = sample
  const paths = { ...incident.paths, [id]: path }
  const sources =
    source === null || incident.sources.includes(source) ? incident.sources : [...incident.sources, source]
  // An incident of an earlier run that was not notified is now known to last.
  const tellAtMs = Math.min(
    incident.tellAtMs,
    getTellAtMs(sample, Math.min(incident.startedAt, sample.since)),
  )
  return withFailing(
    {
      ...incident,
      paths,
      sources,
      isOwn: incident.isOwn && isOwn,
      ...(cause && { cause }),
      tellAtMs,
    },
    { ...incident.failing, [id]: sentence },
  )
}

function getTellAtMs({ at, steadyMs, tellAfterMs }: Sample, since: number): number {
  return steadyMs + Math.max(COLLECT_MS, since + tellAfterMs - at)
}

/** Removes a path from its incidents, except the one to which it now belongs. */
function leave(state: AlertState, id: string, now: number, own?: OpenIncident): AlertState {
  return state.open
    .filter((one) => one !== own && hasFailing(one, id))
    .reduce((current, one) => leaveOne(current, one, id, now), state)
}

/**
 * Removes a path from an incident. The incident ends with its last path. Its recovery is notified only if its failure
 * was.
 */
function leaveOne(state: AlertState, incident: OpenIncident, id: string, now: number): AlertState {
  const { [id]: _, ...failing } = incident.failing
  const named = incident.named.filter((one) => one !== id)
  const rest = withFailing({ ...incident, named }, failing)
  if (Object.keys(failing).length > 0) {
    return { ...state, open: state.open.map((one) => (one === incident ? rest : one)) }
  }
  const over: Incident = { ...stripPlans(rest), endedAt: now }
  return {
    ...state,
    open: state.open.filter((one) => one !== incident),
    past: [over, ...state.past].slice(0, KEPT_INCIDENTS),
    owed: incident.told && !incident.isSilent ? [...state.owed, over].slice(-KEPT_INCIDENTS) : state.owed,
  }
}

/** Sets the failing paths. The sentence of a path that has left is replaced, unless it was the last path. */
function withFailing<I extends Incident>(incident: I, failing: Incident['failing']): I {
  return { ...incident, failing, sentence: Object.values(failing)[0] ?? incident.sentence }
}

/** Marks the series whose incidents have just ended as quiet from now on. */
function withQuiet(before: AlertState, after: AlertState, steadyMs: number): AlertState {
  if (before.open === after.open || after.troubles.length === 0) return after
  const ended = after.past.filter(({ id }) => before.open.some((one) => one.id === id))
  if (ended.length === 0) return after
  const troubles = after.troubles.map((series) => {
    const last = ended.find(({ id }) => id === series.incident.id)
    const paths = { ...series.paths, ...last?.paths }
    if (last !== undefined) return { ...series, incident: last, paths, quietSinceMs: steadyMs }
    // An incident that ended before its notification is never notified, but the quiet time starts again.
    const unnotified = ended.find((one) => series.quietSinceMs !== null && isAgain(series, one))
    if (unnotified === undefined) return series
    return {
      ...series,
      incident: { ...series.incident, endedAt: unnotified.endedAt },
      quietSinceMs: steadyMs,
    }
  })
  return { ...after, troubles }
}

/** Removes a path that is no longer monitored. Its part in any incident ends without a notification. */
export function forget(state: AlertState, id: string, now: Now): AlertState {
  const known = state.open.find((one) => one.kind === 'expected' && hasFailing(one, id))
  const explained =
    known === undefined ? state : withOutcome(state, id, { end: describeDropped(known.sentence) })
  const gone = leave(withoutSuspicion(explained, id), id, now.at)
  const left = withoutPath(withQuiet(state, gone, now.steadyMs), id)
  return { ...left, owed: left.owed.map((one) => withPaths(one, (path) => path !== id)) }
}

function withoutSuspicion(state: AlertState, id: string): AlertState {
  const { [id]: _, ...suspicions } = state.suspicions
  return { ...state, suspicions }
}

/** Removes a path that is no longer monitored from all series. A series without paths ends without a notification. */
function withoutPath(state: AlertState, id: string): AlertState {
  const troubles = state.troubles.flatMap((series) => {
    // More paths may have joined the open incident.
    const open = state.open.find((one) => one.id === series.incident.id)
    const { [id]: _, ...paths } = { ...series.paths, ...open?.paths }
    return Object.keys(paths).length === 0 ? [] : [{ ...series, paths }]
  })
  return { ...state, troubles }
}

/** Marks an incident as acknowledged by a person. After that only its recovery is notified. */
export function acknowledge(state: AlertState, id: string, by: string, at: number): AlertState {
  return withOpen(state, id, (one) => ({ ...one, acknowledged: { at, by }, snoozedUntil: null }))
}

/** Records why and how the incident of a subject is about to end. The first reason counts. */
export function withOutcome(
  state: AlertState,
  id: string,
  { outcome, end }: Pick<Sample, 'outcome' | 'end'>,
): AlertState {
  if (outcome === undefined && end === undefined) return state
  const known = { ...(outcome && { outcome }), ...(end && { end }) }
  return { ...state, open: state.open.map((one) => (hasFailing(one, id) ? { ...known, ...one } : one)) }
}

/** Records what caused an incident, also after it has ended. */
export function explain(state: AlertState, id: string, cause: Message[]): AlertState {
  const add = <I extends Incident>(one: I): I => (one.id === id ? { ...one, cause } : one)
  return { ...state, open: state.open.map(add), past: state.past.map(add), owed: state.owed.map(add) }
}

/** Delays the first notification until the cause has been read. @param untilMs undefined: it has been read */
export function waitForCause(state: AlertState, id: string, untilMs: number | undefined): AlertState {
  return withOpen(state, id, (one) => ({ ...one, causeUntilMs: untilMs }))
}

/** Delays the next notification by this many milliseconds; null: ends the snooze. */
export function snooze(state: AlertState, id: string, forMs: number | null, now: Now): AlertState {
  const snoozed =
    forMs === null
      ? { snoozedUntil: null, snoozedUntilMs: null }
      : { snoozedUntil: now.at + forMs, snoozedUntilMs: now.steadyMs + forMs }
  return withOpen(state, id, (one) => ({ ...one, ...snoozed }))
}

function withOpen(
  state: AlertState,
  id: string,
  change: (incident: OpenIncident) => OpenIncident,
): AlertState {
  return { ...state, open: state.open.map((one) => (one.id === id ? change(one) : one)) }
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
    ...state.troubles.flatMap((series) => {
      const { quietSinceMs } = series
      return quietSinceMs === null || isWaiting(state, series) ? [] : quietSinceMs + QUIET_MS
    }),
  ]
  return times.length === 0 ? null : Math.min(...times)
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
  let troubles = state.troubles.filter((series) => !isDone(state, series, now))
  const announcements: Announcement[] = []
  const open = state.open.map((incident) => {
    const dueMs = isMuted(incident) ? null : dueAtMs(troubles, incident, now)
    if (dueMs === null || dueMs > now.steadyMs) return incident
    const { next, series, announcement } = tell(troubles, incident, now)
    if (announcement !== null) announcements.push(announcement)
    if (series !== null) troubles = [...troubles.filter(({ id }) => id !== series.id), series]
    return next
  })
  const after = { ...state, open, troubles }
  const recovered = getRecoveries(after).map(
    (incident): Announcement => ({ what: 'recovered', incident, series: null }),
  )
  const over = state.troubles
    .filter((series) => series.incident.isSilent && isDone(state, series, now))
    .flatMap((series): Announcement[] => {
      const incident = getRecoveredPart(state, toIncident(series))
      return incident === null ? [] : [{ what: 'over', incident, series }]
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
  if (!incident.told) return Math.max(incident.tellAtMs, incident.causeUntilMs ?? 0, snoozedMs ?? 0)
  const series = findSilentSeries(troubles, incident)
  if (series !== undefined) return Math.max(incident.tellAtMs + lastingMs(series), snoozedMs ?? 0)
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

/** Decides on the notification of an incident that is due. */
function tell(troubles: readonly FlapSeries[], incident: OpenIncident, { at, steadyMs }: Now): Decision {
  const named = Object.keys(incident.failing)
  const told = { ...incident, toldAt: at, named, snoozedUntil: null, snoozedUntilMs: null }
  if (!incident.told) return tellFirst(troubles, told, steadyMs)
  const series = findSilentSeries(troubles, incident)
  if (series !== undefined) {
    // The recovery of this incident then covers all paths of the series.
    const paths = { ...series.paths, ...told.paths }
    const next = { ...told, paths, isSilent: false, repeatAtMs: steadyMs + FIRST_REPEAT_MS }
    return {
      next,
      series: { ...series, lastings: series.lastings + 1, incident: stripPlans(next) },
      announcement: { what: 'failed', incident: stripPlans(next), series },
    }
  }
  const next = { ...told, repeats: incident.repeats + 1, repeatAtMs: steadyMs + REPEAT_MS }
  return { next, series: null, announcement: { what: 'lasting', incident: stripPlans(next), series: null } }
}

function tellFirst(troubles: readonly FlapSeries[], incident: OpenIncident, steadyMs: number): Decision {
  const before = findSeries(troubles, incident)
  const { times } = extendSeries(before, incident)
  const isSilent = isUnstable({ times })
  // A silent incident is also notified if the recovery of the previous one was: a recovery must not be the last news.
  const isNews = !isSilent || times === UNSTABLE_FROM || before?.incident.isSilent === false
  const named = isNews ? incident.named : []
  const next = { ...incident, told: true, isSilent, named, repeatAtMs: steadyMs + FIRST_REPEAT_MS }
  const series = extendSeries(before, stripPlans(next))
  const announcement: Announcement = isSilent
    ? { what: 'unstable', incident: series.incident, series }
    : { what: 'failed', incident: series.incident, series: null }
  return { next, series, announcement: isNews ? announcement : null }
}

/**
 * Returns the quiet series that an incident continues; undefined: it starts a new one. A series that still fails
 * already has its incident.
 */
function findSeries(troubles: readonly FlapSeries[], incident: Incident): FlapSeries | undefined {
  return troubles.find((one) => one.quietSinceMs !== null && isAgain(one, incident))
}

/** Adds an incident to a series, or to a new one. */
function extendSeries(before: FlapSeries | undefined, incident: Incident): FlapSeries {
  const { id, startedAt } = incident
  const { times, paths, ...known } = before ?? { id, startedAt, times: 0, lastings: 0, paths: {} }
  return { ...known, times: times + 1, incident, paths: { ...paths, ...incident.paths }, quietSinceMs: null }
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

/** Returns the flap series of an incident that is not notified because it flaps. */
function findSilentSeries(
  troubles: readonly FlapSeries[],
  { id, isSilent }: Incident,
): FlapSeries | undefined {
  return isSilent ? troubles.find((one) => one.incident.id === id) : undefined
}

export function isUnstable({ times }: Pick<FlapSeries, 'times'>): boolean {
  return times >= UNSTABLE_FROM
}

/**
 * Returns how long a flapping subject must fail to be notified as lasting. The time doubles each time, up to an hour,
 * so that these notifications do not flap either.
 */
export function lastingMs({ lastings }: Pick<FlapSeries, 'lastings'>): number {
  return Math.min(LASTING_AT_MOST_MS, LASTING_MS * 2 ** lastings)
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

/** True if a series was quiet long enough, and no failure of its paths still awaits a notification. */
function isDone(state: AlertState, series: FlapSeries, { steadyMs }: Now): boolean {
  const { quietSinceMs } = series
  return quietSinceMs !== null && quietSinceMs + QUIET_MS <= steadyMs && !isWaiting(state, series)
}

/**
 * True if the end of a silent series has to wait (see isAwaited). The end of a series that lasted was already
 * notified.
 */
function isWaiting(state: AlertState, series: FlapSeries): boolean {
  return series.incident.isSilent && isAwaited(state, toIncident(series))
}

/** True if all paths of an ended incident now fail in another way, and not all of these failures are notified yet. */
function isAwaited(state: AlertState, ended: Incident): boolean {
  const isNamed = (id: string) => state.open.some((one) => hasFailing(one, id) && one.named.includes(id))
  return getRecoveredPart(state, ended) === null && !Object.keys(ended.paths).every(isNamed)
}

/** Returns the recoveries that can be notified. */
export function getRecoveries(state: AlertState): Incident[] {
  return state.owed.flatMap((one) => getRecoveredPart(state, one) ?? [])
}

/** Returns an ended incident with only those of its paths that are healthy; null: none are. */
function getRecoveredPart({ open }: AlertState, ended: Incident): Incident | null {
  const over = withPaths(ended, (id) => !open.some((one) => hasFailing(one, id)))
  return Object.keys(over.paths).length === 0 ? null : over
}

/** Returns a series as one incident: from its start, with all paths involved. */
function toIncident({ incident, startedAt, paths }: FlapSeries): Incident {
  return { ...incident, startedAt, paths }
}

function withPaths(incident: Incident, isKept: (id: string) => boolean): Incident {
  return {
    ...incident,
    paths: Object.fromEntries(Object.entries(incident.paths).filter(([id]) => isKept(id))),
  }
}

function isInIncident({ open }: AlertState, id: string): boolean {
  return open.some((incident) => hasFailing(incident, id))
}

function hasFailing({ failing }: Incident, id: string): boolean {
  return failing[id] !== undefined
}

/** Returns an open incident without the policy's plans for it. */
export function stripPlans(incident: OpenIncident): Incident {
  const { tellAtMs, tellAfterMs, repeatAtMs, snoozedUntilMs, causeUntilMs, toldAt, named, ...facts } =
    incident
  return facts
}
