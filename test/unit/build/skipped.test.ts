import { globSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

/** Skipped wherever the system is not Linux. */
const LINUX_ONLY = /\b(skipIf\(.*(platform !== 'linux'|!isLinux)|runIf\(.*platform === 'linux'|onLinux[(.])/
/** Skipped on Windows alone. */
const NO_WINDOWS = /\bskipIf\((process\.platform === 'win32'|!hasPipes)/

test('skipped tests: no more places than these skip tests on macOS and on Windows', () => {
  const lines = globSync('test/{unit,integration}/**/*.test.{ts,tsx}').flatMap((file) =>
    readFileSync(file, 'utf8').split('\n'),
  )
  const count = (pattern: RegExp) => lines.filter((line) => pattern.test(line)).length
  const linuxOnly = count(LINUX_ONLY)
  // A test that a system need not skip lowers its number. Raise one only for a test of a call that the system lacks.
  expect({ macos: linuxOnly, windows: linuxOnly + count(NO_WINDOWS) }).toEqual({ macos: 71, windows: 78 })
})
