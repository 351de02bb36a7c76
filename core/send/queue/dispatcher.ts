import path from 'node:path'
import type { Session } from '../../backends/destination.ts'
import { dropError, ignoreError } from '../../dropped-errors.ts'
import { unparkAll } from '../../ledger/background-jobs.ts'
import {
  createLedgerGuard,
  type Ledger,
  type LedgerGuard,
  type Parked,
  type QueuedFile,
  type RowPlace,
  type SentClaim,
  type TransferResult,
} from '../../ledger/ledger.ts'
import { openMountPresence } from '../../ledger/mount-presence.ts'
import { momentNow } from '../../lib/async/timing.ts'
import { sameContent, toFileStat } from '../../platform/file-metadata.ts'
import { lstatExactOrNull, lstatOrNull } from '../../platform/files.ts'
import { type Marks, openMarks } from '../marks/marks.ts'
import { isReadable } from '../reading/read.ts'
import type { Readers } from '../reading/readers.ts'
import type { Transfer, UnfitFiles } from '../sender-messages.ts'
import { createWindows, type SendSource, type Shared } from '../transfer/attempt.ts'
import { openSourceWorker, type SourceWorker } from '../transfer/source-worker.ts'
import { CircuitBreaker, isFull } from './circuit-breaker.ts'
import { createQueue, createQueueFilter, type Queue } from './queue.ts'
import { createRestlessFiles, type RestlessFiles } from './restless.ts'
import { applyRetryPolicy } from './retry-policy.ts'

// The dispatcher has a worker for each source. A worker takes files from the queue (queue.ts) and sends them
// (transfer/source-worker.ts). The dispatcher follows each file to the end of its attempt: a stored file is recorded in
// the ledger as sent, and the retry policy decides about any other. A timer wakes the workers, another one rechecks
// parked files and those that do not fit.

/** The ledger is polled at this interval, even without a wake-up. */
const LOOK_EVERY_MS = 1_000
/** Interval between two checks of parked files and of those that do not fit. */
const PARKED_EVERY_MS = 5_000
/** Parked files of one source that one check covers; the next check continues behind them. */
const PARKED_FILES = 1_000
/** After a write of the ledger, stored files are collected for this long while others are being sent, and else. */
const COLLECT_MS = 200
const COLLECT_LAST_MS = 50
/** Delay before a failed write of the ledger is repeated. */
const WRITE_AGAIN_MS = 1_000

export interface DispatcherEvents {
  /** These files were sent, and the ledger has recorded it. */
  onSent(files: readonly QueuedFile[], now: number): void
  /** Group-write marks were set. */
  onMarked(): void
  /** Files stopped waiting without being sent: they are gone or excluded now. */
  onGone(): void
  onBytes(source: string, bytes: number): void
  /** A value that reports show has changed. */
  onChange(): void
  log(level: 'info' | 'warn' | 'error', text: string): void
}

interface DispatcherOptions {
  destination: { id: string; name: string }
  ledger: Ledger
  ledgerPath: string
  retrySeconds: number
  /** See RestlessOptions. */
  versionsPerHour: number
  readers: Readers
}

/** A file that the destination has stored; `digest` is that of the stored content. */
type StoredFile = QueuedFile & SentClaim

export const openDispatcher = (options: DispatcherOptions, events: DispatcherEvents) =>
  new Dispatcher(options, events)

/** Takes waiting files from the ledger for one destination, from each source in turn, and sends them. */
class Dispatcher {
  readonly #options: DispatcherOptions
  readonly #events: DispatcherEvents
  readonly #guard: LedgerGuard
  readonly #breaker: CircuitBreaker
  readonly #restless: RestlessFiles
  readonly #queue: Queue
  readonly #acknowledgements: ReturnType<typeof createAcknowledgements>
  readonly #marks: Marks
  readonly #parked: ReturnType<typeof openParkedFiles>
  readonly #transfers = createTransfers()
  readonly #windows = createWindows()
  readonly #workers = new Map<string, SourceWorker>()
  readonly #shared: Shared
  readonly #timer: NodeJS.Timeout
  readonly #parkedTimer: NodeJS.Timeout
  #session: Session | null = null
  #paused = true

