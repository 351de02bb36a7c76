import type { Message } from '../../words/message.ts'
import { message } from '../../words/message.ts'
import { bytesToGo } from '../bytes-to-go.ts'
import { scanProblem } from './scan-problem.ts'
import type { AppState, Incident, Status } from './schema.ts'
import { isOldVerdict } from './verdict-age.ts'

/** The destination counts as in trouble only after this long: a reconnect is nobody's business. */
const UNREACHABLE_AFTER_MS = 10_000
const MINUTE = 60_000
const LONG_PAUSE_MS = 24 * 3_600_000

/**
 * The one status of the whole application; icon, tooltip, window, menu and `holdfast status` all say this.
 * The first that applies wins, the graver first (docs: README, "What the icon says").
 */
export function overallStatus(state: AppState, now: number): Status {
  const sentence = failing(state) ?? null
  if (sentence !== null) return { level: 'failing', sentence, detail: waitingDetail(state) }
  const attention = attentionOf(state, now)
  if (attention !== null) return { level: 'attention', ...attention }
  const pause = pauseOf(state)
  if (pause !== null) return { level: 'paused', sentence: pause, detail: null }
  if (state.sources.length === 0 && state.checkedPaths.length === 0) {
    return { level: 'starting', sentence: message('status.nothingYet'), detail: message('status.addOne') }
  }
  if (isStarting(state)) return { level: 'starting', sentence: message('status.starting'), detail: null }
  const work = working(state)
  if (work !== null) return { level: 'working', sentence: work, detail: null }
  if (!isKnown(state)) return { level: 'starting', sentence: message('status.starting'), detail: null }
  const paused = pausedSource(state)
  if (paused !== null) return { level: 'paused', sentence: paused, detail: null }
  return { level: 'ok', sentence: wellSentence(state), detail: lastFileDetail(state, now) }
}

function failing(state: AppState): Message | null {
  const lasting = state.incidents.filter((incident) => incident.endedAt === null)
  const first = lasting[0]
  if (first !== undefined) return incidentSentence(state, first, lasting.length)
  if (state.totals.parkedFiles > 0) return message('status.parked', { count: state.totals.parkedFiles })
  return null
}

/** A source is called by its name here, which is short; alerts and notifications say the whole path. */
function incidentSentence(state: AppState, incident: Incident, count: number): Message {
  const failing = incident.paths[0] ?? ''
  const source = state.sources.find(({ settings }) => settings.path === failing)
  const path = source?.settings.name ?? failing
  const params = { path, since: incident.startedAt, others: count - 1, count: count - 1 }
  return count > 1 ? message('status.incidents', params) : message(`incident.${incident.kind}`, params)
}

/** What makes the promise weaker than it looks, the graver first. */
function attentionOf(state: AppState, now: number): Pick<Status, 'sentence' | 'detail'> | null {
  const waiting = waitingDetail(state)
  const worker = workerTrouble(state, now)
  if (worker !== null) return { sentence: worker, detail: waiting }
  const unchecked = uncheckedLately(state, now)
  if (unchecked !== null) return { sentence: unchecked, detail: waiting }
  const destination = destinationTrouble(state, now)
  if (destination !== null) return destination
  const problem = destinationProblem(state)
  if (problem !== null) return { sentence: problem, detail: waiting }
  const scan = scanTrouble(state)
  if (scan !== null) return { sentence: scan, detail: waiting }
  const notice = state.notices[0]
  if (notice !== undefined) return { sentence: notice.sentence, detail: waiting }
  const { pause } = state.settings
  if (pause === null || now - pause.since <= LONG_PAUSE_MS) return null
  const count = state.totals.waitingFiles
  return { sentence: message('status.pausedLong', { since: pause.since, count }), detail: null }
}

function workerTrouble(state: AppState, now: number): Message | null {
  for (const [worker, { condition, since }] of Object.entries(state.workers)) {
    if (condition === 'late' || condition === 'failed')
      return message(`status.worker.${condition}`, { worker })
    if (condition === 'restarting' && awayFor(since, now) > UNREACHABLE_AFTER_MS) {
      return message('status.worker.failed', { worker })
    }
  }
  return null
}

