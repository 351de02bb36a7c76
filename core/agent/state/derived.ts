import { getSeverity, type IncidentKind, isDiskKind, type Severity } from '../../alerts/kinds.ts'
import type { Checked } from '../../check/checker-messages.ts'
import { type Message, message, type WordKey } from '../../lib/i18n/message.ts'
import type { Judging } from '../../receive/senders/fleet.ts'
import type { AppState, DestinationState, SourceState } from './schema.ts'

// Derives values from the state, for the overall status and for every view; pure, and also used by the window.

/** Problems that do not keep any file from being sent; a source's details show them. */
const HARMLESS: ReadonlySet<WordKey> = new Set([
  'scan.notClosed',
  'scan.leftInBatch',
  'scan.emptyBatch',
  'scan.lateInBatch',
  'scan.ownPlace',
])
const MINUTE = 60_000

/** Returns the newest problem that prevents a source's files from being found or sent. */
export function scanProblem({ scanned, checked, settings }: SourceState): Message | null {
  if (scanned === null || settings.paused) return null
  const problem = scanned.problems.findLast(({ key }) => !HARMLESS.has(key))
  if (problem !== undefined) return problem
  if (settings.kind === 'batch' && checked?.readOnlyByIntent === true)
    return message('scan.batchReadOnly', { path: settings.path })
  const isStuck = scanned.phase === 'missing' || scanned.phase === 'failed'
  return isStuck ? message('status.notScanned', { name: settings.name }) : null
}

/**
 * Returns the message for a link that no longer points to its recorded path; null: it still does, or there is none.
 */
export function movedLink(
  { path, link }: { path: string; link: string | null },
  checked: Pick<Checked, 'leadsTo'> | null,
): Message | null {
  const now = checked?.leadsTo
  // The link may have been followed since that check.
  if (link === null || now === undefined || now === path) return null
  return now === null
    ? message('condition.linkGone', { link, path })
    : message('condition.linkMoved', { link, path, now })
}

/** True if a destination is on another computer and its files survive a crash there, as far as it is known. */
export const isSafe = ({
  elsewhere,
  connection,
}: Pick<DestinationState, 'elsewhere' | 'connection'>): boolean => elsewhere && connection.durable !== false

/** Returns why nothing is deleted after it was sent to these destinations; null: it may be. */
export function findRemovalObstacle(destinations: readonly DestinationState[]): Message | null {
  if (destinations.some(isSafe)) return null
  const unsure = destinations.find(({ elsewhere }) => elsewhere)
  if (unsure === undefined) return message('window.remove.notHere')
  return message('window.remove.notDurable', { name: unsure.name })
}

/** Returns the reason why a source is held until a person decides; null: it is not held. */
export function findHeldMessage({ scanned, settings: { name } }: SourceState): Message | null {
  if (scanned?.held == null) return null
  const { lost, changed, known } = scanned.held
  return message('condition.emptied', { name, count: lost + changed, known })
}

/**
 * Returns the destinations that keep the deleted files of these sources: of each source those with the most of them, as
 * another one may have been added later. None: the folder on this computer keeps them.
 */
export function findKeepers(
  { destinations: all }: Pick<AppState, 'destinations'>,
  sources: readonly Pick<SourceState, 'destinations'>[],
): DestinationState[] {
  const mine = sources.flatMap(({ destinations }) => destinations)
  const keepers = sources.flatMap(({ destinations }) => {
    const most = Math.max(...destinations.map(({ totals }) => totals.deletedFiles))
    return destinations.filter(({ totals }) => most > 0 && totals.deletedFiles === most)
  })
  // While the files come back, the counts may be zero already.
  const ids = (keepers.length > 0 ? keepers : mine).map(({ id }) => id)
  return all.filter(({ id }) => ids.includes(id))
}

/** Joins the names of destinations in a line. */
export const joinNames = (all: readonly Pick<DestinationState, 'name'>[]): string =>
  all.map(({ name }) => name).join(', ')

/** Returns the message for files of these sources that were deleted within the last hour; null: there are none. */
export function describeDeleted(
  state: Pick<AppState, 'destinations'>,
  sources: readonly Pick<SourceState, 'destinations' | 'scanned'>[],
): Message | null {
  const recent = sources.filter(({ scanned }) => scanned?.deleted != null)
  const count = recent.reduce((sum, { scanned }) => sum + (scanned?.deleted?.files ?? 0), 0)
  if (count === 0) return null
  const destinations = joinNames(findKeepers(state, recent))
  return destinations === ''
    ? message('status.deletedKeptHere', { count })
    : message('status.deletedKept', { count, destinations })
}

