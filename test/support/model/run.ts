import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { createRandom } from '../transfer/transfer.ts'
import { until } from '../until.ts'
import { Disk } from './disk.ts'
import type { Program } from './program.ts'
import { RealDisk } from './real.ts'
import type { Directory, Found, Inode } from './tree.ts'

const GROUP_WRITE = 0o020
/**
 * A batch directory that nobody closed is marked after a quiet period. What its producer does in the moments
 * before the mark, nobody can promise to have seen.
 */
const MOMENTS_MS = 2_000
const SETTLED_WITHIN_MS = 60_000

/** One program on a source of its own, what became of it on the disk, and what the receiver has of it. */
export class Run {
  readonly program: Program
  readonly id: string
  readonly violations: string[] = []
  /** What the scanner said in the end, for whoever looks into a violation. */
  readonly notes: string[] = []
  /** When Holdfast first saw the source, nanoseconds since 1970. */
  adoptedNs = 0n
  readonly #disk = new Disk()
  readonly #real: RealDisk
  readonly #store: string
  /** When each operation was over, in milliseconds since 1970. */
  readonly #endedAt: number[] = [0]
  readonly #marked = new Set<string>()
  #next = 0

  /** @param store the sender's directory at the receiver */
  constructor(program: Program, id: string, base: string, store: string) {
    this.program = program
    this.id = id
    this.#real = new RealDisk(path.join(base, id))
    this.#store = store
  }

  get source(): string {
    return this.#real.absolute('in')
  }

