import { createNameFilter, isOwnName } from '../filter/names.ts'
import { joinRelative } from '../walk/scanned-file.ts'
import type { Unsendable } from '../walk/walk.ts'
import type { FromTree, ToTree } from './inotify.ts'
import { type Directory, pathOf, WatchedDirectories } from './inotify-directories.ts'
import { Examiner, type Occasion, type UnclosedFiles } from './inotify-examiner.ts'
import { Outbox } from './inotify-outbox.ts'
import { decodeEvents, IN, type InotifyEvent, readNow } from './linux.ts'
import type { TreeRequest } from './tree-watcher.ts'

/** Files that events told of are looked at for so long between two reads: the kernel's queue is soon full in a burst. */
const LOOK_FOR_MS = 4
/** Of such files so many may wait; then the kernel queues, and what it drops has the tree opened anew. */
const MAX_PENDING_EVENTS = 65_536

/** The files that are open are told this often at most. */
const OPEN_EVERY_MS = 250
/** Renames whose second event has not come. */
const MOST_MOVING = 1_024

/** One tree that the main thread asked for. What it throws ends it. */
export class WatchedTree {
  readonly #post: (message: FromTree) => void
  readonly #outbox: Outbox
  readonly #directories: WatchedDirectories
  readonly #examiner: Examiner
  /**
   * What events told of files, by directory, as a burst is mostly of one. Not looked at yet: a file that is created,
   * written and closed meanwhile is looked at once.
   */
  readonly #told = new Map<Directory, Map<string, Occasion>>()
  #toldFiles = 0
  /** Not before then the files that are open are told again, as performance.now() tells it. */
  #openDue = 0
  /** Open files below names that were renamed away, by the cookies of the renames. */
  readonly #moving = new Map<number, UnclosedFiles>()
  /** Every directory has its watch; until then files are left to the comparison with the ledger, which comes then. */
  #isReady = false

