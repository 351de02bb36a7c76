/** What a program may do to the disk. Paths begin with "in/" (the source) or "out/" (outside of it). */
export type Op =
  | { op: 'create' | 'append' | 'rewrite'; path: string; handle: number }
  | { op: 'write' | 'close'; handle: number; large?: boolean }
  | { op: 'put' | 'replace' | 'truncate' | 'unlink' | 'mkdir' | 'rmtree' | 'swap' | 'parse'; path: string }
  | { op: 'rename' | 'link'; path: string; to: string }
  | { op: 'chmod'; path: string; bit: boolean }
  /** Nothing is done until everything that is finished has arrived. */
  | { op: 'settle' }

/** The bytes that an operation writes, or the size that it leaves: the rest of an operation is in its words. */
export interface Effect {
  text: string
  size: number
}

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

export interface Found {
  path: string
  inode: Inode
  /** Number of the operation that last changed the file, or brought it to this place within its top directory. */
  since: number
}

const LARGE = 300 * 1024
const isTemporary = (name: string) => name.endsWith('.part')

const newDirectory = (since: number): Directory => ({
  kind: 'directory',
  entries: new Map(),
  since,
  closedAt: null,
  hadRivals: false,
})

/**
 * The model: what the operations make of a disk, and which contents were finished under which path. Sizes are
 * never used twice, so that no two contents can have the same size, time and inode.
 */
export class Disk {
  readonly #root = newDirectory(0)
  readonly #handles = new Map<number, Inode>()
  readonly #sizes = new Set<number>([0])
  #count = 0
  /** Every content that was ever finished under a path of the source (without "in/"). */
  readonly history = new Map<string, Set<string>>()

  constructor() {
    for (const name of ['in', 'out']) this.#root.entries.set(name, newDirectory(0))
  }

  get openHandles(): number[] {
    return [...this.#handles.keys()]
  }

  /** Carries an operation out; null, and nothing done, if it would be an error or nothing at all. */
  apply(op: Op): Effect | null {
    this.#count += 1
    const effect = this.#apply(op)
    if (effect !== null) this.#record()
    return effect
  }

  /** The number of the operation that was applied last. */
  get now(): number {
    return this.#count
  }

  entry(path: string): Entry | undefined {
    let at: Entry | undefined = this.#root
    for (const name of path.split('/')) at = at?.kind === 'directory' ? at.entries.get(name) : undefined
    return at
  }

  /** The source's first level. */
  tops(): Map<string, Directory> {
    const tops = new Map<string, Directory>()
    const source = this.entry('in')
    if (source?.kind !== 'directory') return tops
    for (const [name, entry] of source.entries) if (entry.kind === 'directory') tops.set(name, entry)
    return tops
  }

  /** Every file below the source that a scanner has to see, finished or not. */
  files(): Found[] {
    const found: Found[] = []
    const enter = (directory: Directory, prefix: string, since: number) => {
      for (const [name, entry] of directory.entries) {
        const path = prefix === '' ? name : `${prefix}/${name}`
        // That a top directory was moved as a whole does not change what its producer has finished in it.
        const moved = prefix === '' ? 0 : Math.max(since, entry.since)
        if (entry.kind === 'directory') enter(entry, path, moved)
        else if (!isTemporary(name))
          found.push({ path, inode: entry.inode, since: Math.max(moved, entry.inode.changedAt) })
      }
    }
    const source = this.entry('in')
    if (source?.kind === 'directory') enter(source, '', 0)
    return found
  }

  #record(): void {
    for (const { path, inode } of this.files()) {
      inode.paths.add(path)
      if (inode.writers > 0) continue
      const contents = this.history.get(path) ?? new Set()
      this.history.set(path, contents.add(inode.content))
    }
    const tops = [...this.tops().values()]
    if (tops.length > 1) for (const top of tops) top.hadRivals = true
  }

