import type { CallWatch } from '../lib/async/call-watch.ts'
import type { CommitThread, GroupCommit } from './group-commit.ts'
import { getPlaceName, type Offered } from './offered.ts'
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
