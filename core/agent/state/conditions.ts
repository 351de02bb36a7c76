import { missingSecrets } from '../../alerts/channels/catalog.ts'
import { type IncidentKind, isDiskKind } from '../../alerts/kinds.ts'
import { type Message, message } from '../../lib/i18n/message.ts'
import {
  destinationFailure,
  heldWords,
  inSteps,
  isCounted,
  isDiskFailing,
  isOldVerdict,
  markedWords,
  movedLink,
  scanProblem,
} from './derived.ts'
import type { AppState, DestinationState, SourceState } from './schema.ts'

// What is wrong besides the disks, as the state has it; pure. Both the one status and the incidents are made of it.

/** The destination counts as in trouble only after this long: a reconnect is nobody's business. */
const UNREACHABLE_AFTER_MS = 10_000
const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
/** A pause that lasts longer may have been forgotten. */
const LONG_PAUSE_MS = 24 * HOUR_MS
/** After so many attempts a person is told of a file that keeps changing. */
const TELLING_TRIES = 3
/** Characters of a file's path in a sentence. */
const LONGEST_NAME = 120

/** One subject besides the disks: whatever makes the icon amber or red, and is an incident. */
export interface Condition {
  id: string
  kind: IncidentKind | 'ok'
  /** The source that it is about, by id. */
  source: string | null
  name: string
  /** Milliseconds since 1970. */
  since: number
  sentence: Message
  /** The sentence as it is now, with ages and counts. */
  live: Message
  /** Nobody is told before it has lasted for so long, in milliseconds. */
  tellAfterMs: number
}

/** What is found of one subject; unknown: nothing can be said of it at the moment. */
export type FoundCondition = Condition | Unknown
type Unknown = { id: string; kind: 'unknown' }

/**
 * Every subject that is looked after: an incident that is about any other ends without a word. That files of a source are
 * not found, or a folder takes none, says nothing more while its disk fails.
 */
export function conditionsOf(state: AppState, now: number): FoundCondition[] {
  return [
    ...workerConditions(state, now),
    ...uncheckedCondition(state, now),
    ...state.destinations.flatMap((one) => destinationCondition(state, one, now)),
    ...receivingCondition(state, now),
    ...channelConditions(state, now),
    ...pauseCondition(state, now),
    ...noticeConditions(state, now),
    ...linkConditions(state, now),
    ...state.sources.flatMap((one) => [
      ...emptiedCondition(one, now),
      ...markedCondition(one, now),
      ...parkedCondition(state, one, now),
      ...changingCondition(state, one, now),
      ...scanCondition(one, now),
      ...silentCondition(state, one, now),
    ]),
  ]
}

type Subject = Pick<Condition, 'id' | 'name' | 'source'>

const well = (subject: Subject, now: number): Condition[] =>
  condition(subject, 'ok', now, message('check.ok', { path: subject.name }), 0)

const unknown = ({ id }: Subject): Unknown[] => [{ id, kind: 'unknown' }]

const condition = (
  subject: Subject,
  kind: Condition['kind'],
  since: number,
  sentence: Message,
  tellAfterMs: number,
  live: Message = sentence,
): Condition[] => [{ ...subject, kind, since, sentence, tellAfterMs, live }]

function workerConditions({ workers }: AppState, now: number): FoundCondition[] {
  return Object.entries(workers).flatMap(([worker, { condition: is, since }]): FoundCondition[] => {
    const subject = { id: `worker:${worker}`, name: worker, source: null }
    // What passes in a moment is nobody's business.
    const mayPass = is === 'restarting' && awayFor(since, now) <= UNREACHABLE_AFTER_MS
    if (is === 'starting' || mayPass) return unknown(subject)
    if (is === 'running' || is === 'off') return well(subject, now)
    const live = message('status.worker.failed', { worker })
    return condition(subject, 'worker', since, message('condition.worker', { worker }), 2 * MINUTE_MS, live)
  })
}

/** The path whose last verdict is the oldest, where that is too old to be believed. */
function uncheckedCondition(
  { sources, checkedPaths, settings, awakeSince }: AppState,
  now: number,
): FoundCondition[] {
  const all = [
    ...sources.map((source) => ({ name: source.settings.name, checked: source.checked })),
    ...checkedPaths.map(({ path, checked }) => ({ name: path, checked })),
  ].flatMap(({ name, checked }) => (checked === null ? [] : [{ name, checked }]))
  // While the computer was asleep nothing was to be checked.
  const old = all
    .filter(({ checked }) =>
      isOldVerdict({ at: Math.max(checked.at, awakeSince) }, settings.check.intervalSeconds, now),
    )
    .sort((a, b) => a.checked.at - b.checked.at)[0]
  if (old === undefined) return well({ id: 'unchecked', name: '', source: null }, now)
  const { name, checked } = old
  const sentence = message('status.notChecked', { name, age: inSteps(now - checked.at) })
  const subject = { id: 'unchecked', name, source: null }
  return condition(subject, 'worker', checked.at, sentence, 2 * MINUTE_MS)
}

