import type { Incident } from '../../alerts/incident.ts'
import {
  getSeverity,
  type IncidentKind,
  incidentKinds,
  isDiskKind,
  namedSubjects,
} from '../../alerts/kinds.ts'
import type { OwnStatus } from '../../backends/backend-messages.ts'
import { type Message, message } from '../../lib/i18n/message.ts'
import { readReceived } from '../../lib/i18n/received.ts'
import { englishWords, joinSentences } from '../../lib/i18n/words.ts'
import { getSenderCondition } from '../../receive/senders/fleet.ts'
import type { Headline } from './condition.ts'
import {
  batchShortfall,
  bytesToGo,
  describeDeleted,
  destinationFailure,
  getNamesById,
  isCounted,
  isOutdated,
  judgeSenders,
  openFiles,
  RECEIVER,
  roundDuration,
  surroundingPause,
  withoutEjected,
} from './derived.ts'
import { findConditions } from './find-conditions.ts'
import type { AppState, DestinationState, ReceivingState, Status } from './schema.ts'

/** Returns the parts of the state that every view shows: the overall status, and the failure of each thing. */
export function summarize(state: AppState, now: number): Pick<AppState, 'status' | 'failures'> {
  const all = findFailures(state, now)
  return { status: overallStatus(state, now, all), failures: findThingFailures(state, now, all) }
}

/**
 * Returns the gravest failure of each thing. A folder is as bad as the worst of itself and its destinations, so that
 * its row, its place in the list and the header agree.
 */
export function findThingFailures(
  state: AppState,
  now: number,
  all = findFailures(state, now),
): AppState['failures'] {
  const found: AppState['failures'] = {}
  for (const failure of all) {
    const { kind, sentence, detail } = failure
    const level = isCritical(failure) ? 'failing' : 'attention'
    for (const id of getThings(state, failure, now)) found[id] ??= { level, kind, sentence, detail }
  }
  for (const { settings, destinations } of state.sources) {
    const own = found[settings.id]
    const [worst] = destinations
      .flatMap(({ id }) => (found[id] === undefined ? [] : [{ ...found[id], destination: id }]))
      .sort((a, b) => Number(b.level === 'failing') - Number(a.level === 'failing'))
    if (worst !== undefined && own?.level !== 'failing' && (own === undefined || worst.level === 'failing'))
      found[settings.id] = worst
  }
  return found
}

/** Returns the ids of the things that have a failure, as keys of `failures`. */
function getThings(state: AppState, { id, subjects }: Failure, now: number): string[] {
  const [, what = '', folder = ''] = /^sender:(silent|failing):(.*)$/s.exec(id) ?? []
  if (what !== '') return [`station:${folder}`]
  if (id === 'receiving') return [RECEIVER]
  if (id === 'unchecked')
    return [...state.sources.map((one) => ({ ...one, id: one.settings.id })), ...state.checkedPaths]
      .filter(({ checked }) => checked !== null && isOutdated(state, checked, now))
      .map((one) => one.id)
  const [, of = '', rest = ''] = /^(destination|damaged|link|disk):(.*)$/s.exec(id) ?? []
  const disk = of === 'disk' ? state.disks.all.find((one) => one.id === rest) : undefined
  return [...subjects, ...(disk?.folders ?? (of === '' ? [] : [rest]))]
}

/**
 * Returns the overall status, which icon, tooltip, window, menu and `holdfast status` all show. The first match wins;
 * graver ones come first (docs/guide.md, "The icon").
 */
export function overallStatus(state: AppState, now: number, all = findFailures(state, now)): Status {
  const trouble = findGravestFailure(state, all)
  if (trouble !== null) return trouble
  const status = describeStations(state, now) ?? describeCalmStatus(state, now)
  // Deleted files come first: a person may have deleted them by mistake.
  const deleted = describeDeleted(state, state.sources)
  if (deleted === null) return status
  const { detail, more = [] } = status
  return { ...status, detail: deleted, more: detail === null ? more : [detail, ...more] }
}

/** Returns the status where a station needs attention, which is no failure of this computer; null: none does. */
function describeStations(state: AppState, now: number): Status | null {
  const senders = state.receiving?.senders ?? []
  const judging = judgeSenders(state, now)
  const named = senders.filter((one) => getSenderCondition(one, judging) === 'attention')
  const [first] = named
  if (first === undefined) return null
  const params = { count: named.length, known: senders.length }
  const detail =
    first.sentence === null || named.length > 1
      ? null
      : readReceived({ ...first, sentence: first.sentence }).sentence
  const pause = findPause(state)
  const more = pause === null ? [] : [describePauseBeside(pause)]
  return { level: 'attention', sentence: message('status.stationsAttention', params), detail, more }
}