/** Returns the message for many files of a source that were deleted within an hour; null: there were not so many. */
export function findDeletedMessage(
  state: Pick<AppState, 'destinations'>,
  source: SourceState,
): { since: number; whole: Message; sentence: Message; detail: Message } | null {
  const { since = null, files: count = 0, known = 0 } = source.scanned?.deleted ?? {}
  if (since === null) return null
  const destinations = joinNames(findKeepers(state, [source]))
  const params = { name: source.settings.name, count, known }
  return {
    since,
    whole:
      destinations === ''
        ? message('condition.deletedHere', params)
        : message('condition.deleted', { ...params, destinations }),
    sentence: message('status.deleted', params),
    detail:
      destinations === '' ? message('status.keptHere') : message('status.keptAt', { count, destinations }),
  }
}

/** Returns the same in two short sentences; null: it is not held. */
export function describeHeld({ scanned, settings: { name } }: SourceState) {
  if (scanned?.held == null) return null
  const { lost, changed, known } = scanned.held
  const key = changed === 0 ? 'status.emptied' : 'status.changed'
  return {
    sentence: message(key, { name, count: lost + changed, known }),
    detail: message('status.onHold'),
  }
}

/** Returns the message for files that carry isocket's mark and await a person's decision; null: there are none. */
export function findMarkedMessage({ scanned, settings: { name, batch } }: SourceState): Message | null {
  if (scanned?.marked == null) return null
  const { files: count, directories } = scanned.marked
  return message('condition.marked', {
    name,
    count,
    directories: directories.join(', '),
    mark: batch.sentMark,
  })
}

/**
 * Returns the message for files in a closed batch directory that will never be sent, and a remedy; null: none are
 * known.
 */
export function batchShortfall({
  scanned,
  settings,
}: SourceState): { headline: Message; sentence: Message; detail: Message } | null {
  const sentence = scanned?.problems.findLast(
    ({ key }) => key === 'scan.leftInBatch' || key === 'scan.emptyBatch',
  )
  if (sentence === undefined || settings.paused) return null
  const { name } = settings
  if (sentence.key === 'scan.emptyBatch')
    return {
      headline: message('status.batchEmpty', { name }),
      sentence,
      detail: message('status.emptyBatch', { name }),
    }
  const count = Number(sentence.params.count)
  const headline = message('status.batchLeft', { name, count })
  return { headline, sentence, detail: message('status.leftInBatch', { name }) }
}

/**
 * Returns the files that programs have open for writing, in all sources. `path`: of the longest-open one, absolute.
 * null: none are known.
 */
export function openFiles({ sources }: Pick<AppState, 'sources'>) {
  const open = sources.flatMap(({ scanned, settings }) =>
    scanned?.open == null ? [] : [{ ...scanned.open, path: `${settings.path}/${scanned.open.path}` }],
  )
  const [first] = open.toSorted((a, b) => a.since - b.since)
  return first === undefined ? null : { ...first, files: open.reduce((sum, { files }) => sum + files, 0) }
}

/**
 * True if each destination's sender has reported the ledger's counts of a source. Before that, "0 safe" would be
 * untrue.
 */
export function isCounted({ destinations }: Pick<SourceState, 'destinations'>): boolean {
  return destinations.every(({ reported }) => reported === true)
}

/** Returns the condition, battery or metered network, that pauses all sending by the settings. */
export function surroundingPause({
  settings: { send },
  surroundings: { battery, metered },
}: Pick<AppState, 'settings' | 'surroundings'>): 'battery' | 'metered' | null {
  if (send.pauseOnBattery && battery === 'yes') return 'battery'
  return send.pauseOnMetered && metered === 'yes' ? 'metered' : null
}

/** True if sending must wait for the power supply or the network, or for the first answer about them. */
export function isHeld({ settings: { send }, surroundings }: Pick<AppState, 'settings' | 'surroundings'>) {
  const holds = [send.pauseOnBattery && surroundings.battery, send.pauseOnMetered && surroundings.metered]
  return holds.some((answer) => answer === 'yes' || answer === 'unasked')
}

/** True if the last check found a failure. A slow disk does not count. */
export function isDiskFailing({ checked }: SourceState): boolean {
  return checked !== null && checked.overall.kind !== 'ok' && checked.overall.kind !== 'slow'
}

/** With these disk failures the scanner cannot even look for new files. */
export const UNSEEN: ReadonlySet<string> = new Set(['hung', 'missing', 'stale', 'io-error'])

export type ScanActivity = NonNullable<SourceState['scanned']>['phase'] | 'disk'

