import { randomUUID } from 'node:crypto'
import type { ObjectFacts, PutOptions } from '../objects/object-store.ts'
import type { Channel } from './channel.ts'
import { close } from './channel.ts'
import { faultOf, writeFaultOf } from './faults.ts'
import type { SftpParts } from './parts.ts'
import { asBuffer, giveName, OPEN, settle, WHOLE, writePiece } from './parts.ts'

/** Writes a whole file under a name that nobody looks at. */
async function writeWhole(
  parts: SftpParts,
  channel: Channel,
  path: string,
  bytes: Uint8Array,
  facts: ObjectFacts,
): Promise<void> {
  const flags = OPEN.write | OPEN.create | OPEN.exclusive
  const handle = await channel.call<Buffer>((sftp, done) => sftp.open(path, flags, { mode: 0o600 }, done))
  try {
    const pieces: Promise<void>[] = []
    for (let at = 0; at < bytes.length; at += channel.pieceBytes)
      pieces.push(writePiece(channel, handle, asBuffer(bytes.subarray(at, at + channel.pieceBytes)), at))
    await Promise.all([...pieces, settle(parts, channel, handle, facts)])
  } finally {
    close(channel, handle).catch(() => undefined)
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
  const { directories, partials, inUse, root } = parts
  const channel = parts.pick()
  const partial = `${partials}/${WHOLE}${randomUUID()}`
  inUse.add(partial)
  try {
    await directories.make(partials)
    await writeWhole(parts, channel, partial, bytes, facts).catch(async (thrown: unknown) => {
      // It may be that somebody has removed the directory: the next file makes it anew.
      directories.forget(partials)
      throw await writeFaultOf(channel, root, thrown)
    })
    await giveName(parts, channel, partial, name, replace)
  } catch (thrown) {
    await channel.tell((sftp, done) => sftp.unlink(partial, done)).catch(() => undefined)
    throw faultOf(thrown)
  } finally {
    inUse.delete(partial)
  }
}
