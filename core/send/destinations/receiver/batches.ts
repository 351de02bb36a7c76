import type { MoreFacts } from '../../../files/facts.ts'
import type { Channel } from '../../../wire/channel.ts'
import type { DirectoryEntry, SmallFile } from '../../../wire/entries.ts'
import { BATCH_MAX_FILES, BATCH_TARGET_HEADER_BYTES, MAX_DIRECTORIES } from '../../../wire/limits.ts'

/** A batch that is not full waits this long for more files. */
const BATCH_WAIT_MS = 3
/** What a file's entry in a batch's header takes besides its names. */
const HEADER_BYTES = 80

/** Files that came together; they stay together. */
export interface Group {
  files: SmallFile[]
  directories: readonly DirectoryEntry[]
  payload: Uint8Array[]
  bytes: number
  headerBytes: number
  /** False: it is not sent after all. */
  onTurn: () => boolean
  onWire: () => void
  /** The payload's memory may be used again; not called where the connection was lost before. */
  onUsed: () => void
}

/** Puts groups of small files into as few frames as can be. */
export interface Batches {
  add(group: Group): void
  close(): void
}

/** @param batchBytes how many bytes of contents one frame should hold. */
export function openBatches(channel: Channel, batchBytes: () => number): Batches {
  let pending: Group[] = []
  let timer: NodeJS.Timeout | null = null
  let flushing = false
  let closed = false

  const sum = (groups: readonly Group[]) => ({
    files: groups.reduce((files, group) => files + group.files.length, 0),
    bytes: groups.reduce((bytes, group) => bytes + group.bytes, 0),
    headerBytes: groups.reduce((bytes, group) => bytes + group.headerBytes, 0),
    directories: groups.reduce((count, group) => count + group.directories.length, 0),
  })
  const isFull = () => {
    const { files, bytes, headerBytes } = sum(pending)
    return files >= BATCH_MAX_FILES || bytes >= batchBytes() || headerBytes >= BATCH_TARGET_HEADER_BYTES
  }

  /** Takes the groups of one frame out of those that wait. */
  const cut = (): Group[] => {
    const most = batchBytes()
    let count = 0
    for (; count < pending.length; count += 1) {
      const { files, bytes, headerBytes, directories } = sum(pending.slice(0, count + 1))
      const fits =
        files <= BATCH_MAX_FILES &&
        bytes <= most &&
        headerBytes <= BATCH_TARGET_HEADER_BYTES &&
        directories <= MAX_DIRECTORIES
      if (count > 0 && !fits) break
    }
    return pending.splice(0, count)
  }

  const flush = async (): Promise<void> => {
    if (timer !== null) clearTimeout(timer)
    timer = null
    if (flushing) return
    flushing = true
    do {
      await channel.room()
      if (closed) return
      pending = [...pending.splice(0).filter((group) => group.onTurn()), ...pending]
      const batch = cut()
      if (batch.length === 0) break
      const files = batch.flatMap((group) => group.files)
      const directories = batch.flatMap((group) => group.directories)
      channel.send('batch', { files, directories }, joined(batch.flatMap(({ payload }) => payload)), () => {
        for (const { onUsed } of batch) onUsed()
      })
      for (const { onWire } of batch) onWire()
    } while (isFull())
    flushing = false
    if (pending.length > 0) soon()
  }
  const soon = () => {
    timer ??= setTimeout(() => void flush(), BATCH_WAIT_MS)
  }

  return {
    add(group) {
      pending.push(group)
      if (isFull()) void flush()
      else soon()
    },
    close() {
      closed = true
      if (timer !== null) clearTimeout(timer)
      pending = []
    },
  }
}

/** What a file, or a directory, takes of a batch's header, at most. */
export function headerBytesOf(path: string, more: MoreFacts | null = null): number {
  const attributes = Object.entries(more?.attributes ?? {})
  const bytes = attributes.reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + value.length + 8, 0)
  return Buffer.byteLength(path) + HEADER_BYTES + bytes
}

/** Pieces that lie one after the other in the same memory become one: what was read together is sent as it is. */
function joined(pieces: readonly Uint8Array[]): Uint8Array[] {
  const all: Uint8Array[] = []
  for (const piece of pieces) {
    const last = all.at(-1)
    const follows = last?.buffer === piece.buffer && last.byteOffset + last.length === piece.byteOffset
    if (last === undefined || !follows) all.push(piece)
    else all[all.length - 1] = new Uint8Array(last.buffer, last.byteOffset, last.length + piece.length)
  }
  return all
}
