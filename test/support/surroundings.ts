// Begins each test file of the unit tests in the surroundings of the run.
import path from 'node:path'
import process from 'node:process'
import { expect } from 'vitest'
import { inProject } from '../../build/setup/project.mjs'
import { kernelClock } from '../../build/test/surroundings.mjs'

declare global {
  /** Is there in a run whose clock is shifted: build/test/clock.cjs. */
  var setTestClock: ((at: number | null) => void) | undefined
}

// The command line speaks the terminal's language, and tests compare its English texts.
Object.assign(process.env, { LC_ALL: '', LC_MESSAGES: '', LANG: 'C' })

const { HOLDFAST_TEST_CLOCK } = process.env
if (HOLDFAST_TEST_CLOCK !== undefined) {
  const file = path.relative(inProject(), expect.getState().testPath ?? '')
  globalThis.setTestClock?.(file in kernelClock ? null : Date.parse(HOLDFAST_TEST_CLOCK))
}
