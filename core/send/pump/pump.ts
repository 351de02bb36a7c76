import { unparkAll } from '../../ledger/chores.ts'
import { createLedgerGuard } from '../../ledger/guard.ts'
import type { Due, Ledger } from '../../ledger/ledger.ts'
import { openWhereabouts } from '../../mounts/whereabouts.ts'
import { createSemaphore } from '../../pacing/semaphore.ts'
import type { Message } from '../../words/message.ts'
import type { Attempt, SendSource, Shared } from '../lane/contract.ts'
import { copySourcesOf } from '../lane/copy.ts'
import type { Slots } from '../lane/lane.ts'
import { createSlots, openLane } from '../lane/lane.ts'
import { createShares } from '../lane/shares.ts'
import { openMarks } from '../marks/marks.ts'
import type { Transfer } from '../messages.ts'
import type { Readers } from '../reading/readers.ts'
import type { Session } from '../session/session.ts'
import { createAcknowledgements } from './acknowledge.ts'
import type { Feed, FeedHost } from './feed.ts'
import { openFeed } from './feed.ts'
import type { Gate } from './gate.ts'
import { createGate } from './gate.ts'
import { createIntake } from './intake.ts'
import { openLookBacks } from './look-backs.ts'
import { createOnWire } from './on-wire.ts'
import { createSettle } from './settle.ts'
import { createSift } from './sift.ts'

/** Bytes of files that are read and not yet handed to the network. */
const MEMORY_BYTES = 32 * 1024 * 1024
/** The ledger is looked at this often even if nobody says that there is work. */
const LOOK_EVERY_MS = 1_000

export interface PumpEvents {
  /** These files are sent, and the ledger says so. */
  onSent(files: readonly Due[], now: number): void
  /** Their group-write marks are set. */
  onMarked(): void
  /** Files wait no more, though they were not sent: they are gone, or left out now. */
  onGone(): void
  onBytes(source: string, bytes: number): void
  /** Something that a report shows has changed. */
  onChange(): void
  log(level: 'info' | 'warn' | 'error', text: string): void
}

/** Moves files from the ledger to the receiver, for one destination. */
export interface Pump {
  setSession(session: Session | null): void
  configure(sources: readonly SendSource[], paused: boolean): void
  /** There may be work. */
  wake(): void
  stop(): void
  /** Files on the wire, at most `limit`. */
  transfers(limit: number): Transfer[]
  /** Why files wait although the connection is there, or null. */
  readonly problem: Message | null
}

export interface PumpOptions {
  destination: { id: string; name: string }
  ledger: Ledger
  ledgerPath: string
  retrySeconds: number
  readers: Readers
}

