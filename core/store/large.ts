import { type Semaphore, withPermit } from '../lib/async/semaphore.ts'
import { closeQuietly, openFd } from '../platform/fd.ts'
import { forgetCached } from '../platform/native.ts'
import { WRITE_NEW_FILE } from '../platform/open-flags.ts'
import { UNNAMED } from './file-system.ts'
import { type Appending, openAppending } from './file-writer.ts'
import { temporaryIn } from './layout.ts'
import { FileRefused, type Outcome, outcomeOf, type Stored } from './outcome.ts'
import type { Partial } from './partials.ts'
import { judgePath, type Offered, roomFor, type StoreParts, timeToDurable } from './parts.ts'
import type { Room } from './quota/admission.ts'
import type { ToldDirectory } from './store-messages.ts'

/** A large file that comes in pieces. Nothing of it ever rejects. */
export interface IncomingFile {
  /** How much of it is there already, where it is resumed; null: it is refused. */
  readonly offset: Promise<number | null>
  /** Why it is not stored, as soon as that is known. */
  readonly refused: Outcome | null
  /** The next bytes, or so many zeros; resolves when they are not held in memory any more. */
  write(bytes: Uint8Array | number): Promise<void>
  /** All of it has come. */
  finish(digest: Uint8Array): Promise<Stored>
  /** `keep`: what has come can be resumed. */
  abort(keep: boolean): Promise<void>
}

export interface LargeOptions {
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
export const LARGE_WRITES_AT_ONCE = 64

interface Open {
  fd: number
  /** Its path as long as it is not in its place; null: it has none. */
  path: string | null
  partial: Partial | null
  appending: Appending
}

export class LargeStoring implements IncomingFile {
  readonly offset: Promise<number | null>
  refused: Outcome | null
  readonly #file: Offered
  readonly #options: LargeOptions
  readonly #parts: StoreParts
  readonly #writes: Semaphore
  #open: Open | null = null
  #room: Room | null = null
  #release: () => void = () => undefined
  #hasTurn = false
  /** A part of it was read or written: what has refused it since may be the disk's own fault. */
  #isTouched = false
  #isOver = false
  #last: Promise<void> = Promise.resolve()
  #gathered: (Uint8Array | number)[] = []
  #gathering: Promise<void> | null = null

  /** @param writes has a permit for each file that is written at the same time. */
  constructor(file: Offered, options: LargeOptions, parts: StoreParts, writes: Semaphore) {
    this.#file = file
    this.#options = options
    this.#parts = parts
    this.#writes = writes
    this.refused = judgePath(file.path)
    this.offset = this.#step(() => this.#begin()).then(() =>
      this.refused === null ? (this.#open?.partial?.offset ?? 0) : null,
    )
    void this.#step(() => this.#takeIn())
  }

  write(bytes: Uint8Array | number): Promise<void> {
    // What comes while the disk is busy is written in one call.
    if (this.#gathering === null || this.#gathered.length >= PIECES_AT_ONCE) {
      const pieces: (Uint8Array | number)[] = []
      this.#gathered = pieces
      this.#gathering = this.#step(async () => {
        if (pieces === this.#gathered) this.#gathering = null
        await this.#append(pieces)
      })
    }
    this.#gathered.push(bytes)
    return this.#gathering
  }

