import path from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { lstatOrNull } from '../../files/lstat-or-null.ts'
import { errorCode } from '../../files/system-error.ts'
import type { Ledger, Removable } from '../../ledger/ledger.ts'
import { isBelowAway, whereabouts } from '../../mounts/whereabouts.ts'
import { createAgeClock } from '../../pacing/age-clock.ts'
import type { Session } from '../destinations/destination.ts'
import type { RemovalRule } from '../messages.ts'
import type { Confirmed } from './confirm.ts'
import { confirm } from './confirm.ts'
import { obstacleAt, obstacleOf } from './obstacles.ts'
import type { RemovalSource } from './rule.ts'
import { batchDirectoryOf, isRemovableName } from './rule.ts'
import type { Taken } from './take-away.ts'
import { finishRemoval, takeAway } from './take-away.ts'
import { directoryOf, nameOf, within } from './within.ts'

/** Sent rows that are looked at in one turn of the event loop. */
const ROWS = 1_000
/** Files that are confirmed, and then removed, together: one write of the ledger that waits for its disk. */
const TOGETHER = 64
/** A look ends after so many files, or directories, in whose way something is: the next one goes on behind them. */
const REFUSALS = 1_000
/**
 * A copy that another destination has read back so recently counts as proven. Each destination goes through a source at
 * its own pace, a look through a large one takes hours, and what is proven is not read again within this time.
 */
const PROOF_LASTS_MS = 6 * 3_600_000

const ageNow = createAgeClock()

export interface RemovalEvents {
  onRemoved(): void
  log(level: 'info' | 'warn', text: string): void
}

export interface PassHost {
  /** null: nothing of the source may be asked for, or removed, now. */
  session(source: RemovalSource): Session | null
  signal: AbortSignal
}

/** A file that was confirmed, and the device that it is on. */
interface Ready {
  due: Removable
  device: bigint
}

/** What one look knows. */
interface Look {
  source: RemovalSource
  rule: RemovalRule
  /** Directories, relative to the source, with something in the way of removing their files. */
  blocked: Set<string>
  refused: number
}

