import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { bundle } from './bundle.ts'

/** Directories of one run. */
export interface Places {
  /** In memory where the system has that: what is measured is the watcher and its peer, not a disk. */
  trees: string
  /** On the disk, as in life. */
  ledgers: string
  /** The scanner's own file, bundled. */
  subject: string
}

const MEMORY = '/dev/shm'
const SUBJECT = 'test/bench/scan-subject'

export async function makePlaces(): Promise<Places> {
  const make = (directory: string) => mkdtempSync(path.join(directory, 'holdfast-bench-'))
  const ledgers = make(tmpdir())
  const bundled = path.join(ledgers, 'bundle')
  await bundle(bundled, [SUBJECT, 'cli/workers/inotify-thread'])
  const subject = path.join(bundled, `${SUBJECT}.js`)
  return { trees: make(existsSync(MEMORY) ? MEMORY : tmpdir()), ledgers, subject }
}

export function removePlaces({ trees, ledgers }: Places): void {
  for (const directory of [trees, ledgers]) rmSync(directory, { recursive: true, force: true })
}