/** The path whose last verdict is the oldest, where that is too old to be believed. */
function uncheckedLately({ sources, checkedPaths, settings }: AppState, now: number): Message | null {
  const all = [
    ...sources.map((source) => ({ name: source.settings.name, checked: source.checked })),
    ...checkedPaths.map(({ path, checked }) => ({ name: path, checked })),
  ]
  const old = all
    .flatMap(({ name, checked }) => (checked === null ? [] : [{ name, checked }]))
    .filter(({ checked }) => isOldVerdict(checked, settings.check.intervalSeconds, now))
    .sort((a, b) => a.checked.at - b.checked.at)[0]
  if (old === undefined) return null
  return message('status.notChecked', { name: old.name, age: inSteps(now - old.checked.at) })
}

/** Refused before unreachable, and the one that has been away longest first. */
function destinationTrouble(state: AppState, now: number): Pick<Status, 'sentence' | 'detail'> | null {
  const refused = state.destinations.find(({ connection }) => connection.state === 'refused')
  if (refused !== undefined) {
    // Its own sentence says what helps: another version, the clocks, or to pair again.
    const sentence = refused.connection.problem ?? message('status.refused', { name: refused.name })
    return { sentence, detail: othersGoOn(state) }
  }
  const away = state.destinations
    .filter(
      ({ connection: { state, since } }) =>
        state === 'unreachable' && awayFor(since, now) > UNREACHABLE_AFTER_MS,
    )
    .sort((a, b) => a.connection.since - b.connection.since)
  const first = away[0]
  if (first === undefined) return null
  const params = { name: first.name, away: inSteps(awayFor(first.connection.since, now)) }
  if (state.destinations.length === 1) {
    const key = first.kind === 'embedded' ? 'status.unreachableEmbedded' : 'status.unreachable'
    return { sentence: message(key, { ...params, count: state.totals.waitingFiles }), detail: null }
  }
  // The sentence names what waits.
  const sentence = message('status.unreachableOne', { ...params, count: first.totals.waitingFiles })
  return { sentence, detail: othersGoOn(state) }
}

/** A beginning that is still to come is one before the clock was set back: nobody knows how long ago, so long enough. */
function awayFor(since: number, now: number): number {
  return now < since ? UNREACHABLE_AFTER_MS + 1 : now - since
}

/** A duration in milliseconds as a sentence has it that is made anew all the time: from a minute on no second ticks in it. */
function inSteps(duration: number, round: (steps: number) => number = Math.floor): number {
  const step = duration < MINUTE ? 1_000 : MINUTE
  return round(duration / step) * step
}

/** Said of several destinations when one is in trouble, if it is so. */
function othersGoOn(state: AppState): Message | null {
  const { destinations, allowance, settings } = state
  const well = destinations.filter(({ connection }) => connection.state === 'connected')
  const isPaused = settings.pause !== null || allowance.now.kind === 'pause'
  const isAlone = well.length === 0 || well.some(({ connection }) => connection.problem !== null)
  return isPaused || isAlone ? null : message('status.othersGoOn')
}

/** Why files wait for a destination although it is connected, or why nothing can even try to connect. */
function destinationProblem({ destinations }: AppState): Message | null {
  const problems = destinations.map(({ connection: { state, problem } }) =>
    state === 'connected' || state === 'idle' ? problem : null,
  )
  return problems.find((problem) => problem !== null) ?? null
}

/** Files that are not sent, and directories that are not looked at; each problem has its own sentence. */
function scanTrouble(state: AppState): Message | null {
  const unwatched = state.sources.reduce((sum, one) => sum + (one.scanned?.unwatchedDirectories ?? 0), 0)
  if (unwatched > 0) return message('status.unwatched', { count: unwatched })
  return state.sources.map(scanProblem).find((problem) => problem !== null) ?? null
}