  #apply(op: Op): Effect | null {
    switch (op.op) {
      case 'settle':
        return nothing
      case 'create':
        return this.#create(op.path, op.handle)
      case 'append':
      case 'rewrite':
        return this.#open(op.path, op.handle, op.op === 'rewrite')
      case 'write':
        return this.#write(op.handle, op.large ?? false)
      case 'close':
        return this.#close(op.handle)
      case 'put':
        return this.#put(op.path)
      case 'replace':
        return this.#replace(op.path)
      case 'truncate':
        return this.#truncate(op.path)
      case 'unlink':
        return this.#unlink(op.path)
      case 'mkdir':
        return this.#mkdir(op.path)
      case 'rmtree':
        return this.#remove(op.path)
      case 'swap':
        return this.#swap(op.path)
      case 'parse':
        return this.#parse(op.path)
      case 'rename':
        return this.#rename(op.path, op.to)
      case 'link':
        return this.#link(op.path, op.to)
      case 'chmod':
        return this.#chmod(op.path, op.bit)
      default:
        return op satisfies never
    }
  }

  #create(path: string, handle: number): Effect | null {
    const place = this.#placeOf(path)
    if (place === null || place.directory.entries.has(place.name) || this.#handles.has(handle)) return null
    const inode = this.#newInode(place)
    inode.writers = 1
    inode.dirty = true
    this.#handles.set(handle, inode)
    return nothing
  }

  #open(path: string, handle: number, empties: boolean): Effect | null {
    const inode = this.#inodeAt(path)
    if (inode === null || this.#handles.has(handle)) return null
    inode.writers += 1
    this.#handles.set(handle, inode)
    if (empties) this.#changed(inode, '')
    else if (inode.links > 1) inode.weak = true
    return nothing
  }

  #write(handle: number, large: boolean): Effect | null {
    const inode = this.#handles.get(handle)
    if (inode === undefined) return null
    const text = this.#text(inode.content.length, large)
    this.#changed(inode, inode.content + text)
    return { text, size: 0 }
  }

  #close(handle: number): Effect | null {
    const inode = this.#handles.get(handle)
    if (inode === undefined) return null
    this.#handles.delete(handle)
    inode.writers -= 1
    if (inode.writers === 0) {
      if (inode.dirty) inode.changedAt = this.#count
      inode.dirty = false
    }
    return nothing
  }

  #put(path: string): Effect | null {
    const place = this.#placeOf(path)
    if (place === null || place.directory.entries.get(place.name)?.kind === 'directory') return null
    const inode = this.#inodeAt(path) ?? this.#newInode(place)
    const text = this.#text(0, false)
    this.#changed(inode, text)
    if (inode.writers === 0) inode.dirty = false
    return { text, size: 0 }
  }

  #replace(path: string): Effect | null {
    const place = this.#placeOf(path)
    if (place === null || place.directory.entries.get(place.name)?.kind === 'directory') return null
    this.#unlink(path)
    const text = this.#text(0, false)
    this.#newInode(place).content = text
    return { text, size: 0 }
  }

  #truncate(path: string): Effect | null {
    const inode = this.#inodeAt(path)
    if (inode === null) return null
    let size = inode.content.length - 1
    while (size > 0 && this.#sizes.has(size)) size -= 1
    if (size <= 0) return null
    this.#sizes.add(size)
    this.#changed(inode, inode.content.slice(0, size))
    if (inode.writers === 0) inode.dirty = false
    return { text: '', size }
  }

  #unlink(path: string): Effect | null {
    const place = this.#placeOf(path)
    const entry = place?.directory.entries.get(place.name)
    if (place === null || entry?.kind !== 'file') return null
    entry.inode.links -= 1
    place.directory.entries.delete(place.name)
    return nothing
  }

  #mkdir(path: string): Effect | null {
    const names = path.split('/')
    const above = names.map((_, index) => this.entry(names.slice(0, index + 1).join('/')))
    if (above.at(-1) !== undefined || above.some((entry) => entry?.kind === 'file')) return null
    let at = this.#root
    for (const name of names) {
      const next: Entry = at.entries.get(name) ?? newDirectory(this.#count)
      if (next.kind === 'file') return null
      at.entries.set(name, next)
      at = next
    }
    return nothing
  }

  #remove(path: string): Effect | null {
    const place = this.#placeOf(path)
    const entry = place?.directory.entries.get(place.name)
    if (place === null || entry?.kind !== 'directory') return null
    const release = (directory: Directory) => {
      for (const one of directory.entries.values()) {
        if (one.kind === 'file') one.inode.links -= 1
        else release(one)
      }
    }
    release(entry)
    place.directory.entries.delete(place.name)
    return nothing
  }

  /** A file becomes a directory with a file of the same name in it, and the reverse. */
  #swap(path: string): Effect | null {
    const entry = this.entry(path)
    const place = this.#placeOf(path)
    if (place === null || entry === undefined || place.name.startsWith('DC')) return null
    if (entry.kind === 'directory') {
      this.#remove(path)
      return this.#put(path)
    }
    this.#unlink(path)
    this.#mkdir(path)
    return this.#put(`${path}/${place.name}`)
  }

  #parse(path: string): Effect | null {
    const entry = this.entry(path)
    if (entry?.kind !== 'directory' || entry.closedAt !== null) return null
    entry.closedAt = this.#count
    return nothing
  }

  #rename(path: string, to: string): Effect | null {
    const [from, target] = [this.#placeOf(path), this.#placeOf(to)]
    const entry = from?.directory.entries.get(from.name)
    if (from === null || target === null || entry === undefined || `${to}/`.startsWith(`${path}/`))
      return null
    const there = target.directory.entries.get(target.name)
    if (there?.kind === 'directory' || (there !== undefined && entry.kind === 'directory')) return null
    if (there !== undefined) {
      // Two names of one file: rename(2) does nothing.
      if (entry.kind === 'file' && there.inode === entry.inode) return null
      there.inode.links -= 1
    }
    from.directory.entries.delete(from.name)
    entry.since = this.#count
    target.directory.entries.set(target.name, entry)
    return nothing
  }

  #link(path: string, to: string): Effect | null {
    const inode = this.#inodeAt(path)
    const target = this.#placeOf(to)
    if (inode === null || target === null || target.directory.entries.has(target.name)) return null
    inode.links += 1
    if (inode.writers > 0) inode.weak = true
    target.directory.entries.set(target.name, { kind: 'file', inode, since: this.#count })
    return nothing
  }

  #chmod(path: string, bit: boolean): Effect | null {
    const inode = this.#inodeAt(path)
    if (inode === null) return null
    if (bit) inode.bitByProgram = true
    else inode.weak = true
    return nothing
  }

  #changed(inode: Inode, content: string): void {
    inode.content = content
    inode.dirty = true
    inode.changedAt = this.#count
    if (inode.links > 1) inode.weak = true
  }

  #newInode(place: { directory: Directory; name: string }): Inode {
    const inode: Inode = {
      content: '',
      writers: 0,
      links: 1,
      dirty: false,
      changedAt: this.#count,
      weak: false,
      bitByProgram: false,
      paths: new Set(),
    }
    place.directory.entries.set(place.name, { kind: 'file', inode, since: this.#count })
    return inode
  }

  /** Bytes that make a file of a new size out of one that has `before` bytes. */
  #text(before: number, large: boolean): string {
    let size = before + (large ? LARGE : 1 + (this.#count % 7))
    while (this.#sizes.has(size)) size += 1
    this.#sizes.add(size)
    return `${this.#count}.`.repeat(size).slice(0, size - before)
  }

  #placeOf(path: string): { directory: Directory; name: string } | null {
    const cut = path.lastIndexOf('/')
    const directory = this.entry(path.slice(0, cut))
    return directory?.kind === 'directory' ? { directory, name: path.slice(cut + 1) } : null
  }

  #inodeAt(path: string): Inode | null {
    const entry = this.entry(path)
    return entry?.kind === 'file' ? entry.inode : null
  }
}

const nothing: Effect = { text: '', size: 0 }
