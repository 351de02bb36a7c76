import path from 'node:path'
import { ignoreError } from '../../dropped-errors.ts'
import { unparkAll } from '../../ledger/background-jobs.ts'
import { createLedgerGuard } from '../../ledger/health.ts'
import type { QueuedFile } from '../../ledger/ledger.ts'
import { openMountPresence } from '../../ledger/mount-presence.ts'
import { momentNow } from '../../lib/async/moment.ts'
import { lstatExactOrNull } from '../../platform/lstat-or-null.ts'
import { sameContent, toFileStat } from '../../platform/stat-facts.ts'
import { defaultSettings } from '../../settings/schema.ts'
import type { Session } from '../destinations/destination.ts'
import { openMarks } from '../marks/marks.ts'
import type { SendAttempt, SendSource, Shared } from '../transfer/contract.ts'
import { openFileSender } from '../transfer/sender.ts'
import { openSourceWorker, type SourceWorker } from '../transfer/source-worker.ts'
import { createWindows } from '../transfer/window.ts'
import { CircuitBreaker } from './circuit-breaker.ts'
import { createAcknowledgements, type StoredFile } from './commit-sent.ts'
import { createQueueFilter } from './filter.ts'
import { openParkedFiles } from './parked.ts'
import type { DispatcherEvents, DispatcherOptions, Parts } from './parts.ts'
import { createQueue } from './queue.ts'
import { createRestlessFiles } from './restless.ts'
import { applyRetryPolicy } from './retry-policy.ts'
import { createTransfers } from './transfers.ts'

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
