import { findHeldMessage, scanProblem, surroundingPause } from '../../core/agent/state/derived.ts'
import type { AppState, SourceState } from '../../core/agent/state/schema.ts'
import { findPause } from '../../core/agent/state/status.ts'
import { isDiskKind } from '../../core/alerts/kinds.ts'
import { noTotals, sumSent } from '../../core/ledger/ledger-messages.ts'
import { type Message, message, type WordKey } from '../../core/lib/i18n/message.ts'
import { englishWords } from '../../core/lib/i18n/words.ts'
import { terminalWords, translate } from '../terminal/terminal-words.ts'

/** An unreachable receiver, or a pause, that lasts longer than this ends the run: cron starts the next one. */
export const GIVE_UP_AFTER_MS = 60_000
/** A temporary obstacle is reported after this time; a permanent one ends the run. */
const COMPLAIN_AFTER_MS = 3_000

/** The last comparison reports files and directories; a one-shot run needs no watches. */
const SAID_OTHERWISE: ReadonlySet<WordKey> = new Set([
  'scan.nameNotUtf8',
  'scan.fileUnreadable',
  'scan.directoryUnreadable',
  'scan.fullDiskAccess',
  'scan.pathTooLong',
  'scan.watchLimitPart',
  'scan.watchLimitPolled',
])

/** Why a run ends. `behind` is the cause; the sentence's `reason` contains its English text, for --json. */
export interface Failure extends Message {
  behind?: Failure
}

const failureBy = (key: WordKey, behind: Failure): Failure => ({
  ...message(key, { reason: englishWords(behind) }),
  behind,
})

export const failureWords = ({ key, params, behind }: Failure): string =>
  translate(key, behind === undefined ? params : { ...params, reason: failureWords(behind) })

export const usedDestinations = ({ destinations, sources }: AppState) =>
  destinations.filter(({ id }) => sources.some((source) => source.destinations.some((one) => one.id === id)))

/** Reports each obstacle to sending once, after it has lasted for a while. */
export function createComplaints(): (state: AppState, now: number) => void {
  const lasts = createStopwatch()
  const said = new Set<string>()
  return (state, now) => {
    for (const { connection } of usedDestinations(state)) {
      if (connection.problem === null) continue
      const sentence = terminalWords(connection.problem)
      if (lasts(sentence, now) < COMPLAIN_AFTER_MS || said.has(sentence)) continue
      said.add(sentence)
      console.error(sentence)
    }
  }
}

/**
 * Returns why waiting longer is useless; null while it is not. `now` is wall-clock time, `steady` that of a monotonic
 * clock.
 */
export function createFailures(): (state: AppState, now: number, steady: number) => Failure | null {
  const lasts = createStopwatch()
  const goesOn = createAdvance()
  let lasting = new Set<string>()
  return (state, now, steady) => {
    const passing = [
      ...[lastingPause(state, now), sourceProblem(state)]
        .filter((one) => one !== null)
        .map((reason) => ({ what: reason.key, reason, patienceMs: COMPLAIN_AFTER_MS })),
      ...heldUp(state).filter(({ destination }) => !goesOn(state, destination)),
    ]
    const before = lasting
    lasting = new Set(passing.map(({ what }) => what))
    for (const what of before) if (!lasting.has(what)) lasts.forget(what)
    const stays = passing.find(({ what, patienceMs }) => lasts(what, steady) >= patienceMs)?.reason
    const reason = connectionProblem(state, now) ?? findDiskIncident(state) ?? stays
    return reason === undefined ? null : failureBy('cli.once.unreachable', reason)
  }
}

/** Measures how long each obstacle has been present since it was first reported. */
function createStopwatch() {
  const since = new Map<string, number>()
  const lasts = (what: string, now: number) => {
    const first = since.get(what) ?? now
    since.set(what, first)
    return now - first
  }
  return Object.assign(lasts, { forget: (what: string) => since.delete(what) })
}

function connectionProblem(state: AppState, now: number): Message | null {
  for (const { connection } of usedDestinations(state)) {
    const isAway = connection.state === 'unreachable' && now - connection.since > GIVE_UP_AFTER_MS
    if (connection.state === 'refused' || isAway) return connection.problem ?? state.status.sentence
  }
  return null
}

/** Returns destinations that are connected but accept no files (a full store), or cannot even try to connect. */
function heldUp(state: AppState) {
  return usedDestinations(state).flatMap(({ id, name, connection, totals, ejectedAt }) => {
    const { state: at } = connection
    const problem = ejectedAt === undefined ? connection.problem : message('refuse.ejected', { name })
    // A problem may stay visible after its last file is sent.
    const hasAll = at === 'connected' && totals.waitingFiles === 0
    if (problem === null || hasAll) return []
    const what = `destination ${id}`
    return [{ what, destination: id, reason: problem, patienceMs: GIVE_UP_AFTER_MS }]
  })
}

/**
 * True if a destination received another file, or more bytes of one than ever before. The maximum counts because a file
 * that is refused half-way is sent repeatedly.
 */
function createAdvance() {
  const most = new Map<string, { files: number; bytes: number }>()
  return ({ destinations, transfers }: AppState, id: string): boolean => {
    const before = most.get(id) ?? { files: 0, bytes: 0 }
    const files = sumSent(destinations.find((one) => one.id === id)?.totals ?? noTotals).files
    const own = transfers.filter(({ destination }) => destination === id)
    const bytes = Math.max(0, ...own.map(({ sentBytes }) => sentBytes))
    if (files > before.files) most.set(id, { files, bytes: 0 })
    else if (bytes > before.bytes) most.set(id, { files, bytes })
    else return false
    return true
  }
}

/** Returns the open disk incident, if any; other problems are handled separately. */
const findDiskIncident = ({ incidents }: AppState): Message | undefined =>
  incidents.find(({ endedAt, kind }) => endedAt === null && isDiskKind(kind))?.sentence

/** Returns a pause that ends the run: a scheduled pause that ends soon is waited for, others have no known end. */
function lastingPause(state: AppState, now: number): Message | null {
  const { allowance, totals } = state
  if (totals.waitingFiles === 0) return null
  const isShort = allowance.until !== null && allowance.until - now <= GIVE_UP_AFTER_MS
  return isShort && surroundingPause(state) === null ? null : findPause(state)
}

/** Returns why a directory cannot be scanned: unreadable, disk not mounted, or many of its files lost their content. */
function sourceProblem({ sources }: AppState): Failure | null {
  // Held files are known only after the first comparison.
  const held = sources.filter(({ scanned }) => scanned?.compared === true).map(findHeldMessage)
  const emptied = held.find((sentence) => sentence !== null)
  if (emptied !== undefined) return failureBy('cli.once.held', emptied)
  const stuck = sources.filter(({ scanned }) => scanned?.phase === 'missing' || scanned?.phase === 'failed')
  return stuck.map(scanProblem).find((problem) => problem !== null) ?? null
}

/** Returns remarks about a source after everything is sent: batch directories that are not closed or not marked. */
export const sourceRemarks = (source: SourceState): Message[] => [
  ...(source.scanned?.problems ?? []).filter(({ key }) => !SAID_OTHERWISE.has(key)),
  ...noBatches(source),
]

/** A mistyped prefix matches no directory, and the run would succeed without sending anything. */
function noBatches({ settings: { path, batch }, scanned }: SourceState): Message[] {
  if (batch.prefix === '' || scanned?.batches.length !== 0 || scanned.problems.length > 0) return []
  return [message('cli.once.noBatches', { path, prefix: batch.prefix })]
}