function describeCalmStatus(state: AppState, now: number): Status {
  const pause = findPause(state)
  if (pause !== null) {
    // The number of waiting files is not known yet.
    const sentence = isStarting(state) ? describePauseBeside(pause) : pause
    return { level: 'paused', sentence, detail: null }
  }
  if (state.sources.length === 0 && state.checkedPaths.length === 0) {
    const { receiving } = state
    if (receiving?.isRunning && receiving.senders.length > 0) return describeReceiving(receiving, now)
    if (state.computers.length > 0) return describeComputers(state)
    if (receiving === null)
      return { level: 'starting', sentence: message('status.nothingYet'), detail: message('status.addOne') }
    return receiving.isRunning
      ? { level: 'starting', sentence: message('status.noSenders'), detail: message('status.addSender') }
      : { level: 'starting', sentence: message('status.receivingStarts'), detail: null }
  }
  if (isStarting(state)) return { level: 'starting', sentence: message('status.starting'), detail: null }
  const work = describeSending(state, now)
  if (work !== null) return { level: 'working', ...work }
  if (!isKnown(state)) return { level: 'starting', sentence: message('status.starting'), detail: null }
  const paused = describePausedSource(state) ?? describeEjected(state)
  if (paused !== null) return { level: 'paused', ...paused }
  return (
    findShortfall(state) ?? {
      level: 'ok',
      sentence: wellSentence(state),
      detail: describeLastFile(state, now),
    }
  )
}

/**
 * Returns the status of this computer for one that watches it: that of its gravest failure, acknowledged or not. Other
 * computers that it watches are left out: two that watch each other would report each other's report for ever.
 */
export function buildOverviewStatus(state: AppState, now: number): Status {
  return overallStatus(asWatched(state), now)
}

/** Returns each critical failure for the same computer, by the id of what fails; the gravest first. */
export function buildOverviewFailures(state: AppState, now: number) {
  return findFailures(asWatched(state), now)
    .filter(isCritical)
    .map(({ id, sentence, cause = [] }) => ({ id, sentence, causes: cause }))
}

const asWatched = (state: AppState): AppState => ({
  ...state,
  incidents: state.incidents.map((one) => ({ ...one, acknowledged: null })),
  computers: [],
})

/** Returns the status of this computer for its receivers. Its senders' failures are left out for the same reason. */
export function buildOwnStatus(state: AppState, now: number): OwnStatus {
  const receiving = state.receiving && {
    ...state.receiving,
    senders: state.receiving.senders.map((one) => ({ ...one, connected: true, level: null })),
  }
  const { level, sentence, failure } = buildOverviewStatus({ ...state, receiving }, now)
  const causes = failure?.cause ?? []
  return {
    // The level `partial` concerns only this computer: a receiver has everything that it should receive.
    level: level === 'partial' ? 'ok' : level,
    kind: failure?.kind ?? null,
    sentence: joinSentences([sentence, ...causes], englishWords),
    words: sentence,
    ...(causes.length > 0 ? { causes } : {}),
    version: state.version,
  }
}

const isCritical = ({ kind }: Failure): boolean => getSeverity(kind) === 'critical'

/**
 * Returns all failures, the gravest first. Of one severity, those that nobody has acknowledged come first, and among
 * equals the longest-lasting one.
 */
export function findFailures(state: AppState, now: number): Failure[] {
  const open = state.incidents.filter(({ endedAt }) => endedAt === null)
  const failing = findConditions(state, now).flatMap((one) => {
    const { kind } = one
    return kind === 'ok' || kind === 'unknown' ? [] : [{ ...one, kind }]
  })
  // The store of a receiver is a condition, too, with a sentence of its own.
  const disks = open.filter((one) => isDiskKind(one.kind) && !failing.some(({ id }) => id in one.failing))
  const isSeen = (id: string, kind: IncidentKind) =>
    open.some((one) => one.acknowledged !== null && one.kind === kind && id in one.failing)
  return [
    ...disks.map((one) => describeDiskIncident(state, one)),
    ...findUncheckedFailures(state, disks),
    ...failing.map(({ id, kind, since, source, headline }) => ({
      ...{ id, kind, since, subjects: source === null ? [] : [source] },
      ...{ isSeen: isSeen(id, kind), ...headline },
    })),
  ].sort(
    (a, b) =>
      Number(isCritical(b)) - Number(isCritical(a)) ||
      Number(a.isSeen) - Number(b.isSeen) ||
      incidentKinds.indexOf(a.kind) - incidentKinds.indexOf(b.kind) ||
      a.since - b.since,
  )
}