  async finish(digest: Uint8Array): Promise<Stored> {
    await this.#step(async () => {
      if (this.#open === null || this.#isOver) return
      const { appending } = this.#open
      const isWhole = appending.position === this.#file.facts.size
      if (!isWhole || !(await this.#writing(() => appending.finish())).equals(digest))
        throw new FileRefused('digest', '')
    })
    const done = this.#open
    if (this.refused !== null || done === null || this.#isOver) {
      await this.abort(false)
      return { outcome: this.refused ?? { status: 'aborted', detail: '' }, position: 0 }
    }
    this.#open = null
    this.#isOver = true
    return this.#place(done, digest)
  }

  async abort(keep: boolean): Promise<void> {
    this.#isOver = true
    await this.#last
    this.#room?.leave()
    const ended = this.#open
    this.#open = null
    if (ended !== null) {
      // fsync(2) says only once that writing failed: whoever went on with the file would not hear of it.
      const isSound = await ended.appending.close()
      await closeQuietly(ended.fd)
      const isKept = keep && isSound && (this.refused === null || !this.#isTouched)
      // Also what was there before, and has not been read yet.
      const bytes = Math.max(ended.appending.position, ended.partial?.offset ?? 0)
      await ended.partial?.end(isKept ? bytes : null)
    }
    this.#leave()
  }

  /** One step after the other; after the first failure the rest of the file is only let pass. */
  #step(work: () => Promise<void>): Promise<void> {
    this.#last = this.#last.then(async () => {
      if (this.refused !== null) return
      try {
        await work()
      } catch (error) {
        this.refused = outcomeOf(error)
        // It is over only when its sender says so: until then it must not count against the files of others.
        this.#room?.leave()
      }
    })
    return this.#last
  }

  /** One call to the disk, in its turn. */
  #writing<T>(work: () => Promise<T>): Promise<T> {
    return withPermit(this.#writes, () => this.#parts.watch.during(work))
  }

  async #begin(): Promise<void> {
    const { identity, turns } = this.#options
    const { commitThread, partials, watch } = this.#parts
    const { size, more } = this.#file.facts
    this.#hasTurn = (await turns?.acquire()) ?? false
    if (this.#isOver) throw new FileRefused('aborted', '')
    this.#release = await commitThread.use()
    const partial =
      identity === undefined ? null : await watch.during(() => partials.open(this.#file, identity))
    try {
      // Said before the disk is filled with a part of it, which would fail the small files beside it.
      this.#room = await roomFor(this.#parts, this.#file, size - (partial?.offset ?? 0))
      const { fd, path } = partial ?? (await this.#writing(() => createFile(this.#parts)))
      const appending = await openAppending(fd, size, more?.sparse === true)
      this.#open = { fd, path, partial, appending }
    } catch (error) {
      if (partial !== null) await closeQuietly(partial.fd)
      await partial?.end(partial.offset)
      throw error
    }
  }

  /** Hashes what is there, each step a call of its own: a long file is no disk that hangs. */
  async #takeIn(): Promise<void> {
    const offset = this.#open?.partial?.offset ?? 0
    // From the disk: what an earlier process was told of its failures died with it.
    if (this.#open !== null && offset > 0) await forgetCached(this.#open.fd)
    while (this.#open !== null && !this.#isOver && this.#open.appending.position < offset) {
      const { appending } = this.#open
      this.#isTouched = true
      await this.#writing(() => appending.takeIn(offset))
    }
  }

  #append(pieces: readonly (Uint8Array | number)[]): Promise<void> {
    return this.#writing(async () => {
      if (this.#open === null || this.#isOver) return
      const { appending } = this.#open
      const bytes = pieces.reduce<number>((sum, one) => sum + (typeof one === 'number' ? one : one.length), 0)
      this.#isTouched = true
      if (appending.position + bytes > this.#file.facts.size) throw new FileRefused('digest', 'size')
      await appending.append(pieces)
      this.#room?.written(bytes)
    })
  }

  async #place({ fd, path: temporary, partial }: Open, digest: Uint8Array): Promise<Stored> {
    const timed = timeToDurable(this.#parts)
    const { directories = [] } = this.#options
    const written = { fd, temporary, digest, isUntimed: true, moved: null, directories }
    const stored = await this.#parts.groupCommit.addOne({ ...this.#file, ...written })
    partial?.placed()
    this.#room?.leave()
    this.#leave()
    timed(stored.outcome)
    return stored
  }

  #leave(): void {
    if (this.#hasTurn) this.#options.turns?.release()
    this.#hasTurn = false
    this.#release()
  }
}

/** A new file that cannot be resumed. */
async function createFile({ commitThread, temporary }: StoreParts) {
  const { hasUnnamed } = await commitThread.opened
  const path = hasUnnamed ? null : temporaryIn(temporary)
  const fd = await openFd(path ?? temporary, path === null ? UNNAMED : WRITE_NEW_FILE, 0o600)
  return { fd, path }
}