/** Returns what the scanner is doing with a source; disk: it waits for the disk. */
export function getScanActivity({ scanned, checked, settings }: SourceState): ScanActivity {
  if (settings.paused) return 'paused'
  if (scanned === null) return 'starting'
  const isActive = scanned.phase === 'watching' || scanned.phase === 'listing' || scanned.phase === 'polling'
  if (isActive && checked !== null && UNSEEN.has(checked.overall.kind)) return 'disk'
  return scanned.phase
}

/** Returns a source as if its ejected disks were no destinations: their files wait until the disks are back. */
export function withoutEjected(source: SourceState, all: AppState['destinations']): SourceState {
  const ejected = new Set(all.flatMap(({ id, ejectedAt }) => (ejectedAt === undefined ? [] : [id])))
  const destinations = source.destinations.filter(({ id }) => !ejected.has(id))
  if (destinations.length === source.destinations.length) return source
  const waitingFiles = Math.max(0, ...destinations.map(({ totals }) => totals.waitingFiles))
  return { ...source, destinations, totals: { ...source.totals, waitingFiles } }
}

/**
 * Returns the bytes of a source that remain to be transferred, by the slowest destination. A file counts as waiting
 * until all of it is durable, so the bytes already sent are subtracted to show progress on large files.
 */
export function bytesToGo({ settings, destinations }: SourceState, transfers: AppState['transfers']): number {
  const own = transfers.filter(({ source }) => source === settings.id)
  const left = destinations.map(({ id, totals }) => {
    const onWay = own.filter(({ destination }) => destination === id)
    return totals.waitingBytes - onWay.reduce((sum, { sentBytes }) => sum + sentBytes, 0)
  })
  return Math.max(0, ...left)
}

/**
 * True if a check result is too old to be trusted: older than three intervals, plus ten seconds for a busy computer.
 * @param now milliseconds since 1970
 */
export function isOldVerdict({ at }: Pick<Checked, 'at'>, intervalSeconds: number, now: number): boolean {
  return now - at > intervalSeconds * 3_000 + 10_000
}

/** True for the result of a check that is too old although this computer was awake: no check runs while it sleeps. */
export const isOutdated = (
  { settings, awakeSince }: Pick<AppState, 'settings' | 'awakeSince'>,
  { at }: Pick<Checked, 'at'>,
  now: number,
): boolean => isOldVerdict({ at: Math.max(at, awakeSince) }, settings.check.intervalSeconds, now)

/** The receiver of this computer, as a key of `failures`. */
export const RECEIVER = 'receiver:'

/** Returns how the senders of this computer's receiver are judged. */
export const judgeSenders = (
  { settings: { receive }, receiving, awakeSince }: Pick<AppState, 'settings' | 'receiving' | 'awakeSince'>,
  now: number,
): Judging => ({
  alerts: receive ?? { silentHours: 0, silentHoursOf: {} },
  startedAt: Math.max(receiving?.since ?? 0, awakeSince),
  now,
})

/**
 * Rounds a duration in milliseconds down, for a sentence that is refreshed continuously: to seconds, and from a minute
 * on to minutes.
 */
export function roundDuration(duration: number): number {
  const step = duration < MINUTE ? 1_000 : MINUTE
  return Math.floor(duration / step) * step
}

/** The reason why files do not reach a destination. */
export interface DestinationFailure {
  kind: IncidentKind
  severity: Severity
  /** Milliseconds since 1970; null: unknown. */
  since: number | null
  sentence: Message
}

/**
 * Returns the failure of a destination for its card, the rows of its sources, the command line and the overall
 * status; null: none.
 */
export function destinationFailure(
  { incidents }: Pick<AppState, 'incidents'>,
  { id, name, ejectedAt, unfit, connection: { state, since, problem } }: DestinationState,
): DestinationFailure | null {
  // Its absence is planned.
  if (ejectedAt !== undefined) return null
  const failure = (kind: IncidentKind, from: number | null, sentence: Message) => ({
    kind,
    severity: getSeverity(kind),
    since: from,
    sentence,
  })
  const ofDisk = findDiskIncident(incidents, id)
  if (ofDisk !== undefined)
    return failure(ofDisk.kind, ofDisk.startedAt, ofDisk.failing[id] ?? ofDisk.sentence)
  // The sender detects this before the disk's check does.
  if (problem?.key === 'transfer.notMounted') return failure('missing', since, problem)
  if (state === 'refused') return failure('refused', since, problem ?? message('condition.refused', { name }))
  if (state === 'unreachable')
    return failure('unreachable', since, problem ?? message('condition.unreachable', { name }))
  // It takes other files: these have a failure of their own.
  if (unfit !== undefined) return null
  // The connection may have been up for weeks, so its start is not the start of the failure.
  return problem === null ? null : failure('destination', null, problem)
}

