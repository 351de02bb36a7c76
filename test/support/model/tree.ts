export interface Inode {
  content: string
  writers: number
  links: number
  /** Changed by a writer that has not closed it yet. */
  dirty: boolean
  /** Number of the last operation that changed it, or began to. */
  changedAt: number
  /** Written through one of several names: the kernel tells only of that one, so a comparison finds the others. */
  weak: boolean
  /** The program itself has set the group-write bit. */
  bitByProgram: boolean
  /** Where in the source it has been. */
  readonly paths: Set<string>
}

export interface Directory {
  kind: 'directory'
  readonly entries: Map<string, Entry>
  since: number
  /** Number of the operation that put finished.parse here. */
  closedAt: number | null
  /** Another batch directory was there in its time: which of the two is the newest the clock decides. */
  hadRivals: boolean
}
export type Entry = { kind: 'file'; inode: Inode; since: number } | Directory

/** A name in a directory, whether anything has it or not. */
export interface Place {
  directory: Directory
  name: string
}

export interface Found {
  path: string
  inode: Inode
  /** Number of the operation that last changed the file, or brought it to this place within its top directory. */
  since: number
}

const isTemporary = (name: string) => name.endsWith('.part')

const newDirectory = (since: number): Directory => ({
  kind: 'directory',
  entries: new Map(),
  since,
  closedAt: null,
  hadRivals: false,
})

/**
 * The names of the model's disk: which files and directories are where. What changes a name says whether it did;
 * `now` is the number of the operation.
 */
export class Tree {
  readonly #root = newDirectory(0)

  constructor() {
    for (const name of ['in', 'out']) this.#root.entries.set(name, newDirectory(0))
  }

  entry(path: string): Entry | undefined {
    let at: Entry | undefined = this.#root
    for (const name of path.split('/')) at = at?.kind === 'directory' ? at.entries.get(name) : undefined
    return at
  }

  /** Null where there is no such directory. */
  findPlace(path: string): Place | null {
    const cut = path.lastIndexOf('/')
    const directory = this.entry(path.slice(0, cut))
    return directory?.kind === 'directory' ? { directory, name: path.slice(cut + 1) } : null
  }

  inodeAt(path: string): Inode | null {
    const entry = this.entry(path)
    return entry?.kind === 'file' ? entry.inode : null
  }

  /** The source's first level. */
  tops(): Map<string, Directory> {
    const tops = new Map<string, Directory>()
    const source = this.entry('in')
    if (source?.kind !== 'directory') return tops
    for (const [name, entry] of source.entries) if (entry.kind === 'directory') tops.set(name, entry)
    return tops
  }

  /**
   * Every file below the source that a scanner has to see, finished or not. `all`: those with temporary names, too, which
   * it may see where no more files are expected.
   */
  files(all = false): Found[] {
    const found: Found[] = []
    const enter = (directory: Directory, prefix: string, since: number) => {
      for (const [name, entry] of directory.entries) {
        const path = prefix === '' ? name : `${prefix}/${name}`
        // That a top directory was moved as a whole does not change what its producer has finished in it.
        const moved = prefix === '' ? 0 : Math.max(since, entry.since)
        if (entry.kind === 'directory') enter(entry, path, moved)
        else if (all || !isTemporary(name))
          found.push({ path, inode: entry.inode, since: Math.max(moved, entry.inode.changedAt) })
      }
    }
    const source = this.entry('in')
    if (source?.kind === 'directory') enter(source, '', 0)
    return found
  }

  newInode(place: Place, now: number): Inode {
    const inode: Inode = {
      content: '',
      writers: 0,
      links: 1,
      dirty: false,
      changedAt: now,
      weak: false,
      bitByProgram: false,
      paths: new Set(),
    }
    place.directory.entries.set(place.name, { kind: 'file', inode, since: now })
    return inode
  }

  mkdir(path: string, now: number): boolean {
    const names = path.split('/')
    const above = names.map((_, index) => this.entry(names.slice(0, index + 1).join('/')))
    if (above.at(-1) !== undefined || above.some((entry) => entry?.kind === 'file')) return false
    let at = this.#root
    for (const name of names) {
      const next: Entry = at.entries.get(name) ?? newDirectory(now)
      if (next.kind === 'file') return false
      at.entries.set(name, next)
      at = next
    }
    return true
  }

  unlink(path: string): boolean {
    const place = this.findPlace(path)
    const entry = place?.directory.entries.get(place.name)
    if (place === null || entry?.kind !== 'file') return false
    entry.inode.links -= 1
    place.directory.entries.delete(place.name)
    return true
  }

  /** Removes a directory with all that is in it. */
  remove(path: string): boolean {
    const place = this.findPlace(path)
    const entry = place?.directory.entries.get(place.name)
    if (place === null || entry?.kind !== 'directory') return false
    const release = (directory: Directory) => {
      for (const one of directory.entries.values()) {
        if (one.kind === 'file') one.inode.links -= 1
        else release(one)
      }
    }
    release(entry)
    place.directory.entries.delete(place.name)
    return true
  }

  rename(path: string, to: string, now: number): boolean {
    const [from, target] = [this.findPlace(path), this.findPlace(to)]
    const entry = from?.directory.entries.get(from.name)
    if (from === null || target === null || entry === undefined || `${to}/`.startsWith(`${path}/`))
      return false
    const there = target.directory.entries.get(target.name)
    if (there?.kind === 'directory' || (there !== undefined && entry.kind === 'directory')) return false
    if (there !== undefined) {
      // Two names of one file: rename(2) does nothing.
      if (entry.kind === 'file' && there.inode === entry.inode) return false
      there.inode.links -= 1
    }
    from.directory.entries.delete(from.name)
    entry.since = now
    target.directory.entries.set(target.name, entry)
    return true
  }

  link(path: string, to: string, now: number): boolean {
    const inode = this.inodeAt(path)
    const target = this.findPlace(to)
    if (inode === null || target === null || target.directory.entries.has(target.name)) return false
    inode.links += 1
    if (inode.writers > 0) inode.weak = true
    target.directory.entries.set(target.name, { kind: 'file', inode, since: now })
    return true
  }
}
