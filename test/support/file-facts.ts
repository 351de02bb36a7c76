import { digestOf } from '../../core/platform/digest.ts'
import type { FileFacts } from '../../core/platform/facts.ts'
import type { Offered, StoreSource } from '../../core/store/store.ts'

export { digestOf }

/** What a file of so many bytes may be at its source. */
export const factsOf = (size: number, changes: Partial<FileFacts> = {}): FileFacts => ({
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
  facts: factsOf(size),
  session: null,
})
