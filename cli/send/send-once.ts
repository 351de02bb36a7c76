import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type OpenAgent, openAgent } from '../../core/agent/open.ts'
import type { Actor } from '../../core/agent/parts/changes/contract.ts'
import { findHeldMessage } from '../../core/agent/state/derived.ts'
import type { AppState, SourceState } from '../../core/agent/state/schema.ts'
import { hasCopiesElsewhere } from '../../core/agent/state/status.ts'
import { deferAsync } from '../../core/defer.ts'
import { ignoreError, settled } from '../../core/dropped-errors.ts'
import { sumSent } from '../../core/ledger/ledger-messages.ts'
import { LATE, withTimeout } from '../../core/lib/async/timing.ts'
import { type Message, message, type WordKey } from '../../core/lib/i18n/message.ts'
import { getUserName } from '../../core/platform/user-name.ts'
import type { MarkedAnswer } from '../../core/scan/scanner-messages.ts'
import { jsonText } from '../terminal/json.ts'
import { openProgress } from '../terminal/progress.ts'
import { about, plainWords, terminalWords, translate } from '../terminal/terminal-words.ts'
import { terminalHost } from '../terminal-host.ts'
import type { Given } from './list-directory.ts'
import { type Compared, compare, newRemarks } from './once-compare.ts'
import {
  createComplaints,
  createFailures,
  type Failure,
  failureWords,
  GIVE_UP_AFTER_MS,
  usedDestinations,
} from './once-problems.ts'
import { type StopSignals, watchStopSignals } from './stop-signals.ts'
import { whyWords } from './why-words.ts'

const LOOK_EVERY_MS = 300
/** After this time without changes, and the quiet period, the directories are compared with the ledger. */
const STILL_MS = 3_000
/** Problems that keep a batch directory unmarked although all of it is sent. */
const NO_MARK: ReadonlySet<WordKey> = new Set(['scan.markFailed', 'scan.batchFailed'])

export interface OnceOptions {
  directory: string
  dataDirectory: string
  given: Given
  /** Names or ids of the destinations; all if undefined. */
  to: string[] | undefined
  /** Send even if many files were emptied or changed at once. */
  accept: boolean
  /** The decision about files with isocket's mark that Holdfast did not send. */
  marked: MarkedAnswer | undefined
  /** Print the result as one JSON object. */
  json: boolean
}

/**
 * Sends the present content of a directory, waits until it is durable, and ends (isocket's scan.sh). The directory is
 * not added to the settings. @returns the exit code: 0 only if every file is durable; after a signal, its code.
 */
export async function sendOnce(options: OnceOptions): Promise<number> {
  const { dataDirectory, given, to } = options
  const stop = watchStopSignals()
  const open = await openAgent(dataDirectory, {
    ...terminalHost(console.error),
    kind: 'once',
    alertStoreThread: null,
    reportThread: null,
  })
  await using _ = deferAsync(() => open.close())
  const settings = to === undefined ? given : { ...given, to }
  const protecting = open.protect([path.resolve(options.directory)], settings)
  // The directory's disk may never answer.
  const refusals = (await Promise.race([protecting, stop.came])) ?? []
  for (const refusal of refusals) console.error(terminalWords(refusal))
  if (refusals.length > 0) return 2
  const code = await finish(open, stop, options)
  return code === 0 ? code : (stop.code ?? code)
}

async function finish(
  open: OpenAgent,
  stop: StopSignals,
  { json, accept, marked }: Pick<OnceOptions, 'json' | 'accept' | 'marked'>,
): Promise<number> {
  const complain = createComplaints()
  const findFailure = createFailures()
  const stillness = createStillness()
  const bar = createBar()
  const look = () => {
    const { state } = open.agent.store.snapshot()
    const now = performance.now()
    bar.erase()
    complain(state, now)
    const failure = findFailure(state, Date.now(), now)
    return { state, now, failure: stop.code === null ? failure : stopped(state) }
  }
  for (;;) {
    const { state, now, failure } = look()
    if (failure !== null) return fail(failure, json)
    if (accept) await acceptHeld(open, state)
    if (marked !== undefined) await answerMarked(open, state, marked)
    const rest = getWorkLeft(state)
    if (rest === 'done' || stillness(rest, state, now)) {
      const compared = await compareUnless(open, () => look().failure)
      if ('key' in compared) return fail(compared, json)
      const isOver = rest === 'done' || compared.unsent + compared.young + compared.marked > 0
      // A decision applies once the scanner has counted the marked files; until then they are still listed.
      const isDecided = marked === undefined || compared.marked === 0
      if (compared.isDone && isOver && isDecided)
        return printResult(state, compared, newRemarks(open, state), json)
      const unmarked = compared.isDone ? unmarkedIn(state, stillness.lasts(now)) : null
      if (unmarked !== null) return fail(unmarked, json)
    }
    bar.show(state)
    await Promise.race([delay(LOOK_EVERY_MS), stop.came])
  }
}

const by = (): Actor => ({ via: 'terminal', name: getUserName() })

/** Sends held files. A refusal means that none are held any longer. */
async function acceptHeld(open: OpenAgent, { sources }: AppState): Promise<void> {
  for (const source of sources) {
    if (findHeldMessage(source) !== null)
      await open.createHandlers(by()).sendAsItIs({ id: source.settings.id })
  }
}

/** Applies the decision about marked files. A refusal means that none are left. */
async function answerMarked(open: OpenAgent, { sources }: AppState, answer: MarkedAnswer): Promise<void> {
  for (const { scanned, settings } of sources)
    if (scanned?.marked != null)
      await open
        .createHandlers(by())
        .answerMarked({ id: settings.id, answer })
        .catch(ignoreError('the question was answered already'))
}

