import { WireFault } from '../../wire/codec.ts'
import type { FrameHeader } from '../../wire/frames.ts'

/** Files of which the receiver was asked what it has of them from before. */
export interface Questions {
  /** Resolves with the bytes that need not be sent. */
  ask(id: number, size: number): Promise<number>
  /** @throws WireFault if nothing was asked, or the answer cannot be right. */
  answer(header: FrameHeader<'resume'>): void
  /** The file was refused: there is no other answer. */
  forget(id: number): void
}

export function createQuestions(): Questions {
  const open = new Map<number, { size: number; resolve(offset: number): void }>()
  return {
    ask: (id, size) => new Promise((resolve) => open.set(id, { size, resolve })),
    answer({ id, offset }) {
      const question = open.get(id)
      if (question === undefined) throw new WireFault(`resume for file ${id}, which was not asked for`)
      if (offset > question.size) throw new WireFault(`resume: beyond the end of file ${id}`)
      open.delete(id)
      question.resolve(offset)
    },
    forget: (id) => void open.delete(id),
  }
}
