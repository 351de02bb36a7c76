import path from 'node:path'
import { dropError } from '../../dropped-errors.ts'
import type { Ledger, Parked } from '../../ledger/ledger.ts'
import { lstatOrNull } from '../../platform/lstat-or-null.ts'
import { isReadable } from '../reading/read.ts'
import type { SendSource } from '../transfer/contract.ts'

/** Parked files of one source in one look; the next look goes on behind them. */
const FILES = 1_000

interface ParkedEvents {
  isAway(source: SendSource): boolean
  /** Files of this source can be sent again. */
  found(source: string): void
  log(level: 'warn', text: string): void
}

/** One that is gone needs another try too: that finds it out, and whoever waits for it hears of it. */
async function canBeTried(root: string, { path: file, reason }: Parked): Promise<boolean> {
  try {
    if ((await lstatOrNull(path.join(root, file))) === null) return true
    return reason?.key === 'transfer.unreadable' && (await isReadable({ root, path: file }))
  } catch (error) {
    return dropError(error, 'a parked file that cannot be looked at stays parked', false)
  }
}

/**
 * Looks again at parked files. A person who has seen to one is to see soon that the trouble is over, and no event tells
 * of a permission that was given at a directory above it.
 */
export function openParkedFiles(
  destination: string,
  ledger: Pick<Ledger, 'parked' | 'unparkRow'>,
  { isAway, found, log }: ParkedEvents,
) {
  const looking = new Set<string>()
  /** By source, the last row of the last look. */
  const endedAt = new Map<string, number>()
  let over = false

  const lookNow = async (source: SendSource): Promise<void> => {
    const files = ledger.parked(destination, source.id, endedAt.get(source.id) ?? 0, FILES)
    endedAt.set(source.id, files.length < FILES ? 0 : (files.at(-1)?.id ?? 0))
    let isFound = false
    // One after the other: the disk may hang, and each call holds a thread of the pool until it answers.
    for (const file of files) {
      const isTried = !over && (await canBeTried(source.path, file))
      if (isTried && !over && !isAway(source) && ledger.unparkRow(destination, file.id)) isFound = true
    }
    if (isFound) found(source.id)
  }

  return {
    /** Looks at the next ones of this source; does nothing while the last look is not over, as its disk hangs. */
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
