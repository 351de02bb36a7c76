import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { onTestFinished } from 'vitest'

/** A directory of this test's own, removed when the test is over. */
export function temporaryDirectory(name = 'test', parent = tmpdir()): string {
  const directory = mkdtempSync(path.join(parent, `holdfast-${name}-`))
  // What a test has started may write a last time while it ends.
  const again = { maxRetries: 10, retryDelay: 20 }
  onTestFinished(() => rmSync(directory, { recursive: true, force: true, ...again }))
  return directory
}
