import { missingSecrets } from '../../alerts/channels/catalog.ts'
import { type IncidentKind, isDiskKind, type Outcome } from '../../alerts/kinds.ts'
import { type Message, message, type WordKey } from '../../lib/i18n/message.ts'
import { evaluateSenders, evaluateStore } from '../../receive/service/evaluate.ts'
import {
  describeHeld,
  destinationFailure,
  findDeletedMessage,
  findHeldMessage,
  findMarkedMessage,
  isCounted,
  isDiskFailing,
  isOldVerdict,
  isQuietNotice,
  movedLink,
  scanProblem,
} from './derived.ts'
import { describeDiskTrouble } from './disks.ts'
import type { AppState, ComputerState, DestinationState, SourceState } from './schema.ts'

// Derives the conditions besides disk failures from the state; pure. The overall status and the incidents use them.

/** A destination is reported only after this long, because short reconnects are normal. */
const UNREACHABLE_AFTER_MS = 10_000
const MINUTE_MS = 60_000
/** A watched computer that was not reached for this long is reported. */
const AWAY_AFTER_MS = 2 * MINUTE_MS
/** A computer with so many incidents within this time has one incident for all of its failures. */
const MANY_INCIDENTS = 10
const MANY_WITHIN_MS = 15 * MINUTE_MS
const HOUR_MS = 3_600_000
/** A longer pause may have been forgotten. */
const LONG_PAUSE_MS = 24 * HOUR_MS
/** A receiver that takes longer to open its store probably waits for its disk. */
const LONGEST_START_MS = 5 * MINUTE_MS
/** A sink of events that fails for this long is reported. */
const SINK_FAILS_MS = 5 * MINUTE_MS
/** Attempts after which a file that keeps changing is reported. */
const TELLING_TRIES = 3
/** Longest path in a sentence, in characters. */
const LONGEST_NAME = 120

/** The condition of one subject that is not a disk. Failures turn the icon amber or red and become incidents. */
export interface Condition {
  id: string
  kind: IncidentKind | 'ok'
  /** Id of the source concerned. */
  source: string | null
  name: string
  /** Milliseconds since 1970. */
  since: number
  sentence: Message
  headline: Headline
  /** Minimum duration in milliseconds before a notification. */
  tellAfterMs: number
  /** Why its incident ends; omitted: unknown. */
  outcome?: Outcome
  /** How its incident ends; omitted: the usual sentence. */
  end?: Message
}

/** The overall status in one short line, and the rest with current ages and counts. */
export interface Headline {
  sentence: Message
  detail: Message | null
}

/** The condition of one subject; unknown: it cannot be determined at the moment. */
type FoundCondition = Condition | Unknown
type Unknown = { id: string; kind: 'unknown' }

/**
 * Returns the condition of every monitored subject. Incidents of other subjects end without a notification. While a
 * source's disk fails, missing files and failures of the scan are not reported separately.
 */
export function findConditions(state: AppState, now: number): FoundCondition[] {
  return [
    ...workerConditions(state, now),
    ...uncheckedCondition(state, now),
    ...state.destinations.flatMap((one) => destinationCondition(state, one, now)),
    ...state.destinations.flatMap((one) => damagedCondition(one, now)),
    ...receivingCondition(state, now),
    ...senderConditions(state, now),
    ...state.computers.flatMap((one) => computerConditions(state, one, now)),
    ...channelConditions(state, now),
    ...sinkConditions(state, now),
    ...pauseCondition(state, now),
    ...noticeConditions(state, now),
    ...linkConditions(state, now),
    ...diskConditions(state, now),
    ...state.sources.flatMap((one) => [
      ...emptiedCondition(one, now),
      ...deletedCondition(state, one, now),
      ...markedCondition(one, now),
      ...parkedCondition(state, one, now),
      ...changingCondition(state, one, now),
      ...scanCondition(one, now),
      ...silentCondition(state, one, now),
      ...expectedConditions(one, now),
    ]),
  ]
}

