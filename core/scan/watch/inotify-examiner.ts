import { absolutePath } from '../facts.ts'
import type { Unsendable } from '../walk.ts'
import { examineFile, NEW_FOR_MS } from './finished.ts'
import type { FromThread } from './inotify-messages.ts'
import type { Outbox } from './inotify-outbox.ts'
import type { Tree } from './inotify-tree.ts'
import { Later } from './later.ts'

/**
 * A file whose writer is at work elsewhere, under another hard link or as an O_TMPFILE that was given a name
 * (open(2)), brings no CLOSE_WRITE here: it is looked at again so often.
 */
const BUSY_FOR_MS = 5_000
/**
 * truncate(2) changes a file that nobody opens, and MODIFY alone tells of it. Most often a writer is at work, and
 * its CLOSE_WRITE comes before this is over.
 */
const MODIFIED_FOR_MS = 500

/** A file that is to be looked at. */
export interface Sight {
  tree: Tree
  path: string
  /** Its writer has closed it, or it was renamed into place: it is no file of this instant. */
  wasClosed: boolean
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
  readonly #new = new Later<Sight>(NEW_FOR_MS)
  readonly #busy = new Later<Sight>(BUSY_FOR_MS)
  readonly #modified = new Later<Sight>(MODIFIED_FOR_MS)

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
      if (path !== undefined) this.#examine({ tree, path, wasClosed: false }, true)
    }
    if (asked.next < paths.length) return
    this.#asked.shift()
    outbox.flush(tree.id)
    post({ type: 'examined', tree: tree.id, request })
  }

  /** A file's content was changed. False if that was known already. */
  modified(file: Sight): boolean {
    return this.#modified.put(keyOf(file), file)
  }

  /** Milliseconds since 1970 at which `lookAgain` has something to do; infinite if nothing waits. */
  get nextDue(): number {
    return Math.min(this.#new.nextDue, this.#busy.nextDue, this.#modified.nextDue)
  }

  /** Looks a second time at the files whose time has come. */
  lookAgain(): void {
    for (const later of [this.#new, this.#busy, this.#modified]) {
      if (!this.#options.outbox.hasRoom) return
      for (const file of later.due()) {
        this.found(file)
        if (!this.#options.outbox.hasRoom) return
      }
    }
  }

  /** Answers the tree's requests and forgets its files. */
  forget(tree: Tree): void {
    for (const asked of this.#asked) {
      if (asked.tree === tree) this.#options.post({ type: 'examined', tree: tree.id, request: asked.request })
    }
    this.#asked = this.#asked.filter((asked) => asked.tree !== tree)
    for (const later of [this.#new, this.#busy, this.#modified])
      later.deleteWhere((file) => file.tree === tree)
  }

  #examine(file: Sight, asked: boolean): void {
    const { tree, path, wasClosed } = file
    const { outbox, problem } = this.#options
    const key = keyOf(file)
    for (const later of [this.#new, this.#busy, this.#modified]) later.delete(key)
    const found = examineFile(absolutePath(tree.request.root, path), path, wasClosed)
    if (found.state === 'finished') outbox.finished(tree.id, found.facts, asked)
    else if (found.state === 'unproven') outbox.unproven(tree.id, found.facts)
    else if (found.state === 'error') problem(tree, { why: 'file', path, code: found.code })
    else if (found.state === 'new') this.#new.put(key, file)
    else if (found.state === 'busy') this.#busy.put(key, file)
  }
}

function keyOf({ tree, path }: Sight): string {
  return `${tree.id}/${path}`
}