/** Other computers cannot send here, although the settings say that they may. */
function receivingCondition({ receiving }: AppState, now: number): FoundCondition[] {
  if (receiving === null) return []
  const { directory, problem, since, isRunning } = receiving
  const subject = { id: 'receiving', name: directory, source: null }
  if (problem === null && !isRunning) return unknown(subject)
  return problem === null ? well(subject, now) : condition(subject, 'worker', since, problem, MINUTE_MS)
}

function destinationCondition(state: AppState, destination: DestinationState, now: number): FoundCondition[] {
  const { id, name, connection } = destination
  const subject = { id: `destination:${id}`, name, source: null }
  const failure = destinationFailure(state, destination)
  // Before it has tried to connect nothing is known of it: what failed in an earlier run lasts.
  if (failure === null) return connection.state === 'connected' ? well(subject, now) : unknown(subject)
  const { kind, since, sentence } = failure
  // Its disk is checked: that is an incident of its own.
  if (isDiskKind(kind)) return []
  if (kind !== 'unreachable') return condition(subject, kind, since ?? now, sentence, MINUTE_MS)
  const isAway = awayFor(connection.since, now) > UNREACHABLE_AFTER_MS
  return isAway ? unreachable(state, destination, now) : unknown(subject)
}

function unreachable(state: AppState, destination: DestinationState, now: number): FoundCondition[] {
  const { id, name, kind, connection, totals } = destination
  const away = inSteps(awayFor(connection.since, now))
  const isAlone = state.destinations.length === 1
  const count = (isAlone ? state.totals : totals).waitingFiles
  const key = !isAlone
    ? 'status.unreachableOne'
    : kind === 'embedded'
      ? 'status.unreachableEmbedded'
      : 'status.unreachable'
  return condition(
    { id: `destination:${id}`, name, source: null },
    'unreachable',
    Math.min(connection.since, now),
    message('condition.unreachable', { name }),
    state.settings.alerts.unreachableMinutes * MINUTE_MS,
    message(key, { name, away, count }),
  )
}

/** Channels that lack a secret without which they send nothing. */
function channelConditions({ settings, channels }: AppState, now: number): FoundCondition[] {
  return settings.alerts.channels.flatMap((channel): FoundCondition[] => {
    const { id, name, enabled } = channel
    const subject = { id: `channel:${id}`, name, source: null }
    const known = channels.find((one) => one.id === id)
    if (known === undefined) return unknown(subject)
    const [field] = missingSecrets(channel, known.secrets)
    if (field === undefined || !enabled) return well(subject, now)
    const sentence = message('condition.channelSecret', { name, id, field: field.name })
    return condition(subject, 'notice', now, sentence, 0)
  })
}

/** Links by which paths were given, and which lead elsewhere now. */
function linkConditions({ settings, sources, checkedPaths }: AppState, now: number): FoundCondition[] {
  const all = [
    ...settings.sources.map((one) => ({ ...one, source: one.id })),
    ...settings.checkedPaths.map((one) => ({ ...one, name: one.path, source: null })),
  ]
  const verdicts = new Map([
    ...sources.map((one) => [one.settings.id, one.checked] as const),
    ...checkedPaths.map((one) => [one.id, one.checked] as const),
  ])
  return all.flatMap((one): FoundCondition[] => {
    if (one.link === null) return []
    const subject = { id: `link:${one.id}`, name: one.name, source: one.source }
    const checked = verdicts.get(one.id) ?? null
    const sentence = movedLink(one, checked)
    if (sentence !== null) return condition(subject, 'notice', now, sentence, 0)
    // A check that failed has not come as far as the link.
    const isKnown = checked !== null && (checked.overall.kind === 'ok' || checked.overall.kind === 'slow')
    return isKnown ? well(subject, now) : unknown(subject)
  })
}

