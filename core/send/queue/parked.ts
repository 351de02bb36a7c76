import path from 'node:path'
import { dropError } from '../../dropped-errors.ts'
import type { Ledger, Parked } from '../../ledger/ledger.ts'
import { lstatOrNull } from '../../platform/lstat-or-null.ts'
import { isReadable } from '../reading/read.ts'
import type { SendSource } from '../transfer/contract.ts'

/** Parked files of one source that one check covers; the next check continues behind them. */
const FILES = 1_000

interface ParkedEvents {
  isAway(source: SendSource): boolean
  /** Files of this source can be sent again. */
  found(source: string): void
  log(level: 'warn', text: string): void
}

/** True if the file is readable now or gone. A missing file needs a try, too: only that removes its row. */
async function canBeTried(root: string, { path: file, reason }: Parked): Promise<boolean> {
  try {
    if ((await lstatOrNull(path.join(root, file))) === null) return true
    return reason?.key === 'transfer.unreadable' && (await isReadable({ root, path: file }))
  } catch (error) {
    return dropError(error, 'a parked file that cannot be looked at stays parked', false)
  }
}

/**
 * Rechecks parked files. A person who fixed one should soon see the result, and no event reports permissions granted
 * on a directory above the file.
 */
export function openParkedFiles(
  destination: string,
  ledger: Pick<Ledger, 'parked' | 'unparkRow'>,
  { isAway, found, log }: ParkedEvents,
) {
  const looking = new Set<string>()
  /** The last row of the last check, by source. */
  const endedAt = new Map<string, number>()
  let over = false

  const lookNow = async (source: SendSource): Promise<void> => {
    const files = ledger.parked(destination, source.id, endedAt.get(source.id) ?? 0, FILES)
    endedAt.set(source.id, files.length < FILES ? 0 : (files.at(-1)?.id ?? 0))
    let isFound = false
    // In sequence: the disk may hang, and each call holds a thread of the pool until it returns.
    for (const file of files) {
      const isTried = !over && (await canBeTried(source.path, file))
      if (isTried && !over && !isAway(source) && ledger.unparkRow(destination, file.id)) isFound = true
    }
    if (isFound) found(source.id)
  }

  return {
    /** Checks the source's next parked files; does nothing while the last check still runs, as on a disk that hangs. */
    look(source: SendSource): void {
      if (over || looking.has(source.id)) return
      looking.add(source.id)
      lookNow(source)
        .catch((thrown) => log('warn', `parked files of ${source.path}: ${String(thrown)}`))
        .finally(() => looking.delete(source.id))
    },
    stop() {
      over = true
    },
  }
}
