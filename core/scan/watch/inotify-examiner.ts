import type { FileFacts } from '../tree/facts.ts'
import type { Unsendable } from '../tree/walk.ts'
import { DirectoryFiles, examineFile, NEW_FOR_MS } from './finished.ts'
import type { FromThread } from './inotify.ts'
import type { Outbox } from './inotify-outbox.ts'
import type { Tree } from './inotify-tree.ts'
import { Later } from './later.ts'

/**
 * A file whose writer is at work elsewhere, under another hard link or as an O_TMPFILE that was given a name
 * (open(2)), brings no CLOSE_WRITE here: it is looked at again so often, for as long as it is held.
 */
const BUSY_FOR_MS = 5_000
/**
 * truncate(2) changes a file that nobody opens, and MODIFY alone tells of it. Most often a writer is at work, and
 * its CLOSE_WRITE comes before this is over.
 */
const MODIFIED_FOR_MS = 500

/**
 * Some file systems keep times in whole seconds (ext4 with small inodes), or in steps of two (FAT): a file that is
 * written anew within the step, with as many bytes, has the same size, time and inode. So it is told after the step.
 */
const COARSE_FOR_MS = 2_000

/**
 * What brought a file to be looked at. closed: its writer has closed it, or it was renamed into place. created: its
 * name has just appeared, its writer most often tells of the close next. listed: it was there. modified: its content
 * was changed.
 */
export type Occasion = 'closed' | 'created' | 'listed' | 'modified'

/**
 * How often a file that a writer holds is looked at again NEW_FOR_MS apart, before that is left to BUSY_FOR_MS. The
 * kernel tells of a close before it takes the writer off the file (__fput, fs/file_table.c: fsnotify_close, then
 * put_file_access), and ext4 begins to write a rewritten file out between the two, which takes its time; no other
 * event comes. The close of a file that was listed may have come just before the watch, and a second name brings
 * none. Where there is a writer each of its writes brings a look, so that needs no further ones.
 */
const LOOKS: Record<Occasion, number> = { closed: 50, created: 10, listed: 10, modified: 0 }

/** A file that is to be looked at. */
export interface Sight {
  tree: Tree
  path: string
  by: Occasion
  /** The watch of its directory, which tells of every change after this; -1: none is known. */
  watch: number
}

/** A file that waits for another look, and how often it is looked at soon. */
type Waiting = Sight & { looks: number }

export interface ExaminerOptions {
  outbox: Outbox
  post(message: FromThread): void
  problem(tree: Tree, unsendable: Unsendable): void
}

/** Looks at files: those that events and listings found, those that were asked for, some of them again. */
export class Examiner {
  readonly #options: ExaminerOptions
  readonly #files = new DirectoryFiles()
  /** Requests by path, in their order. */
  #asked: { tree: Tree; paths: readonly string[]; next: number }[] = []
  readonly #soon = new Later<Waiting>(NEW_FOR_MS)
  readonly #busy = new Later<Waiting>(BUSY_FOR_MS)
  readonly #modified = new Later<Waiting>(MODIFIED_FOR_MS)
  readonly #coarse = new Later<Waiting>(COARSE_FOR_MS)
  readonly #laters = [this.#soon, this.#busy, this.#modified, this.#coarse]

  constructor(options: ExaminerOptions) {
    this.#options = options
  }

  get hasRequests(): boolean {
    return this.#asked.length > 0
  }

  ask(tree: Tree, paths: readonly string[]): void {
    this.#asked.push({ tree, paths, next: 0 })
  }

