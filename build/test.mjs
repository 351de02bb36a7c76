#!/usr/bin/env node
// `npm test`: format, types, build, all unit tests, and the tests with the tag "story": the main ways and failures.
// `npm run test:full`: all tests that are possible on this machine, the unit tests at other times, in other zones and
// languages. `npm run test:full -- --rest`: those of them that `npm test` has not run. In each a stage that fails does
// not stop the next one; the last line is the sum of all.
import { mkdir, readFile, rm } from 'node:fs/promises'
import { buildApplication } from './setup/application.mjs'
import { commandScript } from './setup/command.mjs'
import { projectEnvironment } from './setup/node.mjs'
import {
  dropError,
  errorCode,
  getStack,
  inProject,
  isProgram,
  projectDirectory,
  runMain,
  SetupError,
  say,
} from './setup/project.mjs'
import { setup } from './setup.mjs'
import { parseRecords } from './test/records.mjs'
import { closingLine, exitCode, isCi, runnerCounts, stageCounts, sum } from './test/results.mjs'
import { passSignalsOn, runStage } from './test/stage.mjs'
import { environmentIn, surroundings } from './test/surroundings.mjs'

// Biome colours its output letter by letter, even if it is not a terminal.
const colours = process.stdout.isTTY ? [] : ['--colors=off']

/**
 * Names what is run: what a newcomer runs, everything, or everything but that.
 * @typedef {'first' | 'full' | 'rest'} Tier
 */

/** The tag of the tests that `npm test` runs of those that start processes and desktops. */
const STORY = 'story'

/** After this time a stage has hung: twice what the longest one takes on two slow processors. */
const STAGE_MINUTES = 150

/** The files of the records, by runner. */
const recordFiles = {
  unit: 'test-results/unit.jsonl',
  surroundings: surroundings.map((_, index) => `test-results/unit-${index + 1}.jsonl`),
  stories: 'test-results/stories.jsonl',
  integration: 'test-results/integration.jsonl',
  desktops: ['test-results/e2e-1.jsonl', 'test-results/e2e-2.jsonl'],
}

/**
 * Returns a runner's records; none if it has written no file.
 * @param {string} name
 */
async function readRecords(name) {
  try {
    return parseRecords(await readFile(inProject(name), 'utf8'))
  } catch (error) {
    if (errorCode(error) === 'ENOENT')
      return dropError(error, 'a runner that could not be started has left no records', [])
    throw error
  }
}

/**
 * Returns the stages in their order. Each returns its counts.
 * @typedef {Awaited<ReturnType<typeof setup<'tests'>>>} Ready
 * @typedef {import('./test/results.mjs').Counts} Counts
 * @param {Ready} ready
 * @param {Tier} tier
 * @returns {[title: string, run: () => Promise<Counts>][]}
 */
