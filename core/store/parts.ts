import type { FileFacts } from '../platform/facts.ts'
import { nameFault } from '../protocol/names.ts'
import type { CommitThread } from './commit-thread.ts'
import type { GroupCommit } from './group-commit.ts'
import type { SourceRow } from './manifest/rows.ts'
import { FileRefused, isDurable, type Outcome } from './outcome.ts'
import type { Partials } from './partials.ts'
import type { Admission, Room } from './quota/admission.ts'

/** What every way to store a file uses. */
export interface StoreParts {
  /** Where files are that have no place yet. */
  temporary: string
  admission: Pick<Admission, 'enterAll'>
  commitThread: CommitThread
  groupCommit: GroupCommit
  partials: Partials
  watch: CallWatch
  /** A file became durable so many seconds after its last byte. */
  onDurable(seconds: number): void
}

/** Reserves room for `size` bytes of a file. @throws FileRefused where there is none, or what the system says. */
export async function roomFor({ admission, watch }: StoreParts, file: Offered, size: number): Promise<Room> {
  const coming = [{ place: placeNameOf(file), size }]
  const [room] = await watch.during(() => admission.enterAll(file.source.folder, coming))
  if (room === undefined || room instanceof FileRefused) throw room ?? new FileRefused('failed', '')
  return room
}

/** Starts to measure how long a file takes to become durable. */
export function timeToDurable({ onDurable }: Pick<StoreParts, 'onDurable'>): (outcome: Outcome) => void {
  const began = performance.now()
  return (outcome) => {
    if (isDurable(outcome)) onDurable((performance.now() - began) / 1000)
  }
}

/** Knows how long the oldest of the calls that are out has been out. */
export type CallWatch = ReturnType<typeof createCallWatch>

export function createCallWatch() {
  /** When each began; in that order. */
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
    /** 0 when none is out. */
    oldestMs() {
      const [first] = out.values()
      return first === undefined ? 0 : performance.now() - first
    },
  }
}

/** A directory of the store that holds what one source of one sender sends, by its number in the manifest. */
export type StoreSource = SourceRow

/** A file as its sender offers it. */
export interface Offered {
  source: StoreSource
  /** As the sender gave it: not trusted. */
  path: string
  facts: FileFacts
  /** The session that it comes by; null: the sender has none, as an original isocket client. */
  session: string | null
}

/** Where a file of the store is. */
export type StoredAt = Pick<Offered, 'source' | 'path'>

/** Why a path below a source is not stored; null: it may be. */
export function judgePath(path: string): Outcome | null {
  const fault = nameFault(path)
  return fault === null ? null : { status: 'name', detail: fault }
}

/** A place's name below the store's root. */
export const placeNameOf = ({ source: { folder, directory }, path }: StoredAt): string =>
  `${folder}/${directory}/${path}`
