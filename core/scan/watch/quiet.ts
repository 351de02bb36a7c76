import { lstat } from 'node:fs/promises'
import { sameContent } from '../../files/stat-facts.ts'
import { errorCode, isGone } from '../../files/system-error.ts'
import type { NameFilter } from '../../filter/names.ts'
import { message } from '../../words/message.ts'
import { callOn } from '../tree/calls.ts'
import type { FileFacts } from '../tree/facts.ts'
import { absolutePath, factsOf } from '../tree/facts.ts'
import type { TreeListener, TreeRequest } from './tree-watcher.ts'

/** Files that may wait at once; beyond them `whenRoom` waits. */
const MAX_WAITING = 10_000
/** Files that are looked at again together. */
const MAX_LOOKS = 64

export interface QuietOptions {
  root: string
  /** The directory whose disk is asked; the source if not given. */
  place?: string
  /** How long a file's size and time must stay as they are, in milliseconds. */
  quietMs: number
  finished(files: FileFacts[]): void
  /** There was no room for a file: the tree must be compared with the ledger later. */
  lost(): void
}

/**
 * Where the kernel does not say that a writer has closed a file, a file is finished when two looks that are
 * the quiet period apart find the same size, time and inode.
 */
export class QuietPeriod {
  readonly #options: QuietOptions
  /** In the order in which they are due, since all wait equally long. */
  readonly #waiting = new Map<string, { facts: FileFacts; due: number }>()
  #timer: NodeJS.Timeout | null = null
  #looking = false
  #refused = false
  #closed = false
  #roomWaiters: (() => void)[] = []

  constructor(options: QuietOptions) {
    this.#options = options
  }

  observe(facts: FileFacts): void {
    if (this.#closed) return
    const known = this.#waiting.get(facts.path)
    if (known !== undefined && sameContent(known.facts, facts)) return
    if (known === undefined && this.#waiting.size >= MAX_WAITING) {
      this.#refused = true
      return
    }
    this.#waiting.delete(facts.path)
    this.#waiting.set(facts.path, { facts, due: performance.now() + this.#options.quietMs })
    this.#arm()
  }

  /** Resolves when a few hundred more files may be observed without losing one. */
  async whenRoom(): Promise<void> {
    while (!this.#closed && this.#waiting.size > MAX_WAITING / 2) {
      await new Promise<void>((resolve) => this.#roomWaiters.push(resolve))
    }
  }

  close(): void {
    this.#closed = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#waiting.clear()
    this.#release()
  }

  #release(): void {
    for (const resolve of this.#roomWaiters.splice(0)) resolve()
  }

  #arm(): void {
    if (this.#timer !== null || this.#looking || this.#closed) return
    for (const { due } of this.#waiting.values()) {
      this.#timer = setTimeout(() => void this.#look(), Math.max(0, due - performance.now()))
      return
    }
  }

  async #look(): Promise<void> {
    this.#timer = null
    this.#looking = true
    const due: FileFacts[] = []
    for (const [path, waiting] of this.#waiting) {
      if (waiting.due > performance.now() || due.length >= MAX_LOOKS) break
      this.#waiting.delete(path)
      due.push(waiting.facts)
    }
    const finished = (await Promise.all(due.map((facts) => this.#lookAt(facts)))).filter(
      (one) => one !== null,
    )
    this.#looking = false
    if (this.#closed) return
    if (finished.length > 0) this.#options.finished(finished)
    if (this.#waiting.size <= MAX_WAITING / 2) {
      this.#release()
      if (this.#refused) {
        this.#refused = false
        this.#options.lost()
      }
    }
    this.#arm()
  }

  async #lookAt(before: FileFacts): Promise<FileFacts | null> {
    try {
      const { root, place = root } = this.#options
      const absolute = absolutePath(root, before.path)
      const stats = await callOn(place, () => lstat(absolute, { bigint: true }))
      const now = factsOf(before.path, stats)
      if (!stats.isFile()) return null
      if (sameContent(before, now)) return now
      this.observe(now)
      return null
    } catch {
      // Gone, or not to be looked at: the next comparison with the ledger says why.
      return null
    }
  }
}

/** Has the quiet period watch a file, unless its name leaves it out. */
export async function observeFile(
  request: TreeRequest,
  filter: NameFilter,
  listener: TreeListener,
  quiet: QuietPeriod,
  file: string,
): Promise<void> {
  const leftOut = filter.file(file)
  if (leftOut === 'mark') listener.mark(file)
  if (leftOut !== null) return
  const absolute = absolutePath(request.root, file)
  try {
    const stats = await callOn(request.place ?? request.root, () => lstat(absolute, { bigint: true }))
    if (stats.isFile()) quiet.observe(factsOf(file, stats))
  } catch (thrown) {
    const code = errorCode(thrown)
    if (!isGone(code)) {
      listener.problem(message('scan.fileUnreadable', { path: absolute, code: code ?? String(thrown) }))
    }
  }
}
