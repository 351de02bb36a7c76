import { absolutePath } from '../facts.ts'
import type { Unsendable } from '../walk.ts'
import { examineFile, NEW_FOR_MS } from './finished.ts'
import type { FromThread } from './inotify-messages.ts'
import type { Outbox } from './inotify-outbox.ts'
import type { Tree } from './inotify-tree.ts'

/**
 * How often a file that a writer seems to hold is looked at again, every NEW_FOR_MS, after its CLOSE_WRITE: the
 * kernel tells of the close before it takes the writer off the file (__fput, fs/file_table.c), and ext4 begins to
 * write a rewritten file out between the two. No other event comes.
 */
export const LOOKS_AFTER_CLOSE = 50
/** The same for a file that was listed: its CLOSE_WRITE may have come just before the watch. */
export const LOOKS_AFTER_LISTING = 2

/** New empty and just closed files that may wait for another look; more are left to their CLOSE_WRITE and the comparison. */
const MAX_NEW = 10_000

/** A file that is to be looked at. */
export interface Sight {
  tree: Tree
  path: string
  /** Its writer has closed it, or it was renamed into place: it is no file of this instant. */
  wasClosed: boolean
  /** How often it is looked at again while a writer seems to hold it. */
  looks: number
}

export interface ExaminerOptions {
  outbox: Outbox
  post(message: FromThread): void
  problem(tree: Tree, unsendable: Unsendable): void
}

/** Looks at files: those that events and listings found, those that were asked for, new ones a second time. */
export class Examiner {
  readonly #options: ExaminerOptions
  /** Requests by path, in their order. */
  #asked: { tree: Tree; request: number; paths: readonly string[]; next: number }[] = []
  /** New empty and just closed files, in the order in which they are due. */
  readonly #new = new Map<string, Sight & { due: number }>()

  constructor(options: ExaminerOptions) {
    this.#options = options
  }

  get hasRequests(): boolean {
    return this.#asked.length > 0
  }

  ask(tree: Tree, request: number, paths: readonly string[]): void {
    this.#asked.push({ tree, request, paths, next: 0 })
  }

  /** A file was found by an event or a listing. */
  found(file: Sight): void {
    const { tree, path } = file
    if (tree.signals.has(path)) this.#options.post({ type: 'signal', tree: tree.id, path })
    else if (tree.request.recursive && tree.filter.file(path) === null) this.#examine(file, false)
  }

  /** Looks at the files of the oldest request, as long as there is room for what it finds. */
  work(): void {
    const { outbox, post } = this.#options
    const asked = this.#asked[0]
    if (asked === undefined) return
    const { tree, request, paths } = asked
    while (asked.next < paths.length && outbox.hasRoom) {
      const path = paths[asked.next]
      asked.next += 1
      if (path !== undefined)
        this.#examine({ tree, path, wasClosed: false, looks: LOOKS_AFTER_LISTING }, true)
    }
    if (asked.next < paths.length) return
    this.#asked.shift()
    outbox.flush(tree.id)
    post({ type: 'examined', tree: tree.id, request })
  }

  /** Milliseconds since 1970 at which `lookAtNew` has something to do; null if nothing waits. */
  newDue(): number | null {
    for (const { due } of this.#new.values()) return due
    return null
  }

  lookAtNew(): void {
    for (const file of this.#new.values()) {
      if (file.due > Date.now() || !this.#options.outbox.hasRoom) return
      this.#examine(file, false)
    }
  }

  /** Answers the tree's requests and forgets its files. */
  forget(tree: Tree): void {
    for (const asked of this.#asked) {
      if (asked.tree === tree) this.#options.post({ type: 'examined', tree: tree.id, request: asked.request })
    }
    this.#asked = this.#asked.filter((asked) => asked.tree !== tree)
    for (const [key, file] of this.#new) if (file.tree === tree) this.#new.delete(key)
  }

  #examine({ tree, path, wasClosed, looks }: Sight, asked: boolean): void {
    const { outbox, problem } = this.#options
    const key = `${tree.id}/${path}`
    this.#new.delete(key)
    const found = examineFile(absolutePath(tree.request.root, path), path, wasClosed)
    if (found.state === 'finished') outbox.finished(tree.id, found.facts, asked)
    else if (found.state === 'unproven') outbox.unproven(tree.id, found.facts)
    else if (found.state === 'error') problem(tree, { why: 'file', path, code: found.code })
    else if (found.state === 'new') this.#lookAgain(key, { tree, path, wasClosed, looks })
    else if (found.state === 'busy' && looks > 0)
      this.#lookAgain(key, { tree, path, wasClosed, looks: looks - 1 })
  }

  #lookAgain(key: string, file: Sight): void {
    if (this.#new.size < MAX_NEW) this.#new.set(key, { ...file, due: Date.now() + NEW_FOR_MS })
  }
}
