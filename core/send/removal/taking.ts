import path from 'node:path'
import { lstatOrNull } from '../../files/lstat-or-null.ts'
import { errorCode } from '../../files/system-error.ts'
import type { Ledger, Removable } from '../../ledger/ledger.ts'
import { isBelowAway, whereabouts } from '../../mounts/whereabouts.ts'
import type { Confirmed } from './confirm.ts'
import type { RemovalSource } from './rule.ts'
import type { Taken } from './take-away.ts'
import { finishRemoval, takeAway } from './take-away.ts'
import { nameOf, within } from './within.ts'

/** Removals that are brought to their end between two reports. */
const TOGETHER = 64

/**
 * A copy that another destination has read back so recently counts as proven. Each destination goes through a source at
 * its own pace, a look through a large one takes hours, and what is proven is not read again within this time.
 */
export const PROOF_LASTS_MS = 6 * 3_600_000

/** A file that was confirmed (confirm.ts). */
export interface Ready extends Pick<Extract<Confirmed, { kind: 'yes' }>, 'device'> {
  due: Removable
}

export interface RemovalEvents {
  onRemoved(): void
  log(level: 'info' | 'warn', text: string): void
}

export interface TakingHost {
  mayGoOn(source: RemovalSource): boolean
  isOver(): boolean
}

/** What is done to the files of sources: removals are begun, and brought to their ends. */
export function openTaking(ledger: Ledger, events: RemovalEvents, host: TakingHost) {
  const isAway = ({ id }: RemovalSource) => whereabouts(ledger.home(id)) === 'away'

  const takeOne = async (source: RemovalSource, { due, device }: Ready) => {
    const file = path.join(source.path, due.path)
    try {
      const taken: Taken = !host.mayGoOn(source)
        ? 'stays'
        : await within(source, due.path, (directory) => takeAway(directory, nameOf(due.path), due, device))
      ledger.endRemovals([{ id: due.id, end: taken === 'stays' ? 'none' : taken }], Date.now())
      if (taken === 'removed') events.log('info', `${file} was sent and is removed here`)
      return true
    } catch (thrown) {
      // The row says that it was begun: it is brought to its end at the next look.
      events.log('warn', `${file} cannot be removed: ${errorCode(thrown) ?? String(thrown)}`)
      return false
    }
  }

  /** One file whose removal was begun. What cannot be finished now is left to the next look. */
  const finishOne = async (source: RemovalSource, { id, path: file }: { id: number; path: string }) => {
    if (isBelowAway(file, ledger.mountsInside(source.id))) return
    try {
      const taken = await within(source, file, (directory) => finishRemoval(directory, id, nameOf(file)))
      // What is not there may be on the disk that went away just now.
      if (isAway(source)) return
      ledger.endRemovals([{ id, end: taken === 'stays' ? 'none' : taken }], Date.now())
    } catch (thrown) {
      // A directory that is gone took the file with it, under whichever name.
      if (errorCode(thrown) !== 'ENOENT' || (await lstatOrNull(source.path).catch(() => null)) === null)
        return
      ledger.endRemovals([{ id, end: 'absent' }], Date.now())
    }
  }

  return {
    /** Removes what was confirmed just now; returns how many could not be. */
    async takeAll(source: RemovalSource, ready: readonly Ready[]): Promise<number> {
      const now = Date.now()
      const proven = { others: source.alsoTo ?? [], since: now - PROOF_LASTS_MS, now }
      const begun = ledger.beginRemovals(
        ready.map(({ due }) => due),
        proven,
      )
      let failures = 0
      for (const one of ready) if (begun.has(one.due.id) && !(await takeOne(source, one))) failures += 1
      events.onRemoved()
      return failures
    },
    /** Brings what was begun and interrupted to its end, as far as the disk lets it. */
    async finishBegun(source: RemovalSource): Promise<void> {
      if (process.platform !== 'linux') return
      for (let after = 0; ; ) {
        const rows = host.isOver()
          ? []
          : ledger.begunRemovals(source.id, source.alsoTo ?? [], TOGETHER, after)
        if (rows.length === 0 || isAway(source)) return
        for (const row of rows) await finishOne(source, row)
        after = rows.at(-1)?.id ?? after
        events.onRemoved()
      }
    },
  }
}
