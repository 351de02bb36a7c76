import { type Effect, nothing, type Op } from './op.ts'
import { type Directory, type Entry, type Found, type Inode, Tree } from './tree.ts'

const LARGE = 300 * 1024

/**
 * The model: what the operations make of a disk, and which contents were finished under which path. Sizes are
 * never used twice, so that no two contents can have the same size, time and inode.
 */
export class Disk {
  readonly #tree = new Tree()
  readonly #handles = new Map<number, Inode>()
  readonly #sizes = new Set<number>([0])
  #count = 0
  /** Every content that was ever finished under a path of the source (without "in/"). */
  readonly history = new Map<string, Set<string>>()

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
    return this.#tree.entry(path)
  }

  /** The source's first level. */
  tops(): Map<string, Directory> {
    return this.#tree.tops()
  }

  /** Every file below the source that a scanner has to see, finished or not. */
  files(all = false): Found[] {
    return this.#tree.files(all)
  }

  #record(): void {
    for (const { path, inode } of this.files(true)) {
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
        return this.#tree.unlink(op.path) ? nothing : null
      case 'mkdir':
        return this.#tree.mkdir(op.path, this.#count) ? nothing : null
      case 'rmtree':
        return this.#tree.remove(op.path) ? nothing : null
      case 'swap':
        return this.#swap(op.path)
      case 'parse':
        return this.#parse(op.path)
      case 'rename':
        return this.#tree.rename(op.path, op.to, this.#count) ? nothing : null
      case 'link':
        return this.#tree.link(op.path, op.to, this.#count) ? nothing : null
      case 'chmod':
        return this.#chmod(op.path, op.bit)
      default:
        return op satisfies never
    }
  }

  #create(path: string, handle: number): Effect | null {
    const place = this.#tree.findPlace(path)
    if (place === null || place.directory.entries.has(place.name) || this.#handles.has(handle)) return null
    const inode = this.#tree.newInode(place, this.#count)
    inode.writers = 1
    inode.dirty = true
    this.#handles.set(handle, inode)
    return nothing
  }

  #open(path: string, handle: number, empties: boolean): Effect | null {
    const inode = this.#tree.inodeAt(path)
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
    const place = this.#tree.findPlace(path)
    if (place === null || place.directory.entries.get(place.name)?.kind === 'directory') return null
    const inode = this.#tree.inodeAt(path) ?? this.#tree.newInode(place, this.#count)
    const text = this.#text(0, false)
    this.#changed(inode, text)
    if (inode.writers === 0) inode.dirty = false
    return { text, size: 0 }
  }

  #replace(path: string): Effect | null {
    const place = this.#tree.findPlace(path)
    if (place === null || place.directory.entries.get(place.name)?.kind === 'directory') return null
    this.#tree.unlink(path)
    const text = this.#text(0, false)
    this.#tree.newInode(place, this.#count).content = text
    return { text, size: 0 }
  }

  #truncate(path: string): Effect | null {
    const inode = this.#tree.inodeAt(path)
    if (inode === null) return null
    let size = inode.content.length - 1
    while (size > 0 && this.#sizes.has(size)) size -= 1
    if (size <= 0) return null
    this.#sizes.add(size)
    this.#changed(inode, inode.content.slice(0, size))
    if (inode.writers === 0) inode.dirty = false
    return { text: '', size }
  }

  /** A file becomes a directory with a file of the same name in it, and the reverse. */
  #swap(path: string): Effect | null {
    const entry = this.entry(path)
    const place = this.#tree.findPlace(path)
    if (place === null || entry === undefined || place.name.startsWith('DC')) return null
    if (entry.kind === 'directory') {
      this.#tree.remove(path)
      return this.#put(path)
    }
    this.#tree.unlink(path)
    this.#tree.mkdir(path, this.#count)
    return this.#put(`${path}/${place.name}`)
  }

  #parse(path: string): Effect | null {
    const entry = this.entry(path)
    if (entry?.kind !== 'directory' || entry.closedAt !== null) return null
    entry.closedAt = this.#count
    return nothing
  }

  #chmod(path: string, bit: boolean): Effect | null {
    const inode = this.#tree.inodeAt(path)
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

  /** Bytes that make a file of a new size out of one that has `before` bytes. */
  #text(before: number, large: boolean): string {
    let size = before + (large ? LARGE : 1 + (this.#count % 7))
    while (this.#sizes.has(size)) size += 1
    this.#sizes.add(size)
    return `${this.#count}.`.repeat(size).slice(0, size - before)
  }
}
