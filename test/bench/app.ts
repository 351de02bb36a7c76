import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises'
import type { Page } from '@playwright/test'
import { askAgent } from '../support/agent/answers.ts'
import { connectToBus, type MessageBus } from '../support/desktop/bus.ts'
import { electronExecutable, type LaunchedHoldfast, launchHoldfast } from '../support/desktop/launch.ts'
import { activateTray, waitForTray } from '../support/desktop/tray.ts'
import { measureUsage, usageByProcess } from '../support/process-tree.ts'
import { until } from '../support/until.ts'
import { median, quantile, type Row } from './row.ts'

const project = path.resolve(import.meta.dirname, '../..')
const ROUNDS = 5

interface Times {
  trayMs: number
  windowMs: number
  residentMiB: number
}

const bare = path.resolve(import.meta.dirname, 'bare-app')

/** How soon the application is there, what it costs while little happens, and how its window fares while much does. */
export async function* run(): AsyncGenerator<Row> {
  requireDesktop()
  yield* await startRows()
  yield* await idleRows()
  yield* await rushRows()
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

async function usable(launched: LaunchedHoldfast): Promise<void> {
  const page = await launched.window()
  await page.getByRole('button', { name: 'Add folder' }).first().click({ trial: true })
}

/** Benchmarks of the application need it built, and the tests' desktop: runs this same command again in one. */
function requireDesktop(): void {
  if (process.env.HOLDFAST_DESKTOP !== undefined) return
  execute(process.execPath, [path.join(project, 'build/setup.mjs'), '--tests'])
  execute(process.execPath, [path.join(project, 'node_modules/electron-vite/bin/electron-vite.js'), 'build'])
  const desktop = path.join(project, 'test/support/desktop/desktop.sh')
  const { status } = spawnSync(desktop, [process.execPath, ...process.argv.slice(1)], { stdio: 'inherit' })
  process.exit(status ?? 1)
}

function execute(command: string, words: string[]): void {
  const { status } = spawnSync(command, words, { cwd: project, stdio: ['ignore', 2, 2] })
  if (status !== 0) process.exit(status ?? 1)
}

const SOURCES = 20
const FILES = 20_000
const FILE_BYTES = 1024
/** So many are written before others have their turn. */
const AT_ONCE = 50

/** A data directory whose settings have 20 sources in `root`, all else at its default. */
function configureSources(dataDirectory: string, root: string): void {
  const sources = Array.from({ length: SOURCES }, (_, index) => {
    const name = `source-${String(index + 1).padStart(2, '0')}`
    const directory = path.join(root, name)
    mkdirSync(directory, { recursive: true })
    return { id: name, name, path: directory }
  })
  mkdirSync(dataDirectory, { recursive: true })
  // Notifications would be windows of the desktop's own.
  writeFileSync(path.join(dataDirectory, 'settings.json'), JSON.stringify({ sources, notifications: false }))
}

/** Writes 20,000 new files, spread over the sources. */
async function writeFiles(root: string, round: string): Promise<void> {
  const content = Buffer.alloc(FILE_BYTES, round)
  for (let index = 0; index < FILES; index += 1) {
    const source = `source-${String((index % SOURCES) + 1).padStart(2, '0')}`
    const fd = openSync(path.join(root, source, `${round}-${index}.dat`), 'wx')
    writeSync(fd, content)
    closeSync(fd)
    if (index % AT_ONCE === 0) await turn()
  }
}

const MEASURED_MS = 60_000
/** After this long the work of the start is over. */
const SETTLED_AFTER_MS = 30_000

/**
 * Measures the cost of the application while nothing happens but the checks of 20 sources: with its window shown, then hidden.
 * Without Playwright, which keeps Chromium from saving anything in a hidden window.
 */
async function idleRows(): Promise<Row[]> {
  const directory = mkdtempSync(path.join(tmpdir(), 'holdfast-bench-'))
  const dataDirectory = path.join(directory, 'data')
  configureSources(dataDirectory, path.join(directory, 'sources'))
  const child = spawn(
    await electronExecutable(),
    [...(process.getuid?.() === 0 ? ['--no-sandbox'] : []), project],
    { env: { ...process.env, HOLDFAST_HOME: dataDirectory }, stdio: 'ignore' },
  )
  try {
    await until('all sources to be watched', () => areWatched(dataDirectory))
    const shown = await measureIdle(child, 'shown')
    await hideWindow(child)
    await until('the page to be put away', () => !hasPage(child), 90_000)
    const hidden = await measureIdle(child, 'hidden')
    return [...buildIdleRows(hidden, 'hidden', 1), ...buildIdleRows(shown, 'shown', 3)]
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

function buildIdleRows({ processor, residentMiB }: Idle, window: string, atMost: number): Row[] {
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

/** Measures what all processes use over a minute, and names each on stderr: the reader looks there next. */
async function measureIdle({ pid = -1 }: ChildProcess, window: string): Promise<Idle> {
  await delay(SETTLED_AFTER_MS)
  const before = usageByProcess(pid)
  const from = performance.now()
  await delay(MEASURED_MS)
  const after = usageByProcess(pid)
  const percent = (microseconds: number) => microseconds / 10 / (performance.now() - from)
  const total: Idle = { processor: 0, residentMiB: 0 }
  // A process that has ended meanwhile does not count, nor does what it used before.
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

const TAB_EVERY_MS = 100

interface Watched {
  frames: number
  /** The longest task of the page's main thread in milliseconds; those under 50 ms count as none. */
  longestMs: number
}

declare global {
  interface Window {
    watched: Watched & { tabsMs: number[]; stop(): void }
  }
}

/**
 * How the window fares while 20,000 files pass: first as it is, beside the window of a bare application, then with
 * its tabs clicked all the time.
 */
async function rushRows(): Promise<Row[]> {
  const directory = mkdtempSync(path.join(tmpdir(), 'holdfast-bench-'))
  const root = path.join(directory, 'sources')
  const dataDirectory = path.join(directory, 'data')
  configureSources(dataDirectory, root)
  const launched = await launchHoldfast({ dataDirectory })
  const other = await launchHoldfast({
    dataDirectory: path.join(directory, 'bare'),
    application: bare,
  })
  try {
    const page = await launched.window()
    const otherPage = await other.window()
    await page.getByText('source-20').first().waitFor()
    const passed = passing(dataDirectory, root)

    await Promise.all([page.evaluate(watchFrames), otherPage.evaluate(watchFrames)])
    await passed('a', FILES)
    const [ours, theirs] = await Promise.all([finishWatching(page), finishWatching(otherPage)])

    await page.evaluate(watchFrames)
    await page.evaluate(clickTabs, TAB_EVERY_MS)
    await passed('b', 2 * FILES)
    const clicked = await finishWatching(page)
    return [
      ...buildRushRows({ ours, theirs, longestMs: Math.max(ours.longestMs, clicked.longestMs) }),
      rushRow('tab click to paint, p99', quantile(clicked.tabsMs, 0.99), 'ms', 100),
    ]
  } finally {
    await Promise.all([launched.close(), other.close()])
    rmSync(directory, { recursive: true, force: true })
  }
}

const rushRow = (metric: string, value: number, unit: string, atMost: number): Row => ({
  metric: `${metric}, ${FILES} files through ${SOURCES} sources`,
  value,
  unit,
  reference: null,
  target: { atMost },
})

function buildRushRows({
  ours,
  theirs,
  longestMs,
}: {
  ours: Watched
  theirs: Watched
  longestMs: number
}): Row[] {
  return [
    rushRow('longest task of the window', longestMs, 'ms', 100),
    {
      ...rushRow('frames', ours.frames, 'frames', 0),
      reference: { name: 'bare Electron app beside it', value: theirs.frames },
      target: { atLeast: 0.95 },
    },
  ]
}

/** Writes files, and waits until so many are durable. */
function passing(dataDirectory: string, root: string) {
  const answer = askAgent(dataDirectory)
  return async (round: string, total: number): Promise<void> => {
    await writeFiles(root, round)
    await until(
      `${total} files to be durable`,
      async () => (await answer('snapshot', {})).state.totals.sentFiles >= total,
      300_000,
    )
  }
}

const finishWatching = (page: Page) =>
  page.evaluate(() => {
    window.watched.stop()
    return window.watched
  }) as Promise<Watched & { tabsMs: number[] }>

/** Runs in the page. */
function watchFrames(): void {
  const tasks = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) watched.longestMs = Math.max(watched.longestMs, duration)
  })
  tasks.observe({ type: 'longtask' })
  let isOver = false
  const watched = {
    frames: 0,
    longestMs: 0,
    tabsMs: [] as number[],
    stop: () => {
      isOver = true
      tasks.disconnect()
    },
  }
  const next = () => {
    watched.frames += 1
    if (!isOver) requestAnimationFrame(next)
  }
  requestAnimationFrame(next)
  window.watched = watched
}

/** Runs in the page: one tab after the other, each until its frame has been painted. */
function clickTabs(everyMs: number): void {
  const { watched } = window
  const tabs = [...document.querySelectorAll<HTMLElement>('[role="tab"]')]
  let isOver = false
  const stopWatching = watched.stop
  watched.stop = () => {
    isOver = true
    stopWatching()
  }
  let turn = 0
  const click = () => {
    if (isOver) return
    turn += 1
    const from = performance.now()
    tabs[turn % tabs.length]?.click()
    requestAnimationFrame(() => {
      // A message is heard only after the frame that was begun.
      const { port1, port2 } = new MessageChannel()
      port1.onmessage = () => {
        watched.tabsMs.push(performance.now() - from)
        port1.close()
        setTimeout(click, everyMs)
      }
      port2.postMessage(null)
    })
  }
  click()
}
