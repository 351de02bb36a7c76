import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { askAgent } from '../support/agent/answers.ts'
import { connectToBus } from '../support/desktop/bus.ts'
import { electronExecutable } from '../support/desktop/launch.ts'
import { activateTray, waitForTray } from '../support/desktop/tray.ts'
import { until } from '../support/until.ts'
import { configureSources, SOURCES } from './app-sources.ts'
import { usageByProcess } from './process-tree.ts'
import type { Row } from './row.ts'

const MEASURED_MS = 60_000
/** What the start leaves behind is over. */
const SETTLED_AFTER_MS = 15_000

/**
 * What the application costs while nothing happens but the checks of 20 sources: with its window shown, then hidden.
 * Without Playwright, which keeps Chromium from saving anything in a hidden window.
 */
export async function idleRows(): Promise<Row[]> {
  const directory = mkdtempSync(path.join(tmpdir(), 'holdfast-bench-'))
  const dataDirectory = path.join(directory, 'data')
  configureSources(dataDirectory, path.join(directory, 'sources'))
  const child = spawn(
    await electronExecutable(),
    [...(process.getuid?.() === 0 ? ['--no-sandbox'] : []), path.resolve(import.meta.dirname, '../..')],
    { env: { ...process.env, HOLDFAST_HOME: dataDirectory }, stdio: 'ignore' },
  )
  try {
    await until('all sources to be watched', () => areWatched(dataDirectory))
    const shown = await measureIdle(child, 'shown')
    await hideWindow(child)
    await until('the page to be put away', () => !hasPage(child), 90_000)
    const hidden = await measureIdle(child, 'hidden')
    return [...buildRows(hidden, 'hidden', 1), ...buildRows(shown, 'shown', 3)]
  } finally {
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill()
    await Promise.race([ended, delay(10_000, undefined, { ref: false })])
    rmSync(directory, { recursive: true, force: true })
  }
}

interface Idle {
  /** Percent of one processor. */
  processor: number
  residentMiB: number
}

function buildRows({ processor, residentMiB }: Idle, window: string, atMost: number): Row[] {
  const row = (metric: string, value: number, unit: string, most: number): Row => ({
    metric: `${metric}, window ${window}, ${SOURCES} sources`,
    value,
    unit,
    reference: null,
    target: { atMost: most },
  })
  return [
    row('processor', processor, '% of a core', atMost),
    row('proportional memory', residentMiB, 'MiB', 350),
  ]
}

async function areWatched(dataDirectory: string): Promise<boolean> {
  const { state } = await askAgent(dataDirectory)('snapshot', {})
  const isSettled = !['starting', 'working'].includes(state.status.level)
  return isSettled && state.sources.every(({ scanned }) => scanned?.compared === true)
}

/** What all processes used over a minute, each named on stderr: where it goes is what one wants to know next. */
async function measureIdle({ pid = -1 }: ChildProcess, window: string): Promise<Idle> {
  await delay(SETTLED_AFTER_MS)
  const before = usageByProcess(pid)
  const from = performance.now()
  await delay(MEASURED_MS)
  const after = usageByProcess(pid)
  const percent = (microseconds: number) => microseconds / 10 / (performance.now() - from)
  const total: Idle = { processor: 0, residentMiB: 0 }
  // Of a process that has ended meanwhile nothing counts: neither what it used before.
  for (const [one, { name, cpuMicroseconds, residentMiB }] of after) {
    const used = percent(cpuMicroseconds - (before.get(one)?.cpuMicroseconds ?? 0))
    console.error(`${window}: ${name}: ${used.toFixed(2)} % of a core, ${residentMiB.toFixed(0)} MiB`)
    total.processor += used
    total.residentMiB += residentMiB
  }
  return total
}

const hasPage = ({ pid = -1 }: ChildProcess) =>
  [...usageByProcess(pid).values()].some(({ name }) => name.startsWith('renderer'))

/** As a click on the tray icon does. */
async function hideWindow({ pid = -1 }: ChildProcess): Promise<void> {
  const bus = connectToBus()
  await activateTray(bus, await waitForTray(bus, { pid }))
  bus.disconnect()
}
