import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test as base, type Page } from '@playwright/test'
import type { AppState } from '../../core/agent/state/schema.ts'
import { connectToBus, disconnect, type MessageBus } from '../support/desktop/bus.ts'
import { type LaunchedHoldfast, type LaunchOptions, launchHoldfast } from '../support/desktop/launch.ts'
import { type NotificationRecorder, recordNotifications } from '../support/desktop/notifications.ts'
import { type Ext4Loop, type Mounted, mountExt4, mountTmpfs } from '../support/faults/mounts.ts'

/** For rm: the agent checks the folders of a test, and may write a last time while they are removed. */
export const TREE = { recursive: true, force: true, maxRetries: 10, retryDelay: 50 } as const

export interface Desktop {
  /** Starts Holdfast with these settings, given as in the settings file; closed when the test is over. */
  start(options?: StartOptions): Promise<Running>
  dataDirectory: string
  bus: MessageBus
  notifications: NotificationRecorder
  /** A real ext4 of 64 MiB, unmounted when the test is over. */
  ext4(): Promise<Ext4Loop>
  /** A file system in memory of 8 MiB, which fills up; unmounted when the test is over. */
  tmpfs(): Promise<Mounted>
}

/** The settings are as in the settings file; the others are of launchHoldfast. */
type StartOptions = { settings?: unknown } & Pick<LaunchOptions, 'args' | 'env' | 'ownNamespace'>

export interface Running {
  holdfast: LaunchedHoldfast
  page: Page
  /** The state as the window's own bridge gives it. */
  state(): Promise<AppState>
}

/** Tests that run in the real desktop of test/support/desktop/desktop.sh. */
export const test = base.extend<{ desktop: Desktop }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads a fixture's needs from this pattern.
  desktop: async ({}, use) => {
    const dataDirectory = mkdtempSync(path.join(tmpdir(), 'holdfast-e2e-'))
    const undo: (() => Promise<unknown> | undefined)[] = [async () => rmSync(dataDirectory, TREE)]
    const bus = connectToBus()
    const notifications = await recordNotifications()
    await use({
      dataDirectory,
      bus,
      notifications,
      ext4: () => mountExt4((cleanup) => undo.push(cleanup)),
      tmpfs: () => mountTmpfs((cleanup) => undo.push(cleanup)),
      start: async ({ settings, ...options } = {}) => {
        if (settings !== undefined) {
          const content = typeof settings === 'string' ? settings : JSON.stringify(settings)
          writeFileSync(path.join(dataDirectory, 'settings.json'), content)
        }
        const env = { LANG: 'en_GB.UTF-8', ...options.env }
        const holdfast = await launchHoldfast({ dataDirectory, ...options, env })
        undo.push(() => holdfast.close())
        const page = await holdfast.window()
        return {
          holdfast,
          page,
          state: async () => (await page.evaluate(() => window.holdfast.call('snapshot', {}))).state,
        }
      },
    })
    notifications.stop()
    disconnect(bus)
    for (const action of undo.reverse()) await action()
  },
})
export { expect } from '@playwright/test'
