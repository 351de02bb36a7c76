import type { BigIntStats } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { Answer, OutgoingSource } from '../../backends/destination.ts'
import { ignoreError } from '../../dropped-errors.ts'
import type { QueuedFile, SentClaim, SentContent } from '../../ledger/ledger.ts'
import type { MountPresence } from '../../ledger/mount-presence.ts'
import type { FileStat } from '../../platform/file-metadata.ts'
import type { Source, SourceFilters } from '../../settings/schema.ts'
import { mayBeWritten } from '../reading/read.ts'
import type { Unsent } from '../reading/read-result.ts'
import type { Readers } from '../reading/readers.ts'

// The parts that small and large files of a source share: the source, the result of an attempt to send a file, the
// verdict on a file that could not be read, and the window that limits the files under way.

export type Priority = Source['priority']

/** A source with its settings for sending. */
export interface SendSource extends OutgoingSource {
  groupWriteMark: boolean
  paused: boolean
  /** The filters for waiting files; without, all are sent. */
  filters?: SourceFilters | undefined
  /** The source's share of the line; without, normal. */
  priority?: Priority | undefined
  /** The source's other destinations: a file is marked or removed only once each of them has it, too. */
  alsoTo?: readonly string[] | undefined
}

/** The result of one attempt to send a file. */
export type SendAttempt =
  /** `digest`: of the sent content, or of the content that the destination already had. */
  | {
      kind: 'durable'
      position: number
      digest: Uint8Array | null
      seal?: Uint8Array | undefined
      /** The file has changed since it had this content. */
      isOlder?: boolean
      /** The file's stat when it was sent; left out: as offered. */
      stat?: FileStat
      /** See SentClaim. */
      moved?: SentClaim['moved']
    }
  | Exclude<Answer, { kind: 'durable' }>
  /** Not sent: paused, or its disk does not answer. */
  | { kind: 'halted' }
  /** The source's directory does not exist: its disk is not mounted. */
  | { kind: 'source-missing' }
  /** The file is missing, but the source is on another file system than before, for an unknown reason. */
  | { kind: 'doubtful' }
  /** The file has changed since it was offered, and a process may still be writing it. */
  | { kind: 'being-written' }
  | Unsent

/** Functions and state that all sources share. */
export interface Shared {
  /** Reads small files. */
  read: Readers['read']
  whereabouts(source: { id: string }): MountPresence
  /** True if the file is below a mount inside the source that is not mounted now. */
  isBelowAway(source: { id: string }, file: string): boolean
  /** Returns names under which the destination probably already has the content of some files, by the files' ids. */
  sentElsewhere(dues: readonly QueuedFile[]): ReadonlyMap<number, readonly SentContent[]>
  /** Rows of missing names whose move is being sent to the destination. */
  moving: Set<number>
  /** Returns a source of this destination by its id; null: it is not configured. */
  findSource(id: string): OutgoingSource | null
  /** Called if a file's content differs from the recorded digest although its metadata are unchanged. */
  onOtherContent(due: QueuedFile): void
  onBytes(due: QueuedFile, bytes: number): void
  /** Called for bytes that the destination already had. */
  onSkipped(due: QueuedFile, bytes: number): void
}

/** The parts that send one source's files. */
export interface SourceParts {
  source: SendSource
  shared: Shared
  window: Window
  /** Returns false to stop: no file starts, a large file stops at its next chunk, small files stop before the line. */
  mayGoOn(): boolean
}

/** Returns a destination's answer as the result of an attempt. */
export const asAttempt = (answer: Answer, digest: Uint8Array | null): SendAttempt =>
  answer.kind === 'durable' ? { ...answer, digest } : answer

/** Returns the result for an unexpected error. */
export const failedBy = (error: unknown): SendAttempt => ({ kind: 'failed', code: String(error) })

/**
 * Returns a function that classifies files that could not be read. A result below an unmounted disk shows nothing about
 * the file. Create one function for files that were read together: it checks their common source once.
 */
export function createJudge({
  source,
  shared,
}: SourceParts): (unsent: Unsent, due: QueuedFile) => Promise<SendAttempt> {
  let where: MountPresence | null = null
  let root: Promise<BigIntStats | null> | null = null
  return async (unsent, due) => {
    where ??= shared.whereabouts(source)
    if (where === 'away') return { kind: 'source-missing' }
    if (shared.isBelowAway(source, due.path)) return { kind: 'doubtful' }
    // The changed file may be incomplete: the scanner offers it again when its writer has finished.
    const file = { root: source.path, path: due.path }
    if (unsent.kind === 'changed' && (await mayBeWritten(file, unsent.facts, due)))
      return { kind: 'being-written' }
    if (unsent.kind !== 'vanished') return unsent
    root ??= stat(source.path, { bigint: true }).catch(
      ignoreError('a source that cannot be looked at is missing', null),
    )
    const there = await root
    if (there === null) return { kind: 'source-missing' }
    return where === 'unknown' && there.dev !== due.device ? { kind: 'doubtful' } : unsent
  }
}

/** Limit on the bytes of small files of all sources that are being read or not yet handed to the destination. */
const MEMORY_BYTES = 32 * 1024 * 1024
/**
 * Each source's share of the line: all sources with files get one. Also the number of large files of a source that are
 * sent at a time: the line takes chunks in order of arrival, and small files pass between them.
 */
const WEIGHTS: Record<Priority, number> = { high: 4, normal: 2, low: 1 }

/** The limit on one source's files under way. */
export type Window = ReturnType<typeof openWindow>

interface Share {
  window: Window | null
  priority: Priority
  held: number
  waiting: { bytes: number; go: () => void }[]
}

/**
 * Gives each source its own window, so that a disk that hangs holds no memory that others need. The line takes
 * contents in order of arrival, so a source's part of the memory equals its part of the line: sources with files to
 * send share it by weight. A window lives as long as the process: a call that hangs still counts after a
 * reconfiguration.
 */
export function createWindows() {
  const shares = new Map<string, Share>()

  const getLimit = ({ priority }: Share): number => {
    let sum = 0
    for (const one of shares.values())
      if (one.held > 0 || one.waiting.length > 0) sum += WEIGHTS[one.priority]
    return (MEMORY_BYTES * WEIGHTS[priority]) / sum
  }

  const serve = () => {
    for (const share of shares.values()) {
      for (let first = share.waiting[0]; first !== undefined; first = share.waiting[0]) {
        // A source without reserved memory may always take one group, however small its share.
        if (share.held > 0 && share.held + first.bytes > getLimit(share)) break
        share.waiting.shift()
        share.held += first.bytes
        first.go()
      }
    }
  }

  return {
    of(source: string, priority: Priority = 'normal'): Window {
      const share: Share = shares.get(source) ?? { window: null, priority, held: 0, waiting: [] }
      share.priority = priority
      shares.set(source, share)
      share.window ??= openWindow(share, serve)
      return share.window
    },
  }
}

function openWindow(share: Share, serve: () => void) {
  let large = 0
  return {
    /** Waits for room for small files. */
    acquire: (bytes: number) =>
      new Promise<void>((go) => {
        share.waiting.push({ bytes, go })
        serve()
      }),
    release(bytes: number): void {
      share.held -= bytes
      serve()
    },
    get hasRoomForLarge() {
      return large < WEIGHTS[share.priority]
    },
    beginLarge() {
      large += 1
    },
    endLarge() {
      large -= 1
    },
  }
}