type Subject = Pick<Condition, 'id' | 'name' | 'source'>

const well = (subject: Subject, now: number): Condition[] =>
  condition(subject, 'ok', now, message('check.ok', { path: subject.name }), 0)

/** Failures with a headline of their own give it to `condition`. */
const headlines = {
  refused: 'status.refused',
  destination: 'status.destination',
  unwatched: 'status.unwatched',
  incomplete: 'status.incomplete',
  silent: 'status.silent',
  'sender-silent': 'status.senderSilent',
  'sender-failing': 'status.senderFailing',
  'computer-failing': 'status.senderFailing',
  'computer-attention': 'status.computerAttention',
  'computer-silent': 'status.senderSilent',
  'not-closed': 'status.notClosed',
} as const satisfies Partial<Record<IncidentKind, WordKey>>
const hasHeadline = (kind: Condition['kind']): kind is keyof typeof headlines => kind in headlines

const unknown = ({ id }: Subject): Unknown[] => [{ id, kind: 'unknown' }]

const condition = (
  subject: Subject,
  kind: Condition['kind'],
  since: number,
  sentence: Message,
  tellAfterMs: number,
  headline: Headline = {
    sentence: message(hasHeadline(kind) ? headlines[kind] : 'status.notice', { name: subject.name }),
    detail: sentence,
  },
): Condition[] => [{ ...subject, kind, since, sentence, tellAfterMs, headline }]

function workerConditions({ workers }: AppState, now: number): FoundCondition[] {
  return Object.entries(workers).flatMap(([worker, { condition: is, since }]): FoundCondition[] => {
    const subject = { id: `worker:${worker}`, name: worker, source: null }
    // A short failure is normal.
    const mayPass = is === 'restarting' && awayFor(since, now) <= UNREACHABLE_AFTER_MS
    if (is === 'starting' || mayPass) return unknown(subject)
    if (is === 'running' || is === 'off') return well(subject, now)
    const headline = {
      sentence: message('status.worker.failed', { worker }),
      detail: message('status.outdated'),
    }
    const sentence = message('condition.worker', { worker })
    return condition(subject, 'worker', since, sentence, 2 * MINUTE_MS, headline)
  })
}

/** Reports the path with the oldest check result, if that is too old to be trusted. */
function uncheckedCondition(
  { sources, checkedPaths, settings, awakeSince }: AppState,
  now: number,
): FoundCondition[] {
  const all = [
    ...sources.map((source) => ({ name: source.settings.name, checked: source.checked })),
    ...checkedPaths.map(({ path, checked }) => ({ name: path, checked })),
  ].flatMap(({ name, checked }) => (checked === null ? [] : [{ name, checked }]))
  // A sleeping computer runs no checks.
  const old = all
    .filter(({ checked }) =>
      isOldVerdict({ at: Math.max(checked.at, awakeSince) }, settings.check.intervalSeconds, now),
    )
    .sort((a, b) => a.checked.at - b.checked.at)[0]
  if (old === undefined) return well({ id: 'unchecked', name: '', source: null }, now)
  const { name, checked } = old
  const subject = { id: 'unchecked', name, source: null }
  const headline = {
    sentence: message('status.notCheckedSince', { name, since: checked.at }),
    detail: message('status.outOfDate'),
  }
  const sentence = message('status.notChecked', { name, since: checked.at })
  return condition(subject, 'worker', checked.at, sentence, 2 * MINUTE_MS, headline)
}