/** Looks through sources. */
export function openPass(destination: string, ledger: Ledger, events: RemovalEvents, host: PassHost) {
  /** The row that the last look at a source ended at, before it was through. */
  const endedAt = new Map<string, number>()
  const told = new Set<string>()
  const tellOnce = (source: RemovalSource, why: string) => {
    const text = `${source.path}: sent files are not removed: ${why}`
    if (!told.has(text)) events.log('warn', text)
    told.add(text)
  }

  /** What was in the way of a directory's files stays so for this look; that nothing is is asked anew for each. */
  const isBlocked = async ({ source, rule, blocked }: Look, file: string): Promise<boolean> => {
    const batch = rule.sentMark === null ? null : batchDirectoryOf(file)
    if (blocked.has(directoryOf(file)) || (batch !== null && blocked.has(batch))) return true
    const found = await obstacleAt(source, rule, file)
    if (found === null) return false
    blocked.add(found.directory)
    const directory = path.join(source.path, found.directory)
    events.log('info', `${directory}: its files are not removed: ${found.why}`)
    return true
  }

  const judge = async ({ source }: Look, due: Removable, session: Session): Promise<Confirmed> => {
    if (isBelowAway(due.path, ledger.mountsInside(source.id)))
      return { kind: 'not-now', why: 'its disk is away' }
    const where = whereabouts(ledger.home(source.id))
    if (where === 'away') return { kind: 'stop' }
    const mayGoOn = () => host.session(source) === session
    const seal = ledger.sealOf(due.id)
    const asked = { due, source, session, seal, mayGoOn, isHome: where === 'there' }
    try {
      return await confirm(asked)
    } catch (thrown) {
      // ENOENT of a directory may also be a disk that went away just now: only a look into it says "absent".
      return { kind: 'not-now', why: errorCode(thrown) ?? String(thrown) }
    }
  }

  /** Writes down what was found instead of the file that was sent. */
  const record = (look: Look, due: Removable, found: Confirmed): void => {
    const file = path.join(look.source.path, due.path)
    if (found.kind === 'absent') ledger.endRemovals([{ id: due.id, end: 'absent' }], Date.now())
    if (found.kind === 'not-now') {
      look.refused += 1
      events.log('info', `${file} is not removed: ${found.why}`)
    }
    if (found.kind !== 'changed' && found.kind !== 'lost') return
    if (found.kind === 'lost')
      events.log('warn', `${file} is not removed: the receiver has it no more; it is sent again`)
    ledger.renew(due, found.facts, 0)
    events.onRemoved()
  }

  /** Removes what was confirmed just now. */
  const takeAll = async (look: Look, ready: readonly Ready[]): Promise<void> => {
    const { source } = look
    const now = Date.now()
    const proven = { others: source.alsoTo ?? [], since: now - PROOF_LASTS_MS, now }
    const begun = ledger.beginRemovals(
      ready.map(({ due }) => due),
      proven,
    )
    const ends: { id: number; end: Taken }[] = []
    for (const { due, device } of ready.filter(({ due: { id } }) => begun.has(id))) {
      const file = path.join(source.path, due.path)
      const take = (directory: string) => takeAway(directory, nameOf(due.path), due, device)
      try {
        const end = host.session(source) === null ? 'stays' : await within(source, due.path, take)
        ends.push({ id: due.id, end })
        if (end === 'removed') events.log('info', `${file} was sent and is removed here`)
      } catch (thrown) {
        // The row says that it was begun: it is brought to its end at the next look.
        look.refused += 1
        events.log('warn', `${file} cannot be removed: ${errorCode(thrown) ?? String(thrown)}`)
      }
    }
    ledger.endRemovals(ends, Date.now())
    events.onRemoved()
  }

  /** Confirms some files, and removes those; false: nothing more is to be asked now. */
  const removeSome = async (look: Look, files: readonly Removable[]): Promise<boolean> => {
    const ready: Ready[] = []
    let goesOn = true
    for (const due of files) {
      if (await isBlocked(look, due.path)) continue
      const session = host.session(look.source)
      const found = session === null ? null : await judge(look, due, session)
      goesOn = found !== null && found.kind !== 'stop'
      if (!goesOn || found === null) break
      if (found.kind === 'yes') ready.push({ due, device: found.device })
      else record(look, due, found)
    }
    if (ready.length > 0) await takeAll(look, ready)
    return goesOn
  }

  /** Looks through the rows behind `from`; null: to their end, else where to go on. */
  const lookThrough = async (look: Look, from: number): Promise<number | null> => {
    const { source, rule, blocked } = look
    for (let after = from; ; ) {
      const page = ledger.removable(destination, source.id, ageNow() - rule.afterMs, after, ROWS)
      // What this destination has proven waits for the others, and is not read again before long.
      const isOpen = ({ provenAt }: Removable) => provenAt < Date.now() - PROOF_LASTS_MS
      const files = page.files.filter((due) => isRemovableName(due.path, rule) && isOpen(due))
      for (let index = 0; index < files.length; index += TOGETHER) {
        const some = files.slice(index, index + TOGETHER)
        if (!(await removeSome(look, some))) return after
        after = some.at(-1)?.id ?? after
        if (look.refused + blocked.size >= REFUSALS) return after
      }
      if (page.last === null) return null
      after = page.last
      await turn()
    }
  }

  /** How one whose removal was begun ended; null: that is left to the next look. */
  const endOf = async (source: RemovalSource, id: number, file: string): Promise<Taken | null> => {
    if (isBelowAway(file, ledger.mountsInside(source.id))) return null
    const isAway = () => whereabouts(ledger.home(source.id)) === 'away'
    try {
      const end = await within(source, file, (directory) => finishRemoval(directory, id, nameOf(file)))
      // What is not there may be on the disk that went away just now.
      return isAway() ? null : end
    } catch (thrown) {
      // A directory that is gone took the file with it, under whichever name.
      const isGone = errorCode(thrown) === 'ENOENT' && !isAway()
      return isGone && (await lstatOrNull(source.path).catch(() => null)) !== null ? 'absent' : null
    }
  }

  return {
    /** Brings what was begun and interrupted to its end, as far as the disk lets it, also where no rule is any more. */
    async finishBegun(source: RemovalSource): Promise<void> {
      if (process.platform !== 'linux') return
      for (let after = 0; !host.signal.aborted; ) {
        const rows = ledger.begunRemovals(source.id, source.alsoTo ?? [], TOGETHER, after)
        if (rows.length === 0 || whereabouts(ledger.home(source.id)) === 'away') return
        for (const { id, path: file } of rows) {
          const end = await endOf(source, id, file)
          if (end !== null) ledger.endRemovals([{ id, end }], Date.now())
          after = id
        }
        events.onRemoved()
      }
    },
    /** @throws what the system says of the source's directory. */
    async remove(source: RemovalSource, rule: RemovalRule): Promise<void> {
      const why = await obstacleOf(source, ledger)
      if (why !== null) return tellOnce(source, why)
      const look: Look = { source, rule, blocked: new Set(), refused: 0 }
      const ended = await lookThrough(look, endedAt.get(source.id) ?? 0)
      if (ended === null) endedAt.delete(source.id)
      else endedAt.set(source.id, ended)
    },
  }
}
