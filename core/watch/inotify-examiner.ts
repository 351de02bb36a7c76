import { type BigIntStats, closeSync, fstatSync, lstatSync, openSync } from 'node:fs'
import type { NameFilter } from '../filter/exclusion-rules.ts'
import { READ_FILE } from '../platform/fd.ts'
import { hasWriter } from '../platform/libc.ts'
import { isWithin } from '../platform/mounts.ts'
import { type HeldDirectory, holdDirectorySync } from '../platform/openat2.ts'
import { errorCode, isGone } from '../platform/system-error.ts'
import { type ScannedFile, splitPath, toScannedFile } from '../walk/scanned-file.ts'
import type { Unsendable } from '../walk/walk.ts'
import { DelayQueue } from './delay-queue.ts'
import type { LinkedFile, OpenFiles } from './tree-watcher.ts'

// Examines files that events, listings and comparisons have found. A lease shows if a writer has the file open. A file
// that is open or new is examined again later. Results are collected in the outbox, in bounded messages.

/**
 * open(2) with O_CREAT enters the name in the directory an instant before it counts as a writer. An empty file without
 * a close event may be in that instant for as long as its process is not scheduled.
 */
export const NEW_FOR_MS = 100

/**
 * A writer that has the file open by another hard link, or as an O_TMPFILE that was then named (open(2)), causes no
 * CLOSE_WRITE here. The file is examined again at this interval while it is open.
 */
const BUSY_FOR_MS = 5_000
/**
 * truncate(2), chmod(2) and similar calls change a file without opening it: MODIFY and ATTRIB are their only events.
 * Mostly a writer is at work, and its CLOSE_WRITE comes within this time. So does the ledger's record of a mark that
 * the sender has set (chmod).
 */
const CHANGED_FOR_MS = 500

/**
 * Some file systems keep times in whole seconds (ext4 with small inodes), or in steps of two (FAT). A file that is
 * rewritten within the step, with the same number of bytes, keeps its size, time and inode. So it is reported after
 * the step.
 */
const COARSE_FOR_MS = 2_000

/** Limit of files whose close event is awaited by name; beyond it, only time decides. */
const MAX_UNCLOSED = 65_536

/** Limit of files in one message; the ledger takes them in one transaction. */
const MAX_FILES = 256
/** In a burst, files are sent together at this interval: each transaction of the ledger writes the same pages again. */
const TOGETHER_MS = 25
/**
 * Limit of messages that the main thread has not handled. At the limit no further files are examined, and the kernel
 * queues events.
 */
const MAX_UNTAKEN = 8

/**
 * Why a file is examined. closed: its writer has closed it, or it was renamed into place. created: its name has just
 * appeared, and a close by its writer mostly follows. listed: it was found in a listing. moved: its directory is new
 * here, so events of the file under its earlier path may have been missed. changed: its content or its attributes have
 * changed.
 */
export type Occasion = 'closed' | 'created' | 'listed' | 'moved' | 'changed'

/**
 * How often a file that a writer has open is examined again at intervals of NEW_FOR_MS; after that the interval is
 * BUSY_FOR_MS. The kernel reports a close before it removes the writer from the file (__fput, fs/file_table.c:
 * fsnotify_close, then put_file_access). Between the two, ext4 begins to write out a rewritten file, which takes time,
 * and no other event follows. The close of a listed file may have come just before the watch, and a second name causes
 * no close event. For `changed`, every write of the writer causes an examination, so it needs no repetitions.
 */
const LOOKS: Record<Occasion, number> = { closed: 50, created: 10, listed: 10, moved: 10, changed: 0 }

/** A change of a file under one name also changes it under its other names, without an event for them. */
const CHANGES: ReadonlySet<Occasion> = new Set(['closed', 'moved', 'changed'])

/**
 * Events of a file since its last close (CLOSE_WRITE): its name was made (CREATE), or its content was changed
 * (MODIFY). A writer that has it open closes it later. null: no event.
 */
type Unclosed = 'created' | 'written' | null

/** Open files, each by the part of its path that follows the directory above it. */
export type UnclosedFiles = [below: string, unclosed: NonNullable<Unclosed>][]

