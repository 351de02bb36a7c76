import { message } from '../../../lib/i18n/message.ts'
import {
  condition,
  type FoundCondition,
  HOUR_MS,
  MINUTE_MS,
  shortened,
  unknown,
  well,
} from '../../state/condition.ts'
import {
  describeHeld,
  findDeletedMessage,
  findHeldMessage,
  findMarkedMessage,
  isCounted,
  isDiskFailing,
  scanProblem,
} from '../../state/derived.ts'
import type { AppState, SourceState } from '../../state/schema.ts'

/** Attempts after which a file that keeps changing is reported. */
const TELLING_TRIES = 3

/** Returns the conditions of the sources. */
export const sourceConditions = (state: AppState, now: number): FoundCondition[] =>
  state.sources.flatMap((one) => [
    ...emptiedCondition(one, now),
    ...deletedCondition(state, one, now),
    ...markedCondition(one, now),
    ...parkedCondition(state, one, now),
    ...changingCondition(state, one, now),
    ...scanCondition(one, now),
    ...silentCondition(state, one, now),
  ])

/** Reports that many files have lost their content. Nothing of the source is sent until a person decides. */
function emptiedCondition(source: SourceState, now: number): FoundCondition[] {
  const { id, name } = source.settings
  const subject = { id: `emptied:${id}`, name, source: id }
  if (source.scanned?.held === undefined) return unknown(subject)
  const sentence = findHeldMessage(source)
  const headline = describeHeld(source)
  if (sentence === null || headline === null) return well(subject, now)
  return condition(subject, 'emptied', source.scanned.held?.since ?? now, sentence, 0, headline)
}

/** Reports that many files were deleted within an hour, until they are back or a person accepts that. */
function deletedCondition(state: AppState, source: SourceState, now: number): FoundCondition[] {
  const { id, name } = source.settings
  const subject = { id: `deleted:${id}`, name, source: id }
  if (source.scanned?.deleted === undefined) return unknown(subject)
  const found = findDeletedMessage(state, source)
  if (found === null) {
    const outcome = source.scanned.returned ? { outcome: 'returned' as const } : {}
    return well(subject, now).map((one) => ({ ...one, ...outcome }))
  }
  const { since, whole, sentence, detail } = found
  return condition(subject, 'deleted', since, whole, 0, { sentence, detail })
}

/** Reports files that carry isocket's mark but were not sent by Holdfast. A person decides about them. */
function markedCondition(source: SourceState, now: number): FoundCondition[] {
  const { id, name, kind } = source.settings
  if (kind !== 'batch') return []
  const subject = { id: `marked:${id}`, name, source: id }
  if (source.scanned?.marked === undefined) return unknown(subject)
  const sentence = findMarkedMessage(source)
  if (sentence === null) return well(subject, now)
  const count = source.scanned.marked?.files ?? 0
  const headline = { sentence: message('status.marked', { name, count }), detail: sentence }
  return condition(subject, 'marked', now, sentence, 0, headline)
}

/** Reports given-up files until they are retried or no longer exist. */
function parkedCondition(
  state: AppState,
  { settings, totals, destinations }: SourceState,
  now: number,
): FoundCondition[] {
  const { id, name } = settings
  const subject = { id: `parked:${id}`, name, source: id }
  if (totals.parkedFiles === 0) return isCounted({ destinations }) ? well(subject, now) : unknown(subject)
  const file = shortened(state.parked.find((one) => one.source === id)?.path ?? '…')
  const count = totals.parkedFiles
  const headline = {
    sentence: message('status.parked', { name, count }),
    detail: message('status.parkedFile', { file, count }),
  }
  return condition(subject, 'parked', now, message('condition.parked', { name, count, file }), 0, headline)
}

/** Reports a file that was rewritten during several attempts to send it, until a version of it is stored. */
function changingCondition(
  state: AppState,
  { settings, destinations }: SourceState,
  now: number,
): FoundCondition[] {
  const { id, name } = settings
  const subject = { id: `changing:${id}`, name, source: id }
  const [first] = destinations
    .flatMap(({ id: to, restless = [] }) => restless.map((file) => ({ ...file, to })))
    .filter(({ tries }) => tries >= TELLING_TRIES)
    .sort((a, b) => b.tries - a.tries)
  if (first === undefined) return isCounted({ destinations }) ? well(subject, now) : unknown(subject)
  const { path, tries, storedAt, to } = first
  const since = first.since ?? now
  const destination = state.destinations.find((one) => one.id === to)?.name ?? ''
  const known = { file: shortened(path), name, destination, since }
  const sentence =
    storedAt === null
      ? message('condition.changingNever', known)
      : message('condition.changing', { ...known, storedAt })
  const detail =
    storedAt === null
      ? message('status.changingNever', { ...known, tries })
      : message('status.changing', { ...known, tries, storedAt })
  const headline = { sentence: message('status.keepsChangingOne', { name }), detail }
  return condition(subject, 'incomplete', since, sentence, MINUTE_MS, headline)
}

/** Reports missing files and directories that are not watched. */
function scanCondition(source: SourceState, now: number): FoundCondition[] {
  const { scanned, settings } = source
  const subject = { id: `scan:${settings.id}`, name: settings.name, source: settings.id }
  if (isDiskFailing(source)) return []
  if (scanned === null || scanned.phase === 'starting') return unknown(subject)
  const problem = scanProblem(source)
  if (problem === null) return well(subject, now)
  const isWatched = scanned.phase === 'watching' && problem.key !== 'scan.watchLimitPart'
  const kind = isWatched ? 'incomplete' : 'unwatched'
  return condition(subject, kind, now, problem, 5 * MINUTE_MS)
}

/**
 * Reports a source without new files for longer than configured. For a batch source, the age of its newest directory
 * counts.
 */
function silentCondition(state: AppState, source: SourceState, now: number): FoundCondition[] {
  const { settings, lastFile, scanned, newest, destinations } = source
  const { id, name, silentHours, kind } = settings
  const subject = { id: `silent:${id}`, name, source: id }
  if (silentHours === null || settings.paused) return well(subject, now)
  if (destinations.length === 0 || scanned?.compared !== true) return unknown(subject)
  if (kind === 'batch' && newest === null) return well(subject, now)
  // Without any file so far, the time since the scanner started counts.
  const since =
    kind === 'batch' && newest !== null ? newest.since : (lastFile?.at ?? state.workers.scanner.since)
  if (now - since < silentHours * HOUR_MS) return well(subject, now)
  const what = kind === 'batch' ? 'not-closed' : 'silent'
  const sentence =
    newest !== null && kind === 'batch'
      ? message('condition.notClosed', { name, batch: newest.name, since })
      : message('condition.silent', { name, since })
  return condition(subject, what, since, sentence, 0)
}
