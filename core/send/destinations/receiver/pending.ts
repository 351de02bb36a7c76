import type { Stored } from '../../../store/store.ts'
import { WireFault } from '../../../wire/codec.ts'
import type { FrameHeader } from '../../../wire/frames.ts'
import { fileStatuses } from '../../../wire/limits.ts'
import type { Proof } from '../destination.ts'

/** Hears what the receiver said of files that were numbered together, by index; null: the connection was lost before. */
type Tell = (index: number, result: Stored | null) => void

/** Everything that the receiver was asked, and has not answered yet. An answer that was not asked for is a WireFault. */
export type Pending = ReturnType<typeof createPending>

export function createPending() {
  const files = new Map<number, { first: number; tell: Tell }>()
  const copies = new Set<number>()
  const proofs = new Map<number, (proof: Proof) => void>()
  const resumes = new Map<number, { size: number; resolve(offset: number): void }>()
  let lastId = 0

  const nextId = (): number => {
    lastId = (lastId + 1) >>> 0
    return lastId
  }

  const ask = (count: number, tell: Tell): number => {
    const asked = { first: (lastId + 1) >>> 0, tell }
    for (let index = 0; index < count; index += 1) files.set(nextId(), asked)
    return asked.first
  }

  return {
    /** Numbers for so many files that are sent, of which the first is returned. */
    files: ask,
    /** A number for one file; only of a `copy` may the answer be "unknown". */
    file(kind: 'content' | 'copy') {
      let id = 0
      const result = new Promise<Stored | null>((resolve) => {
        id = ask(1, (_, said) => resolve(said))
      })
      if (kind === 'copy') copies.add(id)
      return { id, result }
    },
    /** Resolves with the bytes of the file that need not be sent. */
    resume: (id: number, size: number) =>
      new Promise<number>((resolve) => resumes.set(id, { size, resolve })),
    /** The file was refused: there is no other answer. */
    forgetResume: (id: number) => void resumes.delete(id),
    proof() {
      const id = nextId()
      return { id, proof: new Promise<Proof>((resolve) => proofs.set(id, resolve)) }
    },

    onResult({ position, results }: FrameHeader<'result'>) {
      for (const [id, code, detail] of results) {
        const status = fileStatuses[code]
        const asked = files.get(id)
        if (status === undefined || asked === undefined) throw new WireFault(`result for unknown file ${id}`)
        if (!copies.delete(id) && status === 'unknown')
          throw new WireFault(`file ${id} was sent, not asked for`)
        files.delete(id)
        asked.tell((id - asked.first) >>> 0, { outcome: { status, detail }, position })
      }
    },
    onProof({ id, digest, reason }: FrameHeader<'proof'>) {
      const tell = proofs.get(id)
      if (tell === undefined) throw new WireFault(`proof of unknown file ${id}`)
      proofs.delete(id)
      // As it came it is a part of the whole frame.
      if (digest !== null) tell({ kind: 'digest', digest: Buffer.from(digest) })
      else tell({ kind: reason.startsWith('unknown') ? 'absent' : 'unavailable' })
    },
    onResume({ id, offset }: FrameHeader<'resume'>) {
      const asked = resumes.get(id)
      if (asked === undefined) throw new WireFault(`resume for file ${id}, which was not asked for`)
      if (offset > asked.size) throw new WireFault(`resume: beyond the end of file ${id}`)
      resumes.delete(id)
      asked.resolve(offset)
    },

    /** The connection is lost. */
    close() {
      const lost = [...files]
      files.clear()
      for (const [id, { first, tell }] of lost) tell((id - first) >>> 0, null)
      for (const tell of proofs.values()) tell({ kind: 'unavailable' })
      proofs.clear()
    },
  }
}