/** Reports that other computers cannot send here although the settings allow it, or that space runs out. */
function receivingCondition({ receiving }: AppState, now: number): FoundCondition[] {
  if (receiving === null) return []
  const { directory, problem, store, since, isRunning } = receiving
  const subject = { id: 'receiving', name: directory, source: null }
  const notReceiving = message('status.notReceiving')
  const isLate = !isRunning && awayFor(since, now) > LONGEST_START_MS
  const failure = problem ?? (isLate ? message('condition.receivingLate', { path: directory, since }) : null)
  if (failure !== null)
    return condition(subject, 'worker', since, failure, MINUTE_MS, {
      sentence: notReceiving,
      detail: failure,
    })
  if (!isRunning || store.failures === 1) return unknown(subject)
  const { kind, sentence, tellAfterMs } = evaluateStore(directory, store.problems)
  if (kind === 'ok' || kind === 'slow') return well(subject, now)
  const headline = kind === 'low-space' ? message('status.receivingLowSpace') : notReceiving
  // A disk's incident needs two samples. An unchanged result is one; the next test changes the delay.
  const delay = store.failures === 2 ? MINUTE_MS : tellAfterMs
  return condition(subject, kind, now, sentence, delay, { sentence: headline, detail: sentence })
}

/** Reports senders of this computer's receiver that report a failure, or that were not connected for long. */
function senderConditions(
  { receiving, incidents, settings, awakeSince }: AppState,
  now: number,
): FoundCondition[] {
  const { receive } = settings
  if (receiving === null || receive === null) return []
  // Before the receiver's first report, incidents of an earlier run stay open.
  if (!receiving.isRunning)
    return incidents
      .filter(({ kind, endedAt }) => endedAt === null && isSenderKind(kind))
      .flatMap(({ failing }) => Object.keys(failing).map((id) => ({ id, kind: 'unknown' as const })))
  const senders = receiving.senders.map(({ sentence, ...one }) => ({
    ...one,
    status: sentence === null ? null : { sentence },
  }))
  const startedAt = Math.max(receiving.since, awakeSince)
  return evaluateSenders(senders, receive, startedAt, now).flatMap((one): FoundCondition[] => {
    const id = `sender:${one.id}`
    if (one.kind === 'unknown') return [{ id, kind: 'unknown' }]
    const subject = { id, name: one.path, source: null }
    const { kind, since = now, sentence, tellAfterMs } = one
    if (!isSenderKind(kind)) return well(subject, now)
    const detail = kind === 'sender-silent' ? message('status.since', { since }) : sentence
    const headline = { sentence: message(headlines[kind], { name: one.path }), detail }
    return condition(subject, kind, since, sentence, tellAfterMs, headline)
  })
}

const isSenderKind = (kind: Condition['kind'] | 'slow'): kind is 'sender-silent' | 'sender-failing' =>
  kind === 'sender-silent' || kind === 'sender-failing'

/**
 * Reports each failure of a watched computer, and that it cannot be reached, as subjects of their own: a second failure
 * is notified while the first one lasts. That computer chooses their ids: after many incidents within a short time its
 * failures are one subject, which fails until that time has passed.
 */
function computerConditions(
  { awakeSince, incidents }: AppState,
  { id, name, address, connection, status }: ComputerState,
  now: number,
): FoundCondition[] {
  const own = { id: `computer:${id}`, name, source: null }
  const contact = { ...own, id: `computer-contact:${id}` }
  /** Failures there that are still incidents here. */
  const lasting = incidents
    .filter(({ endedAt }) => endedAt === null)
    .flatMap(({ failing }) => Object.keys(failing).filter((one) => one.startsWith(`${own.id}:`)))
    .map((one) => ({ ...own, id: one }))
  if (connection.state === 'connected' && status !== null) {
    const isOfIt = (one: string) => one === own.id || one.startsWith(`${own.id}:`)
    const recent = incidents.filter(
      ({ noticedAt, paths }) => Math.abs(now - noticedAt) < MANY_WITHIN_MS && Object.keys(paths).some(isOfIt),
    )
    if (recent.length >= MANY_INCIDENTS) {
      const sentence = message('condition.computerUnstable', { name, address })
      const all = condition(own, 'computer-failing', now, sentence, 0)
      return [...well(contact, now), ...all, ...lasting.flatMap((one) => well(one, now))]
    }
    const failures = status.level === 'failing' ? status.failures : []
    const failing = failures.flatMap((one) =>
      reportedCondition({ ...own, id: `${own.id}:${one.id}` }, { ...one, level: 'failing' }, now),
    )
    const ended = lasting.filter((one) => failing.every((other) => other.id !== one.id))
    return [
      ...well(contact, now),
      // An earlier version reports only its gravest failure.
      ...(failing.length > 0 ? well(own, now) : reportedCondition(own, status, now)),
      ...failing,
      ...ended.flatMap((one) => well(one, now)),
    ]
  }
  const since = Math.max(connection.since, awakeSince)
  const before = [own, ...lasting].flatMap(unknown)
  if (awayFor(since, now) < AWAY_AFTER_MS) return [...before, ...unknown(contact)]
  const sentence = connection.problem ?? message('status.senderSilent', { name })
  return [...before, ...condition(contact, 'computer-silent', since, sentence, 0)]
}

