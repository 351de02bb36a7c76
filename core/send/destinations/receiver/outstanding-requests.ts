import { WireFault } from '../../../protocol/codec.ts'
import type { FrameHeader } from '../../../protocol/frames.ts'
import { fileStatuses } from '../../../protocol/limits.ts'
import type { Stored } from '../../../store/store.ts'
import type { Proof } from '../destination.ts'

/**
 * Called with the result of a file, by its index among files numbered together; null: the connection was lost first.
 */
type Tell = (index: number, result: Stored | null) => void

/** All requests that the receiver has not answered yet. An answer without a request is a WireFault. */
export class OutstandingRequests {
  readonly #files = new Map<number, { first: number; tell: Tell }>()
  readonly #copies = new Set<number>()
  readonly #proofs = new Map<number, (proof: Proof) => void>()
  readonly #resumes = new Map<number, { size: number; resolve(offset: number): void }>()
  #lastId = 0

  /** Assigns consecutive numbers to `count` files, and returns the first. */
  files(count: number, tell: Tell): number {
    const asked = { first: (this.#lastId + 1) >>> 0, tell }
    for (let index = 0; index < count; index += 1) this.#files.set(this.#nextId(), asked)
    return asked.first
  }

  /** Assigns a number to one file; only a `copy` may be answered with "unknown". */
  file(kind: 'content' | 'copy') {
    let id = 0
    const result = new Promise<Stored | null>((resolve) => {
      id = this.files(1, (_, said) => resolve(said))
    })
    if (kind === 'copy') this.#copies.add(id)
    return { id, result }
  }

  /** Resolves with the number of bytes that need not be sent. */
  resume(id: number, size: number): Promise<number> {
    return new Promise((resolve) => this.#resumes.set(id, { size, resolve }))
  }

  /** Drops the request: the file was refused, so no `resume` follows. */
  forgetResume(id: number): void {
    this.#resumes.delete(id)
  }

  proof() {
    const id = this.#nextId()
    return { id, proof: new Promise<Proof>((resolve) => this.#proofs.set(id, resolve)) }
  }

  onResult({ position, results }: FrameHeader<'result'>): void {
    for (const [id, code, detail] of results) {
      const status = fileStatuses[code]
      const asked = this.#files.get(id)
      if (status === undefined || asked === undefined) throw new WireFault(`result for unknown file ${id}`)
      if (!this.#copies.delete(id) && status === 'unknown')
        throw new WireFault(`file ${id} was sent, not asked for`)
      this.#files.delete(id)
      asked.tell((id - asked.first) >>> 0, { outcome: { status, detail }, position })
    }
  }

  onProof({ id, digest, reason }: FrameHeader<'proof'>): void {
    const tell = this.#proofs.get(id)
    if (tell === undefined) throw new WireFault(`proof of unknown file ${id}`)
    this.#proofs.delete(id)
    // Copied, because the received bytes are a part of the frame's memory.
    if (digest !== null) tell({ kind: 'digest', digest: Buffer.from(digest) })
    else tell({ kind: reason.startsWith('unknown') ? 'absent' : 'unavailable' })
  }

  onResume({ id, offset }: FrameHeader<'resume'>): void {
    const asked = this.#resumes.get(id)
    if (asked === undefined) throw new WireFault(`resume for file ${id}, which was not asked for`)
    if (offset > asked.size) throw new WireFault(`resume: beyond the end of file ${id}`)
    this.#resumes.delete(id)
    asked.resolve(offset)
  }

  /** Settles all requests as lost with the connection. */
  close(): void {
    const lost = [...this.#files]
    this.#files.clear()
    for (const [id, { first, tell }] of lost) tell((id - first) >>> 0, null)
    for (const tell of this.#proofs.values()) tell({ kind: 'unavailable' })
    this.#proofs.clear()
  }

  #nextId(): number {
    this.#lastId = (this.#lastId + 1) >>> 0
    return this.#lastId
  }
}
