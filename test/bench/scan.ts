import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { ensurePackages } from '../../build/setup/system.mjs'
import type { Row } from './row.ts'
import { measureBursts } from './scan-burst.ts'
import { measureReady } from './scan-ready.ts'

/** The scanner against inotifywait and find on the same trees. */
export async function run(): Promise<Row[]> {
  await ensurePackages(['inotify-tools', 'findutils'], 'the benchmark of the scanner')
  const directory = mkdtempSync(path.join(tmpdir(), 'holdfast-bench-'))
  try {
    return [...(await measureBursts(directory)), ...(await measureReady(directory))]
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
