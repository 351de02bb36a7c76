import pathTo from 'node:path'
import { lstatOrNull } from '../../files/lstat-or-null.ts'
import type { Ledger } from '../../ledger/ledger.ts'
import type { SourceFile } from '../reading/read.ts'
import { isReadable } from '../reading/read.ts'
import { createLookBack } from './look-back.ts'

const MINUTE = 60_000
/** A person who has seen to a file is to see at once that the trouble is over. */
const SEEN_TO_MS = 5_000

/** A parked file that is gone is not to be sent any more: another try finds that out, and whoever waits for it hears of it. */
const isAbsent = async ({ root, path }: SourceFile): Promise<boolean> => {
  try {
    return (await lstatOrNull(pathTo.join(root, path))) === null
  } catch {
    return false
  }
}

export interface LookBacksEvents {
  /** A file of this source can be sent again. */
  found(source: string): void
  log(level: 'info' | 'warn', text: string): void
}

/** What is looked at again of the files that one destination's sender has given up. */
export function openLookBacks(
  ledger: Pick<Ledger, 'offer' | 'unparkOne'>,
  destination: string,
  { found, log }: LookBacksEvents,
) {
  const tried = ({ root, path }: SourceFile, source: string, change: () => boolean) => {
    try {
      if (change()) found(source)
    } catch (thrown) {
      log(
        'warn',
        `${pathTo.join(root, path)} can be sent again, but the ledger cannot be written: ${String(thrown)}`,
      )
    }
  }
  /**
   * What brings a vanished file back may be nothing that a watcher hears of: a symbolic link that led elsewhere,
   * something that was mounted above it, a moment between two looks of a watcher that polls. Or it was heard of before
   * the file was given up, when the ledger knew it as it is.
   */
  const vanished = createLookBack({
    looksMs: [2_000, 10_000, MINUTE],
    isBack: isReadable,
    found: (file, due) => tried(file, due.source, () => ledger.offer(destination, [due]) > 0),
  })
  /** No event tells that a file may be read again: a directory above it was closed, or a ticket had run out. */
  const unreadable = createLookBack({
    looksMs: [],
    thenEveryMs: SEEN_TO_MS,
    isBack: async (file, due) => (await isReadable(file, due)) || (await isAbsent(file)),
    found: (file, due) => tried(file, due.source, () => ledger.unparkOne(due)),
  })
  /** What the receiver never takes as it is may be removed, or be renamed, which is another file. */
  const refused = createLookBack({
    looksMs: [],
    thenEveryMs: SEEN_TO_MS,
    isBack: isAbsent,
    found: (file, due) => tried(file, due.source, () => ledger.unparkOne(due)),
  })
  return {
    vanished,
    unreadable,
    refused,
    stop() {
      vanished.stop()
      unreadable.stop()
      refused.stop()
    },
  }
}