/** Returns the gravest failure, and a pause or the number of further ones. */
function findGravestFailure(state: AppState, all: readonly Failure[]): Status | null {
  const [first] = all
  if (first === undefined) return null
  const { kind, subjects, sentence, detail, cause = [] } = first
  const [source = null] = subjects.length === 1 ? subjects : []
  return {
    level: isCritical(first) ? 'failing' : 'attention',
    sentence,
    detail,
    more: describeMore(state, first, all.length - 1),
    failure: { kind, source, cause },
  }
}

function describeMore(state: AppState, { kind, subjects }: Failure, others: number): Message[] {
  const pause = findPause(state)
  if (pause !== null && kind !== 'paused') return [describePauseBeside(pause)]
  if (others > 0) return [message('status.more', { count: others })]
  if (kind === 'paused') return []
  const isDestinationFailure = ['refused', 'destination', 'unreachable'].includes(kind)
  if (!isDestinationFailure) return describeWaiting(state, subjects)
  const working = describeOthersWork(state)
  if (working.length > 0) return working
  const failing = state.destinations.filter((one) => destinationFailure(state, one) !== null)
  return waitingHere(Math.max(0, ...failing.map(({ totals }) => totals.waitingFiles)))
}

/** A failure in the words of the overall status. */
export interface Failure extends Headline {
  /** Id of what fails; for a group, of its first member. */
  id: string
  kind: IncidentKind
  since: number
  /** Ids of the sources, checked paths and destinations that fail; empty: another part fails. */
  subjects: readonly string[]
  /** A person has acknowledged it. */
  isSeen: boolean
  /** The cause of a disk's failure, as the system reported it. */
  cause?: Message[]
}

/** Returns folders whose senders found a disk failure before the check did. */
function findUncheckedFailures(state: AppState, disks: readonly Incident[]): Failure[] {
  return state.destinations.flatMap((one) => {
    const { kind, since } = destinationFailure(state, one) ?? {}
    if (kind === undefined || since == null || !isDiskKind(kind)) return []
    if (disks.some(({ failing }) => one.id in failing)) return []
    const { id, name } = one
    return [{ id, kind, since, subjects: [id], isSeen: false, ...describeDisk(kind, name, since) }]
  })
}

/** Uses the names of sources and destinations. Alerts and notifications contain whole paths instead. */
function describeDiskIncident({ sources: all, destinations }: AppState, incident: Incident): Failure {
  const names = getNamesById({ sources: all.map(({ settings }) => settings), destinations })
  const [first = '', ...others] = namedSubjects(incident, names)
  const where = others.length > 0 ? `${first} (+${others.length})` : first
  const { kind, startedAt: since, sources: subjects, acknowledged, cause = [] } = incident
  const [id = incident.id] = Object.keys(incident.paths)
  const isSeen = acknowledged !== null
  return { id, kind, since, subjects, isSeen, cause, ...describeDisk(kind, where, since) }
}

function describeDisk(kind: IncidentKind, name: string, since: number): Headline {
  const disk = kind as 'full'
  return {
    sentence: message(`status.disk.${disk}`, { name }),
    detail: message(`status.diskSince.${disk}`, { since }),
  }
}

/** Names a pause beside a failure, in fewer words than a headline. */
function describePauseBeside({ params: { until } }: Message): Message {
  return until === undefined ? message('status.alsoPaused') : message('status.alsoPausedUntil', { until })
}

/** Returns the detail that the other destinations still work, if they do. */
function describeOthersWork(state: AppState): Message[] {
  const others = state.destinations.filter(
    (one) => one.connection.state !== 'idle' && destinationFailure(state, one) === null,
  )
  const isWell = others.every(
    ({ connection }) => connection.state === 'connected' && connection.problem === null,
  )
  return others.length > 0 && isWell ? [message('status.othersGoOn')] : []
}

/** Returns why nothing is sent, and until when: a person's pause, the power supply or network, or the schedule. */
export function findPause(state: AppState): Message | null {
  const { pause } = state.settings
  const count = state.totals.waitingFiles
  const because = surroundingPause(state)
  if (pause === null && because === 'battery') return message('status.pausedBattery', { count })
  if (pause === null && because === 'metered') return message('status.pausedMetered', { count })
  if (pause === null) return scheduledPause(state)
  if (pause.until === null) return message('status.paused', { count })
  return message('status.pausedUntil', { until: pause.until, count })
}

