import {
  appendFileSync,
  chmodSync,
  closeSync,
  constants,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import path from 'node:path'
import type { Effect, Op } from './op.ts'

/** Empties the file; every writer of a program appends. */
const REWRITE = constants.O_WRONLY | constants.O_TRUNC | constants.O_APPEND

/** Does to a real directory what the model has done to itself. */
export class RealDisk {
  readonly #base: string
  readonly #handles = new Map<number, number>()

  constructor(base: string) {
    this.#base = base
    for (const name of ['in', 'out']) mkdirSync(this.absolute(name), { recursive: true })
  }

  absolute(name: string): string {
    return path.join(this.#base, name)
  }

  closeAll(): void {
    for (const fd of this.#handles.values()) closeSync(fd)
    this.#handles.clear()
  }

  apply(op: Op, { text, size }: Effect): void {
    switch (op.op) {
      case 'settle':
        return
      case 'create':
        this.#handles.set(op.handle, openSync(this.absolute(op.path), 'ax', 0o644))
        return
      case 'append':
        this.#handles.set(op.handle, openSync(this.absolute(op.path), 'a'))
        return
      case 'rewrite':
        this.#handles.set(op.handle, openSync(this.absolute(op.path), REWRITE))
        return
      case 'write':
        writeSync(this.#fd(op.handle), text)
        return
      case 'close':
        closeSync(this.#fd(op.handle))
        this.#handles.delete(op.handle)
        return
      case 'put':
        writeFileSync(this.absolute(op.path), text, { mode: 0o644 })
        return
      case 'replace': {
        const temporary = `${this.absolute(op.path)}.tmp`
        writeFileSync(temporary, text, { mode: 0o644 })
        renameSync(temporary, this.absolute(op.path))
        return
      }
      case 'truncate':
        truncateSync(this.absolute(op.path), size)
        return
      case 'unlink':
        unlinkSync(this.absolute(op.path))
        return
      case 'mkdir':
        mkdirSync(this.absolute(op.path), { recursive: true })
        return
      case 'rmtree':
        this.#remove(op.path)
        return
      case 'swap':
        this.#swap(op.path, text)
        return
      case 'parse':
        writeFileSync(path.join(this.absolute(op.path), 'finished.parse'), '')
        return
      case 'rename':
        renameSync(this.absolute(op.path), this.absolute(op.to))
        return
      case 'link':
        linkSync(this.absolute(op.path), this.absolute(op.to))
        return
      case 'chmod': {
        const { mode } = statSync(this.absolute(op.path))
        chmodSync(this.absolute(op.path), op.bit ? mode | 0o020 : mode & ~0o020)
        return
      }
      default:
        op satisfies never
    }
  }

  #fd(handle: number): number {
    const fd = this.#handles.get(handle)
    if (fd === undefined) throw new Error(`handle ${handle} is not open`)
    return fd
  }

  #remove(name: string): void {
    // A mark may land in it meanwhile: then it is not empty yet.
    rmSync(this.absolute(name), { recursive: true, maxRetries: 20, retryDelay: 1 })
  }

  #swap(name: string, text: string): void {
    const absolute = this.absolute(name)
    if (statSync(absolute).isDirectory()) {
      this.#remove(name)
      appendFileSync(absolute, text, { mode: 0o644 })
      return
    }
    unlinkSync(absolute)
    mkdirSync(absolute)
    writeFileSync(path.join(absolute, path.basename(name)), text, { mode: 0o644 })
  }
}
