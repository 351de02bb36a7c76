import { isContentOf } from '../../files/digest.ts'
import { writeFully } from '../../files/fd.ts'
import type { Bulk } from '../bulk/bulk.ts'
import type { BulkFile } from '../bulk/pending.ts'
import { NO_BYTES } from '../bulk/pending.ts'
import type { FileFacts } from '../file-facts.ts'
import type { Outcome } from '../file-refused.ts'
import { FileRefused, outcomeOf } from '../file-refused.ts'
import type { Reserved } from '../limits/admission.ts'
import type { StoreParts } from './parts.ts'
import { componentsOf } from './parts.ts'

/** A whole small file as it came. */
export interface SmallIncoming {
  facts: FileFacts
  bytes: Uint8Array
  digest: Uint8Array
}

/** What is heard of each of some small files, by its index. */
export interface SmallEvents {
  /** Its bytes are held in memory no longer; not called for every file that is not stored. */
  onWritten(index: number): void
  /** It is durable, or why it is not stored. */
  onStored(index: number, outcome: Outcome): void
  /** Memory with all their bytes, in their order, and with nothing else that is needed: it may be given away. */
  memory?: ArrayBufferLike
}

/** Stores whole small files of one sender that came together. Never throws. */
export type StoreSmall = (files: readonly SmallIncoming[], events: SmallEvents) => void

export function openStoreSmall(parts: StoreParts, bulk: Bulk): StoreSmall {
  const { admission, commit, mayBeSame, sealed, supersede, temporaries, watch, writing } = parts

  /** @param onWritten is called before it is made durable, which takes far longer. */
  const writeSmall = async (file: BulkFile, onWritten: (file: BulkFile) => void): Promise<string> => {
    const open = await temporaries.create()
    return sealed(open, file.facts, async () => {
      if (file.bytes.length > 0) await writeFully(open.fd, file.bytes, 0)
      file.bytes = NO_BYTES
      onWritten(file)
    })
  }

  const storeAlone = async (
    file: BulkFile,
    unlessSame: FileRefused | null,
    onWritten: (file: BulkFile) => void,
  ): Promise<Outcome> => {
    const { facts, components, digest } = file
    if (!isContentOf(digest, file.bytes)) throw new FileRefused('digest', '')
    const temporary = await writing(() => writeSmall(file, onWritten))
    const { size, mtimeMs, mode, arrival } = facts
    const mtime = mtimeMs / 1000
    return commit({ temporary, components, size, mtime, mode, digest, arrival, unlessSame, same: null })
  }

  /** There is no room for it: it may only stay if it is there already. */
  const storeIfSame = async (file: BulkFile, unlessSame: FileRefused, written: (file: BulkFile) => void) => {
    if (!(await mayBeSame(file.components, file.facts.size))) throw unlessSame
    return storeAlone(file, unlessSame, written)
  }

  /** Those whose names may be used; the others are answered. */
  const named = (files: readonly SmallIncoming[], { onStored }: SmallEvents): BulkFile[] =>
    files.flatMap((file, index) => {
      try {
        return [{ index, ...file, components: componentsOf(file.facts) }]
      } catch (thrown) {
        onStored(index, outcomeOf(thrown))
        return []
      }
    })

  const store = (files: readonly BulkFile[], reserved: Reserved, events: SmallEvents) => {
    const { onWritten, onStored } = events
    const written = ({ index }: BulkFile) => onWritten(index)
    const stored = ({ index, facts, components }: BulkFile, outcome: Outcome) => {
      reserved.leave(facts.size, outcome.status === 'durable')
      if (outcome.status === 'durable') void supersede(components)
      onStored(index, outcome)
    }
    const alone = (file: BulkFile) => storeAlone(file, null, written).catch(outcomeOf)
    const welcome: BulkFile[] = []
    for (const [at, file] of files.entries()) {
      const unlessSame = reserved.unlessSame[at] ?? null
      if (unlessSame === null) welcome.push(file)
      else
        void storeIfSame(file, unlessSame, written)
          .catch(outcomeOf)
          .then((outcome) => stored(file, outcome))
    }
    // Who is stored in another way needs its bytes.
    const memory = welcome.length === files.length ? (events.memory ?? null) : null
    if (welcome.length > 0) bulk.add(welcome, { written, stored, alone, memory })
  }

  return (files, events) => {
    const good = named(files, events)
    const folder = good[0]?.facts.folder
    if (folder === undefined) return
    const sizes = good.map(({ facts }) => facts.size)
    watch
      .during(() => admission.enterAll(folder, sizes))
      .then((reserved) => store(good, reserved, events))
      .catch((thrown) => {
        for (const { index } of good) events.onStored(index, outcomeOf(thrown))
      })
  }
}
