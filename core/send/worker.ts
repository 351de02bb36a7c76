import type { Ledger } from '../ledger/ledger.ts'
import { createLimitedLog } from '../pacing/limited-log.ts'
import { throttled } from '../pacing/throttled.ts'
import type { Identity } from '../wire/identity.ts'
import { loadIdentity } from '../wire/identity.ts'
import type { Message } from '../words/message.ts'
import { Problem, sentenceOf } from '../words/problem.ts'
import { englishWords } from '../words/words.ts'
import type { ReportOf } from '../worker/definition.ts'
import type { WorkerContext, WorkerHandlers } from '../worker/serve.ts'
import { openBackground } from './background.ts'
import type { Config } from './config.ts'
import { knownOf, sourcesOf } from './config.ts'
import type { Delivery } from './delivery.ts'
import { goingTo, openDelivery, sameDelivery } from './delivery.ts'
import type { DestinationEvents } from './destinations/destination.ts'
import type { StatusNow } from './destinations/receiver/tell-status.ts'
import { holdLedger } from './ledger-in-use.ts'
import { openLimiter } from './limit/limiter.ts'
import type { Connection, senderDefinition } from './messages.ts'
import { createProgress } from './progress/progress.ts'
import { openReaders } from './reading/readers.ts'
import { openReporting } from './reporting.ts'
import { answerRequests } from './requests.ts'

type Definition = typeof senderDefinition
type Report = ReportOf<Definition>

const NUDGE_EVERY_MS = 100
const TRANSFERS = 20

/** The scripts of its threads. */
export interface SenderThreads {
  readerThread: URL
  /** Of a store that a folder destination has. */
  storeThread: URL
}

/** The sender as a worker: ledger and delivery, brought together and reported. */
export const startSender =
  (threads: SenderThreads) =>
  (context: WorkerContext<Definition>): WorkerHandlers<Definition> =>
    serve(context, threads)

