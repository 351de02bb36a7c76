import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { initialState } from '../../../core/agent/state/next-state.ts'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { message } from '../../../core/lib/i18n/message.ts'
import { createWords } from '../../../core/lib/i18n/words.ts'
import { destinationSchemas } from '../../../core/settings/destination-schema.ts'
import { defaultSettings, sourceSchema } from '../../../core/settings/schema.ts'
import {
  buildMenu,
  createMenuPace,
  getMenuContent,
  type TrayActions,
} from '../../../electron/main/tray-menu.ts'
import { incident } from '../../support/agent/status.ts'

const english = createWords('en')
const started = initialState('desktop', '1', defaultSettings, '/store')
const saying = (
  status: Pick<AppState['status'], 'level' | 'sentence'> & Partial<AppState['status']>,
): AppState => ({
  ...started,
  status: { detail: null, ...status },
})
const waiting = (count: number) =>
  saying({
    level: 'attention',
    sentence: message('status.pausedSource', { name: 'photos' }),
    detail: message('status.pausedSourceWaiting', { count }),
  })

describe('tray menu', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }))
  afterEach(() => void vi.useRealTimers())

  function menu() {
    const lines: string[] = []
    let state = started
    const pace = createMenuPace(() => lines.push(getMenuContent(state, english).line))
    const show = (next: AppState, words = english) => {
      state = next
      pace.show(getMenuContent(next, words))
    }
    return { lines, show, stop: pace.stop }
  }

  it('a new number in the sentence waits for a minute; the language joins the sentences', () => {
    const { lines, show } = menu()
    show(waiting(3))
    vi.advanceTimersByTime(10_000)
    expect(lines).toEqual(['photos is paused. 3 files wait there. New files are not sent.'])
    expect(getMenuContent(waiting(3), createWords('zh-TW')).line).not.toContain(' 3 個檔案等待中')
    const further = {
      ...waiting(3),
      status: { ...waiting(3).status, more: [message('status.more', { count: 2 })] },
    }
    expect(getMenuContent(further, english).line).toMatch(/New files are not sent\. 2 more problems\.$/)
    show(waiting(4))
    show(waiting(5))
    vi.advanceTimersByTime(60_000)
    expect(lines.slice(1)).toEqual([expect.stringContaining('5 files')])
  })

  it('a new level, problem, pause or language rebuilds the menu at once', () => {
    const { lines, show } = menu()
    show(waiting(3))
    show(saying({ level: 'attention', sentence: message('status.worker.failed', { worker: 'scanner' }) }))
    show(saying({ level: 'failing', sentence: message('status.parked', { count: 1 }) }))
    const paused = { ...started, settings: { ...defaultSettings, pause: { since: 0, until: null } } }
    show(started)
    show(paused)
    expect(lines).toHaveLength(5)
    show(paused, createWords('zh-TW'))
    expect(lines).toHaveLength(6)
    show(paused, createWords('zh-TW'))
    vi.advanceTimersByTime(120_000)
    expect(lines).toHaveLength(6)
  })

  it('an estimate of the time to go does not rebuild the menu', () => {
    const { lines, show, stop } = menu()
    const sentence = message('status.sending', { count: 3 })
    show(saying({ level: 'working', sentence, detail: message('status.toGo', { size: 1 }) }))
    show(saying({ level: 'working', sentence, detail: message('status.toGoEta', { size: 1, left: 60_000 }) }))
    expect(lines).toHaveLength(1)
    stop()
    vi.advanceTimersByTime(60_000)
    expect(lines).toHaveLength(1)
  })
})

it('tray menu: its entries open source folders and recent incidents, and pause for each duration', () => {
  const done: unknown[] = []
  const actions = new Proxy({} as TrayActions, {
    get:
      (_target, name) =>
      (...words: unknown[]) =>
        done.push([name, ...words]),
  })
  const source = sourceSchema.parse({ id: 's', name: 'R & D', path: '/rd' })
  const shelf = destinationSchemas.folder.parse({
    id: 'd',
    kind: 'folder',
    name: 'shelf',
    path: '/mnt/shelf',
  })
  const why = incident.sentence
  const state = {
    ...started,
    settings: { ...defaultSettings, sources: [source], destinations: [shelf] },
    incidents: [
      { ...incident, paths: { s: '/rd', d: '/mnt/shelf', p: '/p' }, failing: { s: why, d: why, p: why } },
      { ...incident, id: 'away', kind: 'missing' as const, paths: { d: '/mnt/shelf' }, failing: { d: why } },
      { ...incident, id: 'over', sources: [], endedAt: 1 },
    ],
  }
  const items = buildMenu(state, english, actions)
  const inner = (label: string) =>
    items.find((item) => item.label === label)?.submenu as { label: string; click(): void }[]
  expect(inner('Show folder').map(({ label }) => label)).toEqual(['R && D'])
  expect(inner('Recent alerts').map(({ label }) => label)).toEqual([
    'R && D and 2 more · Read-only',
    'shelf · Missing',
    '/data · Read-only (ended)',
  ])
  for (const label of ['Show folder', 'Recent alerts', 'Pause']) for (const { click } of inner(label)) click()
  expect(done).toEqual([
    ['openFolder', 's'],
    ['openIncident', 'i'],
    ['openIncident', 'away'],
    ['openIncident', 'over'],
    ['pause', 15],
    ['pause', 60],
    ['pause', expect.any(Number)],
    ['pause', null],
    ['pauseOther'],
  ])
})

it('tray menu: no label is wider than 45 letters, whatever the names are', () => {
  const name = 'Zugspitze & Schneefernerhaus, all instruments of the north'
  const source = sourceSchema.parse({ id: 's', name, path: '/rd' })
  const chinese = createWords('zh-TW')
  const state = {
    ...saying({ level: 'failing', sentence: message('status.disk.read-only', { name }) }),
    settings: { ...defaultSettings, sources: [source] },
    incidents: [{ ...incident, paths: { s: '/rd' }, failing: { s: incident.sentence } }],
  }
  const labels = (words: typeof english, given: AppState = state) =>
    buildMenu(given, words, {} as TrayActions).flatMap(({ label, submenu }) => [
      ...(label === undefined ? [] : [label]),
      ...(Array.isArray(submenu) ? submenu.map((one) => one.label ?? '') : []),
    ])
  for (const label of labels(english))
    expect(label.replaceAll('&&', '&').length, label).toBeLessThanOrEqual(45)
  expect(labels(english)[0]).toMatch(/^Zugspitze && Schneefernerhaus, all .*…$/)
  expect(labels(english, waiting(3))[0]).toBe('photos is paused.')
  const long = saying({
    level: 'failing',
    sentence: message('status.disk.read-only', { name: '氣象站'.repeat(10) }),
  })
  // A Chinese character is as wide as two letters.
  expect([...(labels(chinese, long)[0] ?? '')].length).toBeLessThanOrEqual(23)
})
