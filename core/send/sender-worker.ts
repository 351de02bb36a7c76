import type { Ledger } from '../ledger/ledger.ts'
import { createLimitedLog } from '../lib/async/limited-log.ts'
import { throttle } from '../lib/async/throttled.ts'
import type { Message } from '../lib/i18n/message.ts'
import { toSentence, UserError } from '../lib/i18n/user-error.ts'
import { englishWords } from '../lib/i18n/words.ts'
import type { WorkerReport } from '../lib/workers/definition.ts'
import type { WorkerContext, WorkerHandlers } from '../lib/workers/serve.ts'
import { type Identity, loadIdentity } from '../protocol/identity.ts'
import { openBackground } from './background.ts'
import { type Config, getKnownSourceIds, getSources } from './config.ts'
import { type Delivery, goingTo, openDelivery, sameDelivery } from './delivery.ts'
import type { StatusNow } from './destinations/receiver/tell-status.ts'
import { holdLedger } from './ledger-in-use.ts'
import { createProgress } from './progress/progress.ts'
import { openLimiter } from './rate-limit/limiter.ts'
import { openReaders, type Readers } from './reading/readers.ts'
import { openReporting, type SenderSnapshot } from './reporting.ts'
import { answerRequests } from './requests.ts'
import type { Connection, senderDefinition } from './sender-messages.ts'

type Definition = typeof senderDefinition
type Report = WorkerReport<Definition>

const NUDGE_EVERY_MS = 100
const TRANSFERS = 20

/** The scripts of the sender's threads. */
interface SenderThreads {
  readerThread: URL
  /** The thread of a folder destination's store. */
  storeThread: URL
}

