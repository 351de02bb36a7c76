import type { NameFilter } from '../filter/names.ts'
import { isWithin } from '../platform/mounts/mountinfo.ts'
import type { ScannedFile } from '../walk/scanned-file.ts'
import type { Unsendable } from '../walk/walk.ts'
import { DelayQueue } from './delay-queue.ts'
import { DirectoryFiles, examineFile, NEW_FOR_MS, type Unclosed } from './examine-file.ts'
import type { Outbox } from './inotify-outbox.ts'
import type { OpenFiles } from './tree-watcher.ts'

/**
 * A file whose writer is at work elsewhere, under another hard link or as an O_TMPFILE that was given a name
 * (open(2)), brings no CLOSE_WRITE here: it is looked at again so often, for as long as it is held.
 */
const BUSY_FOR_MS = 5_000
/**
 * truncate(2), chmod(2) and their kin change a file that nobody opens: MODIFY and ATTRIB are their only events. Most often
 * a writer is at work, and its CLOSE_WRITE comes before this is over. So does the ledger's note of a mark that the sender
 * has set (chmod).
 */
const CHANGED_FOR_MS = 500

/**
 * Some file systems keep times in whole seconds (ext4 with small inodes), or in steps of two (FAT): a file that is
 * written anew within the step, with as many bytes, has the same size, time and inode. So it is told after the step.
 */
const COARSE_FOR_MS = 2_000

/**
 * What brought a file to be looked at. closed: its writer has closed it, or it was renamed into place. created: its
 * name has just appeared, its writer most often tells of the close next. listed: it was there. moved: its directory is new
 * here, so events of the file under its earlier path may have been missed. changed: its content or its attributes were.
 */
export type Occasion = 'closed' | 'created' | 'listed' | 'moved' | 'changed'

/**
 * How often a file that a writer holds is looked at again NEW_FOR_MS apart, before that is left to BUSY_FOR_MS. The
 * kernel tells of a close before it takes the writer off the file (__fput, fs/file_table.c: fsnotify_close, then
 * put_file_access), and ext4 begins to write a rewritten file out between the two, which takes its time; no other
 * event comes. The close of a file that was listed may have come just before the watch, and a second name brings
 * none. Where there is a writer each of its writes brings a look, so that needs no further ones.
 */
const LOOKS: Record<Occasion, number> = { closed: 50, created: 10, listed: 10, moved: 10, changed: 0 }

/** A change of a file under one name changes it under its other names, too, without an event for them. */
const CHANGES: ReadonlySet<Occasion> = new Set(['closed', 'moved', 'changed'])

/** Files whose close is waited for by name; of more than these time decides. */
const MAX_UNCLOSED = 65_536

/** Files that are open, by what follows the name of the directory that they are below. */
export type UnclosedFiles = [below: string, unclosed: NonNullable<Unclosed>][]

/** A file that is to be looked at, and how often soon. */
interface PendingExam {
  path: string
  by: Occasion
  looks: number
  /** Milliseconds since 1970: since when it is known to be open for writing; undefined: it is not known to be. */
  openSince?: number
}

export interface ExaminerOptions {
  root: string
  filter: NameFilter
  outbox: Outbox
  /** A file with the name of a batch mark is there. */
  mark(path: string): void
  problem(unsendable: Unsendable): void
}

/** Looks at a tree's files: those that events, listings and comparisons found, some of them again. */
export class Examiner {
  readonly #options: ExaminerOptions
  readonly #files: DirectoryFiles
  readonly #soon = new DelayQueue<PendingExam>(NEW_FOR_MS)
  readonly #busy = new DelayQueue<PendingExam>(BUSY_FOR_MS)
  readonly #changed = new DelayQueue<PendingExam>(CHANGED_FOR_MS)
  readonly #coarse = new DelayQueue<PendingExam>(COARSE_FOR_MS)
  /**
   * Files that events have shown to be open for writing, see Unclosed. A writer that was there before the watch, that came
   * by another name or that writes beside another one that has closed is not among them. One that is deleted leaves with
   * the next look.
   */
  readonly #unclosed = new Map<string, NonNullable<Unclosed>>()
  /** Files that are open for writing are others than when `openFiles` was asked last. */
  isOpenNews = false
  /** The kernel does not answer for the writers of some file here. */
  #isForeign = false
  readonly #laters = [this.#soon, this.#busy, this.#changed, this.#coarse]

  constructor(options: ExaminerOptions) {
    this.#options = options
    this.#files = new DirectoryFiles(options.root)
  }

