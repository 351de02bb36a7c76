import type { QueuedFile } from '../../ledger/ledger.ts'
import type { Session } from '../destinations/destination.ts'
import type { SendAttempt, SendSource } from './contract.ts'
import { type FileSender, isLarge } from './sender.ts'

/** Large files that a source sets aside so that the small ones behind them can go on. */
const SET_ASIDE = 64
/** A source whose disk is away is looked at again after this. */
const AWAY_MS = 2_000
/** Small files that are sent together, in number and in bytes: reading begins anew for each group. */
const GROUP_FILES = 256
const GROUP_BYTES = 1024 * 1024
/** And of their names. */
const GROUP_NAME_BYTES = 256 * 1024

/** What a worker asks of the dispatcher that it belongs to. */
export interface WorkerHost {
  /** The session, if files may go now: nothing is paused, or in trouble. */
  session(): Session | null
  /** The source's next waiting files, oldest first, now counted as taken; `away`: its disk is. */
  take(): QueuedFile[] | 'away'
  giveBack(files: readonly QueuedFile[]): void
  begins(due: QueuedFile): void
  ended(due: QueuedFile, attempt: SendAttempt): void
}

/** Takes one source's files from the queue and sends them, as many at a time as its window has room for. */
export type SourceWorker = ReturnType<typeof openSourceWorker>

/** Files that were taken from the queue and not begun. */
function createTaken(sender: FileSender, host: WorkerHost, isAway: () => void) {
  /** The next one last. */
  let queue: QueuedFile[] = []
  let aside: QueuedFile[] = []
  let isExhausted = false

  const refill = (): void => {
    const found = host.take()
    // Its files wait as they are, however long: nothing is asked of the directory underneath.
    if (found === 'away') {
      isAway()
      return
    }
    queue = found.reverse()
    isExhausted = found.length === 0
  }

  return {
    /** The next one that could begin now. */
    next(to: Session): QueuedFile | null {
      // A large one waits aside for its turn while small ones pass.
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

    /** The small files that follow `first` and may go with it. */
    groupOf(first: QueuedFile, to: Session): QueuedFile[] {
      const group = [first]
      if (isLarge(first.size, to)) return group
      let bytes = first.size
      let nameBytes = 0
      const files = Math.min(GROUP_FILES, to.limits.files)
      const most = Math.min(GROUP_BYTES, to.limits.bytes)
      while (group.length < files && bytes < most) {
        // In trouble one goes at a time.
        const due = queue.at(-1)
        if (due === undefined || isLarge(due.size, to) || bytes + due.size > most || host.session() === null)
          break
        nameBytes += Buffer.byteLength(due.path)
        if (nameBytes > GROUP_NAME_BYTES) break
        queue.pop()
        host.begins(due)
        bytes += due.size
        group.push(due)
      }
      return group
    },

    putBack: (due: QueuedFile) => void queue.push(due),
    /** Everything goes back to the queue. */
    giveBack() {
      host.giveBack([...queue, ...aside])
      queue = []
      aside = []
    },
    /** There may be more in the queue than was found. */
    lookAgain() {
      isExhausted = false
    },
  }
}

/** @param openSender gets what says whether the sender may go on with what it has begun. */
export function openSourceWorker(
  source: SendSource,
  openSender: (isOver: () => boolean) => FileSender,
  host: WorkerHost,
) {
  let over = false
  /** Its disk is away: nothing is tried before this time of the steady clock. */
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
      // Taking may have shown that the disk is away, or that the ledger is in trouble.
      const on = due === null ? null : host.session()
      if (due !== null && on !== null) {
        host.begins(due)
        await sender.send(taken.groupOf(due, on), on, finish, () => goOn())
        continue
      }
      if (due !== null) taken.putBack(due)
      // What is not allowed to go is not held either: another start, or the scanner, may change it.
      if (session() === null) taken.giveBack()
      await woken
    }
    taken.giveBack()
  }

  void run()
  return {
    source,
    /** There may be work: something was found, or nothing stands in the way any more. */
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