/** A file to be examined, with the number of repetitions at the short interval. */
interface PendingExam {
  path: string
  by: Occasion
  looks: number
  /** Since when it is known to be open for writing, milliseconds since 1970; undefined: it is not known to be open. */
  openSince?: number
}

/**
 * Result of the examination of one path. `links`: the number of its names. `unproven`: the system cannot show whether
 * a writer has it open. `new`: an empty file created just now, to be examined again in `NEW_FOR_MS`.
 */
type Examined =
  | { state: 'finished' | 'unproven'; scanned: ScannedFile; links: number }
  | { state: 'busy' | 'new' | 'gone' | 'directory' | 'not-a-file' }
  | { state: 'error'; code: string }

export interface FoundFiles {
  finished: ScannedFile[]
  unproven: ScannedFile[]
  /** Paths of files that are no longer unproven: their close event is awaited. */
  reopened: string[]
  linked: LinkedFile[]
  /** Paths of directories whose mode, owner or attributes were changed. */
  directories: string[]
}

interface ExaminerOptions {
  root: string
  filter: NameFilter
  outbox: Outbox
  /** Called when a file with the name of a batch mark exists. */
  mark(path: string): void
  problem(unsendable: Unsendable): void
}

/** Examines a tree's files that events, listings and comparisons found, some of them repeatedly. */
export class Examiner {
  readonly #options: ExaminerOptions
  readonly #files: DirectoryFiles
  readonly #soon = new DelayQueue<PendingExam>(NEW_FOR_MS)
  readonly #busy = new DelayQueue<PendingExam>(BUSY_FOR_MS)
  readonly #changed = new DelayQueue<PendingExam>(CHANGED_FOR_MS)
  readonly #coarse = new DelayQueue<PendingExam>(COARSE_FOR_MS)
  /**
   * Files that events have shown to be open for writing, see Unclosed. It lacks writers that were there before the
   * watch, that use another name, or that work beside another writer that has closed the file. A deleted file is
   * removed by its next examination.
   */
  readonly #unclosed = new Map<string, NonNullable<Unclosed>>()
  /** The set of open files has changed since the last call of `openFiles`. */
  isOpenNews = false
  /** The kernel cannot show the writers of some file here. */
  #isForeign = false
  readonly #laters = [this.#soon, this.#busy, this.#changed, this.#coarse]

  constructor(options: ExaminerOptions) {
    this.#options = options
    this.#files = new DirectoryFiles(options.root)
  }

