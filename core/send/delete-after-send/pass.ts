import { uptime } from 'node:os'
import path from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { ignoreError } from '../../dropped-errors.ts'
import type { Ledger, Removable } from '../../ledger/ledger.ts'
import { getMountPresence, isBelowAway } from '../../ledger/mount-presence.ts'
import { lstatOrNull } from '../../platform/lstat-or-null.ts'
import { errorCode } from '../../platform/system-error.ts'
import type { Session } from '../destinations/destination.ts'
import type { RemovalRule } from '../sender-messages.ts'
import { type Confirmed, confirm } from './confirm.ts'
import { findFileObstacle, findSourceObstacle } from './preconditions.ts'
import { getBatchDirectory, isRemovableName, type RemovalSource } from './rule.ts'
import { finishRemoval, safeUnlink, type Taken } from './safe-unlink.ts'
import { getDirectory, getName, withDirectory } from './within.ts'

/** A smaller jump is a clock correction, as by time synchronisation. */
const JUMP_MS = 3_600_000
/** A correct clock is never earlier than this: a jump away from such a time is a correction. */
const EARLIEST = Date.UTC(2026, 0)

/**
 * Returns the clock by which a file's age is measured, in milliseconds since 1970. A forward jump of the wall clock
 * while this process runs does not count. Time that the computer was asleep does count: uptime includes it
 * (proc_uptime(5)).
 */
export function createAgeClock(wall = Date.now, up = () => uptime() * 1000): () => number {
  let last = { wall: wall(), up: up() }
  let ahead = 0
  return () => {
    const now = { wall: wall(), up: up() }
    const jump = now.wall - last.wall - (now.up - last.up)
    if (Math.abs(jump) > JUMP_MS && last.wall > EARLIEST) ahead = Math.max(0, ahead + jump)
    last = now
    return now.wall - ahead
  }
}

/** Rows of sent files that are read in one turn of the event loop. */
const ROWS = 1_000
/** Files that are confirmed, and then removed, together: one write of the ledger that waits for its disk. */
const TOGETHER = 64
/** A pass stops after this many refused files and blocked directories; the next pass continues behind them. */
const REFUSALS = 1_000
/**
 * A proof by another destination counts for this long. Each destination reads a source at its own pace, a pass through
 * a large source takes hours, and proven files are not read again within this time.
 */
const PROOF_LASTS_MS = 6 * 3_600_000

const ageNow = createAgeClock()

export interface RemovalEvents {
  onRemoved(): void
  log(level: 'info' | 'warn', text: string): void
}

interface PassHost {
  /** Returns null while files of the source must be neither checked nor removed. */
  session(source: RemovalSource): Session | null
  signal: AbortSignal
}

/** A confirmed file and its device. */
interface Ready {
  due: Removable
  device: bigint
}

/** The state of one pass through a source. */
interface Look {
  source: RemovalSource
  rule: RemovalRule
  /** Directories, relative to the source, whose files cannot be removed now. */
  blocked: Set<string>
  refused: number
}

/** Checks the sent files of sources and removes them. */
export class Pass {
  readonly #destination: string
  readonly #ledger: Ledger
  readonly #events: RemovalEvents
  readonly #host: PassHost
  /** The last row of an incomplete pass, by source. */
  readonly #endedAt = new Map<string, number>()
  readonly #told = new Set<string>()

  constructor(destination: string, ledger: Ledger, events: RemovalEvents, host: PassHost) {
    this.#destination = destination
    this.#ledger = ledger
    this.#events = events
    this.#host = host
  }

