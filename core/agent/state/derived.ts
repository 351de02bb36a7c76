import { type IncidentKind, isDiskKind, type Severity, severityOf } from '../../alerts/kinds.ts'
import type { Checked } from '../../check/checker-messages.ts'
import { type Message, message, type WordKey } from '../../lib/i18n/message.ts'
import type { AppState, DestinationState, SourceState } from './schema.ts'

// What follows from the state, for the one status and for each view alike; pure, and known to the window, too.

/** Problems that keep no file from being sent; the details of a source tell them. */
const HARMLESS: ReadonlySet<WordKey> = new Set(['scan.notClosed', 'scan.leftInBatch', 'scan.emptyBatch'])
const MINUTE = 60_000

/** What keeps a source's files from being found or sent, if anything does: the newest of its problems. */
export function scanProblem({ scanned, checked, settings }: SourceState): Message | null {
  if (scanned === null || settings.paused) return null
  const problem = scanned.problems.findLast(({ key }) => !HARMLESS.has(key))
  if (problem !== undefined) return problem
  if (settings.kind === 'batch' && checked?.readOnlyByIntent === true)
    return message('scan.batchReadOnly', { path: settings.path })
  const isStuck = scanned.phase === 'missing' || scanned.phase === 'failed'
  return isStuck ? message('status.notScanned', { name: settings.name }) : null
}

/** A link that leads elsewhere than to the path that it was given for; null: it does not, or there is none. */
export function movedLink(
  { path, link }: { path: string; link: string | null },
  checked: Pick<Checked, 'leadsTo'> | null,
): Message | null {
  const now = checked?.leadsTo
  // It may have been followed since that check.
  if (link === null || now === undefined || now === path) return null
  return now === null
    ? message('condition.linkGone', { link, path })
    : message('condition.linkMoved', { link, path, now })
}

/** That nothing of a source is sent before a person has decided, and why; null: it is sent. */
export function heldWords({ scanned, settings: { name } }: SourceState): Message | null {
  if (scanned?.held == null) return null
  const { lost, changed, known } = scanned.held
  return message('condition.emptied', { name, count: lost + changed, known })
}

/** That files carry isocket's mark, and wait for a person's decision; null: none do. */
export function markedWords({ scanned, settings: { name, batch } }: SourceState): Message | null {
  if (scanned?.marked == null) return null
  const { files: count, directories } = scanned.marked
  return message('condition.marked', {
    name,
    count,
    directories: directories.join(', '),
    mark: batch.sentMark,
  })
}

/** What a closed batch directory has that will never go, and what helps; null: nothing that is known. */
export function batchShortfall({
  scanned,
  settings,
}: SourceState): { sentence: Message; detail: Message } | null {
  const sentence = scanned?.problems.findLast(
    ({ key }) => key === 'scan.leftInBatch' || key === 'scan.emptyBatch',
  )
  if (sentence === undefined || settings.paused) return null
  const detail = sentence.key === 'scan.emptyBatch' ? 'status.emptyBatch' : 'status.leftInBatch'
  return { sentence, detail: message(detail, { name: settings.name }) }
}

/** The files that programs have open for writing, in all sources: `path` of the first one is absolute. null: none is known. */
export function openFiles({ sources }: Pick<AppState, 'sources'>) {
  const open = sources.flatMap(({ scanned, settings }) =>
    scanned?.open == null ? [] : [{ ...scanned.open, path: `${settings.path}/${scanned.open.path}` }],
  )
  const [first] = open.toSorted((a, b) => a.since - b.since)
  return first === undefined ? null : { ...first, files: open.reduce((sum, { files }) => sum + files, 0) }
}

/** Whether each destination's sender has told what the ledger has of a source: before, "0 safe" would be untrue. */
export function isCounted({ destinations }: Pick<SourceState, 'destinations'>): boolean {
  return destinations.every(({ reported }) => reported === true)
}

/** What of the surroundings keeps everything from being sent, as the settings want it. */
export function surroundingPause({
  settings: { send },
  surroundings: { battery, metered },
}: Pick<AppState, 'settings' | 'surroundings'>): 'battery' | 'metered' | null {
  if (send.pauseOnBattery && battery === 'yes') return 'battery'
  return send.pauseOnMetered && metered === 'yes' ? 'metered' : null
}

