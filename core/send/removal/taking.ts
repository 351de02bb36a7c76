import path from 'node:path'
import { lstatOrNull } from '../../files/lstat-or-null.ts'
import { errorCode } from '../../files/system-error.ts'
import type { Ledger, Removable } from '../../ledger/ledger.ts'
import { isBelowAway, whereabouts } from '../../mounts/whereabouts.ts'
import type { Confirmed } from './confirm.ts'
import type { RemovalEvents, RemovalSource } from './source.ts'
import type { HasWriter, Taken } from './take-away.ts'
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

export interface TakingHost {
  mayGoOn(source: RemovalSource): boolean
  isOver(): boolean
}

/** What is done to the files of sources: removals are begun, and brought to their ends. */
export interface Taking {
  /** Removes what was confirmed just now; returns how many could not be. */
  takeAll(source: RemovalSource, ready: readonly Ready[], hasWriter: HasWriter): Promise<number>
  /** False: the disk did not let all of it be finished; to be tried again. */
  finishBegun(source: RemovalSource): Promise<boolean>
  /** The same for what `takeAll` has left; the others have none. */
  finishOwn(source: RemovalSource): Promise<void>
}

export function openTaking(ledger: Ledger, events: RemovalEvents, host: TakingHost): Taking {
  /** Sources in which a removal was begun and not brought to its end. */
  const unfinished = new Set<string>()
  const isAway = ({ id }: RemovalSource) => whereabouts(ledger.home(id)) === 'away'

  const takeOne = async (source: RemovalSource, { due, device }: Ready, hasWriter: HasWriter) => {
    const file = path.join(source.path, due.path)
    try {
      const taken: Taken = !host.mayGoOn(source)
        ? 'stays'
        : await within(source, due.path, (directory) =>
            takeAway(directory, nameOf(due.path), due, device, hasWriter),
          )
      ledger.endRemovals([{ id: due.id, end: taken === 'stays' ? 'none' : taken }], Date.now())
      if (taken === 'removed') events.log('info', `${file} was sent and is removed here`)
      return true
    } catch (thrown) {
      // The row says that it was begun: it is brought to its end at the next look.
      unfinished.add(source.id)
      events.log('warn', `${file} cannot be removed: ${errorCode(thrown) ?? String(thrown)}`)
      return false
    }
  }

  /** One file whose removal was begun; false: it cannot be finished now. */
  const finishOne = async (source: RemovalSource, { id, path: file }: { id: number; path: string }) => {
    if (isBelowAway(file, ledger.mountsInside(source.id))) return false
    try {
      const taken = await within(source, file, (directory) => finishRemoval(directory, id, nameOf(file)))
      // What is not there may be on the disk that went away just now.
      if (isAway(source)) return false
      ledger.endRemovals([{ id, end: taken === 'stays' ? 'none' : taken }], Date.now())
    } catch (thrown) {
      // A directory that is gone took the file with it, under whichever name.
      if (errorCode(thrown) !== 'ENOENT' || (await lstatOrNull(source.path).catch(() => null)) === null)
        return false
      ledger.endRemovals([{ id, end: 'absent' }], Date.now())
    }
    return true
  }

  const finishBegun = async (source: RemovalSource): Promise<boolean> => {
    if (process.platform !== 'linux') return true
    let all = true
    for (let after = 0; ; ) {
      const rows = host.isOver() ? [] : ledger.begunRemovals(source.id, source.alsoTo ?? [], TOGETHER, after)
      if (rows.length === 0) return all
      if (isAway(source)) return false
      // One that cannot be finished, as its directory may not be written, keeps back no other.
      for (const row of rows) if (!(await finishOne(source, row))) all = false
      after = rows.at(-1)?.id ?? after
      events.onRemoved()
    }
  }

  return {
    async takeAll(source, ready, hasWriter) {
      const now = Date.now()
      const proven = { others: source.alsoTo ?? [], since: now - PROOF_LASTS_MS, now }
      const begun = ledger.beginRemovals(
        ready.map(({ due }) => due),
        proven,
      )
      let failures = 0
      for (const one of ready)
        if (begun.has(one.due.id) && !(await takeOne(source, one, hasWriter))) failures += 1
      events.onRemoved()
      return failures
    },
    finishBegun,
    async finishOwn(source) {
      if (unfinished.has(source.id) && (await finishBegun(source))) unfinished.delete(source.id)
    },
  }
}
