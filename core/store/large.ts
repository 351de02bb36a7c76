import { type Semaphore, withPermit } from '../lib/async/semaphore.ts'
import { closeQuietly, openFd, WRITE_NEW_FILE } from '../platform/fd.ts'
import { forgetCached } from '../platform/native.ts'
import { UNNAMED } from './file-system.ts'
import { type Appending, openAppending } from './file-writer.ts'
import { temporaryIn } from './layout.ts'
import { checkPath, type Offered } from './offered.ts'
import { StorageError, type StoreResult, toStoreResult } from './outcome.ts'
import type { Partial } from './partials.ts'
import { reserveRoom, type StoreParts, timeToDurable } from './parts.ts'
import type { Room } from './quota/admission.ts'
import type { ToldDirectory } from './store-messages.ts'

/** A large file that arrives in pieces. Its promises never reject. */
export interface IncomingFile {
  /** Bytes that the store has already, greater than 0 if the file is resumed; null: it is refused. */
  readonly offset: Promise<number | null>
  /** The reason why it is not stored; null: it was not refused so far. */
  readonly refused: StoreResult | null
  /** Appends bytes, or a number of zeros; resolves when their memory is free again. */
  write(bytes: Uint8Array | number): Promise<void>
  /** Ends the file and stores it, if its content has this digest. */
  finish(digest: Uint8Array): Promise<StoreResult>
  /** Ends the file without storing it. `keep`: the received part can be resumed. */
  abort(keep: boolean): Promise<void>
}

export interface LargeOptions {
  /** Identifies the file at the sender, so that it can be resumed; left out: it cannot be resumed. */
  identity?: string | undefined
  /** Metadata of the file's parent directories at the source. */
  directories?: readonly ToldDirectory[]
  /** A permit is acquired from it before the file is opened. */
  turns?: Semaphore
}

/** Maximum of pieces in one write call. Pieces that arrive while the disk is busy are written together. */
const PIECES_AT_ONCE = 16
/** Files that are written at the same time: enough to keep a disk busy, few enough to bound threads. */
export const LARGE_WRITES_AT_ONCE = 64

interface Open {
  fd: number
  /** Its temporary path; null: it has no name. */
  path: string | null
  partial: Partial | null
  appending: Appending
}

export class LargeStoring implements IncomingFile {
  readonly offset: Promise<number | null>
  refused: StoreResult | null
  readonly #file: Offered
  readonly #options: LargeOptions
  readonly #parts: StoreParts
  readonly #writes: Semaphore
  #open: Open | null = null
  #room: Room | null = null
  #release: () => void = () => undefined
  #hasTurn = false
  /** Some of it was read or written: a later refusal may be a disk error, so the partial file is not kept. */
  #isTouched = false
  #isOver = false
  #last: Promise<void> = Promise.resolve()
  #gathered: (Uint8Array | number)[] = []
  #gathering: Promise<void> | null = null

  /** @param writes limits the write calls that run at the same time. */
  constructor(file: Offered, options: LargeOptions, parts: StoreParts, writes: Semaphore) {
    this.#file = file
    this.#options = options
    this.#parts = parts
    this.#writes = writes
    this.refused = checkPath(file.path)
    this.offset = this.#step(() => this.#begin()).then(() =>
      this.refused === null ? (this.#open?.partial?.offset ?? 0) : null,
    )
    void this.#step(() => this.#takeIn())
  }

  write(bytes: Uint8Array | number): Promise<void> {
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

  async finish(digest: Uint8Array): Promise<StoreResult> {
    await this.#step(async () => {
      if (this.#open === null || this.#isOver) return
      const { appending } = this.#open
      const isWhole = appending.position === this.#file.facts.size
      if (!isWhole || !(await this.#writing(() => appending.finish())).equals(digest))
        throw new StorageError('digest', '')
    })
    const done = this.#open
    if (this.refused !== null || done === null || this.#isOver) {
      await this.abort(false)
      return this.refused ?? { status: 'aborted', detail: '' }
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
      // fsync(2) reports a failed write only once: a resumed upload would not see the error.
      const isSound = await ended.appending.close()
      await closeQuietly(ended.fd)
      const isKept = keep && isSound && (this.refused === null || !this.#isTouched)
      // Includes bytes of an earlier upload that were not read yet.
      const bytes = Math.max(ended.appending.position, ended.partial?.offset ?? 0)
      await ended.partial?.end(isKept ? bytes : null)
    }
    this.#leave()
  }

  /** Runs the steps in order. Skips all steps after the first failure. */
  #step(work: () => Promise<void>): Promise<void> {
    this.#last = this.#last.then(async () => {
      if (this.refused !== null) return
      try {
        await work()
      } catch (error) {
        this.refused = toStoreResult(error)
        // The file stays open until its sender ends it; it must not take room from other files until then.
        this.#room?.leave()
      }
    })
    return this.#last
  }

  /** Waits for a permit and makes a disk call. */
  #writing<T>(work: () => Promise<T>): Promise<T> {
    return withPermit(this.#writes, () => this.#parts.watch.during(work))
  }

  async #begin(): Promise<void> {
    const { identity, turns } = this.#options
    const { commitThread, partials, watch } = this.#parts
    const { size, more } = this.#file.facts
    this.#hasTurn = (await turns?.acquire()) ?? false
    if (this.#isOver) throw new StorageError('aborted', '')
    this.#release = await commitThread.use()
    const partial =
      identity === undefined ? null : await watch.during(() => partials.open(this.#file, identity))
    try {
      // Checked before writing: a part of the file could fill the disk and make small files fail.
      this.#room = await reserveRoom(this.#parts, this.#file, size - (partial?.offset ?? 0))
      const { fd, path } = partial ?? (await this.#writing(() => createFile(this.#parts)))
      const appending = await openAppending(fd, size, more?.sparse === true)
      this.#open = { fd, path, partial, appending }
    } catch (error) {
      if (partial !== null) await closeQuietly(partial.fd)
      await partial?.end(partial.offset)
      throw error
    }
  }

  /** Hashes the existing bytes. The watch measures each step separately: a long file must not look like a hung disk. */
  async #takeIn(): Promise<void> {
    const offset = this.#open?.partial?.offset ?? 0
    // Reads from the disk, not from the cache: write errors that an earlier process saw are lost.
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
      if (appending.position + bytes > this.#file.facts.size) throw new StorageError('digest', 'size')
      await appending.append(pieces)
      this.#room?.written(bytes)
    })
  }

  async #place({ fd, path: temporary, partial }: Open, digest: Uint8Array): Promise<StoreResult> {
    const timed = timeToDurable(this.#parts)
    const { directories = [] } = this.#options
    const written = { fd, temporary, digest, isUntimed: true, moved: null, directories }
    const result = await this.#parts.groupCommit.addOne({ ...this.#file, ...written })
    partial?.placed()
    this.#room?.leave()
    this.#leave()
    timed(result)
    return result
  }

  #leave(): void {
    if (this.#hasTurn) this.#options.turns?.release()
    this.#hasTurn = false
    this.#release()
  }
}

/** Creates a file that cannot be resumed. */
async function createFile({ commitThread, temporary }: StoreParts) {
  const { hasUnnamed } = await commitThread.opened
  const path = hasUnnamed ? null : temporaryIn(temporary)
  const fd = await openFd(path ?? temporary, path === null ? UNNAMED : WRITE_NEW_FILE, 0o600)
  return { fd, path }
}
