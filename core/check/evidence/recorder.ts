import { ignoreError } from '../../dropped-errors.ts'
import { Rerun } from '../../lib/async/rerun.ts'
import { type Message, message } from '../../lib/i18n/message.ts'
import { changedPoints, type Mount, readMounts } from '../../platform/mounts.ts'
import type { MountIdentity } from '../mount-identity.ts'
import { chooseLines, findCause, findCauseOfState, findInodes, type MountState } from './causes.ts'
import { findDeviceNames } from './device-names.ts'
import {
  AROUND_MS,
  afterMs,
  type DeviceNames,
  type Evidence,
  type EvidenceQuestion,
  type KernelLine,
  MOST_FILES,
} from './evidence-messages.ts'
import { KernelLog, readJournal } from './kernel-log.ts'
import { describeUnread } from './permission.ts'
import { readFacts } from './read-facts.ts'

/** Limit of the lines in one evidence. The first ones have the cause. */
const MOST_LINES = 300
/** Lines of this level (syslog(3)) and graver ones are a reason for a check; at most so many of one reading are compared. */
const WARNING = 4
const MOST_SUSPICIOUS = 100
/** Time from the error to that check: ext4 counts the error first, and turns read-only afterwards. */
const SETTLED_MS = 200
/** Shortest interval between two checks of a file system for that reason: a check of a failing disk adds lines of its own. */
const SUSPECT_EVERY_MS = 60_000
/** Time after which the names are read again: a member of an array or a path to a disk may have been replaced. */
const NAMES_FOR_MS = 10 * 60_000
/** Limit of the file systems whose names are kept. */
const MOST_KNOWN = 1_000
const NO_NAMES: DeviceNames = { type: '', names: new Set(), server: null }

/**
 * Records what the system reports about the file systems of checked paths, and gives the part that belongs to a failure.
 * It touches no path: all that it reads is in the kernel's memory, or comes from the journal.
 */
export class EvidenceRecorder {
  readonly #log: KernelLog
  readonly #readMounts: () => readonly Mount[] | null
  /** Runs `journalctl` once at a time: hundreds of shares may fail at once. */
  readonly #journal: Rerun
  #journalLines: Awaited<ReturnType<typeof readJournal>> = 'unreadable'
  /** The names of each file system, from before its failure: a disk that is gone has none any more. */
  readonly #names = new Map<string, { found: Promise<DeviceNames>; readMs: number }>()
  readonly #known = new Map<string, DeviceNames>()
  /** Points whose mount has changed since their names were read: another disk may be mounted there. */
  readonly #stale = new Set<string>()
  /** When each mount point was suspected last, by the monotonic clock. */
  readonly #suspected = new Map<string, number>()
  /** The mounts as they were read last, and before the last change of each point. */
  #mounts: readonly Mount[]
  readonly #before = new Map<string, { mount: Mount; until: number }>()

