import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { inProject } from '../../../build/setup/project.mjs'
import { environmentIn, kernelClock, surroundings } from '../../../build/test/surroundings.mjs'
import { temporaryDirectory } from '../../support/temporary.ts'

/** Clocks that are shifted by different amounts are months apart. */
const isNear = (one: number, other: number) => Math.abs(one - other) < 3_600_000

const THREAD = `require('node:worker_threads').parentPort.postMessage(Number(new Date()))`
const PROGRAM = `
const child = Number(require('node:child_process').execFileSync(process.execPath, ['-p', 'Number(new Date())']))
const { locale } = Intl.DateTimeFormat().resolvedOptions()
const wall = new Date(process.env.HOLDFAST_TEST_CLOCK).toLocaleString('sv-SE')
new (require('node:worker_threads').Worker)(${JSON.stringify(THREAD)}, { eval: true }).once('message', (thread) =>
  console.log(JSON.stringify({ clocks: [Date.now(), Date.parse(Date()), thread, child], wall, locale })))`

test.each(surroundings)('surroundings: a program, its threads and its children are in $title', (which) => {
  const { HOLDFAST_TEST_SHIFT: _, ...outside } = process.env
  const env = { ...outside, ...environmentIn(which, {}) }
  const shown = JSON.parse(execFileSync(process.execPath, ['-e', PROGRAM], { env, encoding: 'utf8' }))
  expect(shown.wall).toBe(which.wall)
  if (which.language !== 'C') expect(shown.locale).toBe(which.language.slice(0, 5).replace('_', '-'))
  expect(shown.clocks.filter((clock: number) => !isNear(clock, Date.parse(which.begin)))).toEqual([])
})

test('surroundings: the clock of a test file begins at the time that the run names', () => {
  const file = path.join(temporaryDirectory('clock'), 'now')
  fs.writeFileSync(file, '')
  const { HOLDFAST_TEST_CLOCK } = process.env
  const begin =
    HOLDFAST_TEST_CLOCK === undefined ? fs.statSync(file).mtimeMs : Date.parse(HOLDFAST_TEST_CLOCK)
  expect(isNear(Date.now(), begin)).toBe(true)
})

test('surroundings: all test files that keep the kernel’s clock exist', () => {
  expect(Object.keys(kernelClock).filter((file) => !fs.existsSync(inProject(file)))).toEqual([])
})
