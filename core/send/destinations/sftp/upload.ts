import { randomUUID } from 'node:crypto'
import { settled } from '../../../dropped-errors.ts'
import { createHasher, type Hasher } from '../../../platform/digest.ts'
import { unlessLost } from '../objects/faults.ts'
import { type ObjectFacts, type ObjectUpload, StoreFault } from '../objects/object-store.ts'
import { close, OPEN, open, type SftpChannel, syncPath } from './channel.ts'
import { asBuffer, giveName, type SftpParts, settle, WHOLE, WINDOW_BYTES, writePiece } from './parts.ts'
import { readFrom } from './read.ts'

/** Interval of syncs during an upload, so that the sync at the end has little left to write. */
const SYNC_EVERY_BYTES = 64 * 1024 * 1024

/** The part from an earlier attempt, with the digest of its bytes on the server's disk. */
interface PartialFile {
  handle: Buffer
  offset: number
  /** Hasher of the whole content; null: the upload starts at the beginning. */
  hasher: Hasher | null
}

/** Opens a new file that belongs to this session alone. */
async function openWhole(channel: SftpChannel, path: string): Promise<PartialFile> {
  const handle = await open(channel, path, OPEN.write | OPEN.create | OPEN.exclusive)
  return { handle, offset: 0, hasher: null }
}

async function readBack(channel: SftpChannel, path: string): Promise<Pick<PartialFile, 'offset' | 'hasher'>> {
  const hasher = createHasher()
  let offset = 0
  for await (const piece of readFrom(channel, path, 0, new AbortController().signal)) {
    offset += piece.length
    hasher.update(piece)
  }
  return { offset, hasher }
}

/** Opens a partial file and reads its content back, because it may have changed since. */
async function openPartial(channel: SftpChannel, path: string, size: number): Promise<PartialFile> {
  const handle = await open(channel, path, OPEN.read | OPEN.write | OPEN.create)
  try {
    const there = await channel.call<{ size: number }>((sftp, done) => sftp.fstat(handle, done))
    if (there.size === 0) return { handle, offset: 0, hasher: null }
    // A part that cannot be read would make every attempt fail, so it is discarded.
    const kept = there.size > size ? null : await readBack(channel, path).catch(unlessLost)
    if (kept !== null) return { handle, ...kept }
    await channel.tell((sftp, done) => sftp.fsetstat(handle, { size: 0 }, done))
    return { handle, offset: 0, hasher: null }
  } catch (error) {
    close(channel, handle)
    throw error
  }
}

/**
 * Begins a file under a temporary name until it is complete.
 * @param replace see PutOptions.
 */
export async function beginUpload(
  parts: SftpParts,
  name: string,
  facts: ObjectFacts,
  resume: string | null,
  replace = true,
): Promise<ObjectUpload> {
  const { directories, partials, inUse } = parts
  const channel = parts.pick()
  const { pieceBytes } = channel
  const path = `${partials}/${resume ?? `${WHOLE}${randomUUID()}`}`
  inUse.add(path)
  let opened: PartialFile
  try {
    await directories.make(partials)
    const opening = resume === null ? openWhole(channel, path) : openPartial(channel, path, facts.size)
    opened = await opening.catch(directories.gone(partials))
  } catch (error) {
    inUse.delete(path)
    throw error
  }
  const { handle, offset, hasher } = opened
  let at = offset
  let failed: unknown = null
  let syncedTo = offset
  /** Pieces under way, oldest first. */
  const underWay: Promise<void>[] = []
  const throwIfFailed = () => {
    if (failed !== null) throw failed
  }
  let isOpen = true
  /** Closes the handle once: the server may reuse its number for another file. */
  const closeFile = () => {
    if (isOpen) close(channel, handle)
    isOpen = false
  }

  return {
    offset,
    async write(bytes) {
      hasher?.update(bytes)
      for (let from = 0; from < bytes.length; from += pieceBytes) {
        const piece = asBuffer(bytes.subarray(from, from + pieceBytes))
        const written = writePiece(channel, handle, piece, at)
        written.catch((error: unknown) => {
          failed ??= error
        })
        underWay.push(written)
        at += piece.length
      }
      if (at - syncedTo >= SYNC_EVERY_BYTES) {
        syncedTo = at
        // Runs in another process of the server. A failure is ignored here: the final sync fails for the same reason.
        if (parts.canSync) void settled(syncPath(parts.pick(), path))
      }
      while (underWay.length * pieceBytes > WINDOW_BYTES) {
        const first = underWay.shift()
        if (first !== undefined) await settled(first)
      }
      throwIfFailed()
    },
    async finish(digest, makeRoom) {
      if (hasher !== null && !hasher.digest().equals(digest))
        throw new StoreFault('damaged', 'what an interrupted upload has left is another content')
      // Requested right behind the last pieces: the server handles calls in order.
      const ending = settle(parts, channel, handle, facts)
      await Promise.allSettled([...underWay, ending])
      throwIfFailed()
      await ending
      closeFile()
      await makeRoom?.()
      await giveName(parts, channel, path, name, replace)
      inUse.delete(path)
    },
    async abort(keep) {
      await Promise.allSettled(underWay)
      closeFile()
      inUse.delete(path)
      if (!keep) await channel.tell((sftp, done) => sftp.unlink(path, done))
    },
  }
}
