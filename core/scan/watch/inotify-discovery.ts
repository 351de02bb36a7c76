import { isGone } from '../../files/system-error.ts'
import type { Unsendable } from '../tree/walk.ts'
import type { FromThread } from './inotify.ts'
import { Listing } from './inotify-listing.ts'
import type { Directory, Tree } from './inotify-tree.ts'
import { directoryAt, pathOf } from './inotify-tree.ts'
import { IN } from './linux.ts'

export interface DiscoveryOptions {
  post(message: FromThread): void
  /** A file was found in a directory whose files nobody else will list. */
  file(directory: Directory, path: string): void
  problem(tree: Tree, unsendable: Unsendable): void
}

/** Finds the directories of the trees, and keeps each with a watch, or counted as one that has none. */
export class Discovery {
  readonly #options: DiscoveryOptions
  readonly #listing: Listing

  constructor(options: DiscoveryOptions) {
    this.#options = options
    this.#listing = new Listing({
      directory: (parent, name, again) => this.found(parent, name, again),
      file: options.file,
      unreadable: (directory, code) =>
        options.problem(directory.tree, { why: 'directory', path: pathOf(directory), code }),
      complete: (directory, names) => this.#dropVanished(directory, names),
      done: (directory) => this.#listed(directory.tree),
    })
  }

  get isIdle(): boolean {
    return this.#listing.isEmpty
  }

  /** Lists a bounded piece; `mayGoOn` is asked before each entry. */
  work(mayGoOn: () => boolean): void {
    this.#listing.slice(mayGoOn)
  }

  /** Begins with a tree. Returns the error's name where its own directory cannot be watched. */
  open(tree: Tree): string | null {
    const error = tree.watches.add(tree.root)
    if (error !== null && error !== 'ENOSPC') return error
    this.#listing.add({ directory: tree.root, files: false, again: false })
    return null
  }

  forget(tree: Tree): void {
    this.#listing.forget(tree)
  }

  /** A watch has ended: its directory was deleted, moved or unmounted. */
  ended(directory: Directory, mask: number): void {
    const { tree, parent } = directory
    if (directory === tree.root) {
      if ((mask & IN.IGNORED) !== 0) tree.watches.forgetNumber(directory.wd)
      this.#options.post({ type: 'gone', tree: tree.id })
      return
    }
    // A rename has told its parents already: MOVED_FROM, MOVED_TO.
    if ((mask & IN.MOVE_SELF) !== 0) return
    tree.watches.drop(directory)
    // What an unmount uncovers is a directory that nobody has listed.
    if ((mask & IN.UNMOUNT) !== 0 && parent !== null) this.found(parent, directory.name, false)
  }

  /** Watch first, list second: what comes between the two is seen twice rather than never. */
  found(parent: Directory, name: string, again: boolean): void {
    const { tree } = parent
    const known = parent.children.get(name)
    const directory = known ?? { tree, parent, name, wd: -1, children: new Map() }
    const path = pathOf(directory)
    if (tree.leaveOut.has(path)) {
      // Something was mounted on it: what is there now is another tree's.
      if (known !== undefined) tree.watches.drop(known)
      return
    }
    if (known === undefined && tree.filter.directory(path) !== null) return
    const before = directory.wd
    const error = tree.watches.add(directory)
    if (error !== null && error !== 'ENOSPC') {
      tree.watches.drop(directory)
      if (!isGone(error)) this.#options.problem(tree, { why: 'directory', path, code: error })
      return
    }
    parent.children.set(name, directory)
    const replaced = before !== -1 && directory.wd !== before
    if (replaced) for (const child of [...directory.children.values()]) tree.watches.drop(child)
    const unknown = known === undefined || replaced
    // Until the tree is ready its files are left to the comparison with the ledger, which comes then.
    if (unknown || again) this.#listing.add({ directory, files: unknown && tree.stage === 'ready', again })
  }

  /** Something was mounted inside a tree, or unmounted. */
  leaveOut(tree: Tree, directories: readonly string[]): void {
    const before = tree.leaveOut
    tree.leaveOut = new Set(directories)
    for (const path of tree.leaveOut) {
      const covered = directoryAt(tree, path)
      if (covered !== null && covered !== tree.root) tree.watches.drop(covered)
    }
    for (const path of before) {
      if (tree.leaveOut.has(path)) continue
      const slash = path.lastIndexOf('/')
      const parent = directoryAt(tree, slash < 0 ? '' : path.slice(0, slash))
      // Uncovered: as with a new directory, nobody else lists it.
      if (parent !== null) this.found(parent, path.slice(slash + 1), false)
    }
  }

  eventsLost(tree: Tree): void {
    tree.lost = true
    this.#options.post({ type: 'entries-changed', tree: tree.id })
    this.relist(tree)
  }

  /** Goes through the whole tree for directories without a watch. */
  relist(tree: Tree): void {
    const unlisted = this.#listing.forget(tree)
    this.#listing.add({ directory: tree.root, files: false, again: true })
    for (const directory of unlisted) this.#listing.add({ directory, files: true, again: true })
  }

  close(): void {
    this.#listing.close()
  }

  /** Directories that went while events were lost. */
  #dropVanished(directory: Directory, names: ReadonlySet<string>): void {
    for (const [name, child] of [...directory.children]) {
      // One that came after the listing had passed its place is there still.
      if (names.has(name) || !isGone(directory.tree.watches.add(child))) continue
      directory.tree.watches.drop(child)
    }
  }

  #listed(tree: Tree): void {
    tree.listing -= 1
    if (tree.listing > 0) return
    const count = tree.unwatched.size
    if (count !== tree.toldUnwatched) {
      tree.toldUnwatched = count
      this.#options.post({ type: 'unwatched', tree: tree.id, count })
    }
    if (tree.stage === 'initial') {
      tree.stage = 'ready'
      // The comparison that follows finds whatever was lost until now.
      tree.lost = false
      this.#options.post({ type: 'ready', tree: tree.id })
    } else if (tree.lost) {
      tree.lost = false
      this.#options.post({ type: 'lost', tree: tree.id })
    }
  }
}