  /** A file was found by an event or a listing. */
  found(file: Sight): void {
    const { tree, path } = file
    const leftOut = tree.filter.file(path)
    if (leftOut === 'mark') this.#options.post({ type: 'mark', tree: tree.id, path })
    if (leftOut !== null) return
    // What an event has brought already the listing of a new directory need not look at again.
    if (file.by === 'listed' && this.#options.outbox.hasReportedUnder(tree.id, file.watch, path)) return
    // A look now would most often find its writer at work.
    if (file.by !== 'created' || !this.#lookSoon(fresh(file))) this.#examine(fresh(file))
  }

  /** Looks at the files of the oldest request, as long as there is room for what it finds. */
  work(): void {
    const { outbox, post } = this.#options
    const asked = this.#asked[0]
    if (asked === undefined) return
    const { tree, paths } = asked
    while (asked.next < paths.length && outbox.hasRoom) {
      const path = paths[asked.next]
      asked.next += 1
      if (path === undefined) continue
      this.#examine(fresh({ tree, path, by: 'listed', watch: -1 }))
    }
    if (asked.next < paths.length) return
    this.#asked.shift()
    outbox.flush(tree.id)
    post({ type: 'examined', tree: tree.id })
  }

  /** A file's content was changed. False if that was known already. */
  modified(tree: Tree, path: string, watch: number): boolean {
    return this.#modified.put(keyOf({ tree, path }), fresh({ tree, path, by: 'modified', watch }))
  }

  /** When `lookAgain` has something to do, as performance.now() tells it; infinite if nothing waits. */
  get nextDue(): number {
    return Math.min(...this.#laters.map((later) => later.nextDue))
  }

  /** Looks at the files whose time has come. */
  lookAgain(): void {
    for (const later of this.#laters) {
      if (!this.#options.outbox.hasRoom) return
      for (const file of later.due()) {
        if (later !== this.#modified) this.#examine(file)
        // One whose close was told waits for a look already, and for more of them than this one would get.
        else if (!this.#soon.has(keyOf(file))) this.found(file)
        if (!this.#options.outbox.hasRoom) return
      }
    }
  }

  /** Before the thread sleeps: no directory stays open. */
  rest(): void {
    this.#files.leave()
  }

  /** Forgets the tree's requests and files. */
  forget(tree: Tree): void {
    this.#asked = this.#asked.filter((asked) => asked.tree !== tree)
    for (const later of this.#laters) later.deleteWhere((file) => file.tree === tree)
  }

  #examine(file: Waiting): void {
    const { tree, path, by, looks } = file
    const { outbox, problem } = this.#options
    this.#forget(file)
    const found = examineFile(this.#files, tree.request.root, path, by === 'closed')
    if (found.state === 'finished') {
      const isLater = mayBeWrittenUnseen(found.facts) && this.#coarse.put(keyOf(file), file)
      if (!isLater) outbox.finished(tree.id, found.facts, file.watch)
    } else if (found.state === 'unproven') outbox.unproven(tree.id, found.facts)
    else if (found.state === 'error') problem(tree, { why: 'file', path, code: found.code })
    else if (found.state === 'new') this.#lookSoon(file)
    else if (found.state === 'busy') {
      if (looks > 0) this.#lookSoon({ ...file, looks: looks - 1 })
      else this.#busy.put(keyOf(file), file)
    }
  }

  #forget(file: Sight): void {
    // In a burst nothing waits, and its files need no keys.
    if (this.#laters.every((later) => later.size === 0)) return
    const key = keyOf(file)
    for (const later of this.#laters) later.delete(key)
  }

  /** From now on, if it waits already. False: there is no room for it. */
  #lookSoon(file: Waiting): boolean {
    const key = keyOf(file)
    this.#soon.delete(key)
    return this.#soon.put(key, file)
  }
}

function mayBeWrittenUnseen({ mtimeNs }: FileFacts): boolean {
  if (mtimeNs % 1_000_000_000n !== 0n) return false
  const age = Date.now() - Number(mtimeNs / 1_000_000n)
  return age >= 0 && age < COARSE_FOR_MS
}

function fresh(file: Sight): Waiting {
  return { ...file, looks: LOOKS[file.by] }
}

function keyOf({ tree, path }: Pick<Sight, 'tree' | 'path'>): string {
  return `${tree.id}/${path}`
}