/** Shows progress on a terminal, without the files that the ledger has from earlier runs. */
function createBar() {
  const output = openProgress(false)
  let first: AppState['totals'] | null = null
  let most = 0
  return {
    show({ totals, transfers, rate, left, sources }: AppState) {
      // The ledger's counts of earlier runs are unknown before the first report.
      if (!sources.every((source) => source.destinations.every(({ reported }) => reported === true))) return
      first ??= totals
      const underWay = transfers.reduce((sum, { sentBytes }) => sum + sentBytes, 0)
      const [now, before] = [sumSent(totals), sumSent(first)]
      // A rename leaves the sums as they are.
      const files = Math.max(0, now.files - before.files)
      const bytes = Math.max(0, now.bytes - before.bytes)
      // A file leaves the transfers a moment before it counts as sent.
      most = Math.max(most, bytes + underWay)
      const amount = {
        files,
        bytes: most,
        totalFiles: files + totals.waitingFiles,
        totalBytes: bytes + totals.waitingBytes,
      }
      output.show(amount, { bytesPerSecond: rate, left })
    },
    erase: output.end,
  }
}

function stopped({ totals }: AppState): Message {
  return message('cli.once.stopped', { sent: totals.sentFiles, waiting: totals.waitingFiles })
}

/** Compares the directories with the ledger, unless a failure ends the run first: a hanging disk never answers. */
async function compareUnless(open: OpenAgent, failed: () => Failure | null): Promise<Compared | Failure> {
  const ends = new AbortController()
  const comparing = compare(open, ends.signal)
  for (;;) {
    const compared = await withTimeout(LOOK_EVERY_MS, comparing)
    if (compared !== LATE) return compared
    const failure = failed()
    if (failure === null) continue
    ends.abort()
    // The disk may still answer: its result is dropped.
    void settled(comparing)
    return failure
  }
}

function fail(why: Failure, json: boolean): number {
  if (json) console.log(jsonText({ failed: message(why.key, why.params) }))
  console.error(failureWords(why))
  return 1
}

function printResult(
  state: AppState,
  compared: Compared,
  remarks: readonly Message[],
  json: boolean,
): number {
  const { sent, unsent, named, young, marked } = compared
  if (json) console.log(jsonText({ sent, unsent, young, marked }))
  if (young > 0) console.error(translate('cli.once.young', { count: young }))
  if (marked > 0) console.error(translate('cli.once.marked', { count: marked }))
  for (const one of named) {
    console.error(about(one.path, whyWords(one, plainWords) ?? ''))
  }
  for (const remark of remarks) console.error(terminalWords(remark))
  if (unsent > 0) {
    const more = unsent - named.length
    if (more > 0) console.error(translate('cli.once.more', { count: more }))
    console.error(translate('cli.once.unsent', { count: unsent }))
    return 1
  }
  if (json) return 0
  const key = hasCopiesElsewhere(state) ? 'cli.once.done' : 'cli.once.doneHere'
  console.log(translate(key, { count: sent }))
  return 0
}

/**
 * Returns the work left, as far as the state shows it. "later": everything that can be sent now is sent. The rest waits
 * for its minimum age or for another attempt, or a batch directory has no mark yet; it may never get one, if it contains
 * files that cannot be sent.
 */
function getWorkLeft(state: AppState): 'files' | 'later' | 'done' {
  const { sources } = state
  const isListed = ({ scanned }: SourceState) =>
    scanned !== null && (scanned.phase === 'watching' || scanned.phase === 'polling')
  const isThere = usedDestinations(state).every(({ connection }) => connection.state === 'connected')
  const waiting = sources.flatMap(({ destinations }) =>
    destinations.filter(({ totals }) => totals.waitingFiles > 0),
  )
  const isAnyDue = waiting.some(({ nextDue = 0 }) => nextDue <= Date.now())
  if (!isThere || isAnyDue || !sources.every(isListed)) return 'files'
  if (waiting.length > 0) return 'later'
  const isMarked = ({ phase, waiting }: Batch) => phase !== 'waiting' && phase !== 'closing' && waiting === 0
  return getBatches(state).every(isMarked) ? 'done' : 'later'
}

type Batch = NonNullable<SourceState['scanned']>['batches'][number]
const getBatches = ({ sources }: AppState): Batch[] =>
  sources.flatMap(({ scanned }) => scanned?.batches ?? [])

/** True if nothing was due and the state has not changed for a while; it is true again after growing intervals. */
function createStillness() {
  let known = ''
  let since = 0
  let askAt = 0
  const isStill = (rest: ReturnType<typeof getWorkLeft>, state: AppState, now: number): boolean => {
    const seen = JSON.stringify([rest, state.totals, getBatches(state)])
    if (seen !== known || rest !== 'later') {
      known = seen
      since = now
      // A directory that was not closed is marked after the quiet period.
      askAt = now + STILL_MS + 1_000 * state.settings.scan.quietSeconds
    }
    if (now < askAt) return false
    askAt = now + (now - since)
    return true
  }
  return Object.assign(isStill, { lasts: (now: number) => now - since })
}

/** Returns why a mark is missing although every file is durable, as far as the reason can be determined. */
function unmarkedIn(state: AppState, stillMs: number): Message | null {
  const problems = state.sources.flatMap(({ scanned }) => scanned?.problems ?? [])
  const problem = problems.find(({ key }) => NO_MARK.has(key))
  if (problem !== undefined) return problem
  const patience = GIVE_UP_AFTER_MS + 2_000 * state.settings.scan.quietSeconds
  if (stillMs < patience) return null
  const names = getBatches(state).filter(({ phase }) => phase === 'waiting' || phase === 'closing')
  return message('cli.once.unmarked', { names: names.map(({ name }) => name).join(', ') })
}
