import { uptime } from 'node:os'
import path from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { ignoreError } from '../../dropped-errors.ts'
import type { Ledger, Removable } from '../../ledger/ledger.ts'
import { isBelowAway, whereabouts } from '../../ledger/mount-presence.ts'
import { lstatOrNull } from '../../platform/lstat-or-null.ts'
import { errorCode } from '../../platform/system-error.ts'
import type { Session } from '../destinations/destination.ts'
import type { RemovalRule } from '../sender-messages.ts'
import { type Confirmed, confirm } from './confirm.ts'
import { obstacleAt, obstacleOf } from './preconditions.ts'
import { batchDirectoryOf, isRemovableName, type RemovalSource } from './rule.ts'
import { finishRemoval, type Taken, takeAway } from './safe-unlink.ts'
import { directoryOf, nameOf, within } from './within.ts'

/** Less is a clock that is being put right. */
const JUMP_MS = 3_600_000
/** No clock that is right says less: leaving such a time is a correction. */
const EARLIEST = Date.UTC(2026, 0)

/**
 * The time by which something is old, in milliseconds since 1970: what the clock was put ahead while this runs counts for
 * nothing. The time that the computer was asleep does count: the system's uptime has it (proc_uptime(5)).
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

interface PassHost {
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
export class Pass {
  readonly #destination: string
  readonly #ledger: Ledger
  readonly #events: RemovalEvents
  readonly #host: PassHost
  /** The row that the last look at a source ended at, before it was through. */
  readonly #endedAt = new Map<string, number>()
  readonly #told = new Set<string>()

  constructor(destination: string, ledger: Ledger, events: RemovalEvents, host: PassHost) {
    this.#destination = destination
    this.#ledger = ledger
    this.#events = events
    this.#host = host
  }

  /** Brings what was begun and interrupted to its end, as far as the disk lets it, also where no rule is any more. */
  async finishBegun(source: RemovalSource): Promise<void> {
    if (process.platform !== 'linux') return
    for (let after = 0; !this.#host.signal.aborted; ) {
      const rows = this.#ledger.begunRemovals(source.id, source.alsoTo ?? [], TOGETHER, after)
      if (rows.length === 0 || this.#isAway(source)) return
      for (const { id, path: file } of rows) {
        const end = await this.#endOf(source, id, file)
        if (end !== null) this.#ledger.endRemovals([{ id, end }], Date.now())
        after = id
      }
      this.#events.onRemoved()
    }
  }

  /** @throws what the system says of the source's directory. */
  async remove(source: RemovalSource, rule: RemovalRule): Promise<void> {
    const why = await obstacleOf(source, this.#ledger)
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
    return whereabouts(this.#ledger.home(source.id)) === 'away'
  }

  /** How one whose removal was begun ended; null: that is left to the next look. */
  async #endOf(source: RemovalSource, id: number, file: string): Promise<Taken | null> {
    if (isBelowAway(file, this.#ledger.mountsInside(source.id))) return null
    try {
      const end = await within(source, file, (directory) => finishRemoval(directory, id, nameOf(file)))
      // What is not there may be on the disk that went away just now.
      return this.#isAway(source) ? null : end
    } catch (error) {
      // A directory that is gone took the file with it, under whichever name.
      const isGone = errorCode(error) === 'ENOENT' && !this.#isAway(source)
      return isGone &&
        (await lstatOrNull(source.path).catch(
          ignoreError('a source that cannot be looked at is away', null),
        )) !== null
        ? 'absent'
        : null
    }
  }

  /** Looks through the rows behind `from`; null: to their end, else where to go on. */
  async #lookThrough(look: Look, from: number): Promise<number | null> {
    const { source, rule, blocked } = look
    for (let after = from; ; ) {
      const olderThan = ageNow() - rule.afterMs
      const page = this.#ledger.removable(this.#destination, source.id, olderThan, after, ROWS)
      // What this destination has proven waits for the others, and is not read again before long.
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

  /** Confirms some files, and removes those; false: nothing more is to be asked now. */
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

  /** What was in the way of a directory's files stays so for this look; that nothing is is asked anew for each. */
  async #isBlocked({ source, rule, blocked }: Look, file: string): Promise<boolean> {
    const batch = rule.sentMark === null ? null : batchDirectoryOf(file)
    if (blocked.has(directoryOf(file)) || (batch !== null && blocked.has(batch))) return true
    const found = await obstacleAt(source, rule, file)
    if (found === null) return false
    blocked.add(found.directory)
    const directory = path.join(source.path, found.directory)
    this.#events.log('info', `${directory}: its files are not removed: ${found.why}`)
    return true
  }

  async #judge({ source }: Look, due: Removable, session: Session): Promise<Confirmed> {
    if (isBelowAway(due.path, this.#ledger.mountsInside(source.id)))
      return { kind: 'not-now', why: 'its disk is away' }
    const where = whereabouts(this.#ledger.home(source.id))
    if (where === 'away') return { kind: 'stop' }
    const mayGoOn = () => this.#host.session(source) === session
    const seal = this.#ledger.sealOf(due.id)
    try {
      return await confirm({ due, source, session, seal, mayGoOn, isHome: where === 'there' })
    } catch (error) {
      // ENOENT of a directory may also be a disk that went away just now: only a look into it says "absent".
      return { kind: 'not-now', why: errorCode(error) ?? String(error) }
    }
  }

  /** Writes down what was found instead of the file that was sent. */
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

  /** Removes what was confirmed just now. */
  async #takeAll(look: Look, ready: readonly Ready[]): Promise<void> {
    const { source } = look
    const now = Date.now()
    const proven = { others: source.alsoTo ?? [], since: now - PROOF_LASTS_MS, now }
    const dues = ready.map(({ due }) => due)
    const begun = this.#ledger.beginRemovals(dues, proven)
    const ends: { id: number; end: Taken }[] = []
    for (const { due, device } of ready.filter(({ due: { id } }) => begun.has(id))) {
      const file = path.join(source.path, due.path)
      const take = (directory: string) => takeAway(directory, nameOf(due.path), due, device)
      try {
        const end = this.#host.session(source) === null ? 'stays' : await within(source, due.path, take)
        ends.push({ id: due.id, end })
        if (end === 'removed') this.#events.log('info', `${file} was sent and is removed here`)
      } catch (error) {
        // The row says that it was begun: it is brought to its end at the next look.
        look.refused += 1
        this.#events.log('warn', `${file} cannot be removed: ${errorCode(error) ?? String(error)}`)
      }
    }
    this.#ledger.endRemovals(ends, Date.now())
    this.#events.onRemoved()
  }
}
