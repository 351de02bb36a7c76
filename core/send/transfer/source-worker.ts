import type { QueuedFile } from '../../ledger/ledger.ts'
import { type Moment, momentNow } from '../../lib/async/moment.ts'
import type { Session } from '../destinations/destination.ts'
import type { SendAttempt, SendSource } from './contract.ts'
import { type FileSender, isLarge } from './sender.ts'

/** Large files that a source sets aside so that the small ones behind them can pass. */
const SET_ASIDE = 64
/** Delay before a source whose disk is missing is checked again. */
const AWAY_MS = 2_000
/** Limits of a group of small files, in number and in bytes: a new group means a new read. */
const GROUP_FILES = 256
const GROUP_BYTES = 1024 * 1024
/** The limit of the group's names, in bytes. */
const GROUP_NAME_BYTES = 256 * 1024

/** The access that a worker needs to its dispatcher. */
export interface WorkerHost {
  /** Returns the session if files may go now: nothing is paused or in trouble. */
  session(): Session | null
  /** Takes the source's next waiting files, oldest first; `away`: the source's disk is not mounted. */
  take(): QueuedFile[] | 'away'
  giveBack(files: readonly QueuedFile[]): void
  /** @param now one moment for all files of a group: thousands begin in a second. */
  begins(due: QueuedFile, now: Moment): void
  ended(due: QueuedFile, attempt: SendAttempt): void
}

/** Takes one source's files from the queue and sends as many at a time as its window has room for. */
export type SourceWorker = ReturnType<typeof openSourceWorker>

/** Files that were taken from the queue but not started. */
function createTaken(sender: FileSender, host: WorkerHost, isAway: () => void) {
  /** In reverse order: the next file is the last element. */
  let queue: QueuedFile[] = []
  let aside: QueuedFile[] = []
  let isExhausted = false

  const refill = (): void => {
    const found = host.take()
    // The files keep waiting: the directory below a missing mount is never read.
    if (found === 'away') {
      isAway()
      return
    }
    queue = found.reverse()
    isExhausted = found.length === 0
  }

  return {
    /** Returns the next file that can start now, or null. */
    next(to: Session): QueuedFile | null {
      // A large file waits aside for its turn while small ones pass.
      const first = aside[0]
      if (first !== undefined && sender.hasRoomFor(first.size, to)) return aside.shift() ?? null
      if (queue.length === 0 && !isExhausted && aside.length < SET_ASIDE) refill()
      while (aside.length < SET_ASIDE) {
        const due = queue.pop()
        if (due === undefined) return null
        if (sender.hasRoomFor(due.size, to)) return due
        aside.push(due)
      }
      return null
    },

    /** Returns `first` with the small files behind it that can go in the same group. */
    takeGroup(first: QueuedFile, to: Session, now: Moment): QueuedFile[] {
      const group = [first]
      if (isLarge(first.size, to)) return group
      let bytes = first.size
      let nameBytes = 0
      const files = Math.min(GROUP_FILES, to.limits.files)
      const most = Math.min(GROUP_BYTES, to.limits.bytes)
      while (group.length < files && bytes < most) {
        // After a failure only one file is tried, so the session is checked for each.
        const due = queue.at(-1)
        if (due === undefined || isLarge(due.size, to) || bytes + due.size > most || host.session() === null)
          break
        nameBytes += Buffer.byteLength(due.path)
        if (nameBytes > GROUP_NAME_BYTES) break
        queue.pop()
        host.begins(due, now)
        bytes += due.size
        group.push(due)
      }
      return group
    },

    putBack: (due: QueuedFile) => void queue.push(due),
    /** Returns all files to the queue. */
    giveBack() {
      host.giveBack([...queue, ...aside])
      queue = []
      aside = []
    },
    /** Signals that the queue may have more files than the last `take` found. */
    lookAgain() {
      isExhausted = false
    },
  }
}

/** @param openSender gets a function that returns true once the worker is closed. */
export function openSourceWorker(
  source: SendSource,
  openSender: (isOver: () => boolean) => FileSender,
  host: WorkerHost,
) {
  let over = false
  /** The source's disk is missing: no attempt before this time of the monotonic clock. */
  let awayUntil = 0
  let goOn: () => void = () => undefined
  const isAway = () => {
    awayUntil = performance.now() + AWAY_MS
  }
  const sender = openSender(() => over)
  const taken = createTaken(sender, host, isAway)

  const session = (): Session | null => (over || performance.now() < awayUntil ? null : host.session())

  const finish = (due: QueuedFile, attempt: SendAttempt) => {
    if (attempt.kind === 'source-missing') isAway()
    host.ended(due, attempt)
    goOn()
  }

  const run = async (): Promise<void> => {
    while (!over) {
      const woken = new Promise<void>((resolve) => {
        goOn = resolve
      })
      const to = session()
      const due = to === null ? null : taken.next(to)
      // Taking files may have shown that the disk is missing or that the ledger fails.
      const on = due === null ? null : host.session()
      if (due !== null && on !== null) {
        const now = momentNow()
        host.begins(due, now)
        await sender.send(taken.takeGroup(due, on, now), on, finish, () => goOn())
        continue
      }
      if (due !== null) taken.putBack(due)
      // Files that may not go now are returned: a restart or the scanner may change their rows.
      if (session() === null) taken.giveBack()
      await woken
    }
    taken.giveBack()
  }

  void run()
  return {
    source,
    /** Signals that files may be waiting, or that an obstacle is gone. */
    wake() {
      taken.lookAgain()
      goOn()
    },
    close() {
      over = true
      goOn()
    },
  }
}
