import { closeFd, openFd } from '../files/fd.ts'
import { forgetCached } from '../files/native.ts'
import { WRITE_NEW_FILE } from '../files/open-flags.ts'
import type { Semaphore } from '../pacing/semaphore.ts'
import { createSemaphore, withPermit } from '../pacing/semaphore.ts'
import type { Appending } from './appending.ts'
import { openAppending } from './appending.ts'
import { UNNAMED } from './file-system.ts'
import { temporaryIn } from './layout.ts'
import type { Room } from './limits/admission.ts'
import type { ToldDirectory } from './messages.ts'
import type { Stored } from './outcome.ts'
import { FileRefused, outcomeOf } from './outcome.ts'
import type { Partial } from './partials.ts'
import type { Offered, StoreParts } from './parts.ts'
import { judgePath, roomFor, timeToDurable } from './parts.ts'

/** A large file that comes in pieces. Nothing of it ever rejects. */
export type IncomingFile = ReturnType<typeof receiveLarge>

interface LargeOptions {
  /** What its sender says of which file it is, so that it can be resumed; left out: it cannot. */
  identity?: string | undefined
  /** What the directories on the way to it are at the source. */
  directories?: readonly ToldDirectory[]
  /** Waits for these before it is opened. */
  turns?: Semaphore
}

/** Pieces that come while the disk is busy are written in one call, at most so many. */
const PIECES_AT_ONCE = 16
/** Files that are written at the same time: enough to keep a disk busy, few enough to bound threads. */
const WRITES_AT_ONCE = 64

export function openStoreLarge(parts: StoreParts) {
  const writes = createSemaphore(WRITES_AT_ONCE)
  /** Stores a file that comes in pieces. */
  return (file: Offered, options: LargeOptions) => receiveLarge(file, options, parts, writes)
}

interface Open {
  fd: number
  /** Its path as long as it is not in its place; null: it has none. */
  path: string | null
  partial: Partial | null
  appending: Appending
}

