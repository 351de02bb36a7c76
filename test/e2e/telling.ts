import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { Page } from '@playwright/test'
import type { Ext4Loop } from '../support/faults/mounts.ts'
import { type PostServer, servePosts } from '../support/servers/post-server.ts'
import { type ReceiverProcess, startReceiverProcess } from '../support/transfer/receiver-process.ts'
import { until } from '../support/until.ts'
import { type Desktop, test as desktopTest, type Running } from './desktop.ts'

/** Checks of a busy machine take longer than a disk that is asked every two seconds may (check/scheduler/timetable.ts). */
export const INTERVAL_SECONDS = 4
/** Whatever was to follow what was told has come by then. */
export const NOTHING_MORE_MS = 5_000
const UNREACHABLE_MINUTES = 0.1

export const test = desktopTest.extend<{ server: PostServer; receiver: ReceiverProcess }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads a fixture's needs from this pattern.
  server: async ({}, use) => {
    const server = await servePosts()
    await use(server)
    await server.close()
  },
  // biome-ignore lint/correctness/noEmptyPattern: as above.
  receiver: async ({}, use) => {
    const receiver = startReceiverProcess('cellar')
    await use(receiver)
    await receiver.remove()
  },
})

export interface Channel {
  type: 'line-notify' | 'webhook'
  options?: Record<string, string>
  secrets: Record<string, string>
}

export const lineNotify = ({ origin }: PostServer): Channel => ({
  type: 'line-notify',
  options: { endpoint: `${origin}/api/notify` },
  secrets: { token: 't' },
})

/** Starts Holdfast with sources in one directory, and one channel; returns once every source is checked and watched. */
export async function startTelling(
  desktop: Desktop,
  channel: Channel,
  { directory, sources, ...more }: { directory: string; sources: number; [name: string]: unknown },
): Promise<Running> {
  const { secrets, ...rest } = channel
  const ids = Array.from({ length: sources }, (_, index) => `lane-${String(index + 1).padStart(2, '0')}`)
  const all = ids.map((id) => ({ id, name: id, path: path.join(directory, id) }))
  for (const source of all) await mkdir(source.path)
  const kept = Object.entries(secrets).map(([name, plain]) => [name, { plain }])
  const file = JSON.stringify({ version: 2, owners: { there: Object.fromEntries(kept) } })
  await writeFile(path.join(desktop.dataDirectory, 'secrets.json'), file, { mode: 0o600 })
  const running = await desktop.start({
    settings: {
      check: { intervalSeconds: INTERVAL_SECONDS },
      sources: all,
      alerts: {
        unreachableMinutes: UNREACHABLE_MINUTES,
        labels: { project: 'P-12', resource: 'vm-7' },
        channels: [{ id: 'there', name: 'There', ...rest }],
      },
      ...more,
    },
  })
  await until('all sources to be well and watched', async () =>
    (await running.state()).sources.every(
      ({ checked, scanned }) => checked?.overall.kind === 'ok' && scanned?.phase === 'watching',
    ),
  )
  return running
}

/** The moment until which it has run without a change, so that nothing was told: each source was checked after it. */
export async function isStillRunning({ state }: Running, after: number): Promise<void> {
  await until(
    `every source checked after ${new Date(after).toISOString()}`,
    async () => (await state()).sources.every(({ checked }) => (checked?.at ?? 0) > after),
    after - Date.now() + 60_000,
  )
}

/** What was told natively so far: all that the notification daemon got. */
export const native = ({ notifications }: Desktop) =>
  notifications.all.map(({ summary, body }) => ({ summary, body }))

export function waitForNumber<T>(
  what: string,
  all: readonly T[],
  number: number,
  withinMs: number,
): Promise<T> {
  return until(`${what} number ${number}; all: ${JSON.stringify(all)}`, () => all[number - 1], withinMs)
}

/** The body of the read-only monitor's own request, with what it said. */
const form = (event: string) =>
  new URLSearchParams({
    message: `\n[PROJ_CODE] P-12, in vm-7\n>>> ${event}`,
    stickerPackageId: '1',
    stickerId: '3',
  }).toString()

/** The forms of an event of either step of a check: one that is under way in that moment fails at the step that it is at. */
export const formsOf = (event: string) => ['touch', 'rm'].map((step) => form(`${step} ${event}`))

/** What was posted, without the cause that the kernel of this computer may have reported. */
export function formOf({ body }: { body: string }): string {
  const posted = new URLSearchParams(body)
  posted.set('message', getMessage({ body }).split('\n').slice(0, 3).join('\n'))
  return posted.toString()
}

export const getMessage = ({ body }: { body: string }) => new URLSearchParams(body).get('message') ?? ''

/** The kernel's own fault; `at`: just before it. */
export async function fault(disk: Ext4Loop): Promise<number> {
  const at = Date.now()
  await disk.remountAbort()
  return at
}

/** Repaired and mounted afresh; `at`: when it can be written to again. */
export async function repair(disk: Ext4Loop): Promise<number> {
  await disk.remountFresh()
  return Date.now()
}

export const alertsTab = (page: Page) => page.getByRole('tab', { name: /Alerts/ })
