import { unlink } from 'node:fs/promises'
import { warnUnlessCode } from '../dropped-errors.ts'
import type { Semaphore } from '../lib/async/semaphore.ts'
import { closeQuietly } from '../platform/fd.ts'
import type { Copies } from './copies.ts'
import { temporaryIn } from './layout.ts'
import { FileRefused, type Stored, toOutcome } from './outcome.ts'
import { checkPath, type Offered, reserveRoom, type StoredAt, type StoreParts } from './parts.ts'
import type { ToldDirectory } from './store-messages.ts'

/** A stored file and the content that it must have. */
export interface ToCopy {
  from: StoredAt
  digest: Uint8Array
  /** The source no longer has a file under the name that is copied from. */
  isMoved: boolean
  /** Metadata of the file's parent directories at the source. */
  directories?: readonly ToldDirectory[]
}

export function openStoreCopy(parts: StoreParts, copies: Copies) {
  const { temporary, commitThread, groupCommit, partials } = parts
  const copyOther = async (file: Offered, copy: ToCopy, signal: AbortSignal): Promise<Stored> => {
    const { from, digest, isMoved, directories = [] } = copy
    const { facts, source, path } = file
    const { size } = facts
    const room = await reserveRoom(parts, file, size)
    const made = temporaryIn(temporary)
    try {
      const fd = await copies.make(from, { size, digest }, made, signal, room.written)
      if (signal.aborted) {
        // The sender may have reconnected and sent newer content.
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
   * Stores a file whose content the same sender already has in the store: reads and copies it. The file is durable when
   * this resolves; `unknown`: there is no such content. If source and target are the same file, reads the content back
   * from the disk and records its new metadata. Stops after the signal. Never rejects.
   *
   * @param turns a permit is acquired from it first.
   */
  return async (file: Offered, copy: ToCopy, signal: AbortSignal, turns: Semaphore): Promise<Stored> => {
    const { from } = copy
    let hasTurn = false
    let leave: () => void = () => undefined
    try {
      const refused = checkPath(file.path)
      if (refused !== null) return { outcome: refused, position: 0 }
      // No content can be stored under an invalid name.
      if (checkPath(from.path) !== null) throw new FileRefused('unknown', 'name')
      hasTurn = await turns.acquire()
      leave = await commitThread.use()
      const isItself = from.source.id === file.source.id && from.path === file.path
      return await (isItself ? confirm : copyOther)(file, copy, signal)
    } catch (thrown) {
      return { outcome: toOutcome(thrown), position: 0 }
    } finally {
      leave()
      if (hasTurn) turns.release()
    }
  }
}
