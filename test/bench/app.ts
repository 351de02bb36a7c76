import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { connectToBus, type MessageBus } from '../support/desktop/bus.ts'
import { type LaunchedHoldfast, launchHoldfast } from '../support/desktop/launch.ts'
import { trayAddresses, trayProcess } from '../support/desktop/tray.ts'
import { until } from '../support/until.ts'
import { requireDesktop } from './in-desktop.ts'
import { median, type Row } from './row.ts'

const ROUNDS = 5

interface Times {
  trayMs: number
  windowMs: number
  residentMiB: number
}

/** From the start of the process to the tray icon on the panel's bus, and to a window that can be used. */
export async function run(): Promise<Row[]> {
  requireDesktop()
  const bus = connectToBus()
  const bare = path.resolve(import.meta.dirname, 'bare-app')
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
    row('resident memory of all processes', 'MiB', 'residentMiB', 2.5),
  ]
}

async function startOnce(bus: MessageBus, application?: string): Promise<Times> {
  const dataDirectory = mkdtempSync(path.join(tmpdir(), 'holdfast-bench-'))
  const startedAt = performance.now()
  const launched = await launchHoldfast({ dataDirectory, ...(application ? { application } : {}) })
  try {
    const [trayMs, windowMs] = await Promise.all([
      trayOf(bus, launched).then(() => performance.now() - startedAt),
      usable(launched).then(() => performance.now() - startedAt),
    ])
    return { trayMs, windowMs, residentMiB: await residentMiB(launched) }
  } finally {
    await launched.close()
    rmSync(dataDirectory, { recursive: true, force: true })
  }
}

async function trayOf(bus: MessageBus, { pid }: LaunchedHoldfast): Promise<true> {
  return until(
    'the tray icon',
    async () => {
      for (const address of await trayAddresses(bus))
        if ((await trayProcess(bus, address)) === pid) return true
      return false
    },
    30_000,
  )
}

async function usable(launched: LaunchedHoldfast): Promise<void> {
  const page = await launched.window()
  await page.getByRole('button', { name: 'Add directory' }).first().click({ trial: true })
}

/** Proportional set size of every process of the application: what the machine has less memory because of it. */
async function residentMiB({ pid }: LaunchedHoldfast): Promise<number> {
  const { readFileSync, readdirSync } = await import('node:fs')
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8')
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]))
    } catch {
      // It ended between the two looks.
    }
  }
  const isOurs = (one: number): boolean => one === pid || (parents.has(one) && isOurs(parents.get(one) ?? 0))
  const kibibytes = [...parents.keys()]
    .filter((one) => one > 1 && isOurs(one))
    .map((one) => {
      try {
        return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${one}/smaps_rollup`, 'utf8'))?.[1] ?? 0)
      } catch {
        return 0
      }
    })
  return kibibytes.reduce((sum, one) => sum + one, 0) / 1024
}