function reportedCondition(
  subject: Subject,
  { level, sentence }: Pick<NonNullable<ComputerState['status']>, 'level' | 'sentence'>,
  now: number,
): FoundCondition[] {
  if (level !== 'failing' && level !== 'attention') return well(subject, now)
  const kind = `computer-${level}` as const
  const { key: said, params } = sentence
  const named = message('condition.computer', { ...params, watched: subject.name, said })
  // That computer has delayed its failures already. What needs attention there may soon be over.
  const tellAfterMs = level === 'failing' ? 0 : AWAY_AFTER_MS
  const headline = { sentence: message(headlines[kind], { name: subject.name }), detail: sentence }
  return condition(subject, kind, now, named, tellAfterMs, headline)
}

function destinationCondition(state: AppState, destination: DestinationState, now: number): FoundCondition[] {
  const { id, name, connection, ejectedAt } = destination
  const subject = { id: `destination:${id}`, name, source: null }
  if (ejectedAt !== undefined) return []
  const failure = destinationFailure(state, destination)
  // Before the first connection attempt the condition is unknown, and an incident of an earlier run stays open.
  if (failure === null) return connection.state === 'connected' ? well(subject, now) : unknown(subject)
  const { kind, since, sentence } = failure
  // Its disk is checked, and has its own incident.
  if (isDiskKind(kind)) return []
  if (kind !== 'unreachable') return condition(subject, kind, since ?? now, sentence, MINUTE_MS)
  const isAway = awayFor(connection.since, now) > UNREACHABLE_AFTER_MS
  return isAway ? unreachable(state, destination, now) : unknown(subject)
}

/** Reports files that a destination has damaged or lost, once healing has failed for some. */
function damagedCondition(destination: DestinationState, now: number): FoundCondition[] {
  const { id, name, damaged, healing, connection } = destination
  const subject = { id: `damaged:${id}`, name, source: null }
  if (damaged === undefined) return connection.state === 'connected' ? well(subject, now) : unknown(subject)
  if (healing === undefined || healing.isRunning || healing.failed === 0) return unknown(subject)
  const { failed: count, failures, at } = healing
  const file = shortened(String(failures[0]?.params.path ?? '…'))
  const sentence = message('condition.damaged', { name, count, file })
  const headline = { sentence: message('status.damaged', { name, count }), detail: failures[0] ?? sentence }
  return condition(subject, 'damaged', at, sentence, 0, headline)
}

function unreachable(state: AppState, destination: DestinationState, now: number): FoundCondition[] {
  const { id, name, kind, connection } = destination
  const since = Math.min(connection.since, now)
  const isHere = state.destinations.length === 1 && kind === 'embedded'
  return condition(
    { id: `destination:${id}`, name, source: null },
    'unreachable',
    since,
    message('condition.unreachable', { name }),
    state.settings.alerts.unreachableMinutes * MINUTE_MS,
    {
      sentence: message(isHere ? 'status.unreachableEmbedded' : 'status.unreachable', { name }),
      detail: message('status.since', { since }),
    },
  )
}

