import { createSemaphore } from '../wire/semaphore.ts'
import type { Message } from '../words/message.ts'
import { message } from '../words/message.ts'
import type { Gate } from './gate.ts'
import { createGate } from './gate.ts'
import type { Attempt, Lane, SendSource, Slots } from './lane.ts'
import { createSlots, isLarge, openLane } from './lane.ts'
import type { Due, Ledger } from './ledger.ts'
import type { MarkSource } from './marks.ts'
import { openMarks } from './marks.ts'
import type { Transfer } from './messages.ts'
import type { Session } from './session.ts'
import { createSettle } from './settle.ts'
import { createShares } from './shares.ts'
import type { Sifted } from './sift.ts'
import { createSift } from './sift.ts'
import type { Whereabouts } from './whereabouts.ts'
import { whereabouts } from './whereabouts.ts'

/** Bytes of files that are read and not yet handed to the network. */
const MEMORY_BYTES = 32 * 1024 * 1024
/** Rows that are taken from the ledger at a time, over all sources. */
const TAKE_FILES = 4096
const TAKE_LEAST = 64
/** Large files that a source sets aside so that the small ones behind them can go on. */
const SET_ASIDE = 64
/** A source whose disk is away is looked at again after this. */
const AWAY_MS = 2_000
/** The ledger is looked at this often even if nobody says that there is work. */
const LOOK_EVERY_MS = 1_000

