import { unlink } from 'node:fs/promises'
import { warnUnlessCode } from '../dropped-errors.ts'
import type { Semaphore } from '../lib/async/semaphore.ts'
import { closeQuietly } from '../platform/fd.ts'
import type { Copies } from './copies.ts'
import { temporaryIn } from './layout.ts'
import { FileRefused, outcomeOf, type Stored } from './outcome.ts'
import { judgePath, type Offered, roomFor, type StoredAt, type StoreParts } from './parts.ts'
import type { ToldDirectory } from './store-messages.ts'

/** A file that is stored, and what it has to be. */
export interface ToCopy {
  from: StoredAt
  digest: Uint8Array
  /** The source has it no more under the name that it is copied from. */
  isMoved: boolean
  /** What the directories on the way to it are at the source. */
  directories?: readonly ToldDirectory[]
}

export function openStoreCopy(parts: StoreParts, copies: Copies) {
  const { temporary, commitThread, groupCommit, partials } = parts
  const copyOther = async (file: Offered, copy: ToCopy, signal: AbortSignal): Promise<Stored> => {
    const { from, digest, isMoved, directories = [] } = copy
    const { facts, source, path } = file
    const { size } = facts
    const room = await roomFor(parts, file, size)
    const made = temporaryIn(temporary)
    try {
      const fd = await copies.make(from, { size, digest }, made, signal, room.written)
      if (signal.aborted) {
        // Its sender may have connected anew, and sent a newer content.
        await closeQuietly(fd)
        throw new FileRefused('aborted', '')
      }
      const moved = isMoved ? { source: from.source.id, path: from.path } : null
      const written = { fd, temporary: made, digest, isUntimed: true, moved, directories }
      const stored = await groupCommit.addOne({ ...file, ...written })
      if (stored.outcome.status === 'durable') partials.superseded(source.id, path)
      return stored
    } catch (thrown) {
      await unlink(made).catch((error) =>
        warnUnlessCode(error, ['ENOENT'], 'the start removes a temporary file that stays'),
      )
      throw thrown
    } finally {
      room.leave()
    }
  }

  const confirm = async (file: Offered, copy: ToCopy, signal: AbortSignal): Promise<Stored> => {
    const { from, digest, directories = [] } = copy
    await copies.confirm(from, { size: file.facts.size, digest }, signal)
    const unchanged = { fd: null, temporary: null, isUntimed: true, moved: null }
    return groupCommit.addOne({ ...file, ...unchanged, digest, directories })
  }

  /**
   * Stores a file whose content is there already under another name of the same sender: it is read, copied, and durable
   * when this resolves; `unknown`: there is no such content. From its own name nothing is copied: the content is read
   * back from the disk, and its new facts are written down. Gives up after the signal. Never rejects.
   *
   * @param turns it waits for first.
   */
  return async (file: Offered, copy: ToCopy, signal: AbortSignal, turns: Semaphore): Promise<Stored> => {
    const { from } = copy
    let hasTurn = false
    let leave: () => void = () => undefined
    try {
      const refused = judgePath(file.path)
      if (refused !== null) return { outcome: refused, position: 0 }
      // A name under which nothing can have been stored has no content.
      if (judgePath(from.path) !== null) throw new FileRefused('unknown', 'name')
      hasTurn = await turns.acquire()
      leave = await commitThread.use()
      const isItself = from.source.id === file.source.id && from.path === file.path
      return await (isItself ? confirm : copyOther)(file, copy, signal)
    } catch (thrown) {
      return { outcome: outcomeOf(thrown), position: 0 }
    } finally {
      leave()
      if (hasTurn) turns.release()
    }
  }
}