/** Reports channels that lack a secret that they need for sending. */
function channelConditions({ settings, channels }: AppState, now: number): FoundCondition[] {
  return settings.alerts.channels.flatMap((channel): FoundCondition[] => {
    const { id, name, enabled } = channel
    const subject = { id: `channel:${id}`, name, source: null }
    const known = channels.find((one) => one.id === id)
    if (known === undefined) return unknown(subject)
    const [field] = missingSecrets(channel, known.secrets)
    if (field === undefined || !enabled) return well(subject, now)
    const sentence = message('condition.channelSecret', { name, id, field: field.name })
    const headline = { sentence: message('status.channelSecret', { name }), detail: sentence }
    return condition(subject, 'notice', now, sentence, 0, headline)
  })
}

/** Reports sinks that have taken no events for a while. The events wait in the log meanwhile. */
function sinkConditions({ settings, eventSinks }: AppState, now: number): FoundCondition[] {
  return settings.events.sinks.flatMap(({ id, name, enabled }): FoundCondition[] => {
    const subject = { id: `sink:${id}`, name, source: null }
    const known = eventSinks.find((one) => one.id === id)
    if (!enabled) return well(subject, now)
    if (known === undefined) return unknown(subject)
    if (known.condition !== 'retrying' || known.sentence === null) return well(subject, now)
    if (now - known.since < SINK_FAILS_MS) return unknown(subject)
    const { since, refused: count } = known
    const sentence =
      count > 0
        ? message('condition.eventSinkRefuses', { name, count })
        : message('condition.eventSink', { name, since })
    const headline = { sentence, detail: known.sentence }
    return condition(subject, 'notice', since, sentence, 0, headline)
  })
}

/** Reports paths that were given as links and whose links now point to another place. */
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
    if (sentence !== null) {
      const headline = { sentence: message('status.linkMoved', { name: one.name }), detail: sentence }
      return condition(subject, 'notice', now, sentence, 0, headline)
    }
    // A failed check did not read the link.
    const isKnown = checked !== null && (checked.overall.kind === 'ok' || checked.overall.kind === 'slow')
    return isKnown ? well(subject, now) : unknown(subject)
  })
}

/** Reports what disks, arrays and pools report about themselves. Nothing has failed yet. */
function diskConditions(state: AppState, now: number): FoundCondition[] {
  const { settings, disks, incidents } = state
  if (!settings.check.diskHealth) return []
  if (disks.at === null)
    return incidents
      .filter(({ kind, endedAt }) => kind === 'disk-health' && endedAt === null)
      .flatMap(({ failing }) => Object.keys(failing).map((id) => ({ id, kind: 'unknown' as const })))
  return disks.all.flatMap((facts): FoundCondition[] => {
    const subject = { id: `disk:${facts.id}`, name: facts.name, source: null }
    const trouble = describeDiskTrouble(state, facts)
    // A disk that cannot be read ends no incident.
    if (trouble === null)
      return facts.readAt === null && facts.smart !== 'unsupported' ? unknown(subject) : well(subject, now)
    const { names, sentence, headline } = trouble
    const folders = new Set(facts.folders)
    const source = settings.sources.find(({ id }) => folders.has(id))?.id ?? null
    const named = { ...subject, name: names, source }
    return condition(named, 'disk-health', now, sentence, 0, { sentence: headline, detail: sentence })
  })
}

/** Reports a pause so long that the person may have forgotten it. */
function pauseCondition({ settings: { pause }, totals }: AppState, now: number): FoundCondition[] {
  const subject = { id: 'pause', name: 'Holdfast', source: null }
  if (pause === null || now - pause.since <= LONG_PAUSE_MS) return well(subject, now)
  const { since } = pause
  const headline = {
    sentence: message('status.pausedLong', { since, count: totals.waitingFiles }),
    detail: null,
  }
  return condition(subject, 'paused', since, message('condition.paused', { since }), 0, headline)
}

