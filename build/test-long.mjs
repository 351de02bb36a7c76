#!/usr/bin/env node
// `npm run test:long [-- FILTER…]`: the campaigns that take minutes. They are not part of `npm run test:full`.
//
//   test/long                 each file on its own: the stressor, rotated logs, growing files, the Debian package
//   model, campaign, crash    the integration tests of these names, with many more seeds and rounds
//   full length               what `test:full` runs shortened or on one file system (test/support/long.ts)
//
// FILTER selects test files of test/long by a part of their name. The last lines are the stages' times and their sum.
import { projectEnvironment } from './setup/node.mjs'
import { inProject, isProgram, projectDirectory, runMain, say } from './setup/project.mjs'
import { setup } from './setup.mjs'
import { passSignalsOn, runStage } from './test/stage.mjs'

const MODEL = 'test/integration/scan/model.test.ts'
const CAMPAIGN = 'test/integration/transfer/campaign.test.ts'
const CRASH = 'test/integration/transfer/crash.test.ts'
/** Tests that `npm run test:full` runs shortened, or on one file system: test/support/long.ts. */
const FULL = [
  'destinations/conformance',
  'destinations/heal',
  'events/kill',
  'scan/link-race',
  'transfer/durability',
  'transfer/odd-stores',
  'transfer/streams',
  'web/web',
].map((name) => `test/integration/${name}`)

/**
 * Stages as [title, Vitest's project, files, additional environment].
 * @typedef {[title: string, project: string, files: string[], more: NodeJS.ProcessEnv]} Campaign
 * @type {Campaign[]}
 */
const campaigns = [
  ['Model, 300 seeds', 'integration', [MODEL], { HOLDFAST_MODEL_COUNT: '300' }],
  ['Campaign, 200 rounds', 'integration', [CAMPAIGN], { HOLDFAST_ROUNDS: '200' }],
  ['Crash, 60 rounds', 'integration', [CRASH], { HOLDFAST_ROUNDS: '60' }],
  ['Full length', 'integration', FULL, { HOLDFAST_LONG: '1' }],
]

async function main() {
  const filters = process.argv.slice(2)
  passSignalsOn()
  const { node, servers } = await setup('tests')
  await servers
  /** @type {Campaign[]} */
  const stages = [['Long tests', 'long', filters, {}], ...(filters.length === 0 ? campaigns : [])]
  const times = []
  for (const [title, project, files, more] of stages) {
    say(`\n== ${title}`)
    const begun = Date.now()
    const words = ['run', '--project', project, '--no-file-parallelism', ...files]
    const { status } = await runStage(node, [inProject('node_modules/vitest/vitest.mjs'), ...words], {
      env: { ...projectEnvironment(), ...more },
      cwd: projectDirectory,
      minutes: 60,
    })
    times.push({ title, status, seconds: Math.round((Date.now() - begun) / 1000) })
  }
  for (const { title, status, seconds } of times)
    say(`${status === 0 ? 'passed' : 'FAILED'}  ${String(seconds).padStart(5)} s  ${title}`)
  return times.every(({ status }) => status === 0) ? 0 : 1
}

if (isProgram(import.meta.url)) await runMain(main)
