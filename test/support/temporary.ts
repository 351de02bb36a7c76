import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { onTestFinished } from 'vitest'

/** A directory of this test's own, removed when the test is over. */
export function temporaryDirectory(name = 'test', parent = tmpdir()): string {
  const directory = mkdtempSync(path.join(parent, `holdfast-${name}-`))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}