  /** Completes interrupted removals as far as the disk allows, even if the rule was withdrawn. */
  async finishBegun(source: RemovalSource): Promise<void> {
    if (process.platform !== 'linux') return
    for (let after = 0; !this.#host.signal.aborted; ) {
      const rows = this.#ledger.begunRemovals(source.id, source.alsoTo ?? [], TOGETHER, after)
      if (rows.length === 0 || this.#isAway(source)) return
      for (const { id, path: file } of rows) {
        const end = await this.#finishInterrupted(source, id, file)
        if (end !== null) this.#ledger.endRemovals([{ id, end }], Date.now())
        after = id
      }
      this.#events.onRemoved()
    }
  }

  /** @throws the system error of the source's directory. */
  async remove(source: RemovalSource, rule: RemovalRule): Promise<void> {
    const why = await findSourceObstacle(source, this.#ledger)
    if (why !== null) return this.#tellOnce(`${source.path}: sent files are not removed: ${why}`)
    const look: Look = { source, rule, blocked: new Set(), refused: 0 }
    const ended = await this.#lookThrough(look, this.#endedAt.get(source.id) ?? 0)
    if (ended === null) this.#endedAt.delete(source.id)
    else this.#endedAt.set(source.id, ended)
  }

  #tellOnce(text: string): void {
    if (!this.#told.has(text)) this.#events.log('warn', text)
    this.#told.add(text)
  }

  #isAway(source: RemovalSource): boolean {
    return getMountPresence(this.#ledger.home(source.id)) === 'away'
  }

  /** Returns the result of an interrupted removal; null: the next pass decides. */
  async #finishInterrupted(source: RemovalSource, id: number, file: string): Promise<Taken | null> {
    if (isBelowAway(file, this.#ledger.mountsInside(source.id))) return null
    try {
      const end = await withDirectory(source, file, (directory) =>
        finishRemoval(directory, id, getName(file)),
      )
      // A missing file may be on the disk that was unmounted just now.
      return this.#isAway(source) ? null : end
    } catch (error) {
      // A missing directory took the file with it, under either name.
      const isGone = errorCode(error) === 'ENOENT' && !this.#isAway(source)
      return isGone &&
        (await lstatOrNull(source.path).catch(
          ignoreError('a source that cannot be looked at is away', null),
        )) !== null
        ? 'absent'
        : null
    }
  }

  /** Checks the rows behind `from`; returns null at their end, else the row after which the next pass starts. */
  async #lookThrough(look: Look, from: number): Promise<number | null> {
    const { source, rule, blocked } = look
    for (let after = from; ; ) {
      const olderThan = ageNow() - rule.afterMs
      const page = this.#ledger.removable(this.#destination, source.id, olderThan, after, ROWS)
      // A file that this destination has proven waits for the other destinations, and is not read again before long.
      const isOpen = ({ provenAt }: Removable) => provenAt < Date.now() - PROOF_LASTS_MS
      const files = page.files.filter((due) => isRemovableName(due.path, rule) && isOpen(due))
      for (let index = 0; index < files.length; index += TOGETHER) {
        const some = files.slice(index, index + TOGETHER)
        if (!(await this.#removeSome(look, some))) return after
        after = some.at(-1)?.id ?? after
        if (look.refused + blocked.size >= REFUSALS) return after
      }
      if (page.last === null) return null
      after = page.last
      await turn()
    }
  }

  /** Confirms some files and removes those that pass; returns false if the pass has to stop. */
  async #removeSome(look: Look, files: readonly Removable[]): Promise<boolean> {
    const ready: Ready[] = []
    let goesOn = true
    for (const due of files) {
      if (await this.#isBlocked(look, due.path)) continue
      const session = this.#host.session(look.source)
      const found = session === null ? null : await this.#judge(look, due, session)
      goesOn = found !== null && found.kind !== 'stop'
      if (!goesOn || found === null) break
      if (found.kind === 'yes') ready.push({ due, device: found.device })
      else this.#record(look, due, found)
    }
    if (ready.length > 0) await this.#takeAll(look, ready)
    return goesOn
  }

  /** True if files of the directory cannot be removed. A block lasts for the pass; otherwise each file is checked. */
  async #isBlocked({ source, rule, blocked }: Look, file: string): Promise<boolean> {
    const batch = rule.sentMark === null ? null : getBatchDirectory(file)
    if (blocked.has(getDirectory(file)) || (batch !== null && blocked.has(batch))) return true
    const found = await findFileObstacle(source, rule, file)
    if (found === null) return false
    blocked.add(found.directory)
    const directory = path.join(source.path, found.directory)
    this.#events.log('info', `${directory}: its files are not removed: ${found.why}`)
    return true
  }

  async #judge({ source }: Look, due: Removable, session: Session): Promise<Confirmed> {
    if (isBelowAway(due.path, this.#ledger.mountsInside(source.id)))
      return { kind: 'not-now', why: 'its disk is away' }
    const where = getMountPresence(this.#ledger.home(source.id))
    if (where === 'away') return { kind: 'stop' }
    const mayGoOn = () => this.#host.session(source) === session
    const seal = this.#ledger.getSeal(due.id)
    try {
      return await confirm({ due, source, session, seal, mayGoOn, isHome: where === 'there' })
    } catch (error) {
      // ENOENT of a directory may also mean a disk that was just unmounted: only a lookup inside it proves absence.
      return { kind: 'not-now', why: errorCode(error) ?? String(error) }
    }
  }

  /** Records why a file was not removed. */
  #record(look: Look, due: Removable, found: Confirmed): void {
    const file = path.join(look.source.path, due.path)
    if (found.kind === 'absent') this.#ledger.endRemovals([{ id: due.id, end: 'absent' }], Date.now())
    if (found.kind === 'not-now') {
      look.refused += 1
      this.#events.log('info', `${file} is not removed: ${found.why}`)
    }
    if (found.kind !== 'changed' && found.kind !== 'lost') return
    if (found.kind === 'lost')
      this.#events.log('warn', `${file} is not removed: the receiver has it no more; it is sent again`)
    this.#ledger.renew(due, found.facts, 0, found.kind === 'lost')
    this.#events.onRemoved()
  }

  /** Removes files that were confirmed just now. */
  async #takeAll(look: Look, ready: readonly Ready[]): Promise<void> {
    const { source } = look
    const now = Date.now()
    const proven = { others: source.alsoTo ?? [], since: now - PROOF_LASTS_MS, now }
    const dues = ready.map(({ due }) => due)
    const begun = this.#ledger.beginRemovals(dues, proven)
    const ends: { id: number; end: Taken }[] = []
    for (const { due, device } of ready.filter(({ due: { id } }) => begun.has(id))) {
      const file = path.join(source.path, due.path)
      const take = (directory: string) => safeUnlink(directory, getName(due.path), due, device)
      try {
        const end =
          this.#host.session(source) === null ? 'stays' : await withDirectory(source, due.path, take)
        ends.push({ id: due.id, end })
        if (end === 'removed') this.#events.log('info', `${file} was sent and is removed here`)
      } catch (error) {
        // The row stays marked as begun: the next pass completes it.
        look.refused += 1
        this.#events.log('warn', `${file} cannot be removed: ${errorCode(error) ?? String(error)}`)
      }
    }
    this.#ledger.endRemovals(ends, Date.now())
    this.#events.onRemoved()
  }
}
