import { closeSync, constants, openSync, readSync, rmSync } from 'node:fs'
import path from 'node:path'
import { deserialize, serialize } from 'node:v8'
import { dropError } from '../../dropped-errors.ts'
import { writeAt } from '../../store/file-writer.ts'
import { removeTemporary, restoreStopped, temporaryName } from './write-files.ts'

/** Values that are written and read together. */
const BLOCK = 256

const { O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW = 0 } = constants

interface Part<P> {
  part: P
  blocks: { from: number; bytes: number }[]
}

/**
 * A list of any length that takes the memory of one block: the others are in a file without a name in the target
 * directory of their part, which ends with the process. Where an open file cannot be unlinked, it has a name until
 * `close`.
 */
export class Spool<P extends { destination: string }, T> {
  /** Values that were added. */
  length = 0
  readonly #parts: Part<P>[] = []
  #block: T[] = []
  #fd: number | null = null
  /** Path of the file, if it could not be unlinked. */
  #named: string | null = null
  #end = 0

  /** Adds a value. @throws UserError if it cannot be written. */
  add(part: P, value: T): void {
    if (this.#parts.at(-1)?.part !== part) {
      this.#write()
      this.#parts.push({ part, blocks: [] })
    }
    this.#block.push(value)
    this.length += 1
    if (this.#block.length >= BLOCK) this.#write()
  }

  /** Yields the values of each part in their order; nothing is added after that. @throws UserError */
  *read(): Generator<{ part: P; values: Generator<T> }> {
    for (const one of this.#parts) yield { part: one.part, values: this.#valuesOf(one) }
  }

  close(): void {
    try {
      if (this.#fd !== null) closeSync(this.#fd)
    } finally {
      this.#fd = null
      if (this.#named !== null) removeTemporary(this.#named)
      this.#named = null
    }
  }

  *#valuesOf(one: Part<P>): Generator<T> {
    for (const { from, bytes } of one.blocks) yield* this.#readBlock(one.part, from, bytes)
    if (one === this.#parts.at(-1)) yield* this.#block
  }

  #write(): void {
    const last = this.#parts.at(-1)
    if (last === undefined || this.#block.length === 0) return
    try {
      const bytes = serialize(this.#block)
      this.#fd ??= this.#open(path.resolve(last.part.destination))
      writeAt(this.#fd, bytes, this.#end, false)
      last.blocks.push({ from: this.#end, bytes: bytes.length })
      this.#end += bytes.length
      this.#block = []
    } catch (error) {
      throw restoreStopped(last.part.destination, error)
    }
  }

  #open(directory: string): number {
    const file = path.join(directory, temporaryName())
    const fd = openSync(file, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600)
    try {
      rmSync(file)
    } catch (error) {
      // CIFS and some FUSE file systems.
      this.#named = dropError(error, 'the file is removed after it is closed', file)
    }
    return fd
  }

  #readBlock({ destination }: P, from: number, bytes: number): T[] {
    try {
      const block = Buffer.alloc(bytes)
      for (let at = 0; at < bytes; ) {
        const read = readSync(this.#fd ?? -1, block, at, bytes - at, from + at)
        if (read === 0) throw Object.assign(new Error('the file is shorter than written'), { code: 'EIO' })
        at += read
      }
      return deserialize(block) as T[]
    } catch (error) {
      throw restoreStopped(destination, error)
    }
  }
}
