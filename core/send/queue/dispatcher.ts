import path from 'node:path'
import { dropError, ignoreError } from '../../dropped-errors.ts'
import { unparkAll } from '../../ledger/background-jobs.ts'
import {
  createLedgerGuard,
  type Ledger,
  type LedgerGuard,
  type Parked,
  type QueuedFile,
  type SentClaim,
} from '../../ledger/ledger.ts'
import { openMountPresence } from '../../ledger/mount-presence.ts'
import { momentNow } from '../../lib/async/timing.ts'
import { sameContent, toFileStat } from '../../platform/file-metadata.ts'
import { lstatExactOrNull, lstatOrNull } from '../../platform/files.ts'
import { defaultSettings } from '../../settings/schema.ts'
import type { Session } from '../destinations/destination.ts'
import { type Marks, openMarks } from '../marks/marks.ts'
import { isReadable } from '../reading/read.ts'
import type { Readers } from '../reading/readers.ts'
import type { Transfer } from '../sender-messages.ts'
import type { SendAttempt, SendSource, Shared } from '../transfer/attempt.ts'
import { createWindows, type Windows } from '../transfer/attempt.ts'
import { openFileSender, openSourceWorker, type SourceWorker } from '../transfer/source-worker.ts'
import { CircuitBreaker } from './circuit-breaker.ts'
import { createQueue, createQueueFilter, type Queue } from './queue.ts'
import { createRestlessFiles, type RestlessFiles } from './restless.ts'
import { applyRetryPolicy } from './retry-policy.ts'

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

export interface DispatcherOptions {
  destination: { id: string; name: string }
  ledger: Ledger
  ledgerPath: string
  retrySeconds: number
  /** See RestlessOptions; without, the settings' default. */
  versionsPerHour?: number
  readers: Readers
}

/** The shared parts of a dispatcher. */
export interface Parts {
  options: DispatcherOptions
  events: DispatcherEvents
  guard: LedgerGuard
  breaker: CircuitBreaker
  disks: ReturnType<typeof openMountPresence>
  marks: Marks
  transfers: Transfers
  windows: Windows
  workers: Map<string, SourceWorker>
  queue: Queue
  restless: RestlessFiles
  acknowledgements: Acknowledgements
  /** See Shared. */
  moving: Set<number>
  state: { session: Session | null; paused: boolean }
}

/** The ledger is polled at this interval, even without a wake-up. */
const LOOK_EVERY_MS = 1_000
/** Interval between two checks of parked files. */
const PARKED_EVERY_MS = 5_000

function createShared(parts: Parts): Shared {
  const { breaker, disks, events, guard, moving, options, transfers, workers } = parts
  const { ledger, destination } = options
  return {
    read: options.readers.read,
    whereabouts: disks.of,
    isBelowAway: disks.isBelowAway,
    sentElsewhere: (dues) => guard.use(() => ledger.sentElsewhere(destination.id, dues, moving)) ?? new Map(),
    moving,
    findSource: (id) => workers.get(id)?.source ?? null,
    onOtherContent: (due) => void guard.use(() => ledger.forgetContent(due)),
    onBytes(due, bytes) {
      transfers.add(due, bytes)
      breaker.countSent(bytes)
      events.onBytes(due.source, bytes)
    },
    onSkipped: transfers.add,
  }
}

/** Records the result of an attempt to send a file. */
function ended(parts: Parts, source: SendSource, due: QueuedFile, attempt: SendAttempt): void {
  const { acknowledgements, breaker, events, guard, queue, restless, transfers, workers } = parts
  transfers.end(due)
  if (attempt.kind === 'changed') restless.changed(due, momentNow())
  else if (attempt.kind !== 'durable') restless.ended(due)
  if (attempt.kind === 'durable') {
    breaker.stored(due)
    const { digest, position, seal, isOlder, stat, moved } = attempt
    // The current configuration, which may differ from that at the start of the attempt.
    const others = (workers.get(source.id)?.source ?? source).alsoTo
    acknowledgements.add({
      ...due,
      mark: source.groupWriteMark,
      ...{ others, digest, position, seal, isOlder, stat, moved },
    })
  } else {
    guard.use(() => applyRetryPolicy(parts, source, due, attempt))
    if (attempt.kind === 'again' && attempt.trouble !== 'no')
      breaker.failed(due, attempt.reason, attempt.trouble, performance.now())
    queue.release([due])
  }
  breaker.ended(due.source, performance.now())
  events.onChange()
}

function openWorker(parts: Parts, source: SendSource): SourceWorker {
  const { acknowledgements, breaker, guard, queue, restless, state, transfers, windows } = parts
  const filter = createQueueFilter(source.filters)
  const isHalted = () => state.paused || source.paused
  const window = windows.of(source.id, source.priority)
  const shared = createShared(parts)
  const openSender = (isOver: () => boolean) =>
    openFileSender({ source, shared, window, mayGoOn: () => !isOver() && !isHalted() })
  return openSourceWorker(source, openSender, {
    session() {
      const { session } = state
      if (isHalted() || session === null || session.closed) return null
      if (!guard.isRested || acknowledgements.isStuck) return null
      return breaker.mayGo(performance.now(), source.id) ? session : null
    },
    take: () => queue.take(source, filter),
    giveBack: queue.release,
    begins(due, now) {
      breaker.begins(due.source, now.steady)
      transfers.begin(due)
      restless.begins(due, now)
    },
    ended: (due, attempt) => ended(parts, source, due, attempt),
  })
}