const findDiskIncident = (incidents: AppState['incidents'], id: string) =>
  incidents.find(({ endedAt, kind, failing }) => endedAt === null && isDiskKind(kind) && id in failing)

/** Returns the cause of the failure of a path's disk; empty: the path does not fail, or no cause is known. */
export const findCause = ({ incidents }: Pick<AppState, 'incidents'>, id: string): Message[] =>
  findDiskIncident(incidents, id)?.cause ?? []

/** Returns the state of a destination without a failure; ejected: a person has ejected its disk. */
export function stateWhenWell({ ejectedAt, connection: { state } }: DestinationState) {
  if (ejectedAt !== undefined) return 'ejected'
  return state === 'connected' || state === 'idle' ? state : 'connecting'
}

type Named = readonly { id: string; name: string }[]

/** Returns the names of sources and destinations, by id. */
export function getNamesById({ sources, destinations }: { sources: Named; destinations: Named }) {
  return Object.fromEntries([...sources, ...destinations].map(({ id, name }) => [id, name]))
}

/** Returns the minutes from `now` until 8:00 of the next day, rounded up, for "pause until tomorrow". */
export function minutesUntilTomorrow(now: Date): number {
  const morning = new Date(now.getFullYear(), now.getMonth(), now.getDate() + 1, 8)
  return Math.ceil((morning.getTime() - now.getTime()) / 60_000)
}

/**
 * Returns the message for the result of a restore, with the numbers of files: title of the report, notice and
 * notification. @param restore a restore that has ended.
 */
export function describeRestore({
  phase,
  to,
  restored,
  same,
  kept,
  failed,
  keptPaths,
  besidePaths,
  sentence,
}: NonNullable<AppState['restore']>): Message {
  const left = kept + failed
  const [first] = keptPaths
  const there = restored + same
  if (phase === 'stopped') return message('restore.stopped', { count: there })
  if (there + left === 0) return sentence ?? message('restore.nothingMissing')
  if (left === 0 && restored === 0) return message('restore.allSame', { count: same })
  const [beside] = besidePaths
  if (left === 0 && beside !== undefined)
    return restored === 1
      ? message('restore.oneBeside', { path: beside })
      : message('restore.beside', { count: there })
  if (left === 0)
    return to === null
      ? message('restore.donePlaces', { count: there })
      : message('restore.done', { count: there, path: to })
  const counts = { done: there, left, count: there + left }
  if (there > 0) return message(failed === 0 ? 'restore.partlyKept' : 'restore.partly', counts)
  if (kept === 1 && failed === 0 && first !== undefined) return message('restore.oneKept', { path: first })
  return message(failed === 0 ? 'restore.noneKept' : 'restore.none', { count: left })
}

/** Describes the random samples that a destination has proven; null: none yet. */
export const describeSamples = ({ samples }: Pick<DestinationState, 'samples'>): Message | null =>
  samples === undefined
    ? null
    : message(samples.damaged === 0 ? 'samples.seen' : 'samples.seenDamaged', {
        ...{ files: samples.files, damaged: samples.damaged, at: samples.at },
        confidence: 100 * samples.confidence,
      })

/** Id of the notice that alerts are not recorded now. */
export const UNRECORDED = 'alerts-unrecorded'
/** Id of the notice with the result of the last restore. */
export const RESTORE_NOTICE = 'restore'

/** Notices that need no attention beyond reading them. */
const GOOD_NEWS: ReadonlySet<WordKey> = new Set([
  'restore.done',
  'restore.donePlaces',
  'restore.oneBeside',
  'restore.beside',
  'restore.allSame',
  'restore.nothingMissing',
  'restore.partlyKept',
  'restore.oneKept',
  'restore.noneKept',
  'transfer.ledgerTakenBack',
])

/** True if a notice reports a success. */
export const isGoodNews = ({ key }: Message): boolean => GOOD_NEWS.has(key)

/** Other notices that send no notification: questions and facts, and a failure to record notifications. */
const QUIET: ReadonlySet<WordKey> = new Set([
  'alert.notKept',
  'proposal.waiting',
  'proposal.applied',
  'proposal.declinedHere',
])

/** True if a notice needs no notification. */
export const isQuietNotice = (sentence: Message): boolean => isGoodNews(sentence) || QUIET.has(sentence.key)