/** Nothing is sent before it is known whether it may be. */
export function isHeld({ settings: { send }, surroundings }: Pick<AppState, 'settings' | 'surroundings'>) {
  const holds = [send.pauseOnBattery && surroundings.battery, send.pauseOnMetered && surroundings.metered]
  return holds.some((answer) => answer === 'yes' || answer === 'unasked')
}

/** Its last verdict is one that nobody would call well. */
export function isDiskFailing({ checked }: SourceState): boolean {
  return checked !== null && checked.overall.kind !== 'ok' && checked.overall.kind !== 'slow'
}

/** Disks that fail like this hold back even a look at what is new. */
const UNSEEN = new Set(['hung', 'missing', 'stale', 'io-error'])

export type Looking = NonNullable<SourceState['scanned']>['phase'] | 'disk'

/** What the scanner does with a source now; disk: it waits for the disk. */
export function lookingOf({ scanned, checked, settings }: SourceState): Looking {
  if (settings.paused) return 'paused'
  if (scanned === null) return 'starting'
  const isAtIt = scanned.phase === 'watching' || scanned.phase === 'listing' || scanned.phase === 'polling'
  if (isAtIt && checked !== null && UNSEEN.has(checked.overall.kind)) return 'disk'
  return scanned.phase
}

/**
 * What of a source's files has still to go over the line, for people to see it shrink: a file counts among what waits
 * until all of it is durable, however large it is. By the destination that is furthest behind.
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
 * Old knowledge is no knowledge: whether a verdict is older than three intervals, and ten seconds for the clock of a
 * busy computer.
 *
 * @param now milliseconds since 1970
 */
export function isOldVerdict({ at }: Pick<Checked, 'at'>, intervalSeconds: number, now: number): boolean {
  return now - at > intervalSeconds * 3_000 + 10_000
}

/** A duration in milliseconds as a sentence has it that is made anew all the time: from a minute on no second ticks in it. */
export function inSteps(duration: number, round: (steps: number) => number = Math.floor): number {
  const step = duration < MINUTE ? 1_000 : MINUTE
  return round(duration / step) * step
}

/** What keeps files from a destination. */
export interface DestinationFailure {
  kind: IncidentKind
  severity: Severity
  /** Milliseconds since 1970; null: nobody knows. */
  since: number | null
  sentence: Message
}

/** Its card, the rows of its sources, the command line and the one status are all made of this; null: nothing does. */
export function destinationFailure(
  { incidents }: Pick<AppState, 'incidents'>,
  { id, name, connection: { state, since, problem } }: DestinationState,
): DestinationFailure | null {
  const failure = (kind: IncidentKind, from: number | null, sentence: Message) => ({
    kind,
    severity: severityOf(kind),
    since: from,
    sentence,
  })
  const ofDisk = incidents.find(
    ({ endedAt, kind, failing }) => endedAt === null && isDiskKind(kind) && id in failing,
  )
  if (ofDisk !== undefined)
    return failure(ofDisk.kind, ofDisk.startedAt, ofDisk.failing[id] ?? ofDisk.sentence)
  // Its sender finds out before its disk is checked.
  if (problem?.key === 'transfer.notMounted') return failure('missing', since, problem)
  if (state === 'refused') return failure('refused', since, problem ?? message('status.refused', { name }))
  if (state === 'unreachable')
    return failure('unreachable', since, problem ?? message('condition.unreachable', { name }))
  // It may have been connected for weeks before.
  return problem === null ? null : failure('destination', null, problem)
}

/** How a destination is that has no failure. */
export function stateWhenWell({ connection: { state } }: DestinationState) {
  return state === 'connected' || state === 'idle' ? state : 'connecting'
}

type Named = readonly { id: string; name: string }[]

/** The names that people know sources and destinations by, by their ids. */
export function namesOf({ sources, destinations }: { sources: Named; destinations: Named }) {
  return Object.fromEntries([...sources, ...destinations].map(({ id, name }) => [id, name]))
}