/**
 * Offers names again that came back while the destination was moving their content: the ledger listed them as sent
 * when the scanner found them. A name that comes back later differs from its row in the ledger.
 */
async function offerReturned(
  { guard, options, workers }: Parts,
  files: readonly StoredFile[],
): Promise<void> {
  const { destination, ledger } = options
  for (const file of files) {
    for (const { source, path: name } of file.moved ?? []) {
      const root = workers.get(source)?.source.path
      if (root === undefined) continue
      const stats = await lstatExactOrNull(path.join(root, name)).catch(
        ignoreError('the next comparison with the ledger offers the name', null),
      )
      if (stats === null || !sameContent(toFileStat(stats), file)) continue
      guard.use(() => ledger.offer(destination.id, [{ source, path: name, ...toFileStat(stats) }]))
      wakeSoon(workers, source)
    }
  }
}

/** Clears the breaker's problem if the file behind it no longer waits: only that file's success would clear it. */
function forgetTrouble({ breaker, events, guard, options, workers }: Parts): void {
  if (breaker.problem === null || guard.problem !== null) return
  const { blocked, nextTryAt } = breaker
  if (blocked !== null && nextTryAt === null) {
    if (workers.has(blocked.source) && guard.use(() => options.ledger.isWaiting(blocked.id)) !== false) return
    breaker.forget()
    events.onChange()
    return
  }
  const totals = guard.use(() => options.ledger.totals(options.destination.id))
  if (totals === null || [...workers.keys()].some((id) => (totals[id]?.waitingFiles ?? 0) > 0)) return
  if (breaker.clearIfIdle(performance.now())) events.onChange()
}

function lookForMarks({ marks, workers }: Parts): void {
  for (const { source } of workers.values()) if (source.groupWriteMark) marks.look(source)
}

const wakeSoon = (workers: Parts['workers'], source: string): void =>
  void setImmediate(() => workers.get(source)?.wake())

function createParts(options: DispatcherOptions, events: DispatcherEvents): Parts {
  const { destination, ledger } = options
  const retryMs = options.retrySeconds * 1000
  const workers: Parts['workers'] = new Map()
  const guard = createLedgerGuard(options.ledgerPath, events)
  const breaker = new CircuitBreaker(retryMs)
  const disks = openMountPresence(ledger)
  const restless = createRestlessFiles({
    versionsPerHour: options.versionsPerHour ?? defaultSettings.send.versionsPerHour,
    storedAt: (id) => guard.use(() => ledger.sentAt(id)),
    isWaiting: (id) => guard.use(() => ledger.isWaiting(id)) !== false,
  })
  const queue = createQueue({
    destination: destination.id,
    ledger,
    guard,
    retryMs,
    mayGoAt: restless.mayGoAt,
    sources: () => workers.size,
    isAway: (source) => disks.of(source) === 'away',
    isInTrouble: () => breaker.nextTryAt !== null,
    leftOut: events.onGone,
    changed: events.onChange,
    wake: (source) => wakeSoon(workers, source),
  })
  const moving: Parts['moving'] = new Set()
  const acknowledgements = createAcknowledgements(ledger, guard, (over, sent, now) => {
    const isSent = new Set(sent)
    const moment = { ...momentNow(), wall: now }
    for (const due of over) restless.stored(due, !isSent.has(due), moment)
    queue.release(over)
    for (const file of over) for (const { id } of file.moved ?? []) moving.delete(id)
    void offerReturned(parts, over)
    events.onSent(sent, now)
    lookForMarks(parts)
  })
  const transfers = createTransfers()
  const parts: Parts = {
    ...{ options, events, guard, breaker, disks, workers, queue, acknowledgements, transfers },
    ...{ moving, restless },
    marks: openMarks(destination.id, ledger, events),
    windows: createWindows(),
    state: { session: null, paused: true },
  }
  return parts
}

