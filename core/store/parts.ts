import type { FileMetadata } from '../platform/file-metadata.ts'
import { findNameFault } from '../protocol/names.ts'
import type { CommitThread, GroupCommit } from './group-commit.ts'
import type { SourceRow } from './manifest/rows.ts'
import { isDurable, StorageError, type StoreResult } from './outcome.ts'
import type { Partials } from './partials.ts'
import type { Admission, Room } from './quota/admission.ts'

/** Shared parts of all ways to store a file. */
export interface StoreParts {
  /** The directory of temporary files. */
  temporary: string
  admission: Pick<Admission, 'enterAll' | 'enterSource'>
  commitThread: CommitThread
  groupCommit: GroupCommit
  partials: Partials
  watch: CallWatch
  /** Receives the time in seconds from a file's last byte until it was durable. */
  onDurable(seconds: number): void
}

/** Reserves room for `size` bytes of a file. @throws StorageError if there is no room; system errors */
export async function reserveRoom(
  { admission, watch }: StoreParts,
  file: Offered,
  size: number,
): Promise<Room> {
  const coming = [{ place: getPlaceName(file), size }]
  const [room] = await watch.during(() => admission.enterAll(file.source.folder, coming))
  if (room === undefined || room instanceof StorageError) throw room ?? new StorageError('failed', '')
  return room
}

/** Starts to measure how long a file takes to become durable. */
export function timeToDurable({ onDurable }: Pick<StoreParts, 'onDurable'>): (result: StoreResult) => void {
  const began = performance.now()
  return (result) => {
    if (isDurable(result)) onDurable((performance.now() - began) / 1000)
  }
}

/** Measures how long the oldest pending call takes. */
export type CallWatch = ReturnType<typeof createCallWatch>

export function createCallWatch() {
  /** Start times of the pending calls, oldest first. */
  const out = new Map<symbol, number>()
  return {
    async during<T>(call: () => Promise<T>): Promise<T> {
      const id = Symbol()
      out.set(id, performance.now())
      try {
        return await call()
      } finally {
        out.delete(id)
      }
    },
    /** Returns the age of the oldest pending call in milliseconds; 0: none is pending. */
    oldestMs() {
      const [first] = out.values()
      return first === undefined ? 0 : performance.now() - first
    },
  }
}

/** A directory of the store, with the files of one source of one sender, by its id in the manifest. */
export type StoreSource = SourceRow

/** A session of a sender. `name`: as both ends know it; null: the sender does not know it, or the session has ended. */
export interface NamedSession {
  readonly name: string | null
}

/** A file as its sender offers it. */
export interface Offered {
  source: StoreSource
  /** From the sender, not trusted. */
  path: string
  facts: FileMetadata
  /** The session of the sender; null: the sender has none, as an original isocket client. */
  session: NamedSession | null
}

/** The location of a stored file. */
export type StoredAt = Pick<Offered, 'source' | 'path'>

/** Returns why a path below a source is refused; null: it is allowed. */
export function checkPath(path: string): StoreResult | null {
  const fault = findNameFault(path)
  return fault === null ? null : { status: 'name', detail: fault }
}

/** Returns the path below the store's root. */
export const getPlaceName = ({ source: { folder, directory }, path }: StoredAt): string =>
  `${folder}/${directory}/${path}`
