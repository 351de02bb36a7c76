import { FIRST_REPEAT_MS, withoutPath, withQuiet } from './flapping.ts'
import type { Incident } from './incident.ts'
import type { IncidentKind } from './kinds.ts'
import {
  type AlertState,
  COLLECT_MS,
  type FailureRun,
  KEPT_INCIDENTS,
  type Now,
  type OpenIncident,
  type Sample,
} from './state.ts'

/** Kinds that need two samples. EROFS, a call that never returns, and Holdfast's own failures need only one. */
const NEEDS_TWO: ReadonlySet<IncidentKind> = new Set([
  'io-error',
  'missing',
  'full',
  'permission',
  'stale',
  'error',
])

/** Applies one result of one path (ok, pending, firing, ok); pure. */
export function observe(state: AlertState, sample: Sample): AlertState {
  return withQuiet(state, applySample(state, sample), sample.steadyMs)
}

function applySample(state: AlertState, sample: Sample): AlertState {
  if (!isIncident(sample.kind)) return leave(withoutSuspicion(state, sample.id), sample.id, sample.at)
  const kind = sample.kind
  const suspicion = updateSuspicion(state.suspicions[sample.id], kind, sample)
  const suspected = { ...state, suspicions: { ...state.suspicions, [sample.id]: suspicion } }
  const since = findStart(suspicion, isInIncident(state, sample.id))
  if (since === null) return suspected
  const known = findIncident(state, sample, kind)
  const moved = leaveOthers(suspected, sample, known)
  if (known === undefined) return openIncident(moved, sample, kind, since)
  return { ...moved, open: moved.open.map((one) => (one === known ? join(known, sample) : one)) }
}

/** True if a path's failure needs another sample before it becomes an incident. */
export function isSuspected(state: AlertState, id: string): boolean {
  return state.suspicions[id] !== undefined && !isInIncident(state, id)
}

/** Marks an incident as acknowledged by a person. After that only its recovery is notified. */
export function acknowledge(state: AlertState, id: string, by: string, at: number): AlertState {
  return withOpen(state, id, (one) => ({ ...one, acknowledged: { at, by }, snoozedUntil: null }))
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

/** Removes a path that is no longer monitored. Its part in any incident ends without a notification. */
export function forget(state: AlertState, id: string, now: Now): AlertState {
  const gone = leave(withoutSuspicion(state, id), id, now.at)
  const left = withoutPath(withQuiet(state, gone, now.steadyMs), id)
  return { ...left, owed: left.owed.map((one) => withPaths(one, (path) => path !== id)) }
}

/** Returns the recoveries that can be notified. */
export function getRecoveries(state: AlertState): Incident[] {
  return state.owed.flatMap((one) => getRecoveredPart(state, one) ?? [])
}

/** Returns an ended incident with only those of its paths that are healthy; null: none are. */
export function getRecoveredPart({ open }: AlertState, ended: Incident): Incident | null {
  const over = withPaths(ended, (id) => !open.some((one) => hasFailing(one, id)))
  return Object.keys(over.paths).length === 0 ? null : over
}

/** True if all paths of an ended incident now fail in another way, and not all of these failures are notified yet. */
export function isAwaited(state: AlertState, ended: Incident): boolean {
  const isNamed = (id: string) => state.open.some((one) => hasFailing(one, id) && one.named.includes(id))
  return getRecoveredPart(state, ended) === null && !Object.keys(ended.paths).every(isNamed)
}

function withPaths(incident: Incident, isKept: (id: string) => boolean): Incident {
  return {
    ...incident,
    paths: Object.fromEntries(Object.entries(incident.paths).filter(([id]) => isKept(id))),
  }
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
function findStart(suspicion: FailureRun, isInOne: boolean): number | null {
  const needed = NEEDS_TWO.has(suspicion.kind) ? 2 : 1
  if (suspicion.ofKind >= needed) return suspicion.kindSince
  return !isInOne && suspicion.failures >= needed ? suspicion.since : null
}

function isInIncident({ open }: AlertState, id: string): boolean {
  return open.some((incident) => hasFailing(incident, id))
}

function hasFailing({ failing }: Incident, id: string): boolean {
  return failing[id] !== undefined
}

/** Returns the open incident that a sample belongs to. */
function findIncident(state: AlertState, sample: Sample, kind: IncidentKind): OpenIncident | undefined {
  const alike = state.open.filter((one) => one.kind === kind && one.group === sample.group)
  // A failure of the disk itself needs its own notification, even if the path is already part of a notified incident.
  const open = alike.filter((one) => !one.told || !one.isOwn || sample.isOwn)
  const own = open.find((one) => hasFailing(one, sample.id))
  return own ?? open.find(({ told }) => !sample.isOwn || !told)
}

function withoutSuspicion(state: AlertState, id: string): AlertState {
  const { [id]: _, ...suspicions } = state.suspicions
  return { ...state, suspicions }
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

function getTellAtMs({ at, steadyMs, tellAfterMs }: Sample, since: number): number {
  return steadyMs + Math.max(COLLECT_MS, since + tellAfterMs - at)
}

/** Adds a sample to an incident. The sentence stays that of the first path, with its elapsed time. */
function join(incident: OpenIncident, sample: Sample): OpenIncident {
  const { id, path, sentence, isOwn, source } = sample
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
      tellAtMs,
    },
    { ...incident.failing, [id]: sentence },
  )
}

/** Sets the failing paths. The sentence of a path that has left is replaced, unless it was the last path. */
function withFailing<I extends Incident>(incident: I, failing: Incident['failing']): I {
  return { ...incident, failing, sentence: Object.values(failing)[0] ?? incident.sentence }
}

/** Removes the path from its other incidents, because it now fails in another way. */
function leaveOthers(state: AlertState, { id, at }: Sample, own: OpenIncident | undefined): AlertState {
  return state.open
    .filter((one) => one !== own && hasFailing(one, id))
    .reduce((current, one) => leaveOne(current, one, id, at), state)
}

function leave(state: AlertState, id: string, now: number): AlertState {
  return state.open
    .filter((incident) => hasFailing(incident, id))
    .reduce((current, incident) => leaveOne(current, incident, id, now), state)
}

/** Returns an open incident without the policy's plans for it. */
export function stripPlans(incident: OpenIncident): Incident {
  const { tellAtMs, tellAfterMs, repeatAtMs, snoozedUntilMs, toldAt, named, ...facts } = incident
  return facts
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
