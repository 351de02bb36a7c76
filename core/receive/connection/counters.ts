import type { FileStatus, RefusalCode } from '../../wire/limits.ts'

/** Why a connection was refused, as a word that can be counted; the log has the sentence. */
export type RefusedKind = RefusalCode | 'tls' | 'certificate' | 'flood' | 'isocket' | 'other'

/** What a receiver has done since it started. */
export interface Counters {
  receivedFiles: number
  receivedBytes: number
  readonly refusedConnections: Map<RefusedKind, number>
  readonly refusedFiles: Map<FileStatus, number>
}

export const createCounters = (): Counters => ({
  receivedFiles: 0,
  receivedBytes: 0,
  refusedConnections: new Map(),
  refusedFiles: new Map(),
})

export function countOne<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

export const totalOf = (counts: ReadonlyMap<unknown, number>): number =>
  [...counts.values()].reduce((sum, count) => sum + count, 0)
