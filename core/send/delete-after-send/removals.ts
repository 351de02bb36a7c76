import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { access, realpath } from 'node:fs/promises'
import { uptime } from 'node:os'
import path from 'node:path'
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises'
import { NONCE_BYTES, type OutgoingSource, type Session } from '../../backends/destination.ts'
import { deferAsync } from '../../defer.ts'
import { ignoreError } from '../../dropped-errors.ts'
import type { Ledger, Removable, RowPlace } from '../../ledger/ledger.ts'
import { getMountPresence, isBelowAway } from '../../ledger/mount-presence.ts'
import { Rerun } from '../../lib/async/rerun.ts'
import { createHasher } from '../../platform/digest.ts'
import type { FileStat } from '../../platform/file-metadata.ts'
import { lstatExactOrNull, lstatOrNull } from '../../platform/files.ts'
import { findMount, hasUnseenWriters, readMounts } from '../../platform/mounts.ts'
import { errorCode } from '../../platform/system-error.ts'
import { chunkBuffers } from '../../protocol/frame-buffers.ts'
import { openReading, type Reading } from '../reading/read.ts'
import type { Unsent } from '../reading/read-result.ts'
import type { RemovalRule } from '../sender-messages.ts'
import type { SendSource } from '../transfer/attempt.ts'
import {
  getDirectory,
  getName,
  safeUnlink,
  settleInterruptedRemoval,
  type Taken,
  withDirectory,
} from './safe-unlink.ts'

// Removes files at the sources after they were sent, where a source asks for it. A pass through a source reads the rows
// of sent files that are old enough. For each file it checks what prevents the removal (findSourceObstacle,
// findFileObstacle). It then confirms that the file is unchanged and that the destination has its content (confirm),
// and removes the confirmed files together (safe-unlink.ts). The ledger records each removal before it begins, so that
// the next pass can complete an interrupted one.

/** Interval between two passes through a source with a rule. */
const LOOK_EVERY_MS = 10 * 60_000
/** Delay of the first pass: a start has more urgent work. */
const FIRST_LOOK_MS = 500
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
/** A smaller jump is a clock correction, as by time synchronisation. */
const JUMP_MS = 3_600_000
/** A correct clock is never earlier than this: a jump away from such a time is a correction. */
const EARLIEST = Date.UTC(2026, 0)

export type RemovalSource = SendSource & { removal?: RemovalRule | undefined }