  /** A file was found, unless its name leaves it out. */
  found(path: string, by: Occasion): void {
    const leftOut = this.#options.filter.file(path)
    if (leftOut === 'mark') this.#options.mark(path)
    if (leftOut !== null) return
    const file = { path, by, looks: LOOKS[by] }
    // A look now would most often find its writer at work.
    if (by !== 'created' || !this.#lookSoon(file)) this.#examine(file)
  }

  /** A file was found that no name leaves out. */
  listed(path: string): void {
    this.#examine({ path, by: 'listed', looks: LOOKS.listed })
  }

  /** A name was made: most often by a writer that has the file open now. */
  created(path: string): void {
    if (this.#unclosed.size < MAX_UNCLOSED) this.#unclosed.set(path, 'created')
  }

  /** A writer has closed the file. */
  closed(path: string): void {
    this.#unclosed.delete(path)
  }

  /** Takes out what is open under a name that is left, or below it; see `arrived`. */
  left(path: string): UnclosedFiles {
    const files: UnclosedFiles = []
    if (this.#unclosed.size === 0) return files
    for (const [file, unclosed] of this.#unclosed)
      if (isWithin(file, path)) files.push([file.slice(path.length), unclosed])
    for (const [below] of files) this.#unclosed.delete(path + below)
    return files
  }

  /** A file or directory was renamed to `path`; `files` are open in it. */
  arrived(path: string, files: UnclosedFiles): void {
    this.#unclosed.delete(path)
    for (const [below, unclosed] of files) this.#unclosed.set(path + below, unclosed)
  }

  /** A file's content was changed: by a writer, most often. */
  written(path: string): void {
    const known = this.#unclosed.get(path)
    if (known === 'written' || (known === undefined && this.#unclosed.size >= MAX_UNCLOSED)) return
    this.#unclosed.set(path, 'written')
    if (this.#isForeign) this.#options.outbox.reopened(path)
  }

  /** A file's content or attributes were changed. full: it has to wait elsewhere. */
  changed(path: string): 'new' | 'known' | 'full' {
    if (this.#changed.has(path)) return 'known'
    return this.#changed.put(path, { path, by: 'changed', looks: LOOKS.changed }) ? 'new' : 'full'
  }

  /** The files that are open for writing, but for those that were opened in the last second. */
  openFiles(): OpenFiles {
    this.isOpenNews = false
    const open = { files: 0, since: 0, path: '' }
    for (const { path, openSince } of [...this.#busy.values(), ...this.#soon.values()]) {
      if (openSince === undefined) continue
      open.files += 1
      if (open.since === 0 || openSince < open.since) Object.assign(open, { since: openSince, path })
    }
    return open
  }

  /** When `lookAgain` has something to do, as performance.now() tells it; infinite if nothing waits. */
  get nextDue(): number {
    return Math.min(...this.#laters.map((later) => later.nextDue))
  }

  /** Looks at the files whose time has come, as long as there is room for what it finds. */
  lookAgain(): void {
    const { outbox } = this.#options
    for (const later of this.#laters) {
      if (!outbox.hasRoom) return
      for (const file of later.due()) {
        if (later !== this.#changed) this.#examine(file)
        // One whose close was told waits for a look already, and for more of them than this one would get.
        else if (!this.#soon.has(file.path)) this.found(file.path, file.by)
        if (!outbox.hasRoom) return
      }
    }
  }

  /** No directory stays open. */
  rest(): void {
    this.#files.leave()
  }

  #examine(file: PendingExam): void {
    const { path, by, looks } = file
    const openSince = file.openSince ?? this.#busy.get(path)?.openSince ?? this.#soon.get(path)?.openSince
    const { outbox, problem } = this.#options
    for (const later of this.#laters) later.delete(path)
    const found = examineFile(this.#files, path, by === 'closed', this.#unclosed.get(path) ?? null)
    if ((found.state === 'finished' || found.state === 'unproven') && found.links > 1 && CHANGES.has(by)) {
      const { inode, ctimeNs } = found.facts
      outbox.linked({ inode, ctimeNs, links: found.links })
    }
    if (found.state === 'finished') {
      const isLater = mayBeWrittenUnseen(found.facts) && this.#coarse.put(path, file)
      if (!isLater) outbox.add('finished', found.facts)
    } else if (found.state === 'unproven') {
      this.#isForeign = true
      outbox.add('unproven', found.facts)
    } else if (found.state === 'gone') this.#unclosed.delete(path)
    else if (found.state === 'directory') {
      if (by === 'changed') outbox.changedDirectory(path)
    } else if (found.state === 'error') problem({ why: 'file', path, code: found.code })
    else if (found.state === 'new') this.#lookSoon(file)
    else if (found.state === 'busy') {
      // Most writers are done before the looks are, and are shown to nobody.
      if (looks > 0)
        this.#lookSoon({ ...file, looks: looks - 1, ...(openSince !== undefined && { openSince }) })
      else {
        this.#busy.put(path, { ...file, openSince: openSince ?? Date.now() })
        this.isOpenNews ||= openSince === undefined
      }
      return
    }
    this.isOpenNews ||= openSince !== undefined
  }

  /** From now on, if it waits already. False: there is no room for it. */
  #lookSoon(file: PendingExam): boolean {
    this.#soon.delete(file.path)
    return this.#soon.put(file.path, file)
  }
}

function mayBeWrittenUnseen({ mtimeNs }: ScannedFile): boolean {
  if (mtimeNs % 1_000_000_000n !== 0n) return false
  const age = Date.now() - Number(mtimeNs / 1_000_000n)
  return age >= 0 && age < COARSE_FOR_MS
}
