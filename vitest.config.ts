import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { defineConfig } from 'vitest/config'

/** Tests start thousands of processes and threads, which share one compile cache. */
const cache = { NODE_COMPILE_CACHE: path.join(import.meta.dirname, 'node_modules/.cache/node-compile') }
/** The command line speaks the terminal's language. The set-up file of the unit tests sets it later. */
const env = { LC_ALL: '', LC_MESSAGES: '', LANG: 'C', ...cache }

const unit = {
  env: cache,
  // The page in a browser uses it.
  execArgv: ['--experimental-eventsource'],
  // Ten times what the longest test, and the removal of the deepest tree, take on a quiet machine.
  testTimeout: 120_000,
  hookTimeout: 60_000,
  setupFiles: ['test/support/surroundings.ts'],
}
const unitTests = ['test/unit/**/*.test.ts', 'test/unit/**/*.test.tsx']
/** Slow unit tests whose result no clock, zone or language can change: `npm run test:full` runs them once. */
const timeless = globSync(unitTests).filter((file) => /@module-tag timeless/.test(readFileSync(file, 'utf8')))
/**
 * Unit tests that replace, or measure, what all files of a process have in common: modules, which stay replaced, or
 * clocks, timers, the console, the log of dropped errors and the memory, which an earlier file that has left something
 * running uses, too. Some do it through test/support.
 */
const replacing = globSync(unitTests).filter((file) => {
  if (timeless.includes(file)) return false
  const replaces =
    /\b(vi\.(mock|doMock|resetModules|useFakeTimers)|logDroppedErrors|createFakeClock|setUpChecker)\(/
  const spies = /\b(vi\.spyOn\((globalThis|performance|process\.hrtime|Date|console|zlib)|hastenClock\()/
  const measures = /\bprocess\.(memoryUsage\(|on\('unhandledRejection')/
  const text = readFileSync(file, 'utf8')
  return [replaces, spies, measures].some((one) => one.test(text))
})

const integration = {
  globalSetup: ['test/support/servers/global-setup.ts'],
  env,
  // Conditions have their own deadlines. Some tests start fifty commands, five seconds each on a busy machine.
  testTimeout: 300_000,
  // A storage server starts in a hook.
  hookTimeout: 180_000,
}
const integrationTests = ['test/integration/**/*.test.ts']
/** Integration tests of which `npm test` runs some: the other files would be loaded in vain. */
const withStories = globSync(integrationTests).filter((file) =>
  /tags: 'story'|@module-tag story/.test(readFileSync(file, 'utf8')),
)

export default defineConfig({
  test: {
    tags: [
      { name: 'story', description: 'run by `npm test`: a main way or a failure of it' },
      { name: 'timeless', description: 'slow, and the same at any time, in any zone and language: run once' },
    ],
    projects: [
      // A process runs many files: loading the same modules for each of them takes longer than most tests.
      {
        test: {
          ...unit,
          name: 'unit',
          include: unitTests,
          exclude: [...replacing, ...timeless],
          isolate: false,
        },
      },
      { test: { ...unit, name: 'unit-replacing', include: replacing } },
      { test: { ...unit, name: 'unit-timeless', include: timeless } },
      { test: { ...integration, name: 'integration', include: integrationTests } },
      { test: { ...integration, name: 'stories', include: withStories } },
      // By `npm run test:long` alone.
      {
        test: {
          name: 'long',
          include: ['test/long/**/*.test.ts'],
          globalSetup: ['test/support/servers/global-setup.ts'],
          env,
          testTimeout: 1_800_000,
          hookTimeout: 60_000,
        },
      },
      // By `npm run test:package` alone.
      { test: { name: 'package', include: ['test/package/**/*.test.ts'] } },
      // By `npm run test:windows` alone.
      {
        test: {
          name: 'windows',
          include: ['test/windows/**/*.test.ts'],
          env,
          testTimeout: 180_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
})
