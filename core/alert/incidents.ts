import type { Verdict } from '../check/messages.ts'
import type { AlertState, Incident, IncidentKind, Sample, Suspicion } from './state.ts'
import { COLLECT_MS, KEPT_INCIDENTS } from './state.ts'
import { FIRST_REPEAT_MS, withoutPath, withQuiet } from './troubles.ts'

/** A system that says EROFS, or a call that never returns, needs no second opinion. */
const SAMPLES_NEEDED: Record<IncidentKind, number> = {
  'read-only': 1,
  hung: 1,
  'io-error': 2,
  missing: 2,
  full: 2,
  permission: 2,
  stale: 2,
  error: 2,
}

/** ok, pending, firing, ok: one verdict of one path; pure. */
export function observe(state: AlertState, sample: Sample): AlertState {
  return withQuiet(state, judge(state, sample), sample.steadyMs)
}

function judge(state: AlertState, sample: Sample): AlertState {
  if (!isIncident(sample.kind)) return leave(withoutSuspicion(state, sample.id), sample.id, sample.at, true)
  const kind = sample.kind
  const suspicion = suspicionOf(state.suspicions[sample.id], kind, sample)
  const suspected = { ...state, suspicions: { ...state.suspicions, [sample.id]: suspicion } }
  const since = beginningOf(suspicion, isInIncident(state, sample.id))
  if (since === null) return suspected
  const known = incidentOf(state, sample, kind)
  const moved = leaveOthers(suspected, sample, known)
  if (known === undefined) return openIncident(moved, sample, kind, since)
  return { ...moved, open: moved.open.map((one) => (one === known ? join(known, sample) : one)) }
}

/** Whether a path failed in a way that needs another sample before anybody is told. */
export function isSuspected(state: AlertState, id: string): boolean {
  return state.suspicions[id] !== undefined && !isInIncident(state, id)
}

/** A path that is no longer looked after: its part in any incident ends without a word. */
export function forget(state: AlertState, id: string, now: number): AlertState {
  return withoutPath(leave(withoutSuspicion(state, id), id, now, false), id)
}

function isIncident(kind: Verdict['kind']): kind is IncidentKind {
  return kind !== 'ok' && kind !== 'slow'
}

function suspicionOf(before: Suspicion | undefined, kind: IncidentKind, { at, isOwn }: Sample): Suspicion {
  const { failures, since } = before ?? { failures: 0, since: at }
  // The disk's own failure is not as old as what its path lived on with.
  const isAnother = before?.kind !== kind || before.isOwn !== isOwn
  const run = before === undefined || isAnother ? { ofKind: 0, kindSince: at } : before
  return { failures: failures + 1, since, kind, ofKind: run.ofKind + 1, kindSince: run.kindSince, isOwn }
}

/**
 * Since when there is an incident of this kind; null: not yet. A path that fails in several ways by turns has failed
 * as often; but one that is part of an incident leaves it only for a kind that it stays with.
 */
function beginningOf(suspicion: Suspicion, isInOne: boolean): number | null {
  const needed = SAMPLES_NEEDED[suspicion.kind]
  if (suspicion.ofKind >= needed) return suspicion.kindSince
  return !isInOne && suspicion.failures >= needed ? suspicion.since : null
}

function isInIncident({ open }: AlertState, id: string): boolean {
  return open.some((incident) => isPartOf(incident, id))
}

function isPartOf({ failing }: Incident, id: string): boolean {
  return failing[id] !== undefined
}

/** The open incident that this sample belongs to. */
function incidentOf(state: AlertState, sample: Sample, kind: IncidentKind): Incident | undefined {
  const alike = state.open.filter((one) => one.kind === kind && one.group === sample.group)
  // The disk itself fails now, of which nobody has been told: also if the path is part of the incident already.
  const open = alike.filter((one) => !one.told || !one.isOwn || sample.isOwn)
  const own = open.find((one) => isPartOf(one, sample.id))
  return own ?? open.find(({ told }) => !sample.isOwn || !told)
}

function withoutSuspicion(state: AlertState, id: string): AlertState {
  const { [id]: _, ...suspicions } = state.suspicions
  return { ...state, suspicions }
}

function openIncident(state: AlertState, sample: Sample, kind: IncidentKind, since: number): AlertState {
  const incident: Incident = {
    id: `${sample.at}-${state.opened + 1}`,
    kind,
    group: sample.group,
    isOwn: sample.isOwn,
    paths: { [sample.id]: sample.path },
    failing: { [sample.id]: sample.sentence },
    sentence: sample.sentence,
    startedAt: since,
    endedAt: null,
    tellAtMs: sample.steadyMs + COLLECT_MS,
    told: false,
    isSilent: false,
    repeatAtMs: sample.steadyMs + FIRST_REPEAT_MS,
    repeats: 0,
  }
  return { ...state, open: [...state.open, incident], opened: state.opened + 1 }
}

/** The sentence stays that of the first path, whose elapsed time goes on; siblings only join. */
function join(incident: Incident, { id, path, sentence, isOwn }: Sample): Incident {
  const paths = { ...incident.paths, [id]: path }
  return withFailing(
    { ...incident, paths, isOwn: incident.isOwn && isOwn },
    { ...incident.failing, [id]: sentence },
  )
}

/** What has left speaks for the incident no more, unless it was the last. */
function withFailing(incident: Incident, failing: Incident['failing']): Incident {
  return { ...incident, failing, sentence: Object.values(failing)[0] ?? incident.sentence }
}

/** The path fails in another way now: it leaves its other incidents, which is no recovery. */
function leaveOthers(state: AlertState, { id, at }: Sample, own: Incident | undefined): AlertState {
  return state.open
    .filter((one) => one !== own && isPartOf(one, id))
    .reduce((current, one) => leaveOne(current, one, id, at, false), state)
}

function leave(state: AlertState, id: string, now: number, recovered: boolean): AlertState {
  return state.open
    .filter((incident) => isPartOf(incident, id))
    .reduce((current, incident) => leaveOne(current, incident, id, now, recovered), state)
}

/** An incident is over when its last path has left; its recovery is told only if its failure was. */
function leaveOne(
  state: AlertState,
  incident: Incident,
  id: string,
  now: number,
  recovered: boolean,
): AlertState {
  const { [id]: _, ...failing } = incident.failing
  const rest = withFailing(incident, failing)
  if (Object.keys(failing).length > 0) {
    return { ...state, open: state.open.map((one) => (one === incident ? rest : one)) }
  }
  const over = { ...rest, endedAt: now }
  return {
    ...state,
    open: state.open.filter((one) => one !== incident),
    past: [over, ...state.past].slice(0, KEPT_INCIDENTS),
    recoveries:
      recovered && incident.told && !incident.isSilent ? [...state.recoveries, over] : state.recoveries,
  }
}
