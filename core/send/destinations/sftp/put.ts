import { randomUUID } from 'node:crypto'
import { isFault } from '../objects/faults.ts'
import type { ObjectFacts, PutOptions } from '../objects/object-store.ts'
import type { Channel } from './channel.ts'
import { close, OPEN, open } from './channel.ts'
import type { SftpParts } from './parts.ts'
import { asBuffer, giveName, settle, WHOLE, writePiece } from './parts.ts'

/** Writes a whole file under a name that nobody looks at. */
async function writeWhole(
  parts: SftpParts,
  channel: Channel,
  path: string,
  bytes: Uint8Array,
  facts: ObjectFacts,
): Promise<void> {
  const flags = OPEN.write | OPEN.create | OPEN.exclusive
  const handle = await open(channel, path, flags)
  try {
    const pieces: Promise<void>[] = []
    for (let at = 0; at < bytes.length; at += channel.pieceBytes)
      pieces.push(writePiece(channel, handle, asBuffer(bytes.subarray(at, at + channel.pieceBytes)), at))
    await Promise.all([...pieces, settle(parts, channel, handle, facts)])
  } finally {
    close(channel, handle)
  }
}

/** See ObjectStore.put. */
export async function put(
  parts: SftpParts,
  name: string,
  bytes: Uint8Array,
  facts: ObjectFacts,
  { replace }: PutOptions,
): Promise<void> {
  const { directories, partials, inUse } = parts
  const channel = parts.pick()
  const partial = `${partials}/${WHOLE}${randomUUID()}`
  inUse.add(partial)
  try {
    await directories.make(partials)
    await writeWhole(parts, channel, partial, bytes, facts)
    await giveName(parts, channel, partial, name, replace)
  } catch (thrown) {
    // Somebody has removed the directory: the next file makes it anew.
    if (isFault(thrown, 'absent')) directories.forget(partials)
    await channel.tell((sftp, done) => sftp.unlink(partial, done)).catch(() => undefined)
    throw thrown
  } finally {
    inUse.delete(partial)
  }
}
