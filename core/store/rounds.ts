import { readFileSync } from 'node:fs'
import { unlink } from 'node:fs/promises'
import { closeFd } from '../files/fd.ts'
import type { Committing } from './committing.ts'
import type { RoundResult, SyncKind, ToldDirectory, ToPlace } from './messages.ts'
import type { Outcome } from './outcome.ts'
import { outcomeOf } from './outcome.ts'

/** A file that is written, and who waits for its name. */
export interface Written {
  file: ToPlace
  folder: string
  session: string | null
  directories: readonly ToldDirectory[]
  /** It is durable in its place by this position of the store, or why it is not stored. */
  answer(outcome: Outcome, position: number): void
}

/** Files in one round; more wait for the next one, which begins at once. */
const ROUND_FILES = 1024
/**
 * So many files at a time are worth a sync of the whole file system. It may have to write what other programs have
 * written lately: for a few files that would cost more than syncing them one by one.
 */
const WHOLE_FILES = 16
/** The same in bytes, for files of which few travel at a time. */
const WHOLE_BYTES = 4 * 1024 * 1024
/**
 * What is written and no sync has seen yet is no more than this, and what goes beyond it: one sync writes all of it,
 * and a slow disk that has gigabytes to write would look like one that hangs.
 */
const MOST_UNSYNCED_BYTES = 256 * 1024 * 1024
/** Of the files that a process may have open, so many may wait for their names. */
const SHARE = 4
const MOST_OPEN = 8192
/** What a process may have open where nobody says how many. */
const USUAL_LIMIT = 1024

/** Blocks for an instant: /proc is no disk. */
function mostOpen(): number {
  let limits = ''
  try {
    limits = readFileSync('/proc/self/limits', 'utf8')
  } catch {
    // As on a system without it.
  }
  const found = Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? USUAL_LIMIT)
  return Math.min(MOST_OPEN, Math.floor(found / SHARE))
}

/**
 * Group commit: while one round gives files their names and makes them durable, the files of the next one gather, so
 * that all of them share what that costs.
 */
export interface Rounds {
  add(written: readonly Written[]): void
  /** How many more files may be written now. */
  readonly room: number
  /** So many files, and bytes, are about to be written: they take room until they are added, or given up. */
  reserve(files: number, bytes: number): void
  giveUp(files: number, bytes: number): void
  /** What is under way is brought to its end; nothing more begins. */
  close(): Promise<void>
}

export function openRounds(committing: Committing, onRoom: () => void): Rounds {
  /** Written, and maybe not durable. */
  let written: Written[] = []
  /** Durable, and without their names. */
  const durable: Written[] = []
  let running: Promise<void> | null = null
  let open = 0
  let bytes = 0
  let isClosed = false
  const most = mostOpen()

  const sizeOf = ({ file }: Written) => (file.fd === null ? 0 : file.facts.size)

  const leave = (some: readonly Written[]) => {
    open -= some.length
    bytes -= some.reduce((sum, one) => sum + sizeOf(one), 0)
    onRoom()
  }

  const drop = (some: readonly Written[], outcome: Outcome) => {
    for (const { file, answer } of some) {
      if (file.fd !== null) void closeFd(file.fd).catch(() => undefined)
      const answerNow = () => answer(outcome, 0)
      // What the disk may not have is not gone on with, and would keep a full one full.
      if (file.file === null || outcome.status === 'aborted') answerNow()
      else void unlink(file.file).then(answerNow, answerNow)
    }
    leave(some)
  }

  const place = async (some: readonly Written[], sync: SyncKind): Promise<RoundResult> => {
    const sessions = new Map(
      some.flatMap(({ folder, session }) => (session === null ? [] : [[folder, session]])),
    )
    const result = await committing.round({
      files: some.map(({ file }) => file),
      directories: some.flatMap(({ directories }) => directories),
      sessions: [...sessions],
      sync,
    })
    some.forEach(({ answer }, index) => {
      answer(result.outcomes[index] ?? { status: 'failed', detail: 'EIO' }, result.position)
    })
    leave(some)
    return result
  }

  /** Names for what is durable, and by the same sync what is written becomes so. */
  const placeWhole = async (): Promise<void> => {
    const named = durable.splice(0, ROUND_FILES)
    const syncing = written
    written = []
    const { unsynced } = await place(named, 'whole')
    if (unsynced === null) return void durable.push(...syncing)
    // What was written meanwhile may be what the sync failed at: the next one would not say so again (syncfs(2)).
    drop([...syncing, ...written.splice(0), ...durable.splice(0)], unsynced)
  }

  const isWorthWhole = () => {
    if (durable.length > 0) return true
    return written.length >= WHOLE_FILES || written.reduce((sum, one) => sum + sizeOf(one), 0) >= WHOLE_BYTES
  }

  const run = async (): Promise<void> => {
    // Where files come while others get their names, more will come: only the first round has a few alone.
    for (let isFirst = true; written.length + durable.length > 0; isFirst = false) {
      if (committing.syncsWhole && (!isFirst || isWorthWhole())) await placeWhole()
      else await place(written.splice(0, ROUND_FILES), 'each')
    }
  }

  const start = () => {
    running ??= run()
      .catch((thrown: unknown) => drop([...written.splice(0), ...durable.splice(0)], outcomeOf(thrown)))
      .finally(() => {
        running = null
        if (written.length > 0) start()
      })
  }

  return {
    add(some) {
      if (isClosed) return drop(some, { status: 'aborted', detail: '' })
      written.push(...some)
      if (some.length > 0) start()
    },
    get room() {
      return isClosed || bytes >= MOST_UNSYNCED_BYTES ? 0 : Math.max(0, most - open)
    },
    reserve(files, size) {
      open += files
      bytes += size
    },
    giveUp(files, size) {
      open -= files
      bytes -= size
      onRoom()
    },
    async close() {
      isClosed = true
      await running
    },
  }
}
