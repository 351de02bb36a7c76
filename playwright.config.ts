import { defineConfig } from '@playwright/test'

// Runs inside test/support/desktop/desktop.sh, on the application that is in out/: `npm test` sees to both.
export default defineConfig({
  testDir: 'test/e2e',
  outputDir: 'test-results/e2e',
  // One desktop, one tray, one focus: two tests at a time would type into each other's dialogs.
  workers: 1,
  fullyParallel: false,
  forbidOnly: Boolean(process.env.CI),
  // Two real desktops share the build machine: a key or a click can be lost there. Whoever needs its second try is
  // named at the end of the run.
  retries: process.env.CI ? 1 : 0,
  timeout: 180_000,
  expect: { timeout: 20_000 },
  reporter:
    process.env.HOLDFAST_TEST_RECORDS === undefined
      ? 'list'
      : [['list'], ['./build/test/playwright-reporter.mjs']],
  use: { trace: 'retain-on-failure' },
})
