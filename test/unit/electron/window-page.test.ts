import { spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import type { BrowserWindow } from 'electron'
import { afterEach, beforeEach, expect, it, onTestFinished, vi } from 'vitest'
import { WindowPage } from '../../../electron/main/window-page.ts'

const MINUTE_MS = 60_000

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
afterEach(() => void vi.useRealTimers())

/** A window whose page runs in a process of its own, and what was asked of it. */
function openWindow({ isHidden = false, last = null as 'alerts' | null } = {}) {
  const contents = new EventEmitter()
  const heard: unknown[] = []
  let loads = isHidden ? 0 : 1
  const child = spawn('sleep', ['60'])
  onTestFinished(() => void child.kill('SIGKILL'))
  const browser = {
    isDestroyed: () => false,
    webContents: Object.assign(contents, {
      send: (...told: unknown[]) => heard.push(told),
      getOSProcessId: () => child.pid,
    }),
  }
  const page = new WindowPage(
    {
      browser: browser as unknown as BrowserWindow,
      load: () => {
        loads += 1
      },
      painted: isHidden ? null : Promise.resolve(),
    },
    () => last,
  )
  return {
    page,
    heard,
    loads: () => loads,
    ended: once(child, 'exit').then(([, signal]) => signal),
    gone: (reason = 'killed') => contents.emit('render-process-gone', {}, { reason }),
  }
}

const overview = { page: 'overview', hasForm: false }

it('window page: a hidden window loads its page on demand and then delivers the pending events', async () => {
  const { page, loads, heard } = openWindow({ isHidden: true, last: 'alerts' })
  await page.drawn()
  expect(loads()).toBe(0)
  page.want()
  page.want()
  expect(loads()).toBe(1)
  page.tell('askPause', {})
  expect(heard).toEqual([])
  page.speaks(overview)
  await page.drawn()
  expect(heard).toEqual([
    ['show', { page: 'alerts' }],
    ['askPause', {}],
  ])
  page.tell('show', { page: 'settings' })
  expect(heard).toHaveLength(3)
})

it('window page: the page ends a minute after its window was hidden and is loaded again on demand', async () => {
  const { page, loads, heard, gone, ended } = openWindow()
  page.speaks(overview)
  page.rest()
  vi.advanceTimersByTime(MINUTE_MS)
  expect(await ended).toBe('SIGKILL')
  // What is told to a page that is ending waits for the next one, and goes before the last one shown.
  page.tell('show', { page: 'alerts', incident: 'i' })
  gone()
  vi.advanceTimersByTime(MINUTE_MS)
  expect([loads(), heard]).toEqual([1, []])
  page.want()
  expect(loads()).toBe(2)
  page.speaks(overview)
  expect(heard).toEqual([['show', { page: 'alerts', incident: 'i' }]])
})

it('window page: a page with a form, or one wanted again within the minute, is not ended', () => {
  const kill = vi.spyOn(process, 'kill').mockReturnValue(true)
  onTestFinished(() => kill.mockRestore())
  const typed = openWindow()
  typed.page.speaks({ page: null, hasForm: true })
  const wanted = openWindow()
  wanted.page.speaks(overview)
  for (const { page } of [typed, wanted]) page.rest()
  vi.advanceTimersByTime(MINUTE_MS / 2)
  wanted.page.want()
  vi.advanceTimersByTime(MINUTE_MS)
  expect(kill).not.toHaveBeenCalled()
})

it('window page: a page process that has already exited causes no error', () => {
  const kill = vi.spyOn(process, 'kill').mockImplementation(() => {
    throw Object.assign(new Error('kill ESRCH'), { code: 'ESRCH' })
  })
  onTestFinished(() => kill.mockRestore())
  const { page } = openWindow()
  page.rest()
  vi.advanceTimersByTime(MINUTE_MS)
  expect(kill).toHaveBeenCalledOnce()
})

it('window page: a crashed page is loaded again while it is wanted, but not when hidden or stopped', () => {
  const { page, loads, gone } = openWindow({ isHidden: true })
  page.want()
  gone('crashed')
  vi.advanceTimersByTime(1_000)
  expect(loads()).toBe(2)
  gone('crashed')
  page.rest()
  vi.advanceTimersByTime(1_000)
  expect(loads()).toBe(2)
  page.want()
  gone('crashed')
  page.stop()
  vi.advanceTimersByTime(MINUTE_MS)
  expect(loads()).toBe(3)
})
