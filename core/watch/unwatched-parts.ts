import { createHash } from 'node:crypto'
import { lstatSync, opendirSync } from 'node:fs'
import { defer } from '../defer.ts'
import type { NameFilter } from '../filter/exclusion-rules.ts'
import { holdDirectorySync } from '../platform/openat2.ts'
import { errorCode } from '../platform/system-error.ts'
import { absolutePath, joinRelative } from '../walk/scanned-file.ts'

/** Longest work between two reads of events. */
const SLICE_MS = 4
/** Pause after a slice, in times of its duration: each of the two rounds takes a twentieth of a processor. */
const PAUSE_TIMES = 19
/** Shortest interval between the beginnings of two rounds. */
const ROUND_MS = 1_000

interface PartsOptions {
  root: string
  filter: NameFilter
  /** True if a directory, relative to the source, is not entered. */
  isLeftOut(path: string): boolean
}

/** A directory as it was when it was last read. */
interface Seen {
  /** Inode and times of the directory itself, which change with its entries. */
  stat: string
  /** Names of its subdirectories; names, sizes, times and modes of its files. '': it was never read. */
  digest: string
  directories: ReadonlySet<string>
}

/** A step is one entry or one directory. It yields true while a directory is open, which would prevent an unmount. */
type Steps = Generator<boolean, void, void>

/** State of a pass over all directories. */
interface Round {
  isDeep: boolean
  steps: Steps
  beganAt: number
  /** Work since the last pause, in milliseconds. */
  workedMs: number
  /** Begin of the next slice, as a time of performance.now(). */
  due: number
}

/**
 * Polls the directories that have no watch, with everything below them, and collects those that have changed. Two
 * rounds run side by side: the first compares the times of each directory, which change with its entries; the second
 * also compares each file, which may change in place. Both work in short slices with pauses, so that they take a tenth
 * of a processor, however many directories there are. One digest for each directory is kept in memory. Synchronous:
 * for the watcher's thread.
 */
export class UnwatchedParts {
  readonly #options: PartsOptions
  readonly #seen = new Map<string, Seen>()
  /** The topmost directories, as `set` received them last. */
  #tops: ReadonlySet<string> = new Set()
  /** Directories in which something has changed since the last `take`. */
  readonly #changed = new Set<string>()
  readonly #rounds: Round[] = [false, true].map((isDeep) => ({
    isDeep,
    steps: this.#look(isDeep),
    beganAt: 0,
    workedMs: 0,
    due: 0,
  }))

  constructor(options: PartsOptions) {
    this.#options = options
  }

  /** Replaces the topmost directories, relative to the source. A new one counts as changed, with all below it. */
  set(tops: readonly string[]): void {
    this.#tops = new Set(tops)
    for (const path of this.#seen.keys()) if (!this.#isBelowTop(path)) this.#seen.delete(path)
    for (const path of tops) this.#add(path)
  }

  /** The next call of `work`, as a time of performance.now(); infinite if there are no directories. */
  get nextDue(): number {
    return this.#seen.size === 0 ? Number.POSITIVE_INFINITY : Math.min(...this.#rounds.map(({ due }) => due))
  }

  /** Works on each round whose next slice is due. */
  work(): void {
    for (const round of this.#rounds) {
      const began = performance.now()
      if (this.#seen.size === 0 || round.due > began) continue
      let step = round.steps.next()
      while (step.done !== true && performance.now() < began + SLICE_MS) step = round.steps.next()
      const now = performance.now()
      round.workedMs += now - began
      if (step.value === true) continue
      round.due = now + PAUSE_TIMES * round.workedMs
      round.workedMs = 0
      if (step.done !== true) continue
      round.due = Math.max(round.due, round.beganAt + ROUND_MS)
      round.beganAt = round.due
      round.steps = this.#look(round.isDeep)
    }
  }

  /**
   * Reads all directories for the first time, without pauses. Then drops the collected changes, because a comparison
   * of the whole tree follows.
   */
  *settle(): Steps {
    yield* this.#look(false)
    this.#changed.clear()
  }

  /** Returns the directories in which something has changed since the last call. */
  take(): string[] {
    const changed = [...this.#changed]
    this.#changed.clear()
    return changed
  }

  /** Forgets a directory and all below it. */
  forget(path: string): void {
    for (const each of this.#seen.get(path)?.directories ?? []) this.forget(each)
    this.#seen.delete(path)
  }

  close(): void {
    for (const { steps } of this.#rounds) steps.return()
  }

  #isBelowTop(path: string): boolean {
    for (let end = path.length; end !== -1; end = path.lastIndexOf('/', end - 1))
      if (this.#tops.has(path.slice(0, end))) return true
    return false
  }

  #add(path: string): void {
    if (!this.#seen.has(path)) this.#seen.set(path, { stat: '', digest: '', directories: new Set() })
  }

  /** Makes one round. Directories that are found meanwhile come last. */
  *#look(isDeep: boolean): Steps {
    for (const [path, seen] of this.#seen) {
      try {
        yield* this.#lookAt(path, seen, isDeep)
      } catch (error) {
        if (errorCode(error) === null) throw error
        // Gone, replaced or unreadable: its parent has changed, or a comparison reports it.
        seen.stat = ''
      }
      yield false
    }
  }

  *#lookAt(path: string, seen: Seen, isDeep: boolean): Steps {
    const { ino, mtimeMs, ctimeMs } = lstatSync(absolutePath(this.#options.root, path))
    const stat = `${ino} ${mtimeMs} ${ctimeMs}`
    if (!isDeep && stat === seen.stat) return
    const directories = new Set<string>()
    const digest = yield* this.#read(path, directories)
    // `forget` was called meanwhile.
    if (this.#seen.get(path) !== seen) return
    if (digest !== seen.digest) this.#changed.add(path)
    for (const each of seen.directories) if (!directories.has(each)) this.forget(each)
    for (const each of directories) this.#add(each)
    Object.assign(seen, { stat, digest, directories })
  }

  /** Returns the digest of a directory's entries; adds its subdirectories to `directories`. */
  *#read(path: string, directories: Set<string>): Generator<boolean, string, void> {
    const { root, filter, isLeftOut } = this.#options
    const hash = createHash('sha1')
    const held = holdDirectorySync(root, path)
    using _held = defer(() => held.close())
    const handle = opendirSync(held.path)
    using _handle = defer(() => handle.closeSync())
    for (let entry = handle.readSync(); entry !== null; entry = handle.readSync()) {
      const at = joinRelative(path, entry.name)
      if (entry.isDirectory()) {
        if (filter.directory(at) === null && !isLeftOut(at)) directories.add(at)
        hash.update(`${entry.name}/directory/`)
      } else if ([null, 'mark'].includes(filter.file(at))) {
        const stats = lstatSync(`${held.path}/${entry.name}`, { throwIfNoEntry: false })
        if (stats !== undefined) {
          const { ino, size, mtimeMs, ctimeMs, mode } = stats
          hash.update(`${entry.name}/${ino} ${size} ${mtimeMs} ${ctimeMs} ${mode}/`)
        }
      }
      yield true
    }
    return hash.digest('base64')
  }
}