/** Takes waiting files from the ledger for one destination, from each source in turn, and sends them. */
export function openDispatcher(options: DispatcherOptions, events: DispatcherEvents) {
  const parts = createParts(options, events)
  const { breaker, disks, guard, marks, state, transfers, workers } = parts
  const parked = openParkedFiles(options.destination.id, options.ledger, {
    isAway: (source) => disks.of(source) === 'away',
    found: (source) => wakeSoon(workers, source),
    log: events.log,
  })
  const wakeAll = () => {
    for (const worker of workers.values()) worker.wake()
  }
  const { destination, ledger } = options
  // An update of Holdfast may be able to send files that were parked.
  unparkAll(ledger, destination.id, null).then(wakeAll, (error) =>
    events.log('warn', `parked files: ${String(error)}`),
  )
  const timer = setInterval(() => {
    // A ledger that can be read may still refuse writes: a success here must not clear its problem.
    const isIdle =
      guard.problem === null && guard.use(() => ledger.hasDue(destination.id, Date.now())) === false
    if (!isIdle) wakeAll()
    forgetTrouble(parts)
  }, LOOK_EVERY_MS)
  const parkedTimer = setInterval(() => {
    const totals = guard.use(() => ledger.totals(destination.id)) ?? {}
    for (const { source } of workers.values())
      if ((totals[source.id]?.parkedFiles ?? 0) > 0) parked.look(source)
  }, PARKED_EVERY_MS)

  const open = (source: SendSource): void => {
    workers.set(source.id, openWorker(parts, source))
    if (source.groupWriteMark) marks.look(source)
  }

  return {
    setSession(next: Session | null): void {
      state.session = next
      if (next !== null) breaker.tryNow(performance.now())
      wakeAll()
    },
    configure(sources: readonly SendSource[], nowPaused: boolean): void {
      state.paused = nowPaused
      const wanted = new Map(sources.map((source) => [source.id, JSON.stringify(source)]))
      for (const [id, worker] of workers) {
        if (wanted.get(id) === JSON.stringify(worker.source)) continue
        worker.close()
        workers.delete(id)
      }
      for (const source of sources) {
        if (!workers.has(source.id)) open(source)
      }
      wakeAll()
    },
    /** Signals that files may be waiting. */
    wake(): void {
      wakeAll()
      lookForMarks(parts)
    },
    stop(): void {
      clearInterval(timer)
      clearInterval(parkedTimer)
      marks.stop()
      parked.stop()
      for (const worker of workers.values()) worker.close()
    },
    transfers: transfers.list,
    /** Files of these sources that wait because they keep changing. */
    restless: () => parts.restless.list(Date.now()).filter(({ source }) => workers.has(source)),
    /** The reason why files wait although there is a session, or null. */
    get problem() {
      return guard.problem ?? breaker.problem
    },
  }
}

/** Delay before a failed write of the ledger is repeated. */
const AGAIN_MS = 1_000

/** A file that the destination has stored; `digest` is that of the stored content. */
type StoredFile = QueuedFile & SentClaim

/** Records stored files in the ledger: those of one turn of the event loop in one transaction. */
type Acknowledgements = ReturnType<typeof createAcknowledgements>

function createAcknowledgements(
  ledger: Pick<Ledger, 'markSent'>,
  guard: LedgerGuard,
  /** `files`: all recorded files; `sent`: those of them that did not change meanwhile. */
  onWritten: (files: readonly StoredFile[], sent: readonly QueuedFile[], now: number) => void,
) {
  let waiting: StoredFile[] = []
  let running = false
  let isStuck = false

  const write = () => {
    running = false
    const files = waiting
    const now = Date.now()
    const sent = guard.use(() => ledger.markSent(files, now))
    isStuck = sent === null
    if (sent === null) {
      running = true
      setTimeout(write, AGAIN_MS)
      return
    }
    waiting = []
    onWritten(
      files,
      files.filter(({ id }) => sent.has(id)),
      now,
    )
  }

  return {
    add(stored: StoredFile): void {
      waiting.push(stored)
      if (running) return
      running = true
      setImmediate(write)
    },
    /** True if the last write failed: it is repeated, and sending should pause until it succeeds. */
    get isStuck() {
      return isStuck
    },
  }
}

/** The files that are being sent now, with their progress. */
export type Transfers = ReturnType<typeof createTransfers>

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
    /** Returns at most `limit` files: the largest first, and last those that only wait for the destination's answer. */
    list: (limit: number): Transfer[] =>
      [...files.values()]
        .sort((a, b) => getRank(b) - getRank(a))
        .slice(0, limit)
        .map((transfer) => ({ ...transfer })),
  }
}

/** Parked files of one source that one check covers; the next check continues behind them. */
const FILES = 1_000

interface ParkedEvents {
  isAway(source: SendSource): boolean
  /** Files of this source can be sent again. */
  found(source: string): void
  log(level: 'warn', text: string): void
}

/** True if the file is readable now or gone. A missing file needs a try, too: only that removes its row. */
async function canBeTried(root: string, { path: file, reason }: Parked): Promise<boolean> {
  try {
    if ((await lstatOrNull(path.join(root, file))) === null) return true
    return reason?.key === 'transfer.unreadable' && (await isReadable({ root, path: file }))
  } catch (error) {
    return dropError(error, 'a parked file that cannot be looked at stays parked', false)
  }
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
  /** The last row of the last check, by source. */
  const endedAt = new Map<string, number>()
  let over = false

  const lookNow = async (source: SendSource): Promise<void> => {
    const files = ledger.parked(destination, source.id, endedAt.get(source.id) ?? 0, FILES)
    endedAt.set(source.id, files.length < FILES ? 0 : (files.at(-1)?.id ?? 0))
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
