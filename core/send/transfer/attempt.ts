import type { BigIntStats } from 'node:fs'
import { stat } from 'node:fs/promises'
import path from 'node:path'
import type { OutgoingSource } from '../../backends/destination.ts'
import { ignoreError } from '../../dropped-errors.ts'
import type { QueuedFile, SentContent, TransferResult } from '../../ledger/ledger.ts'
import type { MountPresence } from '../../ledger/mount-presence.ts'
import { createSemaphore, type Semaphore } from '../../lib/async/semaphore.ts'
import { message } from '../../lib/i18n/message.ts'
import type { FixityKind } from '../../platform/fixity-kinds.ts'
import { readDescriptorLimit } from '../../platform/process-limits.ts'
import type { Source, SourceFilters } from '../../settings/schema.ts'
import { type ContentDigests, mayBeWritten } from '../reading/read.ts'
import type { Unsent } from '../reading/read-result.ts'
import type { Readers } from '../reading/readers.ts'

// The parts that small and large files of a source share: the source, the result for a file that could not be read, and
// the window that limits the files under way.

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
  /** Digests to record beside BLAKE3; without, none. */
  digests?: readonly FixityKind[] | undefined
}

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
  /** Returns when the destination stored this content of a file; null: it is not known to have it. */
  contentSentAt(id: number, digest: Uint8Array): number | null
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

/** Adds the digests of the sent content to the destination's result. */
export const withDigests = (result: TransferResult, { digest, fixity }: ContentDigests): TransferResult =>
  result.kind === 'stored' ? { ...result, digest, fixity } : result

/**
 * Returns when the destination stored the content that it has to get again; undefined: it is not known to have had it.
 * @param digest of the content; left out: not read yet, but the file's metadata are those of the stored content.
 */
export const findStoredAt = (
  { shared }: SourceParts,
  due: QueuedFile,
  digest: Uint8Array | null = due.digest,
): number | undefined =>
  due.digest === null || digest === null || due.mtimeNs !== due.storedNs
    ? undefined
    : (shared.contentSentAt(due.id, digest) ?? undefined)

/** Errors of a name that does not exist or is not a file. EXDEV: a link leads out of the source; ESPIPE: a FIFO. */
const VANISHED = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'EISDIR', 'ENXIO', 'EXDEV', 'ESPIPE'])

/** Returns the result for a file that was not read. */
export function toTransferResult(unsent: Unsent, source: { path: string }, file: string): TransferResult {
  if (unsent.kind === 'changed') return { kind: 'retry', cause: 'changed', reason: null, now: unsent.stat }
  const { code } = unsent
  if (VANISHED.has(code)) return { kind: 'retry', cause: 'vanished', reason: null }
  const params = { path: path.join(source.path, file), reason: code }
  // Windows: another program has it open and does not share it.
  if (code === 'EBUSY') return { kind: 'rejected', reason: message('transfer.inUse', params) }
  if (code === 'EACCES' || code === 'EPERM')
    return { kind: 'rejected', reason: message('transfer.unreadable', params) }
  return { kind: 'retry', cause: 'reading', reason: message('transfer.readFailed', params) }
}

/**
 * Returns a function that classifies files that could not be read. A result below an unmounted disk shows nothing about
 * the file. Create one function for files that were read together: it checks their common source once.
 */
export function createJudge({
  source,
  shared,
}: SourceParts): (unsent: Unsent, due: QueuedFile) => Promise<TransferResult> {
  let where: MountPresence | null = null
  let root: Promise<BigIntStats | null> | null = null
  return async (unsent, due) => {
    where ??= shared.whereabouts(source)
    if (where === 'away') return { kind: 'lost', isAway: true }
    if (shared.isBelowAway(source, due.path)) return { kind: 'retry', cause: 'doubtful', reason: null }
    // The changed file may be incomplete: the scanner offers it again when its writer has finished.
    const file = { root: source.path, path: due.path }
    if (unsent.kind === 'changed' && (await mayBeWritten(file, unsent.stat, due)))
      return { kind: 'retry', cause: 'being-written', reason: null }
    const result = toTransferResult(unsent, source, due.path)
    if (result.kind !== 'retry' || result.cause !== 'vanished') return result
    root ??= stat(source.path, { bigint: true }).catch(
      ignoreError('a source that cannot be looked at is missing', null),
    )
    const there = await root
    if (there === null) return { kind: 'lost', isAway: true }
    return where === 'unknown' && there.dev !== due.device ? { ...result, cause: 'doubtful' } : result
  }
}

/** Limit on the bytes of small files of all sources that are being read or not yet handed to the destination. */
const MEMORY_BYTES = 32 * 1024 * 1024
/**
 * Each source's share of the line: all sources with files get one. Also the number of large files of a source that are
 * sent at a time: the line takes chunks in order of arrival, and small files pass between them.
 */
const WEIGHTS: Record<Priority, number> = { high: 4, normal: 2, low: 1 }

/**
 * Descriptors for other things than large files: ledgers, threads, connections, directories, and a file of each group
 * that is looked at.
 */
const OTHER_DESCRIPTORS = 160
/** Limits of the large files of all sources that are open at a time. Those of disks that hang stay open. */
const LEAST_OPEN_FILES = 8
const MOST_OPEN_FILES = 512

/** Returns how many large files may be open at a time: half of the descriptors that this process may have left. */
function countOpenFiles(): number {
  const descriptors = readDescriptorLimit() ?? Number.POSITIVE_INFINITY
  const half = Math.floor((descriptors - OTHER_DESCRIPTORS) / 2)
  return Math.min(MOST_OPEN_FILES, Math.max(LEAST_OPEN_FILES, half))
}

/** The limit on one source's files under way. */
export type Window = ReturnType<typeof createWindow>

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
  const openFiles = createSemaphore(countOpenFiles())

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
      share.window ??= createWindow(share, serve, openFiles)
      return share.window
    },
  }
}

function createWindow(share: Share, serve: () => void, openFiles: Semaphore) {
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
    /** Counts a large file; resolves once it may be opened. */
    beginLarge(): Promise<unknown> {
      large += 1
      return openFiles.acquire()
    },
    endLarge() {
      large -= 1
      openFiles.release()
    },
  }
}
