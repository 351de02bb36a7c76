import type { FoundDirectory, Session } from '../../backends/destination.ts'
import type { QueuedFile, TransferResult } from '../../ledger/ledger.ts'
import { createSemaphore, type Semaphore } from '../../lib/async/semaphore.ts'
import { type Moment, momentNow } from '../../lib/async/timing.ts'
import { isWithin } from '../../platform/mounts.ts'
import { batchBuffers } from '../../protocol/frame-buffers.ts'
import type { Content, FileRead, Unsent } from '../reading/read-result.ts'
import {
  createJudge,
  findStoredAt,
  type SendSource,
  type Shared,
  type SourceParts,
  toTransferResult,
  type Window,
  withDigests,
} from './attempt.ts'
import { askForCopy, type CopySource, findCopySources, mayHaveContent } from './copy.ts'
import { createLargeSender } from './large.ts'

// The files of one source, from the queue to the session. A worker takes files from the queue, as many as its window
// has room for. A small file goes with those behind it: they wait for room in the window, are read in a thread
// together, and are handed to the session as one group. A large file is sent in chunks (large.ts). The destination
// copies a content that it already has (copy.ts).

/** Large files that a source sets aside so that the small ones behind them can pass. */
const SET_ASIDE = 64
/** Delay before a source whose disk is missing is checked again. */
const AWAY_MS = 2_000
/** Limits of a group of small files, in number and in bytes: a new group means a new read. */
const GROUP_FILES = 256
const GROUP_BYTES = 1024 * 1024
/** The limit of the group's names, in bytes. */
const GROUP_NAME_BYTES = 256 * 1024
/** Files up to this size are sent whole, in one go, however slow the line is. */
const WHOLE_FILE_BYTES = 64 * 1024
/**
 * Files of a source that are read for a copy or ask for one at a time, two groups. The others stay in the ledger: a
 * renamed tree has any number of them.
 */
const COPIES_AT_ONCE = 2 * GROUP_FILES
/** Memory that a file costs besides its bytes. */
const FILE_COST = 2048

/** The access that a worker needs to its dispatcher. */
interface WorkerHost {
  /** True if the source or all sending is paused. */
  isHalted(): boolean
  /** Returns the session if files may go now: nothing is paused or held back. */
  session(): Session | null
  /** Takes the source's next waiting files, oldest first; `away`: the source's disk is not mounted. */
  take(): QueuedFile[] | 'away'
  giveBack(files: readonly QueuedFile[]): void
  /** @param now one moment for all files of a group: thousands begin in a second. */
  begins(due: QueuedFile, now: Moment): void
  ended(due: QueuedFile, result: TransferResult): void
}

/** Receives the result of one file. */
type Done = (due: QueuedFile, result: TransferResult) => void

type ReadFile = { due: QueuedFile; content: Content }

/** The destination of files, and the callback for their results. */
interface Sending {
  session: Session
  /** Contents that can be copied there, by the file's id. Each holds a permit of `copies`. */
  from: ReadonlyMap<number, CopySource>
  /** See COPIES_AT_ONCE. */
  copies: Semaphore
  done: Done
}

export type SourceWorker = ReturnType<typeof openSourceWorker>