/** That nothing is sent, by a person's wish or the schedule's, and until when. */
export function pauseOf(state: AppState): Message | null {
  const { pause } = state.settings
  const count = state.totals.waitingFiles
  if (pause === null) return scheduledPause(state)
  if (pause.until === null) return message('status.paused', { count })
  return message('status.pausedUntil', { until: pause.until, count })
}

/** The schedule of the limit has a pause now. */
function scheduledPause({ allowance: { now, until }, totals }: AppState): Message | null {
  if (now.kind !== 'pause') return null
  const count = totals.waitingFiles
  if (until === null) return message('status.pausedSchedule', { count })
  return message('status.pausedScheduleUntil', { until, count })
}

function isStarting(state: AppState): boolean {
  return (
    state.sources.some(
      ({ settings, checked, scanned }) =>
        !settings.paused && (checked === null || scanned === null || scanned.phase === 'starting'),
    ) || state.checkedPaths.some(({ checked }) => checked === null)
  )
}

/**
 * Whether it is known that nothing else waits: each source has been compared with the ledger, and each destination's
 * sender has told what the ledger has of it.
 */
function isKnown({ sources, destinations }: AppState): boolean {
  const going = sources.filter(({ settings }) => !settings.paused)
  const used = new Set(going.flatMap((source) => source.destinations.map(({ id }) => id)))
  return (
    going.every(({ scanned }) => scanned?.compared === true) &&
    destinations.every(({ id, reported }) => !used.has(id) || reported === true)
  )
}

/** What is on its way; what waits in a source that is paused is not. */
function working(state: AppState): Message | null {
  const going = state.sources.filter(({ settings }) => !settings.paused)
  const count = going.reduce((sum, { totals }) => sum + totals.waitingFiles, 0)
  const size = going.reduce((sum, source) => sum + bytesToGo(source, state.transfers), 0)
  if (count === 0) return null
  // The sender reckons with all that waits.
  const isAll = state.sources.every(({ settings, totals }) => !settings.paused || totals.waitingFiles === 0)
  const left = isAll ? state.left : null
  return left === null
    ? message('status.sending', { count, size })
    : message('status.sendingEta', { count, size, left: inSteps(left, Math.round) })
}

/** Of the paused sources the one with the most files that wait; what is new in it is not even looked for. */
function pausedSource({ sources }: AppState): Message | null {
  const paused = sources
    .filter(({ settings }) => settings.paused)
    .sort((a, b) => b.totals.waitingFiles - a.totals.waitingFiles)[0]
  if (paused === undefined) return null
  const { name } = paused.settings
  const count = paused.totals.waitingFiles
  return count === 0
    ? message('status.pausedSourceEmpty', { name })
    : message('status.pausedSource', { name, count })
}

function wellSentence(state: AppState): Message {
  const count = state.totals.sentFiles
  if (state.sources.length === 0) return message('status.pathsWell', { count: state.checkedPaths.length })
  if (count === 0) return message('status.watching', { count: state.sources.length })
  // "Safe" is a promise: a copy on the same computer does not keep it.
  return message(isElsewhere(state) ? 'status.safe' : 'status.copiedHere', { count })
}

/** Every source goes to another computer, besides wherever else it goes. */
function isElsewhere({ sources, destinations }: AppState): boolean {
  const elsewhere = new Set(destinations.filter((one) => one.elsewhere).map(({ id }) => id))
  return sources.every((source) => source.destinations.some(({ id }) => elsewhere.has(id)))
}

function lastFileDetail(state: AppState, now: number): Message | null {
  if (!isElsewhere(state) && state.totals.sentFiles > 0) return message('status.connectReceiver')
  const last = Math.max(...state.sources.map(({ lastFile }) => lastFile?.at ?? 0), 0)
  if (last === 0) return null
  return message('status.lastFile', { age: inSteps(now - last) })
}

function waitingDetail(state: AppState): Message | null {
  const count = state.totals.waitingFiles
  return count > 0 ? message('status.waitingSafely', { count }) : null
}
