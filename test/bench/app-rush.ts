import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Page } from '@playwright/test'
import { askAgent } from '../support/agent/answers.ts'
import { launchHoldfast } from '../support/desktop/launch.ts'
import { until } from '../support/until.ts'
import { configureSources, FILES, SOURCES, writeFiles } from './app-sources.ts'
import { quantile, type Row } from './row.ts'

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
export async function rushRows(bareApplication: string): Promise<Row[]> {
  const directory = mkdtempSync(path.join(tmpdir(), 'holdfast-bench-'))
  const root = path.join(directory, 'sources')
  const dataDirectory = path.join(directory, 'data')
  configureSources(dataDirectory, root)
  const launched = await launchHoldfast({ dataDirectory })
  const bare = await launchHoldfast({
    dataDirectory: path.join(directory, 'bare'),
    application: bareApplication,
  })
  try {
    const page = await launched.window()
    const other = await bare.window()
    await page.getByText('source-20').first().waitFor()
    const passed = passing(dataDirectory, root)

    await Promise.all([page.evaluate(watchFrames), other.evaluate(watchFrames)])
    await passed('a', FILES)
    const [ours, theirs] = await Promise.all([finishWatching(page), finishWatching(other)])

    await page.evaluate(watchFrames)
    await page.evaluate(clickTabs, TAB_EVERY_MS)
    await passed('b', 2 * FILES)
    const clicked = await finishWatching(page)
    return [
      ...buildRows({ ours, theirs, longestMs: Math.max(ours.longestMs, clicked.longestMs) }),
      row('tab click to paint, p99', quantile(clicked.tabsMs, 0.99), 'ms', 100),
    ]
  } finally {
    await Promise.all([launched.close(), bare.close()])
    rmSync(directory, { recursive: true, force: true })
  }
}

const row = (metric: string, value: number, unit: string, atMost: number): Row => ({
  metric: `${metric}, ${FILES} files through ${SOURCES} sources`,
  value,
  unit,
  reference: null,
  target: { atMost },
})

function buildRows({
  ours,
  theirs,
  longestMs,
}: {
  ours: Watched
  theirs: Watched
  longestMs: number
}): Row[] {
  return [
    row('longest task of the window', longestMs, 'ms', 100),
    {
      ...row('frames', ours.frames, 'frames', 0),
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
