import { computeDigest } from '../../../core/platform/digest.ts'
import type { FileMetadata } from '../../../core/platform/file-metadata.ts'
import type { Offered, StoreSource } from '../../../core/store/store.ts'

export { computeDigest }

/** Builds the metadata of a source file of `size` bytes. */
export const buildFacts = (size: number, changes: Partial<FileMetadata> = {}): FileMetadata => ({
  size,
  mtimeNs: 1_600_000_000_500_000_000n,
  mode: 0o640,
  user: 0,
  group: 0,
  more: null,
  ...changes,
})

/** A file as a sender offers it. */
export const offeredAs = (source: StoreSource, path: string, size: number): Offered => ({
  source,
  path,
  facts: buildFacts(size),
  session: null,
})