/** Reports notices until they are dismissed. */
function noticeConditions({ notices }: AppState, now: number): FoundCondition[] {
  return notices.flatMap(({ id, sentence }) => {
    // A notice with a time is a new subject, and therefore a new notification, each time.
    const { at = '' } = sentence.params
    const subject = { id: `notice:${id}${at}`, name: 'Holdfast', source: null }
    // A success also ends the incident of an earlier failure.
    return isQuietNotice(sentence) ? well(subject, now) : condition(subject, 'notice', now, sentence, 0)
  })
}

/**
 * Returns how long a condition has lasted. A start in the future means that the clock was set back; the duration is
 * then unknown and counts as long enough.
 */
function awayFor(since: number, now: number): number {
  return now < since ? UNREACHABLE_AFTER_MS + 1 : now - since
}

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

/** Keeps the end of a long path, which identifies the file. */
const shortened = (path: string) => (path.length > LONGEST_NAME ? `…${path.slice(-LONGEST_NAME)}` : path)

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

/**
 * Reports that the last files of a rule for expected files have not come in time. Each rule has its own incident, whose
 * end states which of its files are still missing.
 */
function expectedConditions({ settings, scanned }: SourceState, now: number): FoundCondition[] {
  const { id, name, expected, paused } = settings
  return expected.flatMap(({ pattern, minimumBytes: least }): FoundCondition[] => {
    const subject = { id: `expected:${id}:${pattern}`, name: `${name}/${pattern}`, source: id }
    const state = scanned?.expected?.find((one) => one.pattern === pattern)
    // While it is paused, nothing is judged.
    if (state === undefined || paused) return unknown(subject)
    const { missing, failing, since, newest, came } = state
    const [last] = newest
    const shown = { name, pattern, least, came: shortened(came ?? '') }
    if (failing === 0 || last === undefined) {
      // Its gaps are of an earlier period or time zone: as with a removed rule, their incident ends, but nothing came.
      if (came === null) return missing > 0 ? [] : well(subject, now)
      const end =
        missing === 0 ? message('condition.came', shown) : describeGap('cameGaps', shown, missing, newest)
      return well(subject, now).map((one) => ({ ...one, end }))
    }
    const key = last.tooSmall === null ? 'lacks' : 'expectedSmall'
    const sentence = describeGap(key, shown, failing, newest)
    const headline = { sentence: message('status.expected', { name }), detail: sentence }
    return condition(subject, 'expected', since ?? now, sentence, 0, headline)
  })
}

type MissingFile = NonNullable<NonNullable<SourceState['scanned']>['expected']>[number]['newest'][number]

/** Names the last missing files, the newest first. Without a date in their pattern, only their number is known. */
function describeGap(
  key: 'lacks' | 'expectedSmall' | 'cameGaps',
  shown: { name: string; pattern: string; least: number; came: string },
  count: number,
  newest: readonly MissingFile[],
): Message {
  const [last] = newest
  // A gap of a rule without a date has only the pattern as its name: it counts among the others.
  const named = newest.slice(0, count).filter(({ path }) => path !== shown.pattern)
  const files = named.map(({ path }) => shortened(path))
  const more = count - files.length
  const params = {
    ...{ ...shown, pattern: shortened(shown.pattern), count, files: files.join(', ') },
    ...{ file: files[0] ?? shortened(shown.pattern) },
    ...{ due: last?.due ?? 0, size: last?.tooSmall ?? 0, more },
  }
  if (last?.path === shown.pattern)
    return message(`condition.${key === 'cameGaps' ? 'cameGapsAny' : 'lacksAny'}`, params)
  return message(more > 0 && key !== 'expectedSmall' ? `condition.${key}Many` : `condition.${key}`, params)
}
