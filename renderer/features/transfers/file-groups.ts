import { splitPath } from '../../format/path.ts'
import type { LedgerFile } from '../../state/types.ts'

/** Small files of one directory that were sent in quick succession. */
export interface FileGroup {
  /** Relative to its source; "" for the source itself. */
  directory: string
  /** Newest first. */
  files: LedgerFile[]
  bytes: number
}

/** Larger files have rows of their own. Bytes. */
const SMALL = 1024 * 1024
/** Maximum distance between two files of a group, in milliseconds. */
const NEAR_MS = 60_000
/** Smaller groups would not save rows. */
const LEAST = 3

/** Groups small files that were sent in quick succession; keeps the order of the list. */
export function groupFiles(files: readonly LedgerFile[]): (LedgerFile | FileGroup)[] {
  const runs: LedgerFile[][] = []
  for (const file of files) {
    const run = runs.at(-1)
    const before = run?.at(-1)
    if (run !== undefined && before !== undefined && belongs(file, before)) run.push(file)
    else runs.push([file])
  }
  return runs.flatMap((run): (LedgerFile | FileGroup)[] =>
    run.length < LEAST
      ? run
      : [
          {
            directory: getDirectory(run[0]),
            files: run,
            bytes: run.reduce((sum, { size }) => sum + size, 0),
          },
        ],
  )
}

function belongs(file: LedgerFile, before: LedgerFile): boolean {
  return (
    [file, before].every(
      ({ state, size, removedAt }) => state === 'sent' && size < SMALL && removedAt === null,
    ) &&
    file.source === before.source &&
    file.destination === before.destination &&
    file.isDeleted === before.isDeleted &&
    getDirectory(file) === getDirectory(before) &&
    Math.abs((file.sentAt ?? 0) - (before.sentAt ?? 0)) <= NEAR_MS
  )
}

function getDirectory(file: LedgerFile | undefined): string {
  return splitPath(file?.path ?? '').head
}