  /** @param suspect is called with the mount points of file systems about which the kernel has reported an error */
  constructor(
    suspect: (points: string[]) => void,
    log = new KernelLog(),
    journal = readJournal,
    mounts: () => readonly Mount[] | null = readMounts,
  ) {
    this.#log = log
    this.#readMounts = mounts
    this.#mounts = mounts() ?? []
    this.#journal = new Rerun(async () => {
      this.#journalLines = await journal()
    }, ignoreError('the evidence names what could not be read'))
    log.read()
    log.follow((fresh) => {
      const points = this.#suspects(fresh)
      if (points.length > 0) setTimeout(() => suspect(points), SETTLED_MS).unref()
    })
  }

  /** Keeps the names of a file system that works. */
  keepNames(mount: MountIdentity): void {
    const readMs = this.#names.get(keyOf(mount))?.readMs ?? Number.NEGATIVE_INFINITY
    if (performance.now() - readMs < NAMES_FOR_MS && !this.#stale.has(mount.point)) return
    this.#stale.delete(mount.point)
    if (this.#names.size >= MOST_KNOWN) {
      this.#names.clear()
      this.#known.clear()
      this.#suspected.clear()
    }
    const found = findDeviceNames(mount, this.#mounts)
    this.#names.set(keyOf(mount), { found, readMs: performance.now() })
    void found.then((names) => this.#known.set(mount.point, names))
  }

  /** Keeps how each point was mounted that has changed since the last call. */
  lookAtMounts(): void {
    const now = this.#readMounts() ?? this.#mounts
    for (const point of changedPoints(this.#mounts, now)) {
      this.#stale.add(point)
      const [mount, later] = [this.#mounts, now].map((all) => all.findLast((one) => one.point === point))
      // A remount makes the file system read-only, and its mount afterwards: the second step is no change of its own.
      const isSecond =
        mount?.device === later?.device &&
        [mount, later].every((one) => one !== undefined && stateOf(one) === 'read-only')
      if (mount !== undefined && !isSecond) this.#before.set(point, { mount, until: Date.now() })
    }
    this.#mounts = now
  }

  /** Returns what the system reports about a failure, from a minute before it to `afterMs` after it. */
  async collect({ mount, kind, code, failedAt }: EvidenceQuestion): Promise<Evidence> {
    const device = mount === null ? NO_NAMES : await this.#getNames(mount)
    // The kernel's line may come before the change of the mount is noticed.
    this.lookAtMounts()
    const change = this.#changeBefore(mount, failedAt)
    const [{ lines: all, unread }, facts] = await Promise.all([
      this.#readLines(failedAt - AROUND_MS),
      readFacts({ mount, device, isHung: kind === 'hung', before: change?.mount ?? null }),
    ])
    const around = all.filter(({ at }) => at <= failedAt + afterMs(kind))
    const lines = sinceMount(chooseLines(around, device), failedAt)
    const reported = findCause(lines, device, failedAt, kind === 'read-only')
    const state = { kind, code, change }
    return {
      failedAt,
      readAt: Date.now(),
      cause: unread.length > 0 ? reported : findCauseOfState(state, lines, device, reported),
      lines: lines.slice(0, MOST_LINES),
      omitted: Math.max(0, lines.length - MOST_LINES),
      inodes: findInodes(lines, device).slice(0, MOST_FILES),
      files: [],
      facts,
      unread,
    }
  }

  stop(): void {
    this.#log.close()
  }

  /** Returns the mount points of the file systems to which new lines of a problem belong. */
  #suspects(fresh: readonly KernelLine[]): string[] {
    const bad = fresh.filter(({ level }) => level <= WARNING).slice(0, MOST_SUSPICIOUS)
    if (bad.length === 0) return []
    const now = performance.now()
    const points = [...this.#known]
      .filter(([point]) => now - (this.#suspected.get(point) ?? Number.NEGATIVE_INFINITY) >= SUSPECT_EVERY_MS)
      .filter(([, device]) => chooseLines(bad, device).length > 0)
      .map(([point]) => point)
    for (const point of points) this.#suspected.set(point, now)
    return points
  }

  #getNames(mount: MountIdentity): Promise<DeviceNames> {
    return this.#names.get(keyOf(mount))?.found ?? findDeviceNames(mount, this.#mounts)
  }

  /** Returns the last change of a mount, with the mount before it; null: it has not changed in the minute before. */
  #changeBefore(mount: MountIdentity | null, failedAt: number) {
    const before = mount === null ? undefined : this.#before.get(mount.point)
    if (before === undefined || before.until < failedAt - AROUND_MS) return null
    const now = this.#mounts.findLast(({ point }) => point === mount?.point)
    return {
      at: before.until,
      mount: before.mount,
      before: stateOf(before.mount),
      now: now?.device === before.mount.device ? stateOf(now) : null,
    }
  }

  async #readLines(from: number): Promise<{ lines: KernelLine[]; unread: Message[] }> {
    this.#log.read()
    const { problem } = this.#log
    if (problem === null) {
      const count = this.#log.lostSince(from)
      return {
        lines: this.#log.since(from),
        unread: count === 0 ? [] : [message('cause.linesLost', { count })],
      }
    }
    await this.#journal.request()
    const lines = this.#journalLines
    if (typeof lines !== 'string') return { lines: lines.filter(({ at }) => at >= from), unread: [] }
    const unread = await describeUnread({ reason: problem, hasJournal: lines === 'unreadable' })
    return { lines: [], unread: [unread] }
  }
}

/** Messages of ext4, XFS and btrfs when they are mounted. */
const MOUNTED = /\): (?:mounted filesystem|Mounting V\d Filesystem|first mount of filesystem)/

/** Drops the lines from before the last mount: another disk may have had the name. */
function sinceMount(lines: readonly KernelLine[], failedAt: number): KernelLine[] {
  const mounted = lines.findLastIndex(({ at, text }) => at <= failedAt && MOUNTED.test(text))
  return lines.slice(Math.max(0, mounted))
}

const stateOf = ({ options, superOptions }: Mount): MountState =>
  [...options, ...superOptions].includes('ro') ? 'read-only' : 'writable'

const keyOf = ({ device, type, point }: MountIdentity) => `${device} ${type} ${point}`