/** Returns the pause that the bandwidth schedule sets now. */
function scheduledPause({ allowance: { now, until }, totals }: AppState): Message | null {
  if (now.kind !== 'pause') return null
  const count = totals.waitingFiles
  if (until === null) return message('status.pausedSchedule', { count })
  return message('status.pausedScheduleUntil', { until, count })
}

/** Returns the status of a computer that only receives: its senders, their files, and when one was last connected. */
function describeReceiving({ senders }: ReceivingState, now: number): Status {
  const count = senders.length
  const files = senders.reduce((sum, one) => sum + one.files, 0)
  const size = senders.reduce((sum, one) => sum + one.bytes, 0)
  const connected = senders.filter((one) => one.connected).length
  const last = Math.max(...senders.map(({ seenAt }) => seenAt ?? 0))
  const age = roundDuration(now - last)
  const isRecent = connected > 0 || last === 0 || age < 60_000
  const link = isRecent
    ? message('status.sendersConnected', { count: connected })
    : message('status.sendersLast', { age })
  return {
    level: 'ok',
    sentence: message('status.receiving', { count }),
    detail: message('status.received', { count: files, size }),
    more: [link],
  }
}

/** Returns the status of an application that only watches other computers, none of which has a failure. */
function describeComputers({ computers }: AppState): Status {
  const isKnown = computers.every(({ connection }) => connection.state === 'connected')
  return isKnown
    ? { level: 'ok', sentence: message('status.computersWell', { count: computers.length }), detail: null }
    : { level: 'starting', sentence: message('status.computersConnecting'), detail: null }
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
 * True if no further files can be waiting: each source was compared with the ledger, and each destination's sender
 * has reported the ledger's counts.
 */
function isKnown({ sources }: AppState): boolean {
  const active = sources.filter(({ settings }) => !settings.paused)
  return active.every((source) => source.scanned?.compared === true && isCounted(source))
}

/** Returns the progress of sending. Excludes paused sources and ejected disks. */
function describeSending(state: AppState, now: number): Headline | null {
  const active = state.sources
    .filter(({ settings }) => !settings.paused)
    .map((source) => withoutEjected(source, state.destinations))
  const count = active.reduce((sum, { totals }) => sum + totals.waitingFiles, 0)
  const size = active.reduce((sum, source) => sum + bytesToGo(source, state.transfers), 0)
  if (count === 0) return null
  const to = state.destinations.filter(({ id }) =>
    active.some((one) => one.destinations.some((mine) => mine.id === id && mine.totals.waitingFiles > 0)),
  )
  if (to[0] !== undefined && to.every(({ connection }) => connection.state !== 'connected'))
    return describeConnecting(to[0], count)
  const changing = new Map(
    active.flatMap(({ destinations }) =>
      destinations
        .flatMap(({ restless = [] }) => restless)
        .flatMap(({ source, path, nextAt }) => (nextAt === null ? [] : [[`${source}/${path}`, nextAt]])),
    ),
  )
  if (changing.size >= count) {
    const at = Math.min(...changing.values())
    return {
      sentence: message('status.keepsChanging', { count }),
      detail: message('status.nextVersion', { count, at }),
    }
  }
  // A file that was emptied, or that could not be sent, is not due at once.
  const due = active.flatMap(({ destinations }) =>
    destinations.filter(({ totals }) => totals.waitingFiles > 0).map(({ nextDue = now }) => nextDue),
  )
  const next = Math.min(...due)
  if (due.length > 0 && next > now) {
    const sentence = message('status.waitingHere', { count })
    const ages = active
      .filter(({ totals }) => totals.waitingFiles > 0)
      .map(({ settings }) => settings.minimumAgeSeconds)
    if (Math.min(...ages) > 0)
      return { sentence, detail: message('status.minimumAge', { age: Math.max(...ages) * 1000 }) }
    if (next - now < 60_000) return { sentence, detail: message('status.toGoSoon') }
    // Shown in minutes: the next full one is not over yet.
    return { sentence, detail: message('status.toGoAt', { at: Math.ceil(next / 60_000) * 60_000 }) }
  }
  // The sender's estimate includes all waiting files. The tray's menu is refreshed once a minute.
  const isAll = state.sources.every(({ settings, totals }) => !settings.paused || totals.waitingFiles === 0)
  const left = isAll && state.left !== null && state.left >= 60_000 ? state.left : null
  return {
    sentence: message('status.sending', { count }),
    detail:
      left === null
        ? message('status.toGo', { size })
        : message('status.toGoEta', { size, left: roundDuration(left + 30_000) }),
  }
}

/** Returns what goes on before the first destination can be reached; files for the folder here just wait. */
function describeConnecting({ kind, name }: DestinationState, count: number): Headline {
  const waiting = message('status.waitingHere', { count })
  if (kind === 'embedded') return { sentence: waiting, detail: null }
  return { sentence: message('status.connecting', { name }), detail: waiting }
}

/** Returns the paused source with the most waiting files. Its new files are not even scanned for. */
function describePausedSource({ sources }: AppState): Headline | null {
  const paused = sources
    .filter(({ settings }) => settings.paused)
    .sort((a, b) => b.totals.waitingFiles - a.totals.waitingFiles)[0]
  if (paused === undefined) return null
  const { name } = paused.settings
  const count = paused.totals.waitingFiles
  return {
    sentence: message('status.pausedSource', { name }),
    detail: message('status.pausedSourceWaiting', { count }),
  }
}

/** Returns the ejected disk for which most files wait; without any, its absence changes nothing. */
function describeEjected({ destinations }: AppState): Headline | null {
  const [most] = destinations
    .filter(({ ejectedAt, totals }) => ejectedAt !== undefined && totals.waitingFiles > 0)
    .sort((a, b) => b.totals.waitingFiles - a.totals.waitingFiles)
  if (most === undefined) return null
  const sentence = message('status.ejected', { name: most.name, count: most.totals.waitingFiles })
  return { sentence, detail: null }
}

/** Returns the status if nothing waits but some files are not safe and a person can act. */
function findShortfall(state: AppState): Status | null {
  const batch = state.sources.map(batchShortfall).find((one) => one !== null)
  if (batch !== undefined) return { level: 'partial', sentence: batch.headline, detail: batch.sentence }
  const open = openFiles(state)
  if (open !== null) {
    const { files: count, since, path } = open
    const sentence = message('status.open', { count, since })
    return { level: 'partial', sentence, detail: message('status.openDetail', { path, since }) }
  }
  // "Safe" requires a copy on another computer.
  if (hasCopiesElsewhere(state)) return null
  const count = state.totals.sentFiles
  const sentence = count === 0 ? wellSentence(state) : message('status.copiedHere', { count })
  return { level: 'partial', sentence, detail: message('status.connectReceiver') }
}

function wellSentence(state: AppState): Message {
  const count = state.totals.sentFiles
  if (state.sources.length === 0) return message('status.pathsWell', { count: state.checkedPaths.length })
  if (count > 0) return message('status.safe', { count })
  const removed = state.totals.removedFiles
  return removed > 0
    ? message('status.removed', { count: removed })
    : message('status.watching', { count: state.sources.length })
}

/** True if every source has at least one destination on another computer. */
export function hasCopiesElsewhere({ sources, destinations }: AppState): boolean {
  const elsewhere = new Set(destinations.filter((one) => one.elsewhere).map(({ id }) => id))
  return sources.every((source) => source.destinations.some(({ id }) => elsewhere.has(id)))
}

/** Returns when the newest file came. */
function describeLastFile({ sources }: AppState, now: number): Message | null {
  const last = Math.max(...sources.map(({ lastFile }) => lastFile?.at ?? 0), 0)
  if (last === 0) return null
  const age = roundDuration(now - last)
  // As in the rows of the window: seconds would change the status all the time.
  return age < 60_000 ? message('status.lastFileNow') : message('status.lastFile', { age })
}

/** Returns the number of files that wait, of these sources or for these destinations; without any, of all. */
function describeWaiting({ totals, sources }: AppState, subjects: readonly string[]): Message[] {
  // A file of a failing source that also waits for a failing destination counts once.
  const waiting = sources.map(({ settings, totals: own, destinations }) =>
    subjects.includes(settings.id)
      ? own.waitingFiles
      : Math.max(
          0,
          ...destinations.filter(({ id }) => subjects.includes(id)).map((one) => one.totals.waitingFiles),
        ),
  )
  const count = subjects.length === 0 ? totals.waitingFiles : waiting.reduce((sum, files) => sum + files, 0)
  return waitingHere(count)
}

const waitingHere = (count: number): Message[] =>
  count > 0 ? [message('status.waitingHere', { count })] : []
