import {
  type DestinationFailure,
  findRemovalObstacle,
  getScanActivity,
  type ScanActivity,
} from '../../../core/agent/state/derived.ts'
import type { AppState, DestinationState, SourceState } from '../../../core/agent/state/schema.ts'
import type { WordKey } from '../../../core/lib/i18n/message.ts'
import type { Words } from '../../words/context.tsx'

type Checked = NonNullable<SourceState['checked']>
type Scanned = NonNullable<SourceState['scanned']>
type Verdict = Checked['overall']
export type Batch = Scanned['batches'][number]

export type HealthLevel = 'ok' | 'attention' | 'failing' | 'unknown'

/** Returns the destination's name; the embedded one is called "this computer" in the window's language. */
export function destinationName(destination: DestinationState, t: (key: WordKey) => string): string {
  return destination.kind === 'embedded' ? t('window.destination.here') : destination.name
}

/** Returns the destinations of a source, in the order of the list. */
export function getDestinationStates(
  { destinations }: SourceState,
  all: readonly DestinationState[],
): DestinationState[] {
  return all.filter(({ id }) => destinations.some((one) => one.id === id))
}

/** Joins the names in one line. */
export function destinationNames(
  destinations: readonly DestinationState[],
  t: (key: WordKey) => string,
): string {
  return destinations.map((one) => destinationName(one, t)).join(t('window.list.separator'))
}

/** Describes the effects of deleting files after sending, or why nothing would be deleted. */
export function removalEffects(
  name: string,
  destinations: readonly DestinationState[],
  t: Words['t'],
): string[] {
  const obstacle = findRemovalObstacle(destinations)
  if (obstacle !== null) return [t(obstacle.key, obstacle.params), t('window.remove.explain')]
  return [
    t('window.remove.effect', { name, destination: destinationNames(destinations, t) }),
    t('window.remove.explain'),
    ...(destinations.length > 1 ? [t('window.remove.everywhere')] : []),
    t('window.remove.back'),
  ]
}

export function severityLevel(severity: DestinationFailure['severity']): HealthLevel {
  return severity === 'critical' ? 'failing' : 'attention'
}

/** A destination in a source's row. */
export interface Chip {
  id: string
  name: string
  /** Why it gets no files ("shelf · Full"); null: it can be sent to. */
  failure: string | null
  level: HealthLevel
}

/** Describes a source's destinations in its row, failing ones first. */
export function describeDestinations(
  mine: readonly DestinationState[],
  state: Pick<AppState, 'incidents' | 'failures'>,
  t: Words['t'],
): Chip[] {
  const chips = mine.map((one): Chip => {
    const { id } = one
    const name = destinationName(one, t)
    const known = state.failures[id]
    // An ejected disk is no failure, but it gets no files either.
    if (one.ejectedAt !== undefined) {
      const words = t('window.alerts.title', { where: name, kind: t('window.connection.ejected') })
      return { id, name, failure: words, level: 'unknown' }
    }
    if (known === undefined) return { id, name, failure: null, level: 'ok' }
    const kind = t(`kind.${known.kind}`)
    return { id, name, failure: t('window.alerts.title', { where: name, kind }), level: known.level }
  })
  return chips.sort((one, other) => Number(one.failure === null) - Number(other.failure === null))
}

/** True if every source is sent to the same destinations: these need no mention in each row. */
export function isSameEverywhere(sources: readonly SourceState[]): boolean {
  const ids = ({ destinations }: SourceState) => destinations.map(({ id }) => id).join()
  const [first] = sources
  return first !== undefined && sources.every((one) => ids(one) === ids(first))
}

/** Returns the CSS class of a problem's sentence, in the colour of its level. */
export function problemClass(level: HealthLevel): string {
  return level === 'failing' ? 'card-problem breakable' : 'card-problem warn breakable'
}

export interface Health {
  level: HealthLevel
  word: WordKey
}

const verdictWords: Record<Verdict['kind'], WordKey> = {
  ok: 'window.health.ok',
  slow: 'window.health.slow',
  permission: 'window.health.permission',
  full: 'window.health.full',
  'read-only': 'window.health.readOnly',
  'io-error': 'window.health.ioError',
  stale: 'window.health.stale',
  missing: 'window.health.missing',
  hung: 'window.health.hung',
  error: 'window.health.error',
}