interface RemovalEvents {
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

/** The result of the last check before a removal. */
type Confirmed =
  /** The receiver has just proven that it holds this very content. `device`: the file's device. */
  | { kind: 'yes'; device: bigint }
  /** The file was replaced or its content changed: the current content has to be sent. */
  | { kind: 'changed'; stat: FileStat }
  /** The receiver no longer has this content: the file has to be sent again. */
  | { kind: 'lost'; stat: FileStat }
  | { kind: 'absent' }
  /** Removal is not possible now, for example because a program has the file open; the file stays. */
  | { kind: 'not-now'; why: string }
  /** The session was closed or the rule was withdrawn: no further file needs a check now. */
  | { kind: 'stop' }

interface RemovalQuestion {
  due: Removable
  source: OutgoingSource
  session: Session
  /** The destination's answer when it had stored the file; null: it gave none. */
  seal: Uint8Array | null
  mayGoOn(): boolean
  /** True if the source's disk is mounted; false: the device number must equal the ledger's. */
  isHome: boolean
}

/** Makes a pass through each source with a rule, at intervals and after a change. */
export function openRemovals(destination: string, ledger: Ledger, events: RemovalEvents) {
  let session: Session | null = null
  let sources: readonly RemovalSource[] = []
  let paused = true
  /** By source: a disk that is missing or hangs must not delay other sources. */
  const looks = new Map<string, Rerun>()
  const ended = new AbortController()

  const sourceNow = (id: string) => sources.find((source) => source.id === id)
  const pass = new Pass(destination, ledger, events, {
    /** Withdrawing a rule or pausing takes effect on the very next file. */
    session(source) {
      const now = sourceNow(source.id)
      const goesOn = !ended.signal.aborted && !paused && now?.paused === false && sameRule(now, source)
      return goesOn && session?.closed === false ? session : null
    },
    signal: ended.signal,
  })

  const lookThrough = async (id: string): Promise<void> => {
    await delay(FIRST_LOOK_MS, undefined, { ref: false })
    const source = sourceNow(id)
    if (ended.signal.aborted || source === undefined) return
    await pass.finishBegun(source)
    if (source.removal !== undefined && !source.paused) await pass.remove(source, source.removal)
  }

  const open = (id: string): Rerun => {
    const run = new Rerun(
      () => lookThrough(id),
      (error) => {
        if (!ended.signal.aborted)
          events.log('warn', `${sourceNow(id)?.path ?? id}: removing sent files: ${String(error)}`)
      },
    )
    looks.set(id, run)
    return run
  }
  const look = () => {
    for (const { id } of sources) void (looks.get(id) ?? open(id)).request()
  }
  const timer = setInterval(look, LOOK_EVERY_MS)

  return {
    setSession(next: Session | null): void {
      session = next
      if (next !== null) look()
    },
    configure(next: readonly RemovalSource[], nowPaused: boolean): void {
      const isSame = JSON.stringify([next, nowPaused]) === JSON.stringify([sources, paused])
      sources = next
      paused = nowPaused
      if (!isSame) look()
    },
    stop() {
      session = null
      ended.abort()
      clearInterval(timer)
    },
  }
}

const sameRule = (a: RemovalSource, b: RemovalSource): boolean =>
  a.path === b.path &&
  JSON.stringify(a.removal) === JSON.stringify(b.removal) &&
  JSON.stringify(a.alsoTo) === JSON.stringify(b.alsoTo)

/** Checks the sent files of sources and removes them. */
export class Pass {
  readonly #destination: string
  readonly #ledger: Ledger
  readonly #events: RemovalEvents
  readonly #host: PassHost
  /** The place at which an incomplete pass ended, by source. */
  readonly #endedAt = new Map<string, RowPlace>()
  readonly #warned = new Set<string>()

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
      const ends: { id: number; end: Taken }[] = []
      for (const { id, path: file } of rows) {
        const end = await this.#settleInterrupted(source, id, file)
        if (end !== null) ends.push({ id, end })
        after = id
      }
      this.#ledger.endRemovals(ends, Date.now())
      this.#events.onRemoved()
    }
  }

  /** Makes one pass. @throws the system error of the source's directory. */
  async remove(source: RemovalSource, rule: RemovalRule): Promise<void> {
    const why = await findSourceObstacle(source, this.#ledger)
    if (why !== null) return this.#warnOnce(`${source.path}: sent files are not removed: ${why}`)
    const look: Look = { source, rule, blocked: new Set(), refused: 0 }
    const ended = await this.#lookThrough(look, this.#endedAt.get(source.id))
    if (ended === null) this.#endedAt.delete(source.id)
    else this.#endedAt.set(source.id, ended)
  }

  #warnOnce(text: string): void {
    if (!this.#warned.has(text)) this.#events.log('warn', text)
    this.#warned.add(text)
  }

  #isAway(source: RemovalSource): boolean {
    return getMountPresence(this.#ledger.home(source.id)) === 'away'
  }

  /** Returns the result of an interrupted removal; null: the next pass decides. */
  async #settleInterrupted(source: RemovalSource, id: number, file: string): Promise<Taken | null> {
    if (isBelowAway(file, this.#ledger.mountsInside(source.id))) return null
    try {
      const end = await withDirectory(source, file, (directory) =>
        settleInterruptedRemoval(directory, id, getName(file)),
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

  /** Checks the rows behind `from`; returns null at their end, else the place from which the next pass starts. */
  async #lookThrough(look: Look, from: RowPlace | undefined): Promise<RowPlace | null> {
    const { source, rule, blocked } = look
    for (let after = from; ; ) {
      const olderThan = ageNow() - rule.afterMs
      const page = this.#ledger.removable(this.#destination, source.id, olderThan, ROWS, after)
      // A file that this destination has proven waits for the other destinations, and is not read again before long.
      const isOpen = ({ provenAt }: Removable) => provenAt < Date.now() - PROOF_LASTS_MS
      const files = page.files.filter((due) => isRemovableName(due.path, rule) && isOpen(due))
      for (let index = 0; index < files.length; index += TOGETHER) {
        const some = files.slice(index, index + TOGETHER)
        if (!(await this.#removeSome(look, some))) return after ?? null
        const last = some.at(-1)
        if (last !== undefined) after = { at: last.dueAt, id: last.id }
        if (look.refused + blocked.size >= REFUSALS) return after ?? null
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
    if (ready.length > 0) await this.#removeConfirmed(look, ready)
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
    this.#ledger.renew(due, found.stat, 0, found.kind === 'lost')
    this.#events.onRemoved()
  }

  /** Removes files that were confirmed just now. */
  async #removeConfirmed(look: Look, ready: readonly Ready[]): Promise<void> {
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

/** Returns the reason why no file of the source may be removed, or null. */
async function findSourceObstacle(
  source: RemovalSource,
  ledger: Pick<Ledger, 'home'>,
): Promise<string | null> {
  if (process.platform !== 'linux') return 'this system has no safe way to do it'
  if (getMountPresence(ledger.home(source.id)) === 'away') return 'its disk is not mounted'
  const mount = findMount(readMounts() ?? [], await realpath(source.path))
  return hasUnseenWriters(mount) ? 'other computers may write on its file system' : null
}

/** True if the rule allows a file of this name to be removed. Marks record the result of a batch and stay. */
function isRemovableName(file: string, { marks, sentMark }: RemovalRule): boolean {
  if (marks.includes(file.slice(file.lastIndexOf('/') + 1))) return false
  return sentMark === null || getBatchDirectory(file) !== null
}

/**
 * Returns the reason why this file, and every file in the returned directory, cannot be removed; null: no obstacle.
 * Checked before any content is read: a file that cannot be renamed needs no proof.
 */
async function findFileObstacle(
  source: RemovalSource,
  rule: RemovalRule,
  file: string,
): Promise<{ directory: string; why: string } | null> {
  const batch = rule.sentMark === null ? null : getBatchDirectory(file)
  try {
    if (batch !== null && !(await isClosed(source, file, rule)))
      return { directory: batch, why: 'its batch is open' }
    await withDirectory(source, file, (directory) =>
      access(`${directory}/.`, constants.W_OK | constants.X_OK),
    )
    return null
  } catch (error) {
    // ENOENT of a directory may also mean a disk that was just unmounted: only a lookup inside it proves absence.
    return { directory: getDirectory(file), why: errorCode(error) ?? String(error) }
  }
}

/** True if the batch directory carries the mark that all of it was sent. */
async function isClosed(source: RemovalSource, file: string, { sentMark }: RemovalRule): Promise<boolean> {
  if (sentMark === null) return true
  const mark = `${getBatchDirectory(file)}/${sentMark}`
  const stats = await withDirectory(source, mark, (directory) => lstatOrNull(`${directory}/${sentMark}`))
  return stats?.isFile() === true
}

/** Returns the batch directory that a file is in; null: it lies directly in the source. */
function getBatchDirectory(file: string): string | null {
  const slash = file.indexOf('/')
  return slash < 0 ? null : file.slice(0, slash)
}

/**
 * Checks that a sent file may be removed: its content is unchanged to the last byte, no process writes it, and the
 * receiver, on request, reads the same content back from its disk.
 * @throws the system error of the file or its directory.
 */
async function confirm(asked: RemovalQuestion): Promise<Confirmed> {
  const { due, source } = asked
  const look = (directory: string) => lstatExactOrNull(`${directory}/${getName(due.path)}`)
  const stats = await withDirectory(source, due.path, look)
  if (stats === null) return { kind: 'absent' }
  // Opening follows no link, but opening a device can have side effects.
  if (!stats.isFile()) return { kind: 'not-now', why: 'it is no file any more' }
  const reading = await openReading({ root: source.path, path: due.path }, due)
  if ('kind' in reading) return unsent(reading)
  await using _ = deferAsync(() => reading.close())
  return await confirmOpen(reading, asked)
}

/** Reads the whole file, and has the destination prove that it holds the same content. */
async function confirmOpen(reading: Reading, asked: RemovalQuestion): Promise<Confirmed> {
  const { due, isHome, mayGoOn, seal, session, source } = asked
  const stat = reading.stat
  if (!isHome && stat.device !== due.device) return { kind: 'not-now', why: 'it is on another disk' }
  const writer = reading.hasWriter()
  if (writer === 'yes') return { kind: 'not-now', why: 'a program has it open for writing' }
  if (writer === 'unknown')
    return { kind: 'not-now', why: 'the system does not tell whether a program is writing it' }
  const nonce = randomBytes(NONCE_BYTES)
  const behind = createHasher()
  behind.update(nonce)
  for (let bytes = await reading.next(); bytes !== null; bytes = await reading.next()) {
    behind.update(bytes)
    chunkBuffers.give(bytes)
    if (!mayGoOn()) return { kind: 'stop' }
  }
  const content = await reading.finish()
  if ('kind' in content) return unsent(content)
  // Metadata can stay the same although the content changed, as after a write through mmap(2).
  if (!content.digest.equals(due.digest)) return { kind: 'changed', stat }
  // The receiver's word is not trusted: only a holder of the content can compute this digest.
  const proof = await session.prove(source, due.path, due.size, nonce, seal)
  // The failure may concern this file alone, so the files behind it are still checked.
  if (proof.kind === 'cold')
    return { kind: 'not-now', why: 'the destination has it in cold storage, where it cannot be read' }
  if (proof.kind === 'unavailable')
    return mayGoOn()
      ? { kind: 'not-now', why: 'the destination cannot prove now that it has it' }
      : { kind: 'stop' }
  const isProven =
    proof.kind === 'sealed' || (proof.kind === 'digest' && behind.digest().equals(proof.digest))
  return isProven ? { kind: 'yes', device: stat.device } : { kind: 'lost', stat }
}

const unsent = (found: Unsent): Confirmed =>
  found.kind === 'changed' ? found : { kind: 'not-now', why: found.code }

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

const ageNow = createAgeClock()