  constructor(request: TreeRequest, post: (message: FromTree) => void) {
    const filter = createNameFilter(request.names)
    const problem = (unsendable: Unsendable) => post({ type: 'unsendable', unsendable })
    this.#post = post
    this.#outbox = new Outbox((files) => post({ type: 'files', ...files }))
    this.#examiner = new Examiner({
      root: request.root,
      filter,
      outbox: this.#outbox,
      mark: (path) => post({ type: 'mark', path }),
      problem,
    })
    this.#directories = new WatchedDirectories({
      request,
      filter,
      file: (path) => {
        if (this.#isReady) this.#examiner.found(path, 'moved')
      },
      problem,
    })
  }

  get fd(): number {
    return this.#directories.fd
  }

  /** Begins to watch. Throws the system's error where the tree's own directory cannot be watched. */
  open(): void {
    this.#directories.open()
  }

  close(): void {
    this.#examiner.rest()
    this.#directories.close()
  }

  take(message: ToTree): void {
    switch (message.type) {
      case 'examine':
        for (const path of message.paths) {
          // One that could not be watched before is tried again.
          this.#directories.reach(path.slice(0, Math.max(0, path.lastIndexOf('/'))))
          this.#examiner.listed(path)
        }
        this.#outbox.flush()
        this.#post({ type: 'examined' })
        return
      case 'leave-out':
        this.#directories.leaveOut(message.directories)
        return
      case 'taken':
        this.#outbox.taken()
        return
      default:
        message satisfies never
    }
  }

  /** Something is left to be looked at now. */
  get hasWork(): boolean {
    return this.#outbox.hasRoom && (this.#toldFiles > 0 || !this.#directories.isListed)
  }

  /** Events may be read. */
  get hasRoom(): boolean {
    return this.#toldFiles < MAX_PENDING_EVENTS
  }

  /** When there is something to do, as performance.now() tells it; infinite if nothing waits. */
  get nextDue(): number {
    // Without room nothing new is looked at: the main thread says when it has taken something.
    const due = this.#outbox.hasRoom ? this.#examiner.nextDue : Number.POSITIVE_INFINITY
    const openDue = this.#examiner.isOpenNews ? this.#openDue : Number.POSITIVE_INFINITY
    return Math.min(due, openDue, this.#outbox.nextFlush)
  }

  /** Before the thread may sleep: what can go goes, as nothing else would end the wait, and no directory stays open. */
  rest(): void {
    this.#outbox.flushWhenTaken()
    this.#examiner.rest()
  }

  /** Takes in the kernel's events. Returns whether they tell more than that a writer goes on writing. */
  readEvents(buffer: Buffer): boolean {
    const bytes = readNow(this.fd, buffer)
    let hasNews = false
    for (const event of decodeEvents(buffer.subarray(0, bytes))) {
      // Each check of a directory brings some: nothing is woken up for them, now or later.
      if (event.name !== null && isOwnName(event.name)) continue
      if ((event.mask & (IN.MODIFY | IN.ATTRIB)) !== 0) hasNews = this.#changed(event) || hasNews
      else {
        hasNews = true
        this.#handle(event)
      }
    }
    return hasNews
  }

  /** Does a bounded piece of what is to be done. */
  work(): void {
    this.#directories.list(() => this.#outbox.hasRoom)
    if (!this.#isReady && this.#directories.isListed) {
      this.#isReady = true
      this.#post({ type: 'ready' })
    }
    this.#lookAtTold()
    this.#examiner.lookAgain()
    this.#outbox.flushWhenTaken()
    if (!this.#examiner.isOpenNews || performance.now() < this.#openDue) return
    this.#openDue = performance.now() + OPEN_EVERY_MS
    this.#post({ type: 'writing', open: this.#examiner.openFiles() })
  }

  #lookAtTold(): void {
    const until = performance.now() + LOOK_FOR_MS
    for (const [directory, names] of this.#told) {
      const parent = pathOf(directory)
      for (const [name, by] of names) {
        if (!this.#outbox.hasRoom || performance.now() >= until) return
        names.delete(name)
        this.#toldFiles -= 1
        this.#examiner.found(joinRelative(parent, name), by)
      }
      this.#told.delete(directory)
    }
  }

  /** A file's content or attributes were changed. Returns whether that was not known. */
  #changed({ wd, mask, name }: InotifyEvent): boolean {
    const directory = this.#directories.find(wd)
    if (directory === undefined || name === null || name === '') return false
    const path = joinRelative(pathOf(directory), name)
    if ((mask & IN.MODIFY) !== 0) this.#examiner.written(path)
    const change = this.#examiner.changed(path)
    // No later event may come, as of attributes: the kernel queues what cannot wait here.
    if (change === 'full') this.#tell(directory, name, 'changed')
    return change !== 'known'
  }

  /** Does what the event asks for, and remembers the file that it is about, if that is to be looked at. */
  #handle({ wd, mask, cookie, name }: InotifyEvent): void {
    // What was lost is not known: all is found anew.
    if ((mask & IN.Q_OVERFLOW) !== 0) throw toBeOpenedAnew()
    const directory = this.#directories.find(wd)
    if (directory === undefined) return
    if ((mask & (IN.IGNORED | IN.UNMOUNT | IN.DELETE_SELF | IN.MOVE_SELF)) !== 0) {
      this.#watchEnded(directory, mask)
      return
    }
    if (name === null) {
      const path = joinRelative(pathOf(directory), '\uFFFD')
      this.#post({ type: 'unsendable', unsendable: { why: 'name', path } })
      return
    }
    const path = joinRelative(pathOf(directory), name)
    this.#followWriters(path, mask, cookie)
    if ((mask & IN.ISDIR) === 0) {
      if ((mask & (IN.CLOSE_WRITE | IN.MOVED_TO)) !== 0) this.#tell(directory, name, 'closed')
      else if ((mask & IN.CREATE) !== 0) this.#tell(directory, name, 'created')
      return
    }
    if (directory === this.#directories.root) this.#post({ type: 'entries-changed' })
    if ((mask & (IN.MOVED_FROM | IN.DELETE)) !== 0) this.#directories.left(directory, name)
    else this.#directories.found(directory, name)
  }

  /** Keeps in mind who has yet to close a file, also where it is renamed meanwhile. */
  #followWriters(path: string, mask: number, cookie: number): void {
    const examiner = this.#examiner
    if ((mask & IN.MOVED_FROM) !== 0) {
      // Its second event follows at once, if there is one: it may be renamed to a place outside.
      if (this.#moving.size >= MOST_MOVING) this.#moving.clear()
      const files = examiner.left(path)
      if (files.length > 0) this.#moving.set(cookie, files)
    } else if ((mask & IN.MOVED_TO) !== 0) {
      examiner.arrived(path, this.#moving.get(cookie) ?? [])
      this.#moving.delete(cookie)
    } else if ((mask & IN.ISDIR) === 0) {
      if ((mask & IN.CLOSE_WRITE) !== 0) examiner.closed(path)
      else if ((mask & IN.CREATE) !== 0) examiner.created(path)
    }
  }

  /** A watch has ended: its directory was deleted, moved or unmounted. */
  #watchEnded(directory: Directory, mask: number): void {
    const { parent, name } = directory
    if (parent === null) throw toBeOpenedAnew()
    // A rename has told its parents already: MOVED_FROM, MOVED_TO.
    if ((mask & IN.MOVE_SELF) !== 0) return
    this.#directories.drop(directory)
    // What an unmount uncovers is a directory that nobody has listed.
    if ((mask & IN.UNMOUNT) !== 0) this.#directories.found(parent, name)
  }

  #tell(directory: Directory, name: string, by: Occasion): void {
    let names = this.#told.get(directory)
    if (names === undefined) {
      names = new Map()
      this.#told.set(directory, names)
    }
    const before = names.get(name)
    if (before === undefined) this.#toldFiles += 1
    if (by === 'closed' || before === undefined) names.set(name, by)
  }
}

/** As of a directory that is gone. */
function toBeOpenedAnew(): Error {
  return Object.assign(new Error('the tree is to be opened anew'), { code: 'ENOENT' })
}
