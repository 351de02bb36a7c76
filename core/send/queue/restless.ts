import type { QueuedFile } from '../../ledger/ledger.ts'
import type { Moment } from '../../lib/async/timing.ts'
import type { RestlessFile } from '../sender-messages.ts'

/** Files of at least this size get the full interval between two versions, smaller ones a part of it. */
const WHOLE_INTERVAL_BYTES = 16 * 1024 * 1024
/** The interval is at least this multiple of the sending time: one file uses at most a tenth of the line. */
const INTERVAL_TIMES = 10
/** Shorter intervals are ignored: the ledger itself puts off files that change right after they were sent. */
const LEAST_INTERVAL_MS = 5_000
/** After a rewrite during sending, a file waits this multiple of the sending time, at most LONGEST_PAUSE_MS. */
const PAUSE_TIMES = 4
const LONGEST_PAUSE_MS = 30 * 60_000
/** A file that stayed unchanged for as long as its sending takes may go earlier, within these limits. */
const LEAST_REST_MS = 5_000
const LONGEST_REST_MS = 60_000
const HOUR_MS = 3_600_000

interface Restless extends Omit<RestlessFile, 'nextAt'> {
  id: number
  /** True if its current content is not stored, or it was put off. */
  isWaiting: boolean
  /** The content that was stored last; null: the file has a newer content. See identify. */
  content: string | null
  /** When an early version may go; a version that is due may go one interval before this. */
  fullAt: number
  interval: number
  /** End of the last attempt; then the required rest, and the longest wait for that rest. */
  endedAt: number
  restMs: number
  pauseMs: number
}

interface RestlessOptions {
  /** The most complete versions of one large file in an hour. */
  versionsPerHour: number
  /** Returns when a version of the file was last stored; milliseconds since 1970, null: never. */
  storedAt(id: number): number | null
  isWaiting(id: number): boolean
}

export type RestlessFiles = ReturnType<typeof createRestlessFiles>

/**
 * Spaces out the versions of files that keep changing, and counts the attempts that such changes made void. Versions
 * are an interval apart, which grows with the size of the file and with its sending time. An extra version may go as
 * soon as the file rests, so that a finished file does not wait. Kept in memory: after a restart one extra version
 * goes. A file is also forgotten if its last attempt lies in the future, because the clock was set back. Times are in
 * milliseconds since 1970.
 */
export function createRestlessFiles({ versionsPerHour, storedAt, isWaiting }: RestlessOptions) {
  const begun = new Map<number, Moment>()
  const files = new Map<number, Restless>()

  /** Ends an attempt; returns its start by the wall clock, and its duration. */
  const endAttempt = (id: number, now: Moment): { began: number; took: number } => {
    const began = begun.get(id) ?? now
    begun.delete(id)
    return { began: began.wall, took: now.steady - began.steady }
  }
  const find = (id: number, now: number): Restless | undefined => {
    const file = files.get(id)
    if (file === undefined || file.endedAt <= now) return file
    files.delete(id)
    return undefined
  }
  const open = ({ id, source, path, size }: QueuedFile, now: number): Restless => {
    const known = find(id, now)
    if (known !== undefined) return Object.assign(known, { size })
    const count = { tries: 0, since: null, storedAt: null }
    const times = { fullAt: 0, interval: 0, endedAt: 0, restMs: 0, pauseMs: 0 }
    const file: Restless = { id, source, path, size, ...count, ...times, content: null, isWaiting: false }
    files.set(id, file)
    return file
  }
  const nextAt = ({ fullAt, interval, endedAt, restMs, pauseMs }: Restless, modifiedAt: number): number => {
    const rested = Math.max(endedAt, Math.min(modifiedAt, endedAt + pauseMs)) + restMs
    return Math.max(fullAt - interval, Math.min(endedAt + pauseMs, rested))
  }

  return {
    begins({ id }: QueuedFile, now: Moment): void {
      begun.set(id, now)
    },
    /** The attempt ended without a result about the file's content. */
    ended({ id }: Pick<QueuedFile, 'id'>): void {
      begun.delete(id)
    },
    /** A version was stored. @param isOlder the file has changed since. */
    stored(due: QueuedFile, isOlder: boolean, moment: Moment): void {
      const { began, took } = endAttempt(due.id, moment)
      const now = moment.wall
      const part = Math.min(1, due.size / WHOLE_INTERVAL_BYTES)
      const interval = Math.max((HOUR_MS / versionsPerHour) * part, INTERVAL_TIMES * took)
      if (interval < LEAST_INTERVAL_MS) {
        files.delete(due.id)
        return
      }
      const file = open(due, now)
      const content = isOlder ? null : identify(due)
      Object.assign(file, { interval, content, isWaiting: isOlder, tries: 0, since: null, storedAt: began })
      file.fullAt = Math.max(file.fullAt, now) + interval
      const restMs = Math.min(Math.max(took, LEAST_REST_MS), LONGEST_REST_MS)
      Object.assign(file, { endedAt: now, restMs, pauseMs: interval })
    },
    /** No version was stored: the file was rewritten during the attempt. */
    changed(due: QueuedFile, moment: Moment): void {
      const { began, took } = endAttempt(due.id, moment)
      const now = moment.wall
      const file = open(due, now)
      file.tries += 1
      file.since ??= began
      file.storedAt ??= storedAt(due.id)
      const pauseMs = Math.min(PAUSE_TIMES * took, LONGEST_PAUSE_MS)
      Object.assign(file, { isWaiting: true, endedAt: now, restMs: Math.min(took, LONGEST_REST_MS), pauseMs })
    },
    /** Returns when the file may go, at least `now`. The content stored last is no new version and goes at once. */
    mayGoAt(due: QueuedFile, now: number): number {
      const file = find(due.id, now)
      if (file === undefined || file.content === identify(due)) return now
      const at = nextAt(file, Number(due.mtimeNs / 1_000_000n))
      if (at > now) file.isWaiting = true
      return Math.max(now, at)
    },
    /** Returns the files that wait now, most tries first, and deletes entries that are no longer needed. */
    list(now: number): RestlessFile[] {
      for (const [id, file] of files) {
        if (file.isWaiting && !isWaiting(id)) Object.assign(file, { isWaiting: false, tries: 0, since: null })
        if (find(id, now)?.isWaiting === false && file.fullAt <= now) files.delete(id)
      }
      return [...files.values()]
        .filter((file) => file.isWaiting)
        .sort((a, b) => b.tries - a.tries)
        .map((file) => {
          const { source, path, size, tries, since } = file
          const at = nextAt(file, file.endedAt + file.pauseMs)
          return { source, path, size, tries, since, storedAt: file.storedAt, nextAt: at > now ? at : null }
        })
    },
  }
}

/** Returns a key that distinguishes the contents of one path. */
const identify = ({ inode, size, mtimeNs }: QueuedFile): string => `${inode} ${size} ${mtimeNs}`
