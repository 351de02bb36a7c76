import { statfs } from 'node:fs/promises'
import path from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { chooseWatch } from '../../scan/watch/choose.ts'
import { errorCode } from '../../words/problem.ts'
import type { Ledger, Removable } from '../ledger.ts'
import type { RemovalRule } from '../messages.ts'
import type { Session } from '../session.ts'
import type { Whereabouts } from '../whereabouts.ts'
import { isBelowAway, whereabouts } from '../whereabouts.ts'
import type { Confirmed } from './confirm.ts'
import { confirm } from './confirm.ts'
import { batchDirectoryOf, isRemovableName } from './rule.ts'
import type { RemovalEvents, RemovalSource } from './source.ts'
import type { HasWriter, Taken } from './take-away.ts'
import { finishRemoval, takeAway } from './take-away.ts'
import type { HeldDirectory } from './within.ts'
import { holdDirectoryOf, lookAt, nameOf } from './within.ts'

/** Sent rows that are looked at in one turn of the event loop. */
const ROWS = 1_000
/** Files that are confirmed, and then removed, together: one write of the ledger that waits for its disk. */
const TOGETHER = 64
/** A look ends after so many files that cannot be removed now: the next one tries them again. */
const REFUSALS = 1_000

/**
 * A copy that another destination has read back so recently counts as proven. Each destination goes through a source at
 * its own pace, a look through a large one takes hours, and what is proven is not read again within this time.
 */
const PROOF_LASTS_MS = 6 * 3_600_000

export interface PassHost {
  session(): Session | null
  mayGoOn(source: RemovalSource): boolean
  isOver(): boolean
}

/** One look through a source. */
export interface Pass {
  /** False: the disk did not let it be finished; to be tried again. */
  finishBegun(source: RemovalSource): Promise<boolean>
  remove(source: RemovalSource, rule: RemovalRule): Promise<void>
}

type Ready = { due: Removable; device: bigint }

/** Loaded when it is needed, as the native library does not load everywhere. */
const loadHasWriter = async (): Promise<HasWriter | null> =>
  import('../../wire/lease.ts').then(
    ({ hasWriter }) => hasWriter,
    () => null,
  )