function serve(
  context: WorkerContext<Definition>,
  { readerThread, storeThread }: SenderThreads,
): WorkerHandlers<Definition> {
  let config: Config | null = null
  /** The last one that was carried out to its end. */
  let applied: Config | null = null
  let identity: Identity | null = null
  let notice: Message | null = null
  let delivery: Delivery | null = null
  let connection: Connection = { state: 'idle', since: Date.now(), problem: null }
  let startProblem: Message | null = null
  let lastFile: Report['lastFile'] = {}
  let over = false
  const progress = createProgress()
  // Kept while deliveries change: a thread that hangs with a disk goes on counting.
  const readers = openReaders(readerThread)
  const stopping = new AbortController()
  const limited = createLimitedLog((text) => context.log('info', text))
  const log: WorkerContext<Definition>['log'] = (level, text) =>
    level === 'info' ? limited(text) : context.log(level, text)
  // The receiver may give cause for one after the other.
  const limitedNotices = createLimitedLog((text) => context.log('warn', text))
  const ledger = holdLedger(log)

  const destinationId = (): string | null => config?.destination?.id ?? null

  const problemNow = (): Message | null =>
    startProblem ??
    (connection.state === 'connected' ? (delivery?.problem ?? null) : connection.problem) ??
    ledger.problem

  const isPaused = () => applied?.paused === true || limiter.allowance.kind === 'pause'

  const reporting = openReporting(context, () => {
    const now = performance.now()
    const totals = ledger.totalsOf(destinationId())
    const transfers = delivery?.transfers(TRANSFERS) ?? []
    const problem = problemNow()
    // While nothing can go, nobody knows when it will.
    const isGoing = connection.state === 'connected' && problem === null && !isPaused()
    if (!isGoing) progress.rest()
    const { bytesPerSecond } = limiter
    const left = isGoing ? progress.left({ totals, transfers, now, bytesPerSecond }) : null
    const report: Report = {
      fingerprint: identity?.fingerprint ?? null,
      connection: { ...connection, problem },
      totals,
      lastFile,
      transfers,
      rates: progress.rates.current(now),
      left: left?.bySource ?? {},
      leftOfAll: left?.ofAll ?? null,
      allowance: { now: limiter.allowance, until: limiter.until },
      ...(notice === null ? {} : { notice }),
    }
    notice = null
    const isSending = Object.keys(report.rates).length > 0 || report.leftOfAll !== null
    // A ledger that fails is read again until it does not.
    return { report, isMoving: isSending || ledger.problem !== null }
  })
  const { changed } = reporting
  const applySources = () => {
    if (applied === null) return
    delivery?.configure(sourcesOf(applied), isPaused())
  }
  const limiter = openLimiter(() => {
    applySources()
    changed()
  })
  const nudge = throttled(NUDGE_EVERY_MS, () => context.nudge())

  /** What the last session has told of where it leads to holds until the next one. */
  const setConnection: DestinationEvents['onState'] = (state, problem, toItself = connection.toItself) => {
    if (state !== connection.state) {
      connection = { state, since: Date.now(), problem, ...(toItself === undefined ? {} : { toItself }) }
      if (problem !== null) context.log('warn', englishWords(problem))
      else context.log('info', `connection: ${state}`)
    } else connection = { ...connection, problem }
    changed()
  }

  /** What the receiver is told of this computer, and of what waits for it. */
  const statusNow = (): StatusNow | null => {
    const destination = destinationId()
    if (applied === null || config?.status === undefined || destination === null) return null
    const sources = applied.sources.map(({ id }) => id)
    return { ...config.status, ...ledger.waiting(destination, sources) }
  }

  const closeDelivery = () => {
    void delivery?.stop()
    delivery = null
    connection = { state: connection.state, since: connection.since, problem: connection.problem }
  }

  const startDelivery = (next: Config, on: Ledger, me: Identity) => {
    const destination = goingTo(next)
    if (destination === null) {
      setConnection('idle', null)
      return
    }
    delivery = openDelivery(
      { ...next, destination },
      on,
      me,
      limiter.bucket,
      readers,
      storeThread,
      statusNow,
      {
        onSent(files, now) {
          for (const { source, path } of files) lastFile[source] = { path, at: now }
          progress.sent(files, performance.now())
          nudge()
          changed()
        },
        onMarked: nudge,
        onGone: nudge,
        onBytes(source, bytes) {
          progress.bytes(source, bytes, performance.now())
          changed()
        },
        onChange: changed,
        onState: setConnection,
        onSpace(space) {
          connection = { ...connection, space }
          changed()
        },
        onNotice(sentence) {
          limitedNotices(englishWords(sentence))
          notice = sentence
          changed()
        },
        log,
      },
    )
  }

  const arrived = () => {
    delivery?.wake()
    changed()
  }

  const background = openBackground({
    config: () => (over ? null : config),
    changed,
    arrived,
    failed: (text) => log('error', text),
    signal: stopping.signal,
  })

  const configure = async (next: Config): Promise<void> => {
    const before = applied
    config = next
    identity ??= await loadIdentity(next.identityDirectory)
    const own = next.destination
    const on = ledger.use(next.ledgerPath)
    // Only a source that was removed while this runs is forgotten: an empty configuration forgets nothing.
    const knownNow = new Set(knownOf(next))
    for (const id of before === null ? [] : knownOf(before)) {
      if (knownNow.has(id)) continue
      delete lastFile[id]
      background.forget(on, id)
    }
    const isAnother = before === null || startProblem !== null || !sameDelivery(before, next)
    if (isAnother) {
      closeDelivery()
      if (before?.destination?.id !== next.destination?.id) lastFile = {}
      startDelivery(next, on, identity)
    }
    startProblem = null
    applied = next
    const { shares, ...timetable } = next.limit
    limiter.configure(timetable, shares)
    applySources()
    if (own !== null) background.bringIn(on, isAnother ? null : before, next, own.id)
    changed()
  }

  /** What there is only once the first configuration was carried out. */
  const ready = <T>(part: T | null): T => {
    if (part === null) throw new Problem('agent.workerAway', { worker: 'sender' })
    return part
  }

  return {
    async configure(next) {
      // Questions that need no ledger are answered from the beginning.
      config ??= next
      try {
        await configure(next)
      } catch (thrown) {
        startProblem = sentenceOf(thrown)
        changed()
        throw thrown
      }
    },

    nudge: arrived,

    requests: answerRequests({
      ledger: () => ready(ledger.open),
      identityDirectory: () => ready(config).identityDirectory,
      destination: destinationId,
      arrived,
      changed,
      signal: stopping.signal,
    }),

    async stop() {
      over = true
      limiter.stop()
      reporting.stop()
      nudge.stop()
      stopping.abort()
      await delivery?.stop(true)
      readers.close()
      ledger.close()
      limited.end()
      limitedNotices.end()
    },
  }
}
