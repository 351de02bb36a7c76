#!/usr/bin/env node
// Surroundings in which the unit tests have to pass: each combines a clock, a zone and a language. As a program:
//
//   node build/test/surroundings.mjs [FILE…]   runs the unit tests that a clock may change, or these of them, in all surroundings
import { ensureNode, projectEnvironment } from '../setup/node.mjs'
import { inProject, isProgram, projectDirectory, runMain, say } from '../setup/project.mjs'
import { passSignalsOn, runStage } from './stage.mjs'

/**
 * Describes surroundings. `begin`: the time at which the clock of each test file begins, in a year after today's: files
 * are then older than the clock, as they are on a machine. `wall`: the same by the wall clock of `zone`.
 * @typedef {{ title: string, begin: string, wall: string, zone: string, language: string }} Surroundings
 * @type {Surroundings[]}
 */
export const surroundings = [
  {
    title: 'half a minute after midnight of 29 February in Apia, while UTC has the 28th, Chinese',
    begin: '2036-02-28T11:00:30Z',
    wall: '2036-02-29 00:00:30',
    zone: 'Pacific/Apia',
    language: 'zh_TW.UTF-8',
  },
  {
    title: 'the last seconds of a year in St. John’s',
    begin: '2037-01-01T03:29:58Z',
    wall: '2036-12-31 23:59:58',
    zone: 'America/St_Johns',
    language: 'en_US.UTF-8',
  },
  {
    title: 'the beginning of daylight saving time in St. John’s',
    begin: '2036-03-09T05:29:58Z',
    wall: '2036-03-09 01:59:58',
    zone: 'America/St_Johns',
    language: 'C',
  },
  {
    title: 'the end of daylight saving time in Berlin, German',
    begin: '2036-10-26T00:59:58Z',
    wall: '2036-10-26 02:59:58',
    zone: 'Europe/Berlin',
    language: 'de_DE.UTF-8',
  },
]

const PARTIAL = 'A partial file expires a week after its last write, whose time the kernel sets.'

/**
 * Test files that keep the kernel's clock, by their reason. The zone and the language apply to them, too.
 * @type {Record<string, string>}
 */
export const kernelClock = {
  'test/unit/scan/inotify-directories.test.ts': 'A file is new by its ctime, which the kernel sets.',
  'test/unit/store/partials.test.ts': PARTIAL,
  'test/unit/store/partials-bounded.test.ts': PARTIAL,
}

/**
 * Returns what a run of Vitest has to have in its environment, besides `environment`.
 * @param {Surroundings} surroundings
 * @param {NodeJS.ProcessEnv} [environment]
 */
export function environmentIn({ begin, zone, language }, environment = process.env) {
  const preload = `--require ${JSON.stringify(inProject('build/test/clock.cjs'))}`
  return {
    TZ: zone,
    LANG: language,
    LANGUAGE: language,
    LC_ALL: language,
    LC_MESSAGES: language,
    HOLDFAST_TEST_CLOCK: begin,
    NODE_OPTIONS: [environment.NODE_OPTIONS, preload].filter(Boolean).join(' '),
  }
}

async function main() {
  passSignalsOn()
  const node = await ensureNode()
  const words = [
    'run',
    '--project=unit',
    '--project=unit-replacing',
    '--maxWorkers=2',
    ...process.argv.slice(2),
  ]
  const failed = []
  for (const one of surroundings) {
    say(`\n== Unit tests: ${one.title}`)
    const env = { ...projectEnvironment(), ...environmentIn(one) }
    const options = { env, cwd: projectDirectory, minutes: 30 }
    const { status } = await runStage(node, [inProject('node_modules/vitest/vitest.mjs'), ...words], options)
    if (status !== 0) failed.push(one.title)
  }
  say(failed.length === 0 ? '\nAll passed.' : `\nFailed:\n  ${failed.join('\n  ')}`)
  return failed.length === 0 ? 0 : 1
}

if (isProgram(import.meta.url)) await runMain(main)