function receiveLarge(
  file: Offered,
  { identity, directories = [], turns }: LargeOptions,
  parts: StoreParts,
  writes: Semaphore,
) {
  const { commitThread, groupCommit, partials, watch } = parts
  const { facts, path } = file
  let refused = judgePath(path)
  let open: Open | null = null
  let room: Room | null = null
  let release: () => void = () => undefined
  let hasTurn = false
  /** A part of it was read or written: what has refused it since may be the disk's own fault. */
  let isTouched = false
  let isOver = false
  let last: Promise<void> = Promise.resolve()
  let gathered: (Uint8Array | number)[] = []
  let gathering: Promise<void> | null = null

  /** One call to the disk, in its turn. */
  const writing = <T>(work: () => Promise<T>): Promise<T> => withPermit(writes, () => watch.during(work))

  /** A new file that cannot be resumed. */
  const create = async (): Promise<{ fd: number; path: string | null }> => {
    const { hasUnnamed } = await commitThread.opened
    const created = hasUnnamed ? null : temporaryIn(parts.temporary)
    const fd = await openFd(created ?? parts.temporary, created === null ? UNNAMED : WRITE_NEW_FILE, 0o600)
    return { fd, path: created }
  }

  /** One step after the other; after the first failure the rest of the file is only let pass. */
  const step = (work: () => Promise<void>): Promise<void> => {
    last = last.then(async () => {
      if (refused !== null) return
      try {
        await work()
      } catch (thrown) {
        refused = outcomeOf(thrown)
        // It is over only when its sender says so: until then it must not count against the files of others.
        room?.leave()
      }
    })
    return last
  }

  const begin = async (): Promise<void> => {
    hasTurn = (await turns?.acquire()) ?? false
    if (isOver) throw new FileRefused('aborted', '')
    release = await commitThread.use()
    const partial = identity === undefined ? null : await watch.during(() => partials.open(file, identity))
    const rest = facts.size - (partial?.offset ?? 0)
    try {
      // Said before the disk is filled with a part of it, which would fail the small files beside it.
      room = await roomFor(parts, file, rest)
      const at = partial ?? (await writing(create))
      const isSparse = facts.more?.sparse === true
      open = {
        fd: at.fd,
        path: at.path,
        partial,
        appending: await openAppending(at.fd, facts.size, isSparse),
      }
    } catch (thrown) {
      if (partial !== null) await closeFd(partial.fd).catch(() => undefined)
      await partial?.end(partial.offset)
      throw thrown
    }
  }

  /** Hashes what is there, each step a call of its own: a long file is no disk that hangs. */
  const takeIn = async (): Promise<void> => {
    const offset = open?.partial?.offset ?? 0
    // From the disk: what an earlier process was told of its failures died with it.
    if (open !== null && offset > 0) await forgetCached(open.fd)
    while (open !== null && !isOver && open.appending.position < offset) {
      const { appending } = open
      isTouched = true
      await writing(() => appending.takeIn(offset))
    }
  }

  const append = (pieces: readonly (Uint8Array | number)[]): Promise<void> =>
    writing(async () => {
      if (open === null || isOver) return
      const { appending } = open
      const bytes = pieces.reduce<number>((sum, one) => sum + (typeof one === 'number' ? one : one.length), 0)
      isTouched = true
      if (appending.position + bytes > facts.size) throw new FileRefused('digest', 'size')
      await appending.append(pieces)
      room?.written(bytes)
    })

  /** Closes what is open; `keep`: and keeps it to be resumed. */
  const end = async (keep: boolean): Promise<void> => {
    isOver = true
    await last
    room?.leave()
    const ended = open
    open = null
    if (ended !== null) {
      // fsync(2) says only once that writing failed: whoever went on with the file would not hear of it.
      const isSound = await ended.appending.close()
      await closeFd(ended.fd).catch(() => undefined)
      const isKept = keep && isSound && (refused === null || !isTouched)
      // Also what was there before, and has not been read yet.
      const bytes = Math.max(ended.appending.position, ended.partial?.offset ?? 0)
      await ended.partial?.end(isKept ? bytes : null)
    }
    leave()
  }

  const leave = () => {
    if (hasTurn) turns?.release()
    hasTurn = false
    release()
  }

  const offset = step(begin).then(() => (refused === null ? (open?.partial?.offset ?? 0) : null))
  void step(takeIn)

  const place = async ({ fd, path: temporary, partial }: Open, digest: Uint8Array): Promise<Stored> => {
    const timed = timeToDurable(parts)
    const written = { fd, temporary, digest, isUntimed: true, moved: null, directories }
    const stored = await groupCommit.addOne({ ...file, ...written })
    partial?.placed()
    room?.leave()
    leave()
    timed(stored.outcome)
    return stored
  }

  return {
    /** How much of it is there already, where it is resumed; null: it is refused. */
    offset,
    /** Why it is not stored, as soon as that is known. */
    get refused() {
      return refused
    },
    /** The next bytes, or so many zeros; resolves when they are not held in memory any more. */
    write(bytes: Uint8Array | number) {
      // What comes while the disk is busy is written in one call.
      if (gathering === null || gathered.length >= PIECES_AT_ONCE) {
        const pieces: (Uint8Array | number)[] = []
        gathered = pieces
        gathering = step(async () => {
          if (pieces === gathered) gathering = null
          await append(pieces)
        })
      }
      gathered.push(bytes)
      return gathering
    },
    /** All of it has come. */
    async finish(digest: Uint8Array) {
      await step(async () => {
        if (open === null || isOver) return
        const { appending } = open
        const isWhole = appending.position === facts.size
        if (!isWhole || !(await writing(() => appending.finish())).equals(digest))
          throw new FileRefused('digest', '')
      })
      const done = open
      if (refused !== null || done === null || isOver) {
        await end(false)
        return { outcome: refused ?? { status: 'aborted', detail: '' }, position: 0 }
      }
      open = null
      isOver = true
      return place(done, digest)
    },
    /** `keep`: what has come can be resumed. */
    abort: (keep: boolean) => end(keep),
  }
}
