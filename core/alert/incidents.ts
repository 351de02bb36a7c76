import type { Verdict } from '../check/messages.ts'
import type { Message } from '../words/message.ts'

/** Verdicts that are incidents; "slow" is shown, but nobody is woken for it. */
export const incidentKinds = [
  'read-only',
  'hung',
  'io-error',
  'missing',
  'full',
  'permission',
  'stale',
  'error',
] as const
export type IncidentKind = (typeof incidentKinds)[number]

/** One verdict of one path, as far as alerts need it. */
export interface Sample {
  id: string
  path: string
  /** Paths of one group that fail alike are one incident: the mount point where it is known. */
  group: string
  /**
   * It may well be this path's own fault, or one that its disk lives on with: then it joins others of its group only
   * until they are told, and nobody joins it after that, so that what fails later is told as well.
   */
  isOwn: boolean
  kind: Verdict['kind']
  sentence: Message
  /** Milliseconds since 1970. */
  at: number
  /** Milliseconds of the steady clock. */
  steadyMs: number
}

export interface Incident {
  id: string
  kind: IncidentKind
  group: string
  /** All that it was begun with was perhaps of the paths' own. */
  isOwn: boolean
  /** Every path that was part of it, by path id. */
  paths: Record<string, string>
  /** What is said of those that fail now, by path id; the first of them speaks for the incident. */
  failing: Record<string, Message>
  sentence: Message
  /** Milliseconds since 1970. */
  startedAt: number
  endedAt: number | null
  /** When it is to be told, by the steady clock: further paths of the same mount are waited for. */
  tellAtMs: number
  told: boolean
}

/** What has to be told to a person. */
export interface Announcement {
  what: 'failed' | 'recovered'
  incident: Incident
}

/** How a path has failed without a break. */
interface Suspicion {
  failures: number
  since: number
  /** The last of them, as long as they were of one kind. */
  kind: IncidentKind
  ofKind: number
  kindSince: number
  /** All of them may have been the path's own fault (Sample.isOwn). */
  isOwn: boolean
}

export interface AlertState {
  suspicions: Record<string, Suspicion>
  open: Incident[]
  /** Those that are over, newest first, at most KEPT_INCIDENTS. */
  past: Incident[]
  /** Recoveries that nobody has been told of yet. */
  recoveries: Incident[]
  opened: number
}

export const noAlerts: AlertState = { suspicions: {}, open: [], past: [], recoveries: [], opened: 0 }

/** How long a new incident waits for further paths of the same mount before it is told. */
export const COLLECT_MS = 1_000
export const KEPT_INCIDENTS = 100

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
  return leave(withoutSuspicion(state, id), id, now, false)
}

/**
 * What has to be told by now; the returned state knows it as told.
 * @param steadyMs milliseconds of the steady clock.
 */
export function announce(
  state: AlertState,
  steadyMs: number,
): { state: AlertState; announcements: Announcement[] } {
  const isDue = (incident: Incident) => !incident.told && incident.tellAtMs <= steadyMs
  const failed = state.open.filter(isDue)
  return {
    state: {
      ...state,
      open: state.open.map((incident) => (isDue(incident) ? { ...incident, told: true } : incident)),
      recoveries: [],
    },
    announcements: [
      ...failed.map((incident): Announcement => ({ what: 'failed', incident })),
      ...state.recoveries.map((incident): Announcement => ({ what: 'recovered', incident })),
    ],
  }
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
    recoveries: recovered && incident.told ? [...state.recoveries, over] : state.recoveries,
  }
}
