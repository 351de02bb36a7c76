import type { FileStatus, RefusalCode } from '../../protocol/limits.ts'
import { type NameFault, nameFaults } from '../../protocol/names.ts'
import type { Outcome } from '../../store/outcome.ts'

/** Reason for refusing a connection, as a label for counters; the log has the full sentence. */
export type RefusedKind = RefusalCode | 'tls' | 'certificate' | 'flood' | 'isocket' | 'other'

/** Counters of a receiver since its start. */
export type Counters = ReturnType<typeof createCounters>

export const createCounters = () => ({
  receivedFiles: 0,
  receivedBytes: 0,
  refusedConnections: new Map<RefusedKind, number>(),
  refusedFiles: new Map<FileStatus, number>(),
})

export function countOne<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

export const sumCounts = (counts: ReadonlyMap<unknown, number>): number =>
  [...counts.values()].reduce((sum, count) => sum + count, 0)

const ofName: Record<NameFault, string> = {
  empty: 'a part of its name is empty',
  dots: 'its name contains . or .. as a part',
  absolute: "its name, or its source's name, is not a relative one",
  nul: 'its name contains a NUL character',
  long: 'its name is longer, or in more directories, than can be stored',
  reserved: 'its name is reserved by this system',
  characters: "its name contains characters that the store's file system does not take",
  folded: "the store's file system does not tell its name from that of another stored file",
  symlink: 'a symbolic link stands in its way; remove it from the store if it is not yours',
}

const ofStatus: Record<Exclude<FileStatus, 'name' | 'full'>, string> = {
  durable: 'it is stored',
  same: 'it is stored',
  digest: 'its content is not what its sender read; it is sent again',
  tooLarge: "it is larger than the store's file system allows",
  readOnly: "the store's file system is read-only; the sender waits: check the disk",
  failed: 'the store could not write it; the sender waits: check the disk',
  aborted: 'its sender has given it up',
  unknown: 'the store has no such content',
}

function ofFull(detail: string): string {
  if (detail.startsWith('quota')) return 'its sender has used all that --quota or --quota-files leaves it'
  if (detail === 'names') return 'the disk has hardly any room for further files (inodes); the sender waits'
  const why = detail === 'floor' ? 'no more is free on the disk than --keep-free leaves' : 'the disk is full'
  return `${why}; the sender waits: free some space`
}

/** Returns the log text for a file that is not stored: status, detail, and their meaning. */
export function formatRefusal({ status, detail }: Outcome): string {
  const fault = nameFaults.find((one) => one === detail) ?? 'characters'
  const why = status === 'name' ? ofName[fault] : status === 'full' ? ofFull(detail) : ofStatus[status]
  return `${detail === '' ? status : `${status} ${detail}`} (${why})`
}