/** Takes one source's files from the queue and sends as many at a time as its window has room for. */
export function openSourceWorker(source: SendSource, shared: Shared, window: Window, host: WorkerHost) {
  let over = false
  /** The source's disk is missing: no attempt before this time of the monotonic clock. */
  let awayUntil = 0
  let goOn: () => void = () => undefined
  const isAway = () => {
    awayUntil = performance.now() + AWAY_MS
  }
  const sender = createFileSender({ source, shared, window, mayGoOn: () => !over && !host.isHalted() })
  const taken = createTaken(sender, host, isAway)

  const session = (): Session | null => (over || performance.now() < awayUntil ? null : host.session())

  const finish = (due: QueuedFile, result: TransferResult) => {
    if (result.kind === 'lost' && result.isAway) isAway()
    host.ended(due, result)
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

/** Files that were taken from the queue but not started. */
function createTaken(sender: ReturnType<typeof createFileSender>, host: WorkerHost, isAway: () => void) {
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

/** True if a file is sent in chunks. A whole file makes others wait. */
export const isLarge = (size: number, { limits }: Session): boolean =>
  size > Math.max(WHOLE_FILE_BYTES, limits.bytes)

/** Reads and sends the files of one source. */
export function createFileSender(parts: SourceParts) {
  const { window } = parts
  const sendLarge = createLargeSender(parts)
  const copies = createSemaphore(COPIES_AT_ONCE)

  const beginLarge = (
    due: QueuedFile,
    session: Session,
    done: (result: TransferResult) => void,
    onRoom: () => void,
  ) => {
    const mayOpen = window.beginLarge()
    let isOnLine = true
    const leaveLine = () => {
      if (isOnLine) window.endLarge()
      isOnLine = false
      onRoom()
    }
    const sent = mayOpen
      .then(() => sendLarge(due, session, leaveLine))
      .catch((error) => failedBy(error, parts, due))
    void sent.then((result) => {
      leaveLine()
      done(result)
    })
  }

  return {
    /** True if a file of this size could start at once. */
    hasRoomFor: (size: number, session: Session) => !isLarge(size, session) || window.hasRoomForLarge,
    /**
     * Waits until the window has room for the files, then sends them in the background: one large file, or several
     * small ones. `onRoom` is called when another large file may start.
     */
    async send(dues: readonly QueuedFile[], session: Session, done: Done, onRoom: () => void): Promise<void> {
      const [first] = dues
      if (first !== undefined && isLarge(first.size, session))
        beginLarge(first, session, (result) => done(first, result), onRoom)
      else await sendSmall(parts, dues, session, copies, done)
    },
  }
}

/** Sends a group of small files: waits for room in the window, then continues in the background. */
async function sendSmall(
  parts: SourceParts,
  dues: readonly QueuedFile[],
  session: Session,
  copies: Semaphore,
  done: Done,
): Promise<void> {
  const from = findCopySources(parts, dues, session)
  if (from.size > 0) await copies.acquire(from.size)
  if (await admit(parts, dues)) return sendRead(parts, dues, { session, from, copies, done })
  copies.release(from.size)
  for (const due of dues) done(due, { kind: 'lost' })
}

/** Waits for room in the window, held until the bytes are sent; returns false, without room, if stopped. */
async function admit({ window, mayGoOn }: SourceParts, dues: readonly QueuedFile[]): Promise<boolean> {
  const cost = getCost(dues)
  await window.acquire(cost)
  if (mayGoOn()) return true
  window.release(cost)
  return false
}

/** Reads the files in a thread, then continues with handleRead. Their room in the window is already held. */
function sendRead(parts: SourceParts, dues: readonly QueuedFile[], sending: Sending): void {
  const { source, shared } = parts
  const taken = (found: readonly FileRead[], directories: readonly FoundDirectory[]) => {
    const some = dues.flatMap((due, index) => {
      const content = found[index]
      return content === undefined ? [] : [{ due, content }]
    })
    void handleRead(parts, some, directories, sending)
  }
  const files = dues.map((due) => ({ path: due.path, offered: due }))
  shared.read(source.id, { root: source.path, files, fixity: source.digests ?? [], take: taken })
}

/** Handles the results of a read: sends the contents, and judges the files that could not be read. */
async function handleRead(
  parts: SourceParts,
  found: readonly { due: QueuedFile; content: FileRead }[],
  directories: readonly FoundDirectory[],
  sending: Sending,
): Promise<void> {
  const { window, mayGoOn } = parts
  const { from, copies, done } = sending
  const contents = found.flatMap(({ content }) => (content.kind === 'content' ? [content] : []))
  if (!mayGoOn()) {
    window.release(getCost(found.map(({ due }) => due)))
    freeContents(contents)
    copies.release(found.filter(({ due }) => from.has(due.id)).length)
    for (const { due } of found) done(due, { kind: 'lost' })
    return
  }
  const ready: ReadFile[] = []
  const unsent: { due: QueuedFile; content: Unsent }[] = []
  for (const { due, content } of found) {
    const copied = from.get(due.id)
    const isContent = content.kind === 'content'
    if (isContent && copied !== undefined && mayHaveContent(parts, due, copied, content.digest)) {
      window.release(getCost([due]))
      copy(parts, { due, content }, directories, copied, sending).catch((error) =>
        done(due, failedBy(error, parts, due)),
      )
      continue
    }
    if (copied !== undefined) copies.release()
    if (isContent) ready.push({ due, content })
    else {
      window.release(getCost([due]))
      unsent.push({ due, content })
    }
  }
  void judgeAll(parts, unsent, done)
  if (ready.length === 0) return freeContents(contents)
  await putOnLine(parts, ready, directories, sending, () => freeContents(contents))
}

/** Judges files of a group one after another: each is opened, and thousands may have changed at once. */
async function judgeAll(
  parts: SourceParts,
  unsent: readonly { due: QueuedFile; content: Unsent }[],
  done: Done,
): Promise<void> {
  const judge = createJudge(parts)
  for (const { due, content } of unsent)
    done(due, await judge(content, due).catch((error) => failedBy(error, parts, due)))
}

/** Sends files that were read. Releases their room in the window once the connection has taken their bytes. */
function putOnLine(
  parts: SourceParts,
  ready: readonly ReadFile[],
  directories: readonly FoundDirectory[],
  { session, done }: Sending,
  onUsed: () => void,
): Promise<void> {
  const { source, shared, window, mayGoOn } = parts
  // Only these values stay until the answers: the contents are freed earlier.
  const sent = ready.map(({ due, content: { digest, fixity, bytes } }) => {
    return { due, digest, fixity, size: bytes.length }
  })
  let held = getCost(sent.map(({ due }) => due))
  const releaseRoom = () => {
    window.release(held)
    held = 0
  }
  let unanswered = sent.length
  const files = ready.map(({ due, content: { bytes, digest, facts } }) => {
    const storedAt = findStoredAt(parts, due, digest)
    return { source, path: due.path, facts, bytes, digest, storedAt }
  })
  return session.sendSmall(files, directories, {
    onTurn() {
      if (mayGoOn()) return true
      releaseRoom()
      onUsed()
      for (const { due } of sent) done(due, { kind: 'lost' })
      return false
    },
    onUsed() {
      releaseRoom()
      onUsed()
      for (const { due, size } of sent) shared.onBytes(due, size)
    },
    onResult(index, result) {
      unanswered -= 1
      if (unanswered === 0 && held > 0) releaseRoom()
      const file = sent[index]
      if (file !== undefined) done(file.due, withDigests(result, file))
    },
  })
}

/**
 * Copies the content at the destination, and releases the permit; if the destination no longer has it, reads and sends
 * the file again.
 */
async function copy(
  parts: SourceParts,
  { due, content }: ReadFile,
  directories: readonly FoundDirectory[],
  copied: CopySource,
  sending: Sending,
): Promise<void> {
  const { session, copies, done } = sending
  const asked = askForCopy(parts, due, content, copied, session, () =>
    directories.filter(({ path }) => path === '' || isWithin(due.path, path)),
  )
  const result = await asked.finally(() => copies.release())
  if (result !== null) done(due, result)
  else if (await admit(parts, [due])) sendRead(parts, [due], { ...sending, from: new Map() })
  else done(due, { kind: 'lost' })
}

/** Returns the result for an unexpected error. */
const failedBy = (error: unknown, { source }: SourceParts, due: QueuedFile): TransferResult =>
  toTransferResult({ kind: 'failed', code: String(error) }, source, due.path)

/** Returns the room that files take in the window. */
const getCost = (dues: readonly QueuedFile[]): number =>
  dues.reduce((sum, { size }) => sum + size + FILE_COST, 0)

/** Frees the memory of files that were read together: they share one buffer. */
const freeContents = (contents: readonly Content[]) => {
  if (contents[0] !== undefined) batchBuffers.give(contents[0].bytes)
}
