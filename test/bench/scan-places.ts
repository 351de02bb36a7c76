import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

/** Directories of one run. */
export interface Places {
  /** In memory where the system has that: what is measured is the watcher and its peer, not a disk. */
  trees: string
  /** On the disk, as in life. */
  ledgers: string
}

const MEMORY = '/dev/shm'

export function makePlaces(): Places {
  const make = (directory: string) => mkdtempSync(path.join(directory, 'holdfast-bench-'))
  return { trees: make(existsSync(MEMORY) ? MEMORY : tmpdir()), ledgers: make(tmpdir()) }
}

export function removePlaces({ trees, ledgers }: Places): void {
  for (const directory of [trees, ledgers]) rmSync(directory, { recursive: true, force: true })
}