export function openPump(options: PumpOptions, events: PumpEvents): Pump {
  const { ledger, destination } = options
  const retryMs = options.retrySeconds * 1000
  const feeds = new Map<string, Feed>()
  /** By source and priority. */
  const slots = new Map<string, Slots>()
  const onWire = createOnWire()
  const shares = createShares(createSemaphore(MEMORY_BYTES), MEMORY_BYTES)
  const gate: Gate = createGate(retryMs)
  const disks = openWhereabouts(ledger)
  const guard = createLedgerGuard(options.ledgerPath, events)
  const back = openLookBacks(ledger, destination.id, {
    found: (source) => wakeSoon(source),
    log: events.log,
  })
  const settle = createSettle({
    ledger,
    receiver: destination.name,
    retryMs,
    gate,
    onGone: events.onGone,
    vanished: back.vanished,
    unreadable: back.unreadable,
    refused: back.refused,
    log: events.log,
  })
  const marks = openMarks(destination.id, ledger, events)
  let session: Session | null = null
  let paused = true

  const wakeSoon = (source: string) => void setImmediate(() => feeds.get(source)?.wake())
  const wakeAll = () => {
    for (const feed of feeds.values()) feed.wake()
  }
  /** The store's trouble is found to be over by a file that is stored; without files, nothing would find it. */
  const forgetTrouble = () => {
    if (gate.problem === null || guard.problem !== null) return
    const totals = guard.use(() => ledger.totals(destination.id))
    if (totals === null || [...feeds.keys()].some((id) => (totals[id]?.waitingFiles ?? 0) > 0)) return
    if (gate.nothingWaits(performance.now())) events.onChange()
  }
  const timer = setInterval(() => {
    wakeAll()
    forgetTrouble()
  }, LOOK_EVERY_MS)

  const intake = createIntake({
    destination: destination.id,
    ledger,
    guard,
    sources: () => feeds.size,
    isAway: (source) => disks.of(source) === 'away',
    isInTrouble: () => gate.nextTryAt !== null,
    leftOut: events.onGone,
    changed: events.onChange,
    wake: wakeSoon,
  })

  const lookForMarks = () => {
    for (const { lane } of feeds.values()) if (lane.source.groupWriteMark) marks.look(lane.source)
  }

  const acknowledgements = createAcknowledgements(ledger, guard, (over, sent, now) => {
    for (const due of over) intake.over(due)
    events.onSent(sent, now)
    lookForMarks()
  })

  const ended = (source: SendSource, due: Due, attempt: Attempt): void => {
    onWire.end(due)
    intake.release(due)
    const answered = attempt.kind === 'answer' ? attempt : null
    const status = answered?.answer.status
    if (status === 'durable' || status === 'same') {
      gate.stored()
      const { digest = null, answer } = answered ?? {}
      const others = (feeds.get(source.id)?.lane.source ?? source).alsoTo
      const position = answer?.position ?? 0
      acknowledgements.add({ due, mark: source.groupWriteMark, others, digest, position })
    } else {
      if (attempt.kind !== 'source-missing' && attempt.kind !== 'lost' && attempt.kind !== 'halted')
        guard.use(() => settle(source, due, attempt))
      intake.over(due)
    }
    gate.over(due.id)
    events.onChange()
  }

  const hostOf = (source: SendSource, sift = createSift(source.filters)): FeedHost => ({
    session() {
      if (paused || source.paused || session === null || session.closed) return null
      if (!guard.isRested || acknowledgements.isStuck) return null
      return gate.isOpen(performance.now(), source.id) ? session : null
    },
    take: () => intake.take(source, sift),
    giveBack: intake.giveBack,
    begins(due) {
      gate.pass(due, performance.now())
      onWire.begin(due)
    },
    ended: (due, attempt) => ended(source, due, attempt),
  })

  const shared: Omit<Shared, 'memory'> = {
    read: options.readers.read,
    whereabouts: disks.of,
    isBelowAway: disks.isBelowAway,
    copySources: (files) =>
      copySourcesOf(guard.use(() => ledger.sentElsewhere(destination.id, files)) ?? new Map(), (id) => {
        const source = feeds.get(id)?.lane.source
        return source === undefined ? null : { id, name: source.name, root: source.path }
      }),
    onBytes(due, bytes) {
      onWire.add(due, bytes)
      gate.went(due.id, bytes, performance.now())
      events.onBytes(due.source, bytes)
    },
    onSkipped: (due, bytes) => onWire.add(due, bytes),
  }

  /** Sources whose parked files were given another try since the start. */
  const retried = new Set<string>()
  /** What is looked back at is known to this process alone: another one begins with a try of each. */
  const retryParked = (source: string) => {
    if (retried.has(source)) return
    retried.add(source)
    unparkAll(ledger, destination.id, source).then(
      (files) => files > 0 && wakeSoon(source),
      (thrown) => events.log('warn', `parked files of ${source}: ${String(thrown)}`),
    )
  }

  const openFeedOf = (source: SendSource): Feed => {
    const key = `${source.id} ${source.priority}`
    const mine = slots.get(key) ?? createSlots(source.priority)
    slots.set(key, mine)
    const parts: Shared = { ...shared, memory: shares.of(source.priority ?? 'normal') }
    const mayGoOn = (isOver: () => boolean) => () => !isOver() && !paused && !source.paused
    const feed = openFeed((isOver) => openLane(source, mine, parts, mayGoOn(isOver)), hostOf(source))
    if (source.groupWriteMark) marks.look(source)
    return feed
  }

  return {
    setSession(next) {
      session = next
      if (next !== null) gate.connected(performance.now())
      wakeAll()
    },
    configure(sources, nowPaused) {
      paused = nowPaused
      const wanted = new Map(sources.map((source) => [source.id, source]))
      for (const [id, feed] of feeds) {
        const source = wanted.get(id)
        if (source !== undefined && JSON.stringify(source) === JSON.stringify(feed.lane.source)) continue
        feed.close()
        feeds.delete(id)
      }
      for (const source of sources) {
        retryParked(source.id)
        if (!feeds.has(source.id)) feeds.set(source.id, openFeedOf(source))
      }
      wakeAll()
    },
    wake() {
      wakeAll()
      lookForMarks()
    },
    stop() {
      clearInterval(timer)
      marks.stop()
      back.stop()
      for (const feed of feeds.values()) feed.close()
    },
    transfers: (limit) => onWire.list(limit),
    get problem() {
      return guard.problem ?? gate.problem
    },
  }
}