export function openPass(destination: string, ledger: Ledger, events: RemovalEvents, host: PassHost): Pass {
  const told = new Set<string>()
  const tellOnce = (source: RemovalSource, why: string) => {
    const text = `${source.path}: sent files are not removed: ${why}`
    if (!told.has(text)) events.log('warn', text)
    told.add(text)
  }

  const whereIs = ({ id }: RemovalSource): Whereabouts => whereabouts(ledger.home(id))

  const within = async <T>(
    source: RemovalSource,
    file: string,
    work: (directory: HeldDirectory) => Promise<T>,
  ): Promise<T> => {
    const directory = await holdDirectoryOf(source.path, file)
    try {
      return await work(directory)
    } finally {
      await directory.release()
    }
  }

  /** What must hold of the source itself; the reason why nothing is removed, or null. */
  const obstacle = async (source: RemovalSource): Promise<string | null> => {
    if (process.platform !== 'linux') return 'this system has no safe way to do it'
    if (whereIs(source) === 'away') return 'its disk is not mounted'
    const { type } = await statfs(source.path)
    const method = chooseWatch({ platform: process.platform, fileSystemType: type, inotifyUsable: true })
    return method === 'inotify' ? null : 'other computers may write on its file system'
  }

  /** The batch directory carries the mark that all of it was sent. */
  const isClosed = async (source: RemovalSource, file: string, { sentMark }: RemovalRule) => {
    if (sentMark === null) return true
    const mark = `${batchDirectoryOf(file)}/${sentMark}`
    const stats = await within(source, mark, (directory) => lookAt(directory.entry(sentMark)))
    return stats?.isFile() === true
  }

  const look = async (
    source: RemovalSource,
    rule: RemovalRule,
    due: Removable,
    session: Session,
    hasWriter: HasWriter,
  ): Promise<Confirmed> => {
    if (isBelowAway(due.path, ledger.mountsInside(source.id)))
      return { kind: 'not-now', why: 'its disk is away' }
    const where = whereIs(source)
    if (where === 'away') return { kind: 'stop' }
    try {
      if (!(await isClosed(source, due.path, rule))) return { kind: 'not-now', why: 'its batch is open' }
      const mayGoOn = () => host.mayGoOn(source) && !session.closed
      const asked = { due, folder: source.name, session, hasWriter, mayGoOn, isHome: where === 'there' }
      return await within(source, due.path, (directory) =>
        confirm({ ...asked, directory, name: nameOf(due.path) }),
      )
    } catch (thrown) {
      // ENOENT of a directory may also be a disk that went away just now: only a look into it says "absent".
      return { kind: 'not-now', why: errorCode(thrown) ?? String(thrown) }
    }
  }

  /** Removes what was confirmed just now. */
  const takeAll = async (source: RemovalSource, ready: readonly Ready[], hasWriter: HasWriter) => {
    const now = Date.now()
    const proven = { others: source.alsoTo ?? [], since: now - PROOF_LASTS_MS, now }
    const claims = ready.map(({ due }) => due)
    const begun = ledger.beginRemovals(claims, proven)
    for (const { due, device } of ready) {
      if (!begun.has(due.id)) continue
      const file = path.join(source.path, due.path)
      try {
        const taken: Taken = !host.mayGoOn(source)
          ? 'stays'
          : await within(source, due.path, (directory) =>
              takeAway(directory, nameOf(due.path), due, device, hasWriter),
            )
        ledger.endRemovals([{ id: due.id, end: taken === 'stays' ? 'none' : taken }], Date.now())
        if (taken === 'removed') events.log('info', `${file} was sent and is removed here`)
      } catch (thrown) {
        // The row says that it was begun: it is brought to its end at the next look.
        unfinished.add(source.id)
        events.log('warn', `${file} cannot be removed: ${errorCode(thrown) ?? String(thrown)}`)
      }
    }
    events.onRemoved()
  }
  const unfinished = new Set<string>()

  /** Writes down what was found instead of the file that was sent. */
  const settle = (source: RemovalSource, due: Removable, found: Confirmed): void => {
    const file = path.join(source.path, due.path)
    if (found.kind === 'absent') ledger.endRemovals([{ id: due.id, end: 'absent' }], Date.now())
    if (found.kind === 'not-now') events.log('info', `${file} is not removed: ${found.why}`)
    if (found.kind !== 'changed' && found.kind !== 'lost') return
    if (found.kind === 'lost')
      events.log('warn', `${file} is not removed: the receiver has it no more; it is sent again`)
    ledger.renew(due, found.facts, 0)
    events.onRemoved()
  }

  /** Confirms files of one page; `stop`: nothing more is to be asked now. */
  const confirmSome = async (
    source: RemovalSource,
    rule: RemovalRule,
    files: readonly Removable[],
    hasWriter: HasWriter,
  ) => {
    const ready: Ready[] = []
    let refusals = 0
    for (const due of files) {
      const session = host.session()
      if (session === null || !host.mayGoOn(source)) return { ready, refusals, stop: true }
      // A receiver that cannot be asked whether it has a file is never believed to have it.
      if (!session.canCopy) {
        tellOnce(source, 'the receiver is too old to be asked whether it still has them')
        return { ready, refusals, stop: true }
      }
      const found = await look(source, rule, due, session, hasWriter)
      if (found.kind === 'stop') return { ready, refusals, stop: true }
      if (found.kind === 'yes') ready.push({ due, device: found.device })
      else {
        refusals += 1
        settle(source, due, found)
      }
    }
    return { ready, refusals, stop: false }
  }

  const finishBegun = async (source: RemovalSource): Promise<boolean> => {
    if (process.platform !== 'linux') return true
    for (;;) {
      const rows = host.isOver() ? [] : ledger.begunRemovals(source.id, source.alsoTo ?? [], TOGETHER)
      if (rows.length === 0) return true
      if (whereIs(source) === 'away') return false
      for (const { id, path: file } of rows) {
        if (isBelowAway(file, ledger.mountsInside(source.id))) return false
        try {
          const taken = await within(source, file, (directory) => finishRemoval(directory, id, nameOf(file)))
          // What is not there may be on the disk that went away just now.
          if (whereIs(source) === 'away') return false
          ledger.endRemovals([{ id, end: taken === 'stays' ? 'none' : taken }], Date.now())
        } catch (thrown) {
          // A directory that is gone took the file with it, under whichever name.
          if (errorCode(thrown) !== 'ENOENT' || (await lookAt(source.path).catch(() => null)) === null)
            return false
          ledger.endRemovals([{ id, end: 'absent' }], Date.now())
        }
      }
      events.onRemoved()
    }
  }

  return {
    finishBegun,
    async remove(source, rule) {
      if (unfinished.has(source.id) && (await finishBegun(source))) unfinished.delete(source.id)
      const why = await obstacle(source)
      const hasWriter = await loadHasWriter()
      if (why !== null || hasWriter === null) {
        tellOnce(source, why ?? 'this system does not tell whether a program is writing a file')
        return
      }
      let refused = 0
      for (let after: number | null = 0; after !== null; ) {
        const before = Date.now() - rule.afterMs
        const page = ledger.removable(destination, source.id, before, after, ROWS)
        // What this destination has proven waits for the others, and is not read again before long.
        const isOpen = ({ provenAt }: Removable) => provenAt < Date.now() - PROOF_LASTS_MS
        const files = page.files.filter((due) => isRemovableName(due.path, rule) && isOpen(due))
        for (let index = 0; index < files.length; index += TOGETHER) {
          const some = files.slice(index, index + TOGETHER)
          const { ready, refusals, stop } = await confirmSome(source, rule, some, hasWriter)
          if (ready.length > 0) await takeAll(source, ready, hasWriter)
          refused += refusals
          if (stop || refused >= REFUSALS) return
        }
        after = page.last
        await turn()
      }
    },
  }
}
