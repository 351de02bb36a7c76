import type { CallWatch } from './call-watch.ts'
import type { CommitThread } from './commit-thread.ts'
import type { GroupCommit } from './group-commit.ts'
import type { Admission, Room } from './limits/admission.ts'
import type { Offered } from './offered.ts'
import { placeNameOf } from './offered.ts'
import type { Outcome } from './outcome.ts'
import { FileRefused, isDurable } from './outcome.ts'
import type { Partials } from './partials.ts'

/** What every way to store a file uses. */
export interface StoreParts {
  admission: Admission
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
