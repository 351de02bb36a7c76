import type { Due } from '../../ledger/ledger.ts'
import type { Attempt } from '../lane/contract.ts'
import type { Lane } from '../lane/lane.ts'
import { isLarge } from '../lane/lane.ts'
import { headerBytesOf } from '../session/batches.ts'
import type { Session } from '../session/session.ts'

/** Large files that a source sets aside so that the small ones behind them can go on. */
const SET_ASIDE = 64
/** A source whose disk is away is looked at again after this. */
const AWAY_MS = 2_000
/** Small files that go through the lane together, in number and in bytes: reading begins anew for each group. */
const GROUP_FILES = 256
const GROUP_BYTES = 1024 * 1024
/** Of the header of a batch, which names them. */
const GROUP_HEADER_BYTES = 256 * 1024

/** What a feed asks of the pump that it belongs to. */
export interface FeedHost {
  /** The session, if files may go now: nothing is paused, or in trouble. */
  session(): Session | null
  /** The source's next waiting files, oldest first, now counted as taken; `away`: its disk is. */
  take(): Due[] | 'away'
  giveBack(files: readonly Due[]): void
  begins(due: Due): void
  ended(due: Due, attempt: Attempt): void
}

/** Brings one source's files from the ledger to its lane. */
export interface Feed {
  readonly lane: Lane
  /** There may be work: something was found, or nothing stands in the way any more. */
  wake(): void
  close(): void
}

/** @param openLane gets what says whether the lane may go on with what it has begun. */
export function openFeed(openLane: (isOver: () => boolean) => Lane, host: FeedHost): Feed {
  let queue: Due[] = []
  let aside: Due[] = []
  let over = false
  /** Nothing was found: wait for a wake. */
  let idle = false
  /** Its disk is away: nothing is tried before this time of the steady clock. */
  let awayUntil = 0
  let goOn: () => void = () => undefined
  const lane = openLane(() => over)

  const session = (): Session | null => (over || performance.now() < awayUntil ? null : host.session())
  const isAway = () => {
    awayUntil = performance.now() + AWAY_MS
  }

  const refill = (): void => {
    const found = host.take()
    // Its files wait as they are, however long: nothing is asked of the directory underneath.
    if (found === 'away') {
      isAway()
      return
    }
    queue = found.reverse()
    idle = found.length === 0
  }

  /** The next file that could begin now: a large one waits aside for its turn while small ones pass. */
  const next = (to: Session): Due | null => {
    const first = aside[0]
    if (first !== undefined && lane.hasRoomFor(first.size, to)) return aside.shift() ?? null
    if (queue.length === 0 && !idle && aside.length < SET_ASIDE) refill()
    while (aside.length < SET_ASIDE) {
      const due = queue.pop()
      if (due === undefined) return null
      if (lane.hasRoomFor(due.size, to)) return due
      aside.push(due)
    }
    return null
  }

  /** The small files that follow `first` and may go with it. */
  const groupOf = (first: Due, to: Session): Due[] => {
    const group = [first]
    if (isLarge(first.size, to)) return group
    let bytes = first.size
    let header = headerBytesOf(first.path)
    const files = Math.min(GROUP_FILES, to.smallLimits.files)
    const most = Math.min(GROUP_BYTES, to.smallLimits.bytes)
    while (group.length < files && bytes < most) {
      // In trouble one goes at a time.
      const due = queue.at(-1)
      if (due === undefined || isLarge(due.size, to) || bytes + due.size > most || host.session() === null)
        break
      header += headerBytesOf(due.path)
      if (header > GROUP_HEADER_BYTES) break
      queue.pop()
      host.begins(due)
      bytes += due.size
      group.push(due)
    }
    return group
  }

  const giveBack = () => {
    host.giveBack([...queue, ...aside])
    queue = []
    aside = []
  }

  const finish = (due: Due, attempt: Attempt) => {
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
      const due = to === null ? null : next(to)
      // Taking may have shown that the disk is away, or that the ledger is in trouble.
      const on = due === null ? null : host.session()
      if (due !== null && on !== null) {
        host.begins(due)
        await lane.send(groupOf(due, on), on, finish, () => goOn())
        continue
      }
      if (due !== null) queue.push(due)
      // What is not allowed to go is not held either: another start, or the scanner, may change it.
      if (session() === null) giveBack()
      await woken
    }
    giveBack()
  }

  void run()
  return {
    lane,
    wake() {
      idle = false
      goOn()
    },
    close() {
      over = true
      goOn()
    },
  }
}