/** The sender as a worker: connects ledger and delivery, and reports. */
export class SenderWorker implements WorkerHandlers<Definition> {
  readonly requests: WorkerHandlers<Definition>['requests']
  readonly #context: WorkerContext<Definition>
  readonly #storeThread: URL
  // Readers outlive a delivery: a thread that hangs with a disk still counts against their limit.
  readonly #readers: Readers
  readonly #limited = createLimitedLog((text) => this.#context.log('info', text))
  // Limited because a receiver can cause many notices in a row.
  readonly #limitedNotices = createLimitedLog((text) => this.#context.log('warn', text))
  readonly #log: WorkerContext<Definition>['log'] = (level, text) =>
    level === 'info' ? this.#limited(text) : this.#context.log(level, text)
  readonly #ledger = holdLedger(this.#log)
  readonly #progress = createProgress()
  readonly #nudgeOthers = throttle(NUDGE_EVERY_MS, () => this.#context.nudge())
  readonly #stopping = new AbortController()
  readonly #limiter = openLimiter(() => {
    this.#applySources()
    this.#reporting.changed()
  })
  readonly #reporting: ReturnType<typeof openReporting>
  readonly #background: ReturnType<typeof openBackground>
  #config: Config | null = null
  /** The last configuration that was applied completely. */
  #applied: Config | null = null
  #identity: Identity | null = null
  #notice: Message | null = null
  #delivery: Delivery | null = null
  #connection: Connection = { state: 'idle', since: Date.now(), problem: null }
  #startProblem: Message | null = null
  #lastFile: Report['lastFile'] = {}

  constructor(context: WorkerContext<Definition>, { readerThread, storeThread }: SenderThreads) {
    const { signal } = this.#stopping
    this.#context = context
    this.#storeThread = storeThread
    this.#readers = openReaders(readerThread)
    this.#reporting = openReporting(context, () => this.#snapshot())
    const { changed } = this.#reporting
    const arrived = () => this.nudge()
    this.#background = openBackground({
      config: () => (signal.aborted ? null : this.#config),
      changed,
      arrived,
      failed: (text) => this.#log('error', text),
      signal,
    })
    this.requests = answerRequests({
      ledger: () => ready(this.#ledger.open),
      identityDirectory: () => ready(this.#config).identityDirectory,
      destination: () => this.#destinationId(),
      arrived,
      changed,
      signal,
    })
  }

  async configure(next: Config): Promise<void> {
    // Requests that need no ledger are answered from the beginning.
    this.#config ??= next
    try {
      await this.#carryOut(next)
    } catch (error) {
      this.#startProblem = toSentence(error)
      this.#reporting.changed()
      throw error
    }
  }

  nudge(): void {
    this.#delivery?.wake()
    this.#reporting.changed()
  }

  async stop(): Promise<void> {
    this.#limiter.stop()
    this.#reporting.stop()
    this.#nudgeOthers.stop()
    this.#stopping.abort()
    await this.#delivery?.stop(true)
    this.#readers.close()
    this.#ledger.close()
    this.#limited.end()
    this.#limitedNotices.end()
  }

  async #carryOut(next: Config): Promise<void> {
    const before = this.#applied
    this.#config = next
    this.#identity ??= await loadIdentity(next.identityDirectory)
    const on = this.#ledger.use(next.ledgerPath)
    // Only a source that was removed while this process runs is deleted: an empty configuration deletes none.
    const knownNow = new Set(getKnownSourceIds(next))
    for (const id of before === null ? [] : getKnownSourceIds(before)) {
      if (knownNow.has(id)) continue
      delete this.#lastFile[id]
      this.#background.forget(on, id)
    }
    const own = next.destination
    const isAnother = before === null || this.#startProblem !== null || !sameDelivery(before, next)
    if (isAnother) {
      this.#closeDelivery()
      if (before?.destination?.id !== own?.id) this.#lastFile = {}
      this.#startDelivery(next, on, this.#identity)
    }
    this.#startProblem = null
    this.#applied = next
    const { shares, ...timetable } = next.limit
    this.#limiter.configure(timetable, shares)
    this.#applySources()
    if (own !== null) this.#background.bringIn(on, isAnother ? null : before, next, own.id)
    this.#reporting.changed()
  }

  #applySources(): void {
    if (this.#applied === null) return
    this.#delivery?.configure(getSources(this.#applied), this.#isPaused())
  }

  #closeDelivery(): void {
    void this.#delivery?.stop()
    this.#delivery = null
    const { state, since, problem } = this.#connection
    this.#connection = { state, since, problem }
  }

  #startDelivery(next: Config, on: Ledger, me: Identity): void {
    const destination = goingTo(next)
    if (destination === null) {
      this.#setConnection('idle', null)
      return
    }
    const { changed } = this.#reporting
    this.#delivery = openDelivery(
      { ...next, destination },
      on,
      me,
      this.#limiter.bucket,
      this.#readers,
      this.#storeThread,
      () => this.#statusNow(),
      {
        onSent: (files, now) => {
          for (const { source, path } of files) this.#lastFile[source] = { path, at: now }
          this.#progress.sent(files, performance.now())
          this.#nudgeOthers()
          changed()
        },
        onMarked: this.#nudgeOthers,
        onGone: this.#nudgeOthers,
        onBytes: (source, bytes) => {
          this.#progress.bytes(source, bytes, performance.now())
          changed()
        },
        onChange: changed,
        onState: (...now) => this.#setConnection(...now),
        onSpace: (space) => {
          this.#connection = { ...this.#connection, space }
          changed()
        },
        onNotice: (sentence) => {
          this.#limitedNotices(englishWords(sentence))
          this.#notice = sentence
          changed()
        },
        log: this.#log,
      },
    )
  }

  /** Sets the state of the connection. `toItself` keeps the value of the last session until the next one. */
  #setConnection(
    state: Connection['state'],
    problem: Message | null,
    toItself = this.#connection.toItself,
  ): void {
    if (state !== this.#connection.state) {
      this.#connection = {
        state,
        since: Date.now(),
        problem,
        ...(toItself === undefined ? {} : { toItself }),
      }
      if (problem !== null) this.#context.log('warn', englishWords(problem))
      else this.#context.log('info', `connection: ${state}`)
    } else this.#connection = { ...this.#connection, problem }
    this.#reporting.changed()
  }

  /** Returns the status of this computer and its waiting files, as sent to a receiver. */
  #statusNow(): StatusNow | null {
    const destination = this.#destinationId()
    const status = this.#config?.status
    if (this.#applied === null || status === undefined || destination === null) return null
    const sources = this.#applied.sources.map(({ id }) => id)
    return { ...status, ...this.#ledger.waiting(destination, sources) }
  }

  #snapshot(): SenderSnapshot {
    const now = performance.now()
    const totals = this.#ledger.getTotals(this.#destinationId())
    const transfers = this.#delivery?.transfers(TRANSFERS) ?? []
    const restless = this.#delivery?.restless() ?? []
    const problem = this.#problem()
    // No estimate is possible while sending is blocked.
    const isGoing = this.#connection.state === 'connected' && problem === null && !this.#isPaused()
    if (!isGoing) this.#progress.rest()
    const { bytesPerSecond, allowance, until } = this.#limiter
    const left = isGoing ? this.#progress.left({ totals, transfers, restless, now, bytesPerSecond }) : null
    const report: Report = {
      fingerprint: this.#identity?.fingerprint ?? null,
      connection: { ...this.#connection, problem },
      totals,
      lastFile: this.#lastFile,
      transfers,
      rates: this.#progress.rates.current(now),
      left: left?.bySource ?? {},
      leftOfAll: left?.ofAll ?? null,
      ...(restless.length === 0 ? {} : { restless: restless.slice(0, TRANSFERS) }),
      allowance: { now: allowance, until },
      ...(this.#notice === null ? {} : { notice: this.#notice }),
    }
    this.#notice = null
    const isSending = Object.keys(report.rates).length > 0 || report.leftOfAll !== null || restless.length > 0
    // A ledger that fails is read again until it succeeds.
    return { report, isMoving: isSending || this.#ledger.problem !== null }
  }

  #problem(): Message | null {
    const { state, problem } = this.#connection
    const ofDelivery = state === 'connected' ? (this.#delivery?.problem ?? null) : problem
    return this.#startProblem ?? ofDelivery ?? this.#ledger.problem
  }

  #isPaused(): boolean {
    return this.#applied?.paused === true || this.#limiter.allowance.kind === 'pause'
  }

  #destinationId(): string | null {
    return this.#config?.destination?.id ?? null
  }
}

/** Returns a part that exists only after the first configuration was applied. @throws UserError agent.workerAway */
function ready<T>(part: T | null): T {
  if (part === null) throw new UserError('agent.workerAway', { worker: 'sender' })
  return part
}