  constructor(options: DispatcherOptions, events: DispatcherEvents) {
    const { destination, ledger, readers } = options
    const retryMs = options.retrySeconds * 1000
    this.#options = options
    this.#events = events
    const guard = createLedgerGuard(options.ledgerPath, events)
    const breaker = new CircuitBreaker(retryMs)
    const disks = openMountPresence(ledger)
    const isAway = (source: SendSource) => disks.of(source) === 'away'
    const restless = createRestlessFiles({
      versionsPerHour: options.versionsPerHour,
      storedAt: (id) => guard.read(() => ledger.sentAt(id)),
      isWaiting: (id) => guard.read(() => ledger.isWaiting(id)) !== false,
    })
    this.#guard = guard
    this.#breaker = breaker
    this.#restless = restless
    this.#queue = createQueue({
      destination: destination.id,
      ledger,
      guard,
      retryMs,
      mayGoAt: restless.mayGoAt,
      sources: () => this.#workers.size,
      isAway,
      isHeldBack: () => breaker.nextTryAt !== null,
      leftOut: events.onGone,
      changed: events.onChange,
      wake: (source) => this.#wakeSoon(source),
    })
    this.#acknowledgements = createAcknowledgements(ledger, guard, (...written) => this.#recorded(...written))
    const moving: Shared['moving'] = new Set()
    this.#shared = {
      read: readers.read,
      whereabouts: disks.of,
      isBelowAway: disks.isBelowAway,
      sentElsewhere: (dues) =>
        guard.read(() => ledger.sentElsewhere(destination.id, dues, moving)) ?? new Map(),
      moving,
      findSource: (id) => this.#workers.get(id)?.source ?? null,
      onOtherContent: (due) => void guard.write(() => ledger.forgetContent(due)),
      contentSentAt: (...content) => guard.read(() => ledger.contentSentAt(...content)),
      onBytes: (due, bytes) => {
        this.#transfers.add(due, bytes)
        breaker.countSent(bytes)
        events.onBytes(due.source, bytes)
      },
      onSkipped: this.#transfers.add,
    }
    this.#marks = openMarks(destination.id, ledger, events)
    this.#parked = openParkedFiles(destination.id, ledger, {
      isAway,
      found: (source) => this.#wakeSoon(source),
      log: events.log,
    })
    // An update of Holdfast may be able to send files that were parked.
    unparkAll(ledger, destination.id, null).then(
      () => this.#wakeAll(),
      (error) => events.log('warn', `parked files: ${String(error)}`),
    )
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS)
    this.#parkedTimer = setInterval(() => {
      this.#lookForParked()
      this.#lookForUnfit()
    }, PARKED_EVERY_MS)
  }

  setSession(next: Session | null): void {
    this.#session = next
    if (next !== null) this.#breaker.tryNow(performance.now())
    this.#wakeAll()
  }

  configure(sources: readonly SendSource[], nowPaused: boolean): void {
    this.#paused = nowPaused
    const wanted = new Map(sources.map((source) => [source.id, JSON.stringify(source)]))
    for (const [id, worker] of this.#workers) {
      if (wanted.get(id) === JSON.stringify(worker.source)) continue
      worker.close()
      this.#workers.delete(id)
    }
    for (const source of sources) {
      if (this.#workers.has(source.id)) continue
      this.#workers.set(source.id, this.#openWorker(source))
      if (source.groupWriteMark) this.#marks.look(source)
    }
    this.#wakeAll()
  }

  /** Signals that files may be waiting. */
  wake(): void {
    this.#wakeAll()
    this.#lookForMarks()
  }

  stop(): void {
    clearInterval(this.#timer)
    clearInterval(this.#parkedTimer)
    this.#marks.stop()
    this.#parked.stop()
    for (const worker of this.#workers.values()) worker.close()
  }

  /** The files that are being sent now; see createTransfers. */
  transfers(limit: number): Transfer[] {
    return this.#transfers.list(limit)
  }

  /** See Queue.hold. */
  readonly hold: Queue['hold'] = (file) => this.#queue.hold(file)

  /** Files of these sources that wait because they keep changing. */
  restless() {
    return this.#restless.list(Date.now()).filter(({ source }) => this.#workers.has(source))
  }

  /**
   * Files that the destination has no room for, although it has stored others since, or no other waits; by source.
   * Empty: there are none, or it takes no file at all.
   */
  unfit(): UnfitFiles[] {
    const { destination, ledger } = this.#options
    const { blocked, problem } = this.#breaker
    const isOther = problem !== null && (blocked === null || !isFull(problem))
    if (isOther || this.#guard.problem !== null) return []
    const known = this.#breaker.unfit
    if (blocked !== null && !known.some(({ id }) => id === blocked.id)) {
      const totals = this.#guard.read(() => ledger.totals(destination.id)) ?? {}
      const waiting = [...this.#workers.keys()].reduce((sum, id) => sum + (totals[id]?.waitingFiles ?? 0), 0)
      if (waiting > known.length + 1) return []
      if (this.#guard.read(() => ledger.isWaiting(blocked.id)) !== false) known.push(blocked)
    }
    const found = new Map<string, UnfitFiles>()
    for (const { source, path: name, size } of known) {
      const first = found.get(source) ?? { source, path: name, size, count: 0 }
      found.set(source, { ...first, count: first.count + 1 })
    }
    return [...found.values()]
  }

  /** The reason why files wait although there is a session, or null. */
  get problem() {
    return this.#guard.problem ?? this.#breaker.problem
  }

  #openWorker(source: SendSource): SourceWorker {
    const { filters, id, priority } = source
    const filter = createQueueFilter(filters)
    const isHalted = () => this.#paused || source.paused
    return openSourceWorker(source, this.#shared, this.#windows.of(id, priority), {
      isHalted,
      session: () => {
        const session = this.#session
        if (isHalted() || session === null || session.closed) return null
        if (!this.#guard.isRested || this.#acknowledgements.isStuck) return null
        return this.#breaker.mayGo(performance.now(), id) ? session : null
      },
      take: () => this.#queue.take(source, filter),
      giveBack: this.#queue.release,
      begins: (due, now) => {
        this.#breaker.begins(due.source, now.steady)
        this.#transfers.begin(due)
        this.#restless.begins(due, now)
      },
      ended: (due, result) => this.#ended(source, due, result),
    })
  }

  /** Handles the end of an attempt to send a file. */
  #ended(source: SendSource, due: QueuedFile, result: TransferResult): void {
    const breaker = this.#breaker
    this.#transfers.end(due)
    if (result.kind === 'stored') {
      breaker.stored(due)
      // The current configuration, which may differ from that at the start of the attempt.
      const others = (this.#workers.get(source.id)?.source ?? source).alsoTo
      const stored = { ...due, digest: null, ...result, mark: source.groupWriteMark, others }
      this.#acknowledgements.add(stored, this.#transfers.size === 0)
    } else {
      const isRetry = result.kind === 'retry'
      if (isRetry && result.cause === 'changed') this.#restless.changed(due, momentNow())
      else this.#restless.ended(due)
      this.#guard.write(() => applyRetryPolicy(this.#options, this.#events, source, due, result))
      if (isRetry) breaker.failed(due, result, performance.now())
      this.#queue.release([due])
    }
    breaker.ended(due.source, performance.now())
    this.#events.onChange()
  }

  /** Continues after the ledger has recorded stored files; `sent`: those that did not change meanwhile. */
  #recorded(files: readonly StoredFile[], sent: readonly QueuedFile[], now: number): void {
    const isSent = new Set(sent)
    const moment = { ...momentNow(), wall: now }
    for (const due of files) this.#restless.stored(due, !isSent.has(due), moment)
    this.#queue.release(files)
    for (const file of files) for (const { id } of file.moved ?? []) this.#shared.moving.delete(id)
    void this.#offerReturned(files)
    this.#events.onSent(sent, now)
    this.#lookForMarks()
  }

  /**
   * Offers names again that came back while the destination was moving their content: the ledger listed them as sent
   * when the scanner found them. A name that comes back later differs from its row in the ledger.
   */
  async #offerReturned(files: readonly StoredFile[]): Promise<void> {
    const { destination, ledger } = this.#options
    for (const file of files) {
      for (const { source, path: name } of file.moved ?? []) {
        const root = this.#workers.get(source)?.source.path
        if (root === undefined) continue
        const stats = await lstatExactOrNull(path.join(root, name)).catch(
          ignoreError('the next comparison with the ledger offers the name', null),
        )
        if (stats === null || !sameContent(toFileStat(stats), file)) continue
        this.#guard.write(() => ledger.offer(destination.id, [{ source, path: name, ...toFileStat(stats) }]))
        this.#wakeSoon(source)
      }
    }
  }

  #look(): void {
    const { destination, ledger } = this.#options
    const guard = this.#guard
    const hasDue = guard.read(() => ledger.hasDue(destination.id, Date.now()))
    if (hasDue !== false) this.#wakeAll()
    const isOfOther = hasDue !== null && guard.problem !== null
    if (isOfOther && !this.#acknowledgements.isStuck && !this.#mayGo()) guard.forget()
    this.#forgetProblem()
  }

  /** True if a file waits whose result will show whether the ledger can be written again, or that cannot be read. */
  #mayGo(): boolean {
    const { destination, ledger } = this.#options
    if (this.#paused || this.#session === null) return false
    const totals = this.#guard.read(() => ledger.totals(destination.id))
    const going = [...this.#workers.values()].filter(({ source }) => !source.paused)
    return totals === null || going.some(({ source }) => (totals[source.id]?.waitingFiles ?? 0) > 0)
  }

  /** Clears the breaker's problem if the file behind it no longer waits: only that file's success would clear it. */
  #forgetProblem(): void {
    const { destination, ledger } = this.#options
    const breaker = this.#breaker
    const guard = this.#guard
    const workers = this.#workers
    if (breaker.problem === null || guard.problem !== null) return
    const { blocked, nextTryAt } = breaker
    if (blocked !== null && nextTryAt === null) {
      if (workers.has(blocked.source) && guard.read(() => ledger.isWaiting(blocked.id)) !== false) return
      breaker.forget()
      this.#events.onChange()
      return
    }
    const totals = guard.read(() => ledger.totals(destination.id))
    if (totals === null || [...workers.keys()].some((id) => (totals[id]?.waitingFiles ?? 0) > 0)) return
    if (breaker.clearIfIdle(performance.now())) this.#events.onChange()
  }

  #lookForParked(): void {
    const { destination, ledger } = this.#options
    const totals = this.#guard.read(() => ledger.totals(destination.id)) ?? {}
    for (const { source } of this.#workers.values())
      if ((totals[source.id]?.parkedFiles ?? 0) > 0) this.#parked.look(source)
  }

  /**
   * Forgets files that did not fit and no longer wait. The file behind the problem goes after the problem, which without
   * it seems to be that of the whole destination.
   */
  #lookForUnfit(): void {
    const { ledger } = this.#options
    const isGone = ({ id, source }: Pick<QueuedFile, 'id' | 'source'>) =>
      id !== this.#breaker.blocked?.id &&
      (!this.#workers.has(source) || this.#guard.read(() => ledger.isWaiting(id)) === false)
    if (this.#breaker.forgetUnfit(isGone)) this.#events.onChange()
  }

  #lookForMarks(): void {
    for (const { source } of this.#workers.values()) if (source.groupWriteMark) this.#marks.look(source)
  }

  #wakeAll(): void {
    for (const worker of this.#workers.values()) worker.wake()
  }

  #wakeSoon(source: string): void {
    setImmediate(() => this.#workers.get(source)?.wake())
  }
}

/**
 * Records stored files in the ledger: the first ones at once, those of the next COLLECT_MS in one transaction. A
 * transaction writes each page that it changes: one for each renamed file writes ten times as much. Nobody waits for
 * the last ones so long.
 */
function createAcknowledgements(
  ledger: Pick<Ledger, 'markSent'>,
  guard: LedgerGuard,
  /** `files`: all recorded files; `sent`: those of them that did not change meanwhile. */
  onWritten: (files: readonly StoredFile[], sent: readonly QueuedFile[], now: number) => void,
) {
  let waiting: StoredFile[] = []
  let timer: NodeJS.Timeout | null = null
  let isStuck = false
  let writtenAt = Number.NEGATIVE_INFINITY

  const write = () => {
    timer = null
    const files = waiting
    const now = Date.now()
    const sent = guard.write(() => ledger.markSent(files, now))
    isStuck = sent === null
    if (sent === null) {
      timer = setTimeout(write, WRITE_AGAIN_MS)
      return
    }
    waiting = []
    writtenAt = performance.now()
    onWritten(
      files,
      files.filter(({ id }) => sent.has(id)),
      now,
    )
  }

  return {
    /** @param isLast no other file is being sent now. */
    add(stored: StoredFile, isLast: boolean): void {
      waiting.push(stored)
      if (isStuck || (timer !== null && !isLast)) return
      if (timer !== null) clearTimeout(timer)
      const collectMs = isLast ? COLLECT_LAST_MS : COLLECT_MS
      timer = setTimeout(write, Math.max(0, writtenAt + collectMs - performance.now()))
    },
    /** True if the last write failed: it is repeated, and sending should pause until it succeeds. */
    get isStuck() {
      return isStuck
    },
  }
}

/** The files that are being sent now, with their progress. */
export function createTransfers() {
  const files = new Map<number, Transfer>()
  const getRank = ({ size, sentBytes }: Transfer) => (sentBytes < size ? size : 0)
  return {
    begin({ id, source, path, size }: QueuedFile): void {
      files.set(id, { id, source, path, size, sentBytes: 0 })
    },
    add({ id }: QueuedFile, bytes: number): void {
      const transfer = files.get(id)
      if (transfer !== undefined) transfer.sentBytes += bytes
    },
    end({ id }: QueuedFile): void {
      files.delete(id)
    },
    get size() {
      return files.size
    },
    /** Returns at most `limit` files: the largest first, and last those that only wait for the destination's answer. */
    list: (limit: number): Transfer[] =>
      [...files.values()]
        .sort((a, b) => getRank(b) - getRank(a))
        .slice(0, limit)
        .map((transfer) => ({ ...transfer })),
  }
}

interface ParkedEvents {
  isAway(source: SendSource): boolean
  /** Files of this source can be sent again. */
  found(source: string): void
  log(level: 'warn', text: string): void
}

/**
 * Rechecks parked files. A person who fixed one should soon see the result, and no event reports permissions granted
 * on a directory above the file.
 */
export function openParkedFiles(
  destination: string,
  ledger: Pick<Ledger, 'parked' | 'unparkRow'>,
  { isAway, found, log }: ParkedEvents,
) {
  const looking = new Set<string>()
  /** The place at which the last check ended, by source. */
  const endedAt = new Map<string, RowPlace>()
  let over = false

  const lookNow = async (source: SendSource): Promise<void> => {
    const files = ledger.parked(destination, source.id, PARKED_FILES, endedAt.get(source.id))
    const last = files.at(-1)
    if (last === undefined || files.length < PARKED_FILES) endedAt.delete(source.id)
    else endedAt.set(source.id, { at: last.dueAt, id: last.id })
    let isFound = false
    // In sequence: the disk may hang, and each call holds a thread of the pool until it returns.
    for (const file of files) {
      const isTried = !over && (await canBeTried(source.path, file))
      if (isTried && !over && !isAway(source) && ledger.unparkRow(destination, file.id)) isFound = true
    }
    if (isFound) found(source.id)
  }

  return {
    /** Checks the source's next parked files; does nothing while the last check still runs, as on a disk that hangs. */
    look(source: SendSource): void {
      if (over || looking.has(source.id)) return
      looking.add(source.id)
      lookNow(source)
        .catch((thrown) => log('warn', `parked files of ${source.path}: ${String(thrown)}`))
        .finally(() => looking.delete(source.id))
    },
    stop() {
      over = true
    },
  }
}

/** True if the file is readable now or gone. A missing file needs a try, too: only that removes its row. */
async function canBeTried(root: string, { path: file, reason }: Parked): Promise<boolean> {
  try {
    if ((await lstatOrNull(path.join(root, file))) === null) return true
    const isOfReading = reason?.key === 'transfer.unreadable' || reason?.key === 'transfer.inUse'
    return isOfReading && (await isReadable({ root, path: file }))
  } catch (error) {
    return dropError(error, 'a parked file that cannot be looked at stays parked', false)
  }
}
