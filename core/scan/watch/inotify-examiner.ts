import { absolutePath } from '../facts.ts'
import type { Unsendable } from '../walk.ts'
import { examineFile, hasOtherNames, NEW_FOR_MS } from './finished.ts'
import type { FromThread } from './inotify-messages.ts'
import type { Outbox } from './inotify-outbox.ts'
import type { Tree } from './inotify-tree.ts'

/** Files that may wait for another look; more are left to their CLOSE_WRITE and the comparison. */
const MAX_AGAIN = 10_000
/**
 * Looks at a file that a writer holds, NEW_FOR_MS apart. IN_CLOSE_WRITE is queued an instant before the kernel counts
 * the writer out (__fput: fsnotify_close, then put_file_access), so the event may find the file busy, and no other
 * event follows. A writer that is still there after all these looks tells of its own close.
 */
const MAX_LOOKS = 10

/** A file that is to be looked at. */
export interface Sight {
  tree: Tree
  path: string
  /**
   * closed: its writer has closed it, or it was renamed into place. created: its name has just appeared, its writer
   * most often tells of the close next. listed: it was there.
   */
  by: 'closed' | 'created' | 'listed'
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
  /** Files to be looked at again, in the order in which they are due, since all wait equally long. */
  readonly #again = new Map<string, { file: Sight; due: number; looks: number }>()

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
    if (tree.signals.has(path) || !tree.request.recursive || tree.filter.file(path) !== null) return
    // A look now would most often find its writer at work: only a second name has no close to wait for.
    const isFirstName = file.by === 'created' && !hasOtherNames(absolutePath(tree.request.root, path))
    if (!isFirstName || !this.#lookLater(file, 0)) this.#examine(file, false)
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
      if (path !== undefined) this.#examine({ tree, path, by: 'listed' }, true)
    }
    if (asked.next < paths.length) return
    this.#asked.shift()
    outbox.flush(tree.id)
    post({ type: 'examined', tree: tree.id, request })
  }

  /** Milliseconds since 1970 at which `lookAgain` has something to do; null if nothing waits. */
  dueAgain(): number | null {
    for (const { due } of this.#again.values()) return due
    return null
  }

  lookAgain(): void {
    for (const { file, due, looks } of this.#again.values()) {
      if (due > Date.now() || !this.#options.outbox.hasRoom) return
      this.#examine(file, false, looks)
    }
  }

  /** Answers the tree's requests and forgets its files. */
  forget(tree: Tree): void {
    for (const asked of this.#asked) {
      if (asked.tree === tree) this.#options.post({ type: 'examined', tree: tree.id, request: asked.request })
    }
    this.#asked = this.#asked.filter((asked) => asked.tree !== tree)
    for (const [key, { file }] of this.#again) if (file.tree === tree) this.#again.delete(key)
  }

  #examine(file: Sight, asked: boolean, looks = 0): void {
    const { outbox, problem } = this.#options
    const { tree, path, by } = file
    this.#again.delete(keyOf(file))
    const found = examineFile(absolutePath(tree.request.root, path), path, {
      wasClosed: by === 'closed',
      // Two events about one content, or an event and a listing, are told once.
      isKnown: (facts) => !asked && outbox.hasReported(tree.id, facts),
    })
    if (found.state === 'finished') outbox.finished(tree.id, found.facts)
    else if (found.state === 'unproven') outbox.unproven(tree.id, found.facts)
    else if (found.state === 'error') problem(tree, { why: 'file', path, code: found.code })
    else if (found.state === 'new' || found.state === 'busy') this.#lookLater(file, looks + 1)
  }

  /** false: there is no room for it, or it was looked at often enough. */
  #lookLater(file: Sight, looks: number): boolean {
    if (this.#again.size >= MAX_AGAIN || looks > MAX_LOOKS) return false
    // Anew, so that the order stays that of the due times.
    this.#again.delete(keyOf(file))
    this.#again.set(keyOf(file), { file, due: Date.now() + NEW_FOR_MS, looks })
    return true
  }
}

function keyOf({ tree, path }: Sight): string {
  return `${tree.id}/${path}`
}