  begin(): void {
    while (this.#next < this.program.before) this.#step()
  }

  async goOn(pace: number): Promise<void> {
    const random = createRandom(pace)
    while (this.#next < this.program.ops.length && this.violations.length === 0) {
      if (this.program.ops[this.#next]?.op === 'settle') await this.settled(false)
      for (let burst = 1 + Math.floor(random() ** 3 * 8); burst > 0; burst -= 1) {
        this.#step()
        if (this.program.ops[this.#next]?.op === 'settle') break
      }
      this.#lookAtMarks()
      for (let turns = Math.floor(random() ** 4 * 40); turns >= 0; turns -= 1) await turn()
    }
  }

  /** Waits until every finished file has arrived; `compared`: the source was compared with the ledger as a whole. */
  async settled(compared: boolean): Promise<void> {
    if (this.violations.length > 0) return
    await until(
      `${this.id} (seed ${this.program.seed}) arrived`,
      () => {
        this.#lookAtMarks()
        return this.missing(compared).length === 0
      },
      SETTLED_WITHIN_MS,
    ).catch(() => {
      const missing = this.missing(compared)
      this.notes.push(...missing.map((one) => this.#times(one)))
      this.violations.push(...missing.map((one) => `missing (operation ${this.#next}): ${one}`))
    })
  }

  /** What has to be at the receiver, and the marks that have to be there, but are not. */
  missing(compared: boolean): string[] {
    const files = this.#disk
      .files()
      .filter(
        (found) => (compared || !found.inode.weak) && this.#isRequired(found) && !this.#hasArrived(found),
      )
      .map(({ path: name }) => name)
    return compared && this.program.kind === 'batch' ? [...files, ...this.#unmarked()] : files
  }

  /** What must never be, after everything has come to rest. */
  judge(): void {
    if (this.violations.length > 0) return
    for (const found of this.#disk.files()) {
      if (!this.#isRequired(found) || this.#isMarkedAsSent(found.path)) continue
      const { path: name, inode } = found
      const file = this.#arrived(name)
      const isThere =
        statSync(file, { throwIfNoEntry: false })?.isFile() && readFileSync(file, 'latin1') === inode.content
      if (!isThere) this.violations.push(`other bytes: ${name}`)
    }
    for (const [name, content] of this.#received()) {
      if (this.#disk.history.get(name)?.has(content)) continue
      this.violations.push(
        `never finished like this: ${name}, ${content.length} bytes: ${content.slice(0, 40)}`,
      )
    }
    for (const found of this.#disk.files()) {
      const { inode, path: name } = found
      const fromHoldfast = this.#isMarkedAsSent(name) && !inode.bitByProgram
      // A writer may be at work on what was sent and marked.
      if (fromHoldfast && inode.writers === 0 && !this.#isElsewhere(inode) && inode.paths.size === 1)
        this.violations.push(`marked as sent, but not at the receiver: ${name}`)
      if (fromHoldfast && this.program.kind === 'continuous')
        this.violations.push(`marked in a continuous source: ${name}`)
    }
  }

  end(): void {
    this.#real.closeAll()
  }

  #step(): void {
    const op = this.program.ops[this.#next]
    this.#next += 1
    if (op === undefined) return
    const effect = this.#disk.apply(op)
    if (effect !== null) this.#real.apply(op, effect)
    this.#endedAt[this.#disk.now] = Date.now()
  }

  #times(name: string): string {
    const found = this.#disk.files().find((one) => one.path === name)
    const there = statSync(this.#arrived(name), { throwIfNoEntry: false })
    const tops = [...this.#disk.tops().keys()].map((top) => `${top} marked ${this.#markedAt(top)}`)
    return [
      `now ${Date.now()}: ${name} has ${found?.inode.content.length} bytes since ${this.#endedAt[found?.since ?? 0]}`,
      `the receiver has ${there?.size} since ${there?.ctimeMs}`,
      ...tops,
    ].join(', ')
  }

  #isRequired(found: Found): boolean {
    const { path: name, inode } = found
    if (inode.writers > 0) return false
    if (this.program.kind === 'continuous') return true
    const [top, ...below] = name.split('/')
    if (top === undefined || below.length === 0) return false
    if (this.#isAPersonsToDecide(name)) return false
    if (this.#isMarkedAsSent(name)) {
      // Renamed or linked after it was sent, it counts as transferred by its bit.
      if (inode.paths.size > 1) return false
    }
    const markedAt = this.#markedAt(top)
    if (markedAt === null) return true
    const directory = this.#disk.tops().get(top)
    if (directory === undefined) return false
    if (this.#wasClosedBefore(directory, markedAt)) return found.since < (directory.closedAt ?? 0)
    return (this.#endedAt[found.since] ?? 0) < markedAt - MOMENTS_MS
  }

  #wasClosedBefore({ closedAt }: Directory, markedAt: number): boolean {
    return closedAt !== null && (this.#endedAt[closedAt] ?? 0) < markedAt
  }

  #hasArrived({ path: name, inode }: Found): boolean {
    const stats = statSync(this.#arrived(name), { throwIfNoEntry: false })
    return stats?.isFile() === true && stats.size === inode.content.length
  }

  #isMarkedAsSent(name: string): boolean {
    const stats = statSync(path.join(this.source, name), { throwIfNoEntry: false })
    return stats !== undefined && (stats.mode & GROUP_WRITE) !== 0
  }

  /** Returns true for a file that has had the group-write bit since before the source was adopted. */
  #isAPersonsToDecide(name: string): boolean {
    const stats = statSync(path.join(this.source, name), { bigint: true, throwIfNoEntry: false })
    return stats !== undefined && (Number(stats.mode) & GROUP_WRITE) !== 0 && stats.ctimeNs < this.adoptedNs
  }

  #isElsewhere(inode: Inode): boolean {
    const received = this.#received()
    // Written again after the mark, the file keeps its bit.
    return received.some(([name]) => inode.paths.has(name))
  }

  #arrived(name: string): string {
    return path.join(this.#store, this.id, name)
  }

  /** The mark's status change time, in milliseconds since 1970; its modification time is the directory's. */
  #markedAt(top: string): number | null {
    return statSync(path.join(this.source, top, 'finished.watch'), { throwIfNoEntry: false })?.ctimeMs ?? null
  }

  /** In the moment that a mark is seen for the first time, everything has to be durable. */
  #lookAtMarks(): void {
    if (this.program.kind !== 'batch') return
    for (const [top, directory] of this.#disk.tops()) {
      const identity = `${top} ${directory.since}`
      const markedAt = this.#markedAt(top)
      if (this.#marked.has(identity) || markedAt === null) continue
      this.#marked.add(identity)
      if (directory.closedAt === null && !directory.hadRivals)
        this.violations.push(`${top} was marked while its producer was at work`)
      for (const found of this.#disk.files()) {
        if (!found.path.startsWith(`${top}/`)) continue
        const { closedAt } = directory
        const wasClosed = closedAt !== null && this.#wasClosedBefore(directory, markedAt)
        const unfinished = found.inode.dirty && wasClosed && found.since < closedAt
        if (unfinished && !found.inode.bitByProgram && !found.inode.weak && found.inode.paths.size === 1)
          this.violations.push(`${top} was marked while ${found.path} was being written`)
        if (this.#isRequired(found) && !this.#hasArrived(found))
          this.violations.push(`${top} was marked before ${found.path} was durable`)
      }
    }
  }

  /** Directories that were closed, all of whose files are finished and need no person's decision, without finished.watch. */
  #unmarked(): string[] {
    const files = this.#disk.files(true)
    return [...this.#disk.tops()]
      .filter(([top, { closedAt }]) => {
        const inside = files.filter(({ path: name }) => name.startsWith(`${top}/`))
        const waits = inside.some(
          ({ path: name, inode }) => inode.writers > 0 || this.#isAPersonsToDecide(name),
        )
        return closedAt !== null && !waits && this.#markedAt(top) === null
      })
      .map(([top]) => `${top}/finished.watch`)
  }

  /** Everything that the receiver has of the source, versions too: path and content. */
  #received(): [string, string][] {
    const versions = path.join(this.#store, '../.holdfast/versions', path.basename(this.#store), this.id)
    const current = filesBelow(path.join(this.#store, this.id))
    const old = filesBelow(versions)
    return [
      ...current.map(([name, file]): [string, string] => [name, readFileSync(file, 'latin1')]),
      ...old.map(([name, file]): [string, string] => [withoutTimes(name), readFileSync(file, 'latin1')]),
    ]
  }
}

/** A version is PATH/TIME, and TIME may be a whole directory that had to make room. */
function withoutTimes(name: string): string {
  return name
    .split('/')
    .filter((part) => !/^\d{8}T\d{6}\.\d{3}Z(-\d+)*$/.test(part))
    .join('/')
}

function filesBelow(directory: string): [string, string][] {
  if (!existsSync(directory)) return []
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => {
      const file = path.join(entry.parentPath, entry.name)
      return [path.relative(directory, file), file]
    })
}
