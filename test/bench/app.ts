import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { connectToBus, type MessageBus } from '../support/desktop/bus.ts'
import { type LaunchedHoldfast, launchHoldfast } from '../support/desktop/launch.ts'
import { trayAddresses, trayProcess } from '../support/desktop/tray.ts'
import { until } from '../support/until.ts'
import { idleRows } from './app-idle.ts'
import { rushRows } from './app-rush.ts'
import { requireDesktop } from './in-desktop.ts'
import { measureUsage } from './process-tree.ts'
import { median, type Row } from './row.ts'

const ROUNDS = 5

interface Times {
  trayMs: number
  windowMs: number
  residentMiB: number
}

const bare = path.resolve(import.meta.dirname, 'bare-app')

/** How soon the application is there, what it costs while little happens, and how its window fares while much does. */
export async function run(): Promise<Row[]> {
  requireDesktop()
  return [...(await startRows()), ...(await idleRows()), ...(await rushRows(bare))]
}

/** From the start of the process to the tray icon on the panel's bus, and to a window that can be used. */
async function startRows(): Promise<Row[]> {
  const bus = connectToBus()
  const times: { holdfast: Times[]; bare: Times[] } = { holdfast: [], bare: [] }
  // One of each first that does not count: the disk cache is warm for all that follow.
  for (let round = 0; round <= ROUNDS; round += 1) {
    const ours = await startOnce(bus)
    const theirs = await startOnce(bus, bare)
    if (round > 0) {
      times.holdfast.push(ours)
      times.bare.push(theirs)
    }
  }
  bus.disconnect()
  const row = (metric: string, unit: string, field: keyof Times, atMost: number): Row => ({
    metric,
    value: median(times.holdfast.map((one) => one[field])),
    unit,
    reference: { name: 'bare Electron app', value: median(times.bare.map((one) => one[field])) },
    target: { atMost },
  })
  return [
    row('start to tray icon', 'ms', 'trayMs', 1.5),
    row('start to interactive window', 'ms', 'windowMs', 2),
    row('proportional memory of all processes, no source', 'MiB', 'residentMiB', 2.5),
  ]
}

async function startOnce(bus: MessageBus, application?: string): Promise<Times> {
  const dataDirectory = mkdtempSync(path.join(tmpdir(), 'holdfast-bench-'))
  const startedAt = performance.now()
  const launched = await launchHoldfast({ dataDirectory, ...(application ? { application } : {}) })
  try {
    const [trayMs, windowMs] = await Promise.all([
      waitForTray(bus, launched).then(() => performance.now() - startedAt),
      usable(launched).then(() => performance.now() - startedAt),
    ])
    return { trayMs, windowMs, residentMiB: measureUsage(launched.pid).residentMiB }
  } finally {
    await launched.close()
    rmSync(dataDirectory, { recursive: true, force: true })
  }
}

async function waitForTray(bus: MessageBus, { pid }: LaunchedHoldfast): Promise<true> {
  return until('the tray icon', async () => {
    for (const address of await trayAddresses(bus)) if ((await trayProcess(bus, address)) === pid) return true
    return false
  })
}

async function usable(launched: LaunchedHoldfast): Promise<void> {
  const page = await launched.window()
  await page.getByRole('button', { name: 'Add folder' }).first().click({ trial: true })
}
