import { WireFault } from '../../../protocol/codec.ts'
import type { FrameHeader } from '../../../protocol/frames.ts'
import { fileStatuses } from '../../../protocol/limits.ts'
import type { Stored } from '../../../store/store.ts'
import type { Proof } from '../destination.ts'

/** Hears what the receiver said of files that were numbered together, by index; null: the connection was lost before. */
type Tell = (index: number, result: Stored | null) => void

/** Everything that the receiver was asked, and has not answered yet. An answer that was not asked for is a WireFault. */
export class Pending {
  readonly #files = new Map<number, { first: number; tell: Tell }>()
  readonly #copies = new Set<number>()
  readonly #proofs = new Map<number, (proof: Proof) => void>()
  readonly #resumes = new Map<number, { size: number; resolve(offset: number): void }>()
  #lastId = 0

  /** Numbers for so many files that are sent, of which the first is returned. */
  files(count: number, tell: Tell): number {
    const asked = { first: (this.#lastId + 1) >>> 0, tell }
    for (let index = 0; index < count; index += 1) this.#files.set(this.#nextId(), asked)
    return asked.first
  }

  /** A number for one file; only of a `copy` may the answer be "unknown". */
  file(kind: 'content' | 'copy') {
    let id = 0
    const result = new Promise<Stored | null>((resolve) => {
      id = this.files(1, (_, said) => resolve(said))
    })
    if (kind === 'copy') this.#copies.add(id)
    return { id, result }
  }

  /** Resolves with the bytes of the file that need not be sent. */
  resume(id: number, size: number): Promise<number> {
    return new Promise((resolve) => this.#resumes.set(id, { size, resolve }))
  }

  /** The file was refused: there is no other answer. */
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
    // As it came it is a part of the whole frame.
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

  /** The connection is lost. */
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
