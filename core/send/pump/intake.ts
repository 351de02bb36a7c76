import type { LedgerGuard } from '../../ledger/guard.ts'
import type { Due, Ledger } from '../../ledger/ledger.ts'
import { LONGEST_DEFERRAL_MS } from '../../ledger/queue.ts'
import type { SendSource } from '../lane/contract.ts'
import { createClashes } from './clashes.ts'
import type { Sift, Sifted } from './sift.ts'

/** Rows that are taken from the ledger at a time, over all sources. */
const TAKE_FILES = 4096
const TAKE_LEAST = 64

export interface IntakeHost {
  /** The destination's id. */
  destination: string
  ledger: Ledger
  guard: LedgerGuard
  /** How many sources take files. */
  sources(): number
  isAway(source: SendSource): boolean
  /** The receiver has refused files for want of room and the like: one is tried at a time. */
  isInTrouble(): boolean
  /** Files wait no more, as they are left out now. */
  leftOut(): void
  changed(): void
  /** The source may have more to take: it is asked soon. */
  wake(source: string): void
}

/** What is taken from the ledger's queue and not over yet: no row twice, and no two of one path at a time. */
export interface Intake {
  /** Files that may go now. */
  take(source: SendSource, sift: Sift): Due[] | 'away'
  /** Files that were taken and were not begun. */
  giveBack(files: readonly Due[]): void
  /** The file is not on its way any more: what waits for its path may go. Its row can not yet be taken again. */
  release(due: Due): void
  /** The ledger says what became of the file. */
  over(due: Due): void
}

export function createIntake(host: IntakeHost): Intake {
  const { destination, guard, ledger } = host
  /** Rows that a feed holds, or that are being sent. */
  const taken = new Set<number>()
  const clashes = createClashes()
  /** By source, the age that its files were put off for last; nothing: another process may have done so. */
  const ages = new Map<string, number>()

  const release = (due: Due): void => {
    const freed = clashes.release(due)
    for (const id of freed) taken.delete(id)
    if (freed.length > 0) host.wake(due.source)
  }

  /** The source's filters have been changed since these were offered, or the files have. */
  const setAside = ({ id }: SendSource, { go, leftOut, young }: Sifted): void => {
    guard.use(() => {
      const paths = leftOut.map(({ path }) => path)
      if (paths.length > 0 && ledger.withdraw(destination, id, paths) > 0) host.leftOut()
      const latest = Date.now() + LONGEST_DEFERRAL_MS
      for (const [second, files] of young) ledger.retryLater(files, Math.min(second * 1000, latest), null)
    })
    host.changed()
    // More may be behind them.
    if (go.length === 0) host.wake(id)
  }

  /** Files were put off for an age that may be less now: they do not wait for the former one. */
  const heedAge = ({ id, filters }: SendSource): void => {
    const age = filters?.minimumAgeSeconds ?? 0
    if (ages.get(id) === age) return
    ledger.dueByAge(destination, id, age * 1000)
    ages.set(id, age)
  }

  const takeDue = (source: SendSource, limit: number): Due[] => {
    heedAge(source)
    return ledger.take(destination, source.id, limit, Date.now(), taken)
  }

  return {
    take(source, sift) {
      const limit = Math.max(TAKE_LEAST, Math.floor(TAKE_FILES / Math.max(1, host.sources())))
      const found = guard.use(() => takeDue(source, limit)) ?? []
      if (found.length > 0 && host.isAway(source)) return 'away'
      const sifted = sift(found, Date.now())
      if (sifted.go.length < found.length) setAside(source, sifted)
      const { go, waits } = clashes.hold(sifted.go)
      for (const due of [...go, ...waits]) taken.add(due.id)
      if (go.length === 0 && waits.length > 0) host.wake(source.id)
      // In trouble the file that failed least often tries first: a large one for which there is no room must
      // not be the only one that is ever tried. Of those the smallest, which is the soonest known.
      if (host.isInTrouble()) go.sort((a, b) => a.attempts - b.attempts || a.size - b.size)
      return go
    },
    giveBack(files) {
      for (const due of files) {
        taken.delete(due.id)
        release(due)
      }
    },
    release,
    over: ({ id }) => void taken.delete(id),
  }
}