  /** Examines a file that was found, unless its name excludes it. */
  found(path: string, by: Occasion): void {
    const leftOut = this.#options.filter.file(path)
    if (leftOut === 'mark') this.#options.mark(path)
    if (leftOut !== null) return
    const file = { path, by, looks: LOOKS[by] }
    // An examination now would mostly find its writer at work.
    if (by !== 'created' || !this.#lookSoon(file)) this.#examine(file)
  }

  /** Examines a file whose name is known to be included. */
  listed(path: string): void {
    this.#examine({ path, by: 'listed', looks: LOOKS.listed })
  }

  /** Records that a name was made: mostly by a writer that has the file open now. */
  created(path: string): void {
    if (this.#unclosed.size < MAX_UNCLOSED) this.#unclosed.set(path, 'created')
  }

  /** Records that a writer has closed the file. */
  closed(path: string): void {
    this.#unclosed.delete(path)
  }

  /** Removes and returns the open files at or below a path that was renamed away; see `arrived`. */
  left(path: string): UnclosedFiles {
    const files: UnclosedFiles = []
    if (this.#unclosed.size === 0) return files
    for (const [file, unclosed] of this.#unclosed)
      if (isWithin(file, path)) files.push([file.slice(path.length), unclosed])
    for (const [below] of files) this.#unclosed.delete(path + below)
    return files
  }

  /** Records that a file or directory was renamed to `path`; `files`: the open files in it. */
  arrived(path: string, files: UnclosedFiles): void {
    this.#unclosed.delete(path)
    for (const [below, unclosed] of files) this.#unclosed.set(path + below, unclosed)
  }

  /** Records that a file's content was changed, mostly by a writer. */
  written(path: string): void {
    const known = this.#unclosed.get(path)
    if (known === 'written' || (known === undefined && this.#unclosed.size >= MAX_UNCLOSED)) return
    this.#unclosed.set(path, 'written')
    if (this.#isForeign) this.#options.outbox.reopened(path)
  }

  /**
   * Schedules the examination after a change of content or attributes. full: no room here, the caller must queue it.
   */
  changed(path: string): 'new' | 'known' | 'full' {
    if (this.#changed.has(path)) return 'known'
    return this.#changed.put(path, { path, by: 'changed', looks: LOOKS.changed }) ? 'new' : 'full'
  }

  /** Counts the files that are open for writing, without those still examined at the short interval (see LOOKS). */
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

  /** When `lookAgain` is due, as a time of performance.now(); infinite if no file waits. */
  get nextDue(): number {
    return Math.min(...this.#laters.map((later) => later.nextDue))
  }

  /** Examines the files that are due, while the outbox has room. */
  lookAgain(): void {
    const { outbox } = this.#options
    for (const later of this.#laters) {
      if (!outbox.hasRoom) return
      for (const file of later.due()) {
        if (later !== this.#changed) this.#examine(file)
        // A file whose close was reported already waits for an examination, with more repetitions than this one has.
        else if (!this.#soon.has(file.path)) this.found(file.path, file.by)
        if (!outbox.hasRoom) return
      }
    }
  }

  /** Closes the open directory. */
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
      const { inode, ctimeNs } = found.scanned
      outbox.linked({ inode, ctimeNs, links: found.links })
    }
    if (found.state === 'finished') {
      const isLater = mayBeWrittenUnseen(found.scanned) && this.#coarse.put(path, file)
      if (!isLater) outbox.add('finished', found.scanned)
    } else if (found.state === 'unproven') {
      this.#isForeign = true
      outbox.add('unproven', found.scanned)
    } else if (found.state === 'gone') this.#unclosed.delete(path)
    else if (found.state === 'directory') {
      if (by === 'changed') outbox.changedDirectory(path)
    } else if (found.state === 'error') problem({ why: 'file', path, code: found.code })
    else if (found.state === 'new') this.#lookSoon(file)
    else if (found.state === 'busy') {
      // Most writers finish within the repetitions, and are not reported as open.
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

  /** Schedules an examination in NEW_FOR_MS, counted from now even if it waits already. False: there is no room. */
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

/**
 * Finds out whether the file `path` of a source exists and whether a writer has it open. Synchronous: for the
 * watcher's thread.
 * @param wasClosed the kernel has reported that a writer closed it, so its creation is complete, and will report the
 * next close.
 * @param unclosed decides if the kernel cannot show writers, as for another user's file.
 */
function examineFile(files: DirectoryFiles, path: string, wasClosed: boolean, unclosed: Unclosed): Examined {
  try {
    return examine(files, path, wasClosed, unclosed)
  } catch (error) {
    const code = errorCode(error)
    if (code === null) throw error
    if (isGone(code)) return { state: 'gone' }
    return code === 'ELOOP' ? { state: 'not-a-file' } : { state: 'error', code }
  }
}

function examine(files: DirectoryFiles, path: string, wasClosed: boolean, unclosed: Unclosed): Examined {
  const [directory, name] = splitPath(path)
  // Check the type before opening it: opening a device can have side effects.
  const before = files.status(directory, name)
  if (before.isDirectory()) return { state: 'directory' }
  if (!before.isFile()) return { state: 'not-a-file' }
  const scanned = toScannedFile(path, before)
  const links = Number(before.nlink)
  return files.use(directory, name, (fd) => {
    const writer = hasWriter(fd, { isClosedNext: true })
    if (writer === 'yes') return { state: 'busy' }
    if (writer === 'unknown' && isOpen(before, unclosed)) return { state: 'busy' }
    const state = writer === 'no' ? 'finished' : 'unproven'
    // If a writer closes it after this first lstat, another event causes another examination.
    if (wasClosed) return { state, scanned, links }
    const now = toScannedFile(path, fstatSync(fd, { bigint: true }))
    if (now.size === 0 && isNew(now.ctimeNs)) return { state: 'new' }
    return { state, scanned: now, links }
  })
}

/**
 * True if a writer may have it open. link(2) and O_TMPFILE name files that are written already, and cause no close
 * event.
 */
function isOpen({ size, nlink }: BigIntStats, unclosed: Unclosed): boolean {
  return unclosed === 'written' || (unclosed === 'created' && size === 0n && nlink === 1n)
}

function isNew(ctimeNs: bigint): boolean {
  const age = Date.now() - Number(ctimeNs / 1_000_000n)
  return age >= 0 && age < NEW_FOR_MS
}

/**
 * Makes calls on files below a root, one directory at a time, without following symbolic links. The directory stays
 * open until another one is needed, or `leave` is called: in a burst, its path is resolved once for many files. The
 * calls block, and throw the system's error.
 */
class DirectoryFiles {
  readonly #root: string
  #open: { directory: string; held: HeldDirectory } | null = null

  constructor(root: string) {
    this.#root = root
  }

  /** Calls lstat(2) on a file. */
  status(directory: string, name: string): BigIntStats {
    return lstatSync(this.#at(directory, name), { bigint: true })
  }

  /** Opens a file for reading, passes it to `use`, and closes it. */
  use<T>(directory: string, name: string, use: (fd: number) => T): T {
    const fd = openSync(this.#at(directory, name), READ_FILE)
    try {
      return use(fd)
    } finally {
      closeSync(fd)
    }
  }

  /** Closes the directory, so that it can be renamed or unmounted. */
  leave(): void {
    this.#open?.held.close()
    this.#open = null
  }

  #at(directory: string, name: string): string {
    if (this.#open?.directory !== directory) {
      this.leave()
      this.#open = { directory, held: holdDirectorySync(this.#root, directory) }
    }
    return `${this.#open.held.path}/${name}`
  }
}

/** Collects a tree's files into bounded messages, and stops its examinations while the main thread lags behind. */
export class Outbox {
  readonly #post: (files: FoundFiles) => void
  #batch = emptyBatch()
  #untaken = 0
  #flushedAt = Number.NEGATIVE_INFINITY

  constructor(post: (files: FoundFiles) => void) {
    this.#post = post
  }

  /** True if further files may be examined now. */
  get hasRoom(): boolean {
    return this.#untaken < MAX_UNTAKEN
  }

  taken(): void {
    this.#untaken -= 1
  }

  add(list: 'finished' | 'unproven', scanned: ScannedFile): void {
    this.#batch[list].push(scanned)
    if (this.#size >= MAX_FILES) this.flush()
  }

  /** Adds a changed file that has other names. */
  linked(file: LinkedFile): void {
    this.#batch.linked.push(file)
  }

  /** Adds a directory whose mode, owner or attributes have changed. */
  changedDirectory(path: string): void {
    this.#batch.directories.push(path)
    if (this.#size >= MAX_FILES) this.flush()
  }

  /** Records that a file that may have been sent as unproven is being written again. */
  reopened(path: string): void {
    this.#batch.unproven = this.#batch.unproven.filter((scanned) => scanned.path !== path)
    this.#batch.reopened.push(path)
    if (this.#size >= MAX_FILES) this.flush()
  }

  /**
   * When the batch can be sent, as a time of performance.now(); infinite if it is empty or the main thread is behind.
   */
  get nextFlush(): number {
    const isAble = this.#untaken === 0 && this.#size > 0
    return isAble ? this.#flushedAt + TOGETHER_MS : Number.POSITIVE_INFINITY
  }

  /** Sends the batch as soon as the main thread is free for it, the first files at once; until then it collects. */
  flushWhenTaken(): void {
    if (this.nextFlush <= performance.now()) this.flush()
  }

  flush(): void {
    if (this.#size === 0) return
    this.#untaken += 1
    this.#flushedAt = performance.now()
    this.#post(this.#batch)
    this.#batch = emptyBatch()
  }

  get #size(): number {
    const { finished, unproven, reopened, directories } = this.#batch
    return finished.length + unproven.length + reopened.length + directories.length
  }
}

function emptyBatch(): FoundFiles {
  return { finished: [], unproven: [], reopened: [], linked: [], directories: [] }
}
