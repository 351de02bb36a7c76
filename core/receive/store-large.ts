import { createHash } from 'node:crypto'
import { closeFd, writeFully } from '../wire/fd.ts'
import type { Outcome } from './file-refused.ts'
import { FileRefused, outcomeOf } from './file-refused.ts'
import type { Room } from './limits/admission.ts'
import type { FileFacts, StoreParts } from './store-parts.ts'
import { componentsOf } from './store-parts.ts'

/** A large file on its way. Calls are made in order; each waits for the one before. */
export interface IncomingFile {
  /** Appends to the file; the promise says when the bytes are written (not durable). It never rejects. */
  write(bytes: Uint8Array): Promise<void>
  /** Resolves when the file is durable, or says why it is not stored. */
  finish(digest: Uint8Array): Promise<Outcome>
  abort(): Promise<void>
  /** Why it cannot be stored any more, as soon as that is known. */
  readonly refused: Outcome | null
}

export type StoreLarge = (facts: FileFacts) => IncomingFile

export function openStoreLarge(parts: StoreParts): StoreLarge {
  const { admission, commit, discard, seal, temporaries, writing } = parts

  return (facts) => {
    const hash = createHash('sha256')
    let refused: Outcome | null = null
    let position = 0
    let components: string[] = []
    let open: { fd: number; file: string } | null = null
    let room: Room | null = null
    let last: Promise<void> = Promise.resolve()

    /** Queues one step; after the first failure the rest of the file is only let pass. */
    const step = (work: () => Promise<void>): Promise<void> => {
      last = last.then(async () => {
        if (refused !== null) return
        await writing(work).catch((thrown: unknown) => {
          refused = outcomeOf(thrown)
        })
      })
      return last
    }

    const close = async (remove: boolean): Promise<void> => {
      await last
      if (remove) room?.leave()
      if (open === null) return
      const { fd, file } = open
      open = null
      await closeFd(fd).catch(() => undefined)
      if (remove) await discard(file)
    }

    void step(async () => {
      components = componentsOf(facts)
      // Said before the disk is filled with a part of it, which would fail the small files beside it.
      room = await admission.enter(facts.folder, facts.size)
      if (room.unlessSame !== null) throw room.unlessSame
      open = await temporaries.create()
    })
    return {
      get refused() {
        return refused
      },
      write: (bytes) =>
        step(async () => {
          if (position + bytes.length > facts.size) throw new FileRefused('digest', 'size')
          hash.update(bytes)
          if (open !== null) await writeFully(open.fd, bytes, position)
          position += bytes.length
        }),
      async finish(digest) {
        await step(async () => {
          if (position !== facts.size || !hash.digest().equals(digest)) throw new FileRefused('digest', '')
          if (open !== null) await seal(open.fd, facts)
        })
        const file = open?.file
        await close(refused !== null)
        if (refused !== null || file === undefined) return refused ?? { status: 'failed', detail: '' }
        const { size, mtimeMs, mode } = facts
        const written = { temporary: file, components, size, mtime: mtimeMs / 1000, mode, digest }
        return commit({ ...written, unlessSame: null }).finally(() => room?.leave())
      },
      abort: () => close(true),
    }
  }
}