function stages({ node, electron, servers }, tier) {
  const environment = {
    ...projectEnvironment(),
    // The test desktop has another cache directory: the Electron is passed explicitly.
    ELECTRON_OVERRIDE_DIST_PATH: electron.directory,
  }
  /**
   * @param {number} minutes
   * @param {string} command
   * @param {string[]} args
   */
  const run = async (minutes, command, ...args) =>
    (await runStage(command, args, { env: environment, cwd: projectDirectory, minutes })).status
  /**
   * @param {number} minutes
   * @param {string} script
   * @param {string[]} args
   */
  const tool = (minutes, script, ...args) => run(minutes, node, inProject('node_modules', script), ...args)
  /** @type {() => Promise<NodeJS.ProcessEnv>} */
  const built = async () => ({ HOLDFAST_COMMAND_SCRIPT: (await commandScript(node)).script })
  /**
   * @param {string[]} projects or patterns of names.
   * @param {string} file of its records.
   * @param {string[]} words of this run alone.
   * @param {NodeJS.ProcessEnv} more
   */
  const vitest = async (projects, file, words = [], more = {}) => {
    const all = [
      inProject('node_modules/vitest/vitest.mjs'),
      'run',
      ...projects.map((name) => `--project=${name}`),
      // More make tests exceed their deadlines beside the two desktops, and finish no sooner on two processors.
      `--maxWorkers=3`,
      '--reporter=default',
      `--reporter=${inProject('build/test/vitest-reporter.mjs')}`,
      ...words,
    ]
    const ended = await runStage(node, all, {
      env: { ...environment, ...(await built()), ...more, HOLDFAST_TEST_RECORDS: inProject(file) },
      cwd: projectDirectory,
      minutes: STAGE_MINUTES,
    })
    return runnerCounts(await readRecords(file), ended)
  }
  const desktop = async (/** @type {string} */ file, /** @type {number} */ index) => {
    const number = index + 1
    const all = [
      node,
      inProject('node_modules/@playwright/test/cli.js'),
      'test',
      `--shard=${number}/${recordFiles.desktops.length}`,
      `--output=test-results/e2e-${number}`,
      ...{ first: [`--grep=@${STORY}`], full: [], rest: [`--grep-invert=@${STORY}`] }[tier],
    ]
    const env = { ...environment, ...(await built()), HOLDFAST_TEST_RECORDS: inProject(file) }
    const script = inProject('test/support/desktop/desktop.sh')
    // With its own mount namespace: tests that run beside it mount and unmount file systems, too (mount_namespaces(7)).
    const [command = script, ...words] =
      process.getuid?.() === 0 ? ['unshare', '--mount', '--propagation', 'slave', script] : [script]
    const options = { env, cwd: projectDirectory, minutes: STAGE_MINUTES }
    const ended = await runStage(command, [...words, ...all], options)
    return runnerCounts(await readRecords(file), ended)
  }
  /** @type {[title: string, run: () => Promise<Counts>]} */
  const unitHere = ['Unit tests (vitest)', () => vitest(['unit*'], recordFiles.unit)]
  /** @type {[title: string, run: () => Promise<Counts>]} */
  const timelessHere = [
    'Unit tests that no surroundings change (vitest)',
    () => vitest(['unit-timeless'], recordFiles.unit),
  ]
  /**
   * @param {import('./test/surroundings.mjs').Surroundings} which
   * @param {number} index
   * @returns {[title: string, run: () => Promise<Counts>]}
   */
  const unitIn = (which, index) => [
    `Unit tests: ${which.title}`,
    async () => {
      const file = recordFiles.surroundings[index] ?? ''
      const counts = await vitest(['unit', 'unit-replacing'], file, [], environmentIn(which, environment))
      return { ...counts, failed: counts.failed.map((title) => `${which.title}: ${title}`) }
    },
  ]
  /** @type {[title: string, run: () => Promise<Counts>][]} */
  const sources = [
    [
      'Format, lint and imports (biome)',
      async () => stageCounts('biome', await tool(5, '@biomejs/biome/bin/biome', 'ci', ...colours)),
    ],
    ['Types (tsc)', async () => stageCounts('tsc', await tool(10, 'typescript/bin/tsc', '-p', '.'))],
  ]
  const inSurroundings = surroundings.map(unitIn)
  const units = { first: [unitHere], full: [timelessHere, ...inSurroundings], rest: inSurroundings }
  const ofProcesses = {
    first: () => vitest(['stories'], recordFiles.stories, [`--tags-filter=${STORY}`]),
    full: () => vitest(['integration'], recordFiles.integration),
    rest: () => vitest(['integration'], recordFiles.integration, [`--tags-filter=not ${STORY}`]),
  }
  return [
    ...(tier === 'rest' ? [] : sources),
    [
      'Build (electron-vite)',
      async () =>
        stageCounts('electron-vite', (await buildApplication(node, undefined, { echo: true })).status),
    ],
    ...units[tier],
    [
      'Integration tests (vitest), and tests on two desktops (playwright)',
      async () => {
        await servers
        // Each of them waits at times. Each desktop runs a half of its tests.
        return sum(await Promise.all([ofProcesses[tier](), ...recordFiles.desktops.map(desktop)]))
      },
    ],
  ]
}

/**
 * @param {Ready} ready
 * @param {Tier} tier
 */
async function runAll(ready, tier) {
  await mkdir(inProject('test-results'), { recursive: true })
  // The records of an earlier run must not be mistaken for this one's.
  for (const file of Object.values(recordFiles).flat()) await rm(inProject(file), { force: true })
  const all = []
  for (const [title, stage] of stages(ready, tier)) {
    say(`\n== ${title}`)
    const counts = await stage()
    if (counts.failed.length > 0) say(`== ${title}: ${counts.failed.length} failed`)
    all.push(counts)
  }
  return sum(all)
}

/**
 * Lists the tiers by the words that request them.
 * @type {[words: string, tier: Tier][]}
 */
const tiers = [
  ['', 'first'],
  ['full', 'full'],
  ['full --rest', 'rest'],
]

async function main() {
  const tier = new Map(tiers).get(process.argv.slice(2).join(' '))
  if (tier === undefined)
    throw new SetupError('usage: npm test, or npm run test:full [-- --rest] (see also npx vitest)')
  passSignalsOn()
  const ready = await setup('tests')
  const counts = await runAll(ready, tier)
  if (counts.skipped.length > 0) {
    const rule = isCi() ? ' (on a build machine no test may be)' : ''
    say(`\nSkipped${rule}:\n  ${counts.skipped.join('\n  ')}`)
  }
  if (counts.failed.length > 0) say(`\nFailed:\n${counts.failed.join('\n')}`)
  if (counts.retried.length > 0) say(`\nPassed at the second try alone:\n  ${counts.retried.join('\n  ')}`)
  process.stdout.write(`\n${closingLine(counts)}\n`)
  return exitCode(counts, isCi())
}

if (isProgram(import.meta.url)) {
  await runMain(async () => {
    try {
      return await main()
    } catch (thrown) {
      say(thrown instanceof SetupError ? `holdfast: ${thrown.message}` : getStack(thrown))
      process.stdout.write(`\n${closingLine({ passed: 0, failed: ['setup'], skipped: [], retried: [] })}\n`)
      return 1
    }
  })
}
