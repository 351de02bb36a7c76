import { lstat } from 'node:fs/promises'
import { ignoreError } from '../dropped-errors.ts'
import { createNameFilter, type NameFilter } from '../filter/exclusion-rules.ts'
import { message } from '../lib/i18n/message.ts'
import { sameContent } from '../platform/file-metadata.ts'
import { errorCode, isGone } from '../platform/system-error.ts'
import { absolutePath, type ScannedFile, splitPath, toScannedFile } from '../walk/scanned-file.ts'
import { callOn } from '../walk/walk.ts'
import { DelayQueue, MAX_WAITING } from './delay-queue.ts'
import type { TreeListener, TreeRequest, TreeWatcher } from './tree-watcher.ts'

/** Files that are examined again at the same time. */
const MAX_EXAMINED = 64

/** True if a program has this file open for writing, as far as the system can show it. */
export type IsBusy = (file: string) => Promise<boolean>

/** For systems that report no changes: compares the tree repeatedly. A file is finished when it no longer changes. */
export async function openPolling(
  request: TreeRequest,
  listener: TreeListener,
  { quietMs, isBusy }: { quietMs: number; isBusy?: IsBusy },
): Promise<TreeWatcher> {
  const { root, base, place = root } = request
  const look = () => callOn(place, () => lstat(absolutePath(root, base)))
  await look()
  const quiet = new QuietPeriod(request, listener, quietMs, isBusy)
  let timer: NodeJS.Timeout | undefined
  let isClosed = false
  const compare = async () => {
    const began = performance.now()
    const failure = await look().then(
      () => null,
      (error: unknown) => error,
    )
    if (isClosed) return
    if (isGone(errorCode(failure))) return listener.ended(failure)
    await listener.lost(base)
    if (!isClosed) next(performance.now() - began)
  }
  const next = (tookMs: number) => {
    timer = setTimeout(() => void compare(), getPauseMs(quietMs, tookMs))
  }
  next(0)
  return {
    method: 'polling',
    examine: (paths) => quiet.examine(paths),
    refresh: () => undefined,
    leaveOut: () => undefined,
    close: () => {
      isClosed = true
      clearTimeout(timer)
      quiet.close()
    },
  }
}

/** Interval at which the directories without a watch are reported again. */
const REPORT_EVERY_MS = 1_000

type PartListener = Pick<TreeListener, 'lost' | 'problem' | 'solved'>

/**
 * Compares the changed ones among the directories of a watched tree for which the system has no watch (UnwatchedParts),
 * one after the other.
 */
export class PartPolling {
  readonly #request: TreeRequest
  readonly #listener: PartListener
  readonly #quietMs: number
  readonly #changed = new Set<string>()
  #reporting: NodeJS.Timeout | undefined
  #timer: NodeJS.Timeout | undefined
  #isComparing = false
  #isClosed = false

  constructor(request: TreeRequest, listener: PartListener, quietMs: number) {
    this.#request = request
    this.#listener = listener
    this.#quietMs = quietMs
  }