export function verdictWord(kind: Verdict['kind']): WordKey {
  return verdictWords[kind]
}

export function verdictLevel(kind: Verdict['kind']): HealthLevel {
  // A slow disk is only mentioned: nothing has failed.
  return kind === 'ok' || kind === 'slow' ? 'ok' : 'failing'
}

/**
 * Returns a path's health in one word. An outdated "ok" becomes "not checked lately".
 *
 * @param isOld see isOldVerdict
 */
export function getHealth(checked: Checked | null, isOld: boolean): Health {
  if (checked === null) return { level: 'unknown', word: 'window.health.unknown' }
  const { overall, readOnlyByIntent } = checked
  if (overall.kind !== 'ok') {
    return { level: verdictLevel(overall.kind), word: verdictWord(overall.kind) }
  }
  if (isOld) return { level: 'unknown', word: 'window.health.old' }
  if (readOnlyByIntent) return { level: 'ok', word: 'window.health.readOnlyByIntent' }
  return { level: 'ok', word: 'window.health.diskOk' }
}

const phaseWords: Record<ScanActivity, WordKey> = {
  starting: 'window.phase.starting',
  listing: 'window.phase.listing',
  watching: 'window.phase.watching',
  polling: 'window.phase.polling',
  paused: 'window.phase.paused',
  missing: 'window.phase.missing',
  failed: 'window.phase.failed',
  disk: 'window.phase.disk',
}

/** Returns the scanner's present activity on a source. */
export function getPhaseWord(source: SourceState): WordKey {
  return phaseWords[getScanActivity(source)]
}

/**
 * Returns the word for sent files. "Safe" requires another computer: on this one alone, files are "copied". With
 * several destinations, only files that all of them have count.
 */
export function doneWord(kind: DestinationState['kind'], { destinations }: SourceState): WordKey {
  if (destinations.length > 1) return 'window.count.everywhere'
  return kind === 'receiver' ? 'window.count.safe' : 'window.count.copied'
}

/** Describes sent files that are gone here: deleted by others, or removed by Holdfast after they were sent. */
export function describeGone(
  { totals: { deletedFiles, removedFiles } }: Pick<SourceState, 'totals'>,
  destination: string,
  t: Words['t'],
): { short: string; long: string }[] {
  const deleted = t('window.count.deleted', { count: deletedFiles })
  const kept =
    destination === '' ? deleted : t('window.count.deletedKept', { count: deletedFiles, destination })
  const removed = t('window.count.removed', { count: removedFiles })
  return [
    ...(deletedFiles > 0 ? [{ short: deleted, long: kept }] : []),
    ...(removedFiles > 0 ? [{ short: removed, long: removed }] : []),
  ]
}

const batchWords: Record<Batch['phase'], WordKey> = {
  waiting: 'window.batch.waiting',
  live: 'window.batch.live',
  closing: 'window.batch.closing',
  sent: 'window.batch.sent',
  'not-closed': 'window.batch.notClosed',
}

export function batchWord(phase: Batch['phase']): WordKey {
  return batchWords[phase]
}

export type BatchPart =
  | { kind: 'named'; name: string; phase: Batch['phase'] }
  | { kind: 'counted'; word: WordKey; count: number }

/**
 * Summarizes a batch source in one line, newest first: at most two batches in progress by name, the others as counts.
 * Batches that were not closed properly are always counted.
 *
 * @param batches newest last
 */
export function summariseBatches(batches: readonly Batch[]): BatchPart[] {
  const newestFirst = [...batches].reverse()
  const under = newestFirst.filter(({ phase }) => phase !== 'sent' && phase !== 'not-closed')
  const sent = newestFirst.filter(({ phase }) => phase === 'sent')
  const notClosed = batches.filter(({ phase }) => phase === 'not-closed').length
  // Without a batch in progress, the newest finished one is named.
  const named = under.length > 0 ? under.slice(0, 2) : sent.slice(0, 1)
  const counted = (word: WordKey, count: number): BatchPart[] =>
    count > 0 ? [{ kind: 'counted', word, count }] : []
  return [
    ...named.map(({ name, phase }) => ({ kind: 'named', name, phase }) as const),
    ...counted('window.batch.more', Math.max(0, under.length - named.length)),
    ...counted('window.batch.sentCount', sent.length - (under.length > 0 ? 0 : named.length)),
    ...counted('window.batch.notClosedCount', notClosed),
  ]
}