export interface PumpEvents {
  /** These files are sent, and the ledger says so. */
  onSent(files: readonly Due[], now: number): void
  /** Their group-write marks are set. */
  onMarked(): void
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

interface Running {
  lane: Lane
  sift: ReturnType<typeof createSift>
  queue: Due[]
  aside: Due[]
  over: boolean
  /** Nothing was found: wait for a wake. */
  idle: boolean
  /** Its disk is away: nothing is tried before this time of the steady clock. */
  awayUntil: number
  wake: () => void
}

export interface PumpOptions {
  destination: { id: string; name: string }
  ledger: Ledger
  ledgerPath: string
  retrySeconds: number
}

export function openPump(options: PumpOptions, events: PumpEvents): Pump {
  const { ledger, destination } = options
  const retryMs = options.retrySeconds * 1000
  const lanes = new Map<string, Running>()
  const slots = new Map<string, Slots>()
  const taken = new Set<number>()
  const onWire = new Map<number, Transfer>()
  const shares = createShares(createSemaphore(MEMORY_BYTES), MEMORY_BYTES)
  const gate: Gate = createGate(retryMs)
  let acknowledged: { due: Due; mark: boolean }[] = []
  let acknowledging = false
  let ledgerProblem: Message | null = null
  let session: Session | null = null
  let paused = true

  const wakeAll = () => {
    for (const running of lanes.values()) {
      running.idle = false
      running.wake()
    }
  }
  const timer = setInterval(wakeAll, LOOK_EVERY_MS)

  /** The ledger's own disk may be full or sick: then everything waits until it can be written again. */
  const withLedger = <T>(work: () => T): T | null => {
    try {
      const result = work()
      ledgerProblem = null
      return result
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message : String(thrown)
      if (ledgerProblem === null) events.log('error', `${options.ledgerPath}: ${reason}`)
      ledgerProblem = message('transfer.ledgerFailed', { path: options.ledgerPath, reason })
      events.onChange()
      return null
    }
  }

  const settle = createSettle({ ledger, receiver: destination.name, retryMs, gate, log: events.log })
  const marks = openMarks(destination.id, ledger, events)

  const acknowledge = () => {
    acknowledging = false
    const files = acknowledged
    const now = Date.now()
    const sent = withLedger(() =>
      ledger.markSent(
        files.map(({ due: { id, generation }, mark }) => ({ id, generation, mark })),
        now,
      ),
    )
    if (sent === null) {
      acknowledging = true
      setTimeout(acknowledge, LOOK_EVERY_MS)
      return
    }
    acknowledged = acknowledged.slice(files.length)
    for (const { due } of files) taken.delete(due.id)
    events.onSent(
      files.filter(({ due }) => sent.has(due.id)).map(({ due }) => due),
      now,
    )
    for (const { lane } of lanes.values()) if (lane.source.groupWriteMark) marks.look(lane.source)
    if (acknowledged.length > 0) acknowledgeSoon()
  }
  const acknowledgeSoon = () => {
    if (acknowledging) return
    acknowledging = true
    setImmediate(acknowledge)
  }

  const isAway = (running: Running) => {
    running.awayUntil = performance.now() + AWAY_MS
  }
  /** A ledger that cannot say it is no reason to lose a file. */
  const whereaboutsOf = ({ id }: MarkSource): Whereabouts => {
    try {
      return whereabouts(ledger.home(id))
    } catch {
      return 'away'
    }
  }

  const finish = (running: Running, due: Due, attempt: Attempt): void => {
    onWire.delete(due.id)
    const status = attempt.kind === 'answer' ? attempt.answer.status : null
    if (status === 'durable' || status === 'same') {
      gate.stored()
      acknowledged.push({ due, mark: running.lane.source.groupWriteMark })
      acknowledgeSoon()
    } else {
      if (attempt.kind === 'source-missing') isAway(running)
      else if (attempt.kind !== 'lost' && attempt.kind !== 'halted')
        withLedger(() => settle(running.lane.source, due, attempt))
      taken.delete(due.id)
    }
    gate.over(due.id)
    events.onChange()
    running.wake()
  }

  const giveBack = (running: Running) => {
    for (const due of [...running.queue, ...running.aside]) taken.delete(due.id)
    running.queue = []
    running.aside = []
  }

  const mayGo = ({ lane, over, awayUntil }: Running): boolean =>
    !over &&
    !paused &&
    !lane.source.paused &&
    performance.now() >= awayUntil &&
    session !== null &&
    !session.closed &&
    ledgerProblem === null &&
    gate.isOpen(performance.now())

  /** The source's filters have been changed since these were offered, or the files have. */
  const setAside = (running: Running, { go, leftOut, young }: Sifted) => {
    const { id } = running.lane.source
    withLedger(() => {
      const paths = leftOut.map(({ path }) => path)
      if (paths.length > 0) ledger.withdraw(destination.id, id, paths)
      for (const [second, files] of young) ledger.retryLater(files, second * 1000, null)
    })
    events.onChange()
    // More may be behind them.
    if (go.length === 0) setImmediate(() => running.wake())
  }

  const refill = (running: Running): void => {
    const limit = Math.max(TAKE_LEAST, Math.floor(TAKE_FILES / Math.max(1, lanes.size)))
    const { id } = running.lane.source
    const found = withLedger(() => ledger.take(destination.id, [id], limit, Date.now(), taken)) ?? []
    // Its files wait as they are, however long: nothing is asked of the directory underneath.
    if (found.length > 0 && whereaboutsOf(running.lane.source) === 'away') {
      isAway(running)
      return
    }
    const sifted = running.sift(found, Date.now())
    const { go } = sifted
    if (go.length < found.length) setAside(running, sifted)
    for (const due of go) taken.add(due.id)
    // In trouble the file that failed least often tries first: a large one for which there is no room must
    // not be the only one that is ever tried.
    if (gate.nextTryAt !== null) go.sort((a, b) => a.attempts - b.attempts)
    running.queue = go.reverse()
    running.idle = found.length === 0
  }

  /** The next file that could begin now: a large one waits aside for its turn while small ones pass. */
  const next = (running: Running): Due | null => {
    const { lane, aside } = running
    const first = aside[0]
    if (first !== undefined && lane.hasRoomFor(first.size)) return aside.shift() ?? null
    if (running.queue.length === 0 && !running.idle && aside.length < SET_ASIDE) refill(running)
    while (aside.length < SET_ASIDE) {
      const due = running.queue.pop()
      if (due === undefined) return null
      if (lane.hasRoomFor(due.size)) return due
      aside.push(due)
    }
    return null
  }

  const begin = async (running: Running, due: Due, on: Session): Promise<void> => {
    gate.pass(due.id)
    const { id, source, path: name, size } = due
    onWire.set(id, { id, source, path: name, size, sentBytes: 0 })
    await running.lane.send(due, on, (attempt) => finish(running, due, attempt))
  }

  const run = async (running: Running): Promise<void> => {
    while (!running.over) {
      const woken = new Promise<void>((resolve) => {
        running.wake = resolve
      })
      const due = mayGo(running) ? next(running) : null
      if (due !== null && session !== null) {
        await begin(running, due, session)
        continue
      }
      // What is not allowed to go is not held either: another start, or the scanner, may change it.
      if (!mayGo(running)) giveBack(running)
      await woken
    }
    giveBack(running)
  }

  const openRunning = (source: SendSource): Running => {
    const key = `${source.id} ${source.priority}`
    const mine = slots.get(key) ?? createSlots(source.priority)
    slots.set(key, mine)
    const memory = shares.of(source.priority ?? 'normal')
    const onBytes = (due: Due, bytes: number) => {
      const transfer = onWire.get(due.id)
      if (transfer !== undefined) transfer.sentBytes += bytes
      events.onBytes(due.source, bytes)
    }
    const mayGoOn = () => !running.over && !paused && !source.paused
    const lane = openLane(source, mine, { memory, whereabouts: whereaboutsOf, onBytes }, mayGoOn)
    const running: Running = {
      lane,
      sift: createSift(source.filters),
      queue: [],
      aside: [],
      over: false,
      idle: false,
      awayUntil: 0,
      wake: () => undefined,
    }
    void run(running)
    if (source.groupWriteMark) marks.look(source)
    return running
  }

  const close = (running: Running) => {
    running.over = true
    running.wake()
  }

  return {
    setSession(next) {
      session = next
      wakeAll()
    },
    configure(sources, nowPaused) {
      paused = nowPaused
      const wanted = new Map(sources.map((source) => [source.id, source]))
      for (const [id, running] of lanes) {
        const source = wanted.get(id)
        if (source !== undefined && JSON.stringify(source) === JSON.stringify(running.lane.source)) continue
        close(running)
        lanes.delete(id)
      }
      for (const source of sources) if (!lanes.has(source.id)) lanes.set(source.id, openRunning(source))
      wakeAll()
    },
    wake: wakeAll,
    stop() {
      clearInterval(timer)
      marks.stop()
      for (const running of lanes.values()) close(running)
    },
    transfers(limit) {
      const all: Transfer[] = []
      for (const transfer of onWire.values()) {
        if (all.length < limit && isLarge(transfer.size)) all.push({ ...transfer })
      }
      for (const transfer of onWire.values()) {
        if (all.length >= limit) break
        if (!isLarge(transfer.size)) all.push({ ...transfer })
      }
      return all
    },
    get problem() {
      return ledgerProblem ?? gate.problem
    },
  }
}