  /**
   * Reports the number of directories without a watch, not counting those below them. Again and again, because a
   * comparison of the whole source removes every problem that it does not meet.
   */
  set(count: number): void {
    const { root, base } = this.#request
    const limit = message('scan.watchLimitPart', { path: absolutePath(root, base), count })
    clearInterval(this.#reporting)
    if (count > 0) {
      this.#listener.problem(limit)
      this.#reporting = setInterval(() => this.#listener.problem(limit), REPORT_EVERY_MS)
    } else this.#listener.solved?.(limit)
  }

  /** Compares these directories, relative to the source, soon. */
  changed(directories: readonly string[]): void {
    for (const directory of directories) this.#changed.add(directory)
    if (this.#timer === undefined) this.#next(0)
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
    clearInterval(this.#reporting)
  }

  #next(tookMs: number): void {
    if (this.#isClosed || this.#isComparing || this.#changed.size === 0) return
    this.#timer = setTimeout(() => void this.#compare(), getPauseMs(this.#quietMs, tookMs))
  }

  async #compare(): Promise<void> {
    const began = performance.now()
    this.#timer = undefined
    this.#isComparing = true
    for (const directory of this.#takeBases()) {
      if (this.#isClosed) return
      await this.#listener.lost(directory)
    }
    this.#isComparing = false
    this.#next(performance.now() - began)
  }

  /** Returns the directories to be compared, each with all below it. */
  #takeBases(): Set<string> {
    const bases = new Set(this.#changed)
    this.#changed.clear()
    if (this.#request.comparesFirstLevel === true)
      return new Set([...bases].map((directory) => directory.split('/', 1)[0] ?? ''))
    for (const directory of bases)
      for (let [above] = splitPath(directory); above !== ''; [above] = splitPath(above))
        if (bases.has(above)) bases.delete(directory)
    return bases
  }
}

/**
 * Returns the pause between two comparisons: short enough for the quiet period, but gentle on a network mount, and on
 * the processor where a comparison takes long.
 */
function getPauseMs(quietMs: number, tookMs: number): number {
  return Math.max(Math.min(5_000, Math.max(100, quietMs)), 2 * tookMs)
}

/** Result of the second examination of a file; now: null if it is no regular file any longer. */
interface Examined {
  path: string
  now: ScannedFile | null
  isSame: boolean
  isBusy: boolean
}

type QuietListener = Pick<TreeListener, 'finished' | 'lost' | 'mark' | 'problem' | 'writing'>

/**
 * Where the kernel does not report that a writer has closed a file, a file is finished when two examinations, the quiet
 * period apart, find the same size, time and inode.
 */
export class QuietPeriod {
  readonly #request: TreeRequest
  readonly #listener: QuietListener
  readonly #filter: NameFilter
  readonly #isBusy: IsBusy
  readonly #waiting: DelayQueue<ScannedFile>
  /** When each file that would be finished was found open for writing; the first found comes first. */
  readonly #open = new Map<string, number>()
  /** Number and first path of those that were reported. */
  #reported = '0 '
  #timer: NodeJS.Timeout | null = null
  #isExamining = false
  /** There was no room for a file: the tree must be compared with the ledger later. */
  #refused = false
  #closed = false
  #roomWaiters: (() => void)[] = []

  /** @param quietMs how long a file's size and time must not change. */
  constructor(
    request: TreeRequest,
    listener: QuietListener,
    quietMs: number,
    isBusy: IsBusy = async () => false,
  ) {
    this.#request = request
    this.#isBusy = isBusy
    this.#listener = listener
    this.#filter = createNameFilter(request.names)
    this.#waiting = new DelayQueue(quietMs)
  }

  /** Examines files for the first time; resolves when there is room for more. */
  async examine(paths: readonly string[]): Promise<void> {
    await this.whenRoom()
    if (!this.#closed) await Promise.all(paths.map((file) => this.examineFile(file)))
  }

  /** Examines a file for the first time, unless its name excludes it. */
  async examineFile(file: string): Promise<void> {
    const leftOut = this.#filter.file(file)
    if (leftOut === 'mark') this.#listener.mark(file)
    if (leftOut !== null) return
    try {
      const scanned = await this.#statNow(file)
      if (scanned !== null) this.observe(scanned)
    } catch (error) {
      const code = errorCode(error)
      if (isGone(code)) return
      const path = absolutePath(this.#request.root, file)
      this.#listener.problem(message('scan.fileUnreadable', { path, reason: code ?? String(error) }))
    }
  }

  observe(scanned: ScannedFile): void {
    if (this.#closed) return
    const known = this.#waiting.get(scanned.path)
    if (known !== undefined && sameContent(known, scanned)) return
    this.#waiting.delete(scanned.path)
    if (this.#waiting.put(scanned.path, scanned)) this.#arm()
    else this.#refused = true
  }

  /** Forgets a file that is being written again: it is observed again after its close. */
  forget(file: string): void {
    this.#waiting.delete(file)
  }

  /** Resolves when a few hundred further files may be observed without losing one. */
  async whenRoom(): Promise<void> {
    while (!this.#closed && !this.#hasRoom) {
      await new Promise<void>((resolve) => this.#roomWaiters.push(resolve))
    }
  }

  close(): void {
    this.#closed = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#waiting.clear()
    this.#release()
  }

  get #hasRoom(): boolean {
    return this.#waiting.size <= MAX_WAITING / 2
  }

  #release(): void {
    for (const resolve of this.#roomWaiters.splice(0)) resolve()
  }

  #arm(): void {
    if (this.#timer !== null || this.#isExamining || this.#closed || this.#waiting.size === 0) return
    const delayMs = Math.max(0, this.#waiting.nextDue - performance.now())
    this.#timer = setTimeout(() => void this.#examineDue(), delayMs)
  }

  async #examineDue(): Promise<void> {
    this.#timer = null
    this.#isExamining = true
    const due: ScannedFile[] = []
    for (const scanned of this.#waiting.due()) if (due.push(scanned) >= MAX_EXAMINED) break
    const examined = await Promise.all(due.map((scanned) => this.#statAgain(scanned)))
    this.#isExamining = false
    if (this.#closed) return
    const finished = examined.map((one) => this.#judge(one)).filter((one) => one !== null)
    if (finished.length > 0) this.#listener.finished(finished)
    this.#reportOpen()
    if (this.#hasRoom) {
      this.#release()
      if (this.#refused) void this.#listener.lost(this.#request.base)
      this.#refused = false
    }
    this.#arm()
  }

  async #statAgain(before: ScannedFile): Promise<Examined> {
    const now = await this.#statNow(before.path).catch(
      ignoreError('the next comparison with the ledger reports the file', null),
    )
    const isSame = now !== null && sameContent(before, now)
    return { path: before.path, now, isSame, isBusy: isSame && (await this.#isBusy(now.path)) }
  }

  /** Returns a file that is finished. Another one that is still there is observed again. */
  #judge({ path, now, isSame, isBusy }: Examined): ScannedFile | null {
    if (!isBusy) this.#open.delete(path)
    else if (!this.#open.has(path)) this.#open.set(path, Date.now())
    if (now === null || (isSame && !isBusy)) return now
    this.observe(now)
    return null
  }

  #reportOpen(): void {
    const [[path, since] = ['', 0]] = this.#open
    const files = this.#open.size
    const report = `${files} ${path}`
    if (report === this.#reported) return
    this.#reported = report
    this.#listener.writing(this.#request.base, { files, since, path })
  }

  /** Returns null if it is not a regular file. */
  async #statNow(file: string): Promise<ScannedFile | null> {
    const { root, place = root } = this.#request
    const stats = await callOn(place, () => lstat(absolutePath(root, file), { bigint: true }))
    return stats.isFile() ? toScannedFile(file, stats) : null
  }
}
