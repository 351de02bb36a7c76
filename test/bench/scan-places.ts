import { existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { bundleScanner } from './scan-bundle.ts'

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

export async function makePlaces(): Promise<Places> {
  const make = (directory: string) => mkdtempSync(path.join(directory, 'holdfast-bench-'))
  const ledgers = make(tmpdir())
  symlinkSync(path.resolve(import.meta.dirname, '../../node_modules'), path.join(ledgers, 'node_modules'))
  const subject = await bundleScanner(path.join(ledgers, 'bundle'))
  return { trees: make(existsSync(MEMORY) ? MEMORY : tmpdir()), ledgers, subject }
}

export function removePlaces({ trees, ledgers }: Places): void {
  for (const directory of [trees, ledgers]) rmSync(directory, { recursive: true, force: true })
}
