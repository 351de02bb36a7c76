import { createHash } from 'node:crypto'
import { writeFully } from '../wire/fd.ts'
import type { Bulk, BulkFile } from './bulk/bulk.ts'
import { NO_BYTES } from './bulk/bulk.ts'
import type { Outcome } from './file-refused.ts'
import { FileRefused, outcomeOf } from './file-refused.ts'
import type { Room } from './limits/admission.ts'
import type { FileFacts, StoreParts } from './store-parts.ts'
import { componentsOf } from './store-parts.ts'

/**
 * Stores a whole small file: resolves when it is durable, or says why it is not. Never rejects.
 * @param onWritten the bytes are held in memory no longer; not called for a file that is not stored.
 */
export type StoreSmall = (
  facts: FileFacts,
  bytes: Uint8Array,
  digest: Uint8Array,
  onWritten?: () => void,
) => Promise<Outcome>

export function openStoreSmall(parts: StoreParts, bulk: Bulk): StoreSmall {
  const { admission, commit, mayBeSame, sealed, temporaries, watch, writing } = parts

  const writeSmall = async (facts: FileFacts, bytes: Uint8Array): Promise<string> => {
    const open = await temporaries.create()
    return sealed(open, facts, async () => {
      if (bytes.length > 0) await writeFully(open.fd, bytes, 0)
    })
  }

  const storeAlone = async (file: BulkFile, unlessSame: FileRefused | null): Promise<Outcome> => {
    const { facts, components, bytes, digest } = file
    if (!createHash('sha256').update(bytes).digest().equals(digest)) throw new FileRefused('digest', '')
    const temporary = await writing(() => writeSmall(facts, bytes))
    file.bytes = NO_BYTES
    file.onWritten()
    const { size, mtimeMs, mode } = facts
    return commit({ temporary, components, size, mtime: mtimeMs / 1000, mode, digest, unlessSame })
  }

  const store = async (file: BulkFile): Promise<Outcome> => {
    const { facts } = file
    let room: Room | null = null
    try {
      file.components = componentsOf(facts)
      room = await watch.during(() => admission.enter(facts.folder, facts.size))
      const { unlessSame } = room
      if (unlessSame !== null && !(await mayBeSame(file.components, facts.size))) throw unlessSame
      const alone = () => storeAlone(file, unlessSame).catch(outcomeOf)
      return await (unlessSame === null ? bulk.add(file, alone) : alone())
    } catch (thrown) {
      return outcomeOf(thrown)
    } finally {
      room?.leave()
    }
  }

  // Nothing that waits for the answer holds the bytes themselves: they go as soon as they are written.
  return (facts, bytes, digest, onWritten = () => undefined) =>
    store({ facts, components: [], bytes, digest, onWritten })
}