/** A pause by a person that has lasted for so long that it may have been forgotten. */
function pauseCondition({ settings: { pause }, totals }: AppState, now: number): FoundCondition[] {
  const subject = { id: 'pause', name: 'Holdfast', source: null }
  if (pause === null || now - pause.since <= LONG_PAUSE_MS) return well(subject, now)
  const { since } = pause
  const live = message('status.pausedLong', { since, count: totals.waitingFiles })
  return condition(subject, 'paused', since, message('condition.paused', { since }), 0, live)
}

/** A notice of nothing that is wrong. */
export const isGoodNews = ({ key }: Message): boolean => key === 'restore.done' || key === 'restore.doneKept'

/** What a person has to know once, until it is put away. */
function noticeConditions({ notices }: AppState, now: number): FoundCondition[] {
  return notices.flatMap(({ id, sentence }) => {
    // What says when it was found is another one each time, and told each time.
    const { at = '' } = sentence.params
    const subject = { id: `notice:${id}${at}`, name: 'Holdfast', source: null }
    // The end of an earlier failure, too.
    return isGoodNews(sentence) ? well(subject, now) : condition(subject, 'notice', now, sentence, 0)
  })
}

/** A beginning that is still to come is one before the clock was set back: nobody knows how long ago, so long enough. */
function awayFor(since: number, now: number): number {
  return now < since ? UNREACHABLE_AFTER_MS + 1 : now - since
}

/** Many files have lost their content: nothing of the source is sent before a person has decided. */
function emptiedCondition(source: SourceState, now: number): FoundCondition[] {
  const { id, name } = source.settings
  const subject = { id: `emptied:${id}`, name, source: id }
  if (source.scanned?.held === undefined) return unknown(subject)
  const sentence = heldWords(source)
  if (sentence === null) return well(subject, now)
  return condition(subject, 'emptied', source.scanned.held?.since ?? now, sentence, 0)
}

/** Files carry isocket's mark, and Holdfast did not send them: a person decides. */
function markedCondition(source: SourceState, now: number): FoundCondition[] {
  const { id, name, kind } = source.settings
  if (kind !== 'batch') return []
  const subject = { id: `marked:${id}`, name, source: id }
  if (source.scanned?.marked === undefined) return unknown(subject)
  const sentence = markedWords(source)
  return sentence === null ? well(subject, now) : condition(subject, 'marked', now, sentence, 0)
}

/** Files that were given up, until somebody has them tried again or they are gone. */
function parkedCondition(
  state: AppState,
  { settings, totals, destinations }: SourceState,
  now: number,
): FoundCondition[] {
  const { id, name } = settings
  const subject = { id: `parked:${id}`, name, source: id }
  if (totals.parkedFiles === 0) return isCounted({ destinations }) ? well(subject, now) : unknown(subject)
  const file = shortened(state.parked.find((one) => one.source === id)?.path ?? '…')
  const sentence = message('condition.parked', { name, count: totals.parkedFiles, file })
  return condition(subject, 'parked', now, sentence, 0)
}

/** A file that was rewritten in each of several attempts to send it, until a version of it is stored. */
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
  const live =
    storedAt === null
      ? message('status.changingNever', { ...known, tries })
      : message('status.changing', { ...known, tries, storedAt })
  return condition(subject, 'incomplete', since, sentence, MINUTE_MS, live)
}

/** The end of a path says which file it is. */
const shortened = (path: string) => (path.length > LONGEST_NAME ? `…${path.slice(-LONGEST_NAME)}` : path)

/** Files that are not found, and directories that are not looked at. */
function scanCondition(source: SourceState, now: number): FoundCondition[] {
  const { scanned, settings } = source
  const subject = { id: `scan:${settings.id}`, name: settings.name, source: settings.id }
  if (isDiskFailing(source)) return []
  if (scanned === null || scanned.phase === 'starting') return unknown(subject)
  const problem = scanProblem(source)
  if (problem === null) return well(subject, now)
  const kind = scanned.phase === 'watching' ? 'incomplete' : 'unwatched'
  return condition(subject, kind, now, problem, 5 * MINUTE_MS)
}

/** A source from which nothing has come for longer than a person expects; of a batch source its newest directory. */
function silentCondition(state: AppState, source: SourceState, now: number): FoundCondition[] {
  const { settings, lastFile, scanned, newest, destinations } = source
  const { id, name, silentHours, kind } = settings
  const subject = { id: `silent:${id}`, name, source: id }
  if (silentHours === null || settings.paused) return well(subject, now)
  if (destinations.length === 0 || scanned?.compared !== true) return unknown(subject)
  if (kind === 'batch' && newest === null) return well(subject, now)
  // Where nothing has come yet, it is waited for since it has been looked for.
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
