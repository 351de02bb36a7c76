import { defineConfig } from 'vitest/config'

/** The command line speaks the terminal's language. */
const env = { LC_ALL: '', LC_MESSAGES: '', LANG: 'C' }

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts', 'test/unit/**/*.test.tsx'],
          env,
          // The page in a browser uses it.
          execArgv: ['--experimental-eventsource'],
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          globalSetup: ['test/support/servers/global-setup.ts'],
          env,
          // Conditions have their own deadlines. Some tests start many commands, a second each on a busy machine.
          testTimeout: 180_000,
          hookTimeout: 60_000,
        },
      },
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
