import { defineConfig } from '@playwright/test'

// Runs inside test/support/desktop/desktop.sh, on the application that is in out/: `npm test` sees to both.
export default defineConfig({
  testDir: 'test/e2e',
  outputDir: 'test-results/e2e',
  // One desktop, one tray, one focus: two tests at a time would type into each other's dialogs.
  workers: 1,
  fullyParallel: false,
  forbidOnly: Boolean(process.env.CI),
  retries: 0,
  timeout: 180_000,
  expect: { timeout: 20_000 },
  reporter: process.env.PLAYWRIGHT_JSON_OUTPUT_FILE === undefined ? 'list' : [['list'], ['json']],
  use: { trace: 'retain-on-failure' },
})
