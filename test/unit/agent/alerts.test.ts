import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { notificationOf } from '../../../core/agent/alerts.ts'
import { message } from '../../../core/words/message.ts'
import { englishWords } from '../../../core/words/words.ts'
import { alerts, checked } from '../../support/agent-alerts.ts'

describe('alerts', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('asks for a second sample soon, whatever the interval is', () => {
    const { running, told, confirmed } = alerts()
    running.observe(checked('full', 'a'))
    running.observe(checked('full', 'b'))
    vi.advanceTimersByTime(1_000)
    expect(confirmed).toEqual([['a', 'b']])
    running.observe(checked('full', 'a'))
    running.observe(checked('full', 'b'))
    vi.advanceTimersByTime(1_000)
    expect(told).toEqual(['Full: /disk/a and 1 more (true)'])
    vi.advanceTimersByTime(10_000)
    expect(confirmed).toHaveLength(1)
  })

  it('asks for none where one sample is enough, or the path is well again', () => {
    const { running, confirmed } = alerts()
    running.observe(checked('read-only', 'a'))
    running.observe(checked('missing', 'b'))
    running.observe(checked('ok', 'b'))
    vi.advanceTimersByTime(10_000)
    expect(confirmed).toEqual([])
  })

  it('takes back what is shown of a failure when it is over or has become another one', () => {
    const { running, told, withdrawn } = alerts()
    running.observe(checked('hung'))
    vi.advanceTimersByTime(1_000)
    running.observe(checked('read-only'))
    expect(withdrawn).toHaveLength(1)
    vi.advanceTimersByTime(1_000)
    running.observe(checked('ok'))
    vi.advanceTimersByTime(1_000)
    expect(withdrawn).toHaveLength(2)
    expect(told).toEqual([
      'Not answering: /disk/a (true)',
      'Read-only: /disk/a (true)',
      'Well again: /disk/a (true)',
    ])
  })

  it('tells of a path that goes missing on a disk where another one is missing already', () => {
    const { running, told } = alerts()
    for (const id of ['a', 'b']) {
      running.observe(checked('missing', id, 'ENOENT'))
      running.observe(checked('missing', id, 'ENOENT'))
      vi.advanceTimersByTime(2_000)
    }
    expect(told).toEqual(['Missing: /disk/a (true)', 'Missing: /disk/b (true)'])
  })

  it('tells of a disk that is not mounted once, whenever its paths are looked at', () => {
    const { running, told } = alerts()
    for (const id of ['a', 'b']) {
      running.observe(checked('missing', id))
      running.observe(checked('missing', id))
      vi.advanceTimersByTime(2_000)
    }
    expect(told).toEqual(['Missing: /disk/a (true)'])
  })

  it('shows the paths that fail now, and after the end all that were part of it', () => {
    const { running } = alerts()
    for (const id of ['a', 'b']) running.observe(checked('hung', id))
    running.observe(checked('ok', 'a'))
    expect(running.incidents().map(({ paths }) => paths)).toEqual([['/disk/b']])
    running.observe(checked('ok', 'b'))
    expect(running.incidents().map(({ paths }) => paths)).toEqual([['/disk/a', '/disk/b']])
  })

  it('are told in a second though the clock is set back', () => {
    const { running, told } = alerts()
    running.observe(checked('hung'))
    vi.setSystemTime(Date.now() - 3_600_000)
    vi.advanceTimersByTime(1_000)
    expect(told).toEqual(['Not answering: /disk/a (true)'])
  })

  it('tells of a disk that fails although its ext4 errors were told, also of the very path', () => {
    const { running, told, withdrawn } = alerts()
    const observe = (code: string | null, id: string) => {
      running.observe(checked('io-error', id, code))
      running.observe(checked('io-error', id, code))
      vi.advanceTimersByTime(2_000)
    }
    observe(null, 'a')
    // A single one is a suspicion still.
    running.observe(checked('io-error', 'a', 'EIO'))
    vi.advanceTimersByTime(2_000)
    expect(told).toHaveLength(1)
    observe(null, 'a')
    const before = Date.now()
    observe('EIO', 'a')
    expect(running.incidents()[0]?.startedAt).toBe(before)
    observe('EIO', 'b')
    observe(null, 'a')
    expect(told).toEqual(['Input/output error: /disk/a (true)', 'Input/output error: /disk/a (true)'])
    expect(withdrawn).toHaveLength(1)
  })

  it('leaves on the screen that something comes and goes until it is over or lasts', () => {
    const { running, told, withdrawn } = alerts()
    const unstable = () => withdrawn.filter((id) => id.startsWith('unstable-'))
    for (let time = 0; time < 5; time += 1) {
      running.observe(checked('hung'))
      vi.advanceTimersByTime(10_000)
      running.observe(checked('ok'))
      vi.advanceTimersByTime(10_000)
    }
    expect(told).toHaveLength(5)
    expect(unstable()).toEqual([])
    running.observe(checked('hung'))
    vi.advanceTimersByTime(310_000)
    expect(told.slice(5)).toEqual(['Not answering: /disk/a (true)'])
    expect(unstable()).toHaveLength(1)
  })

  it('says how often and since when, and how long in all', () => {
    const incident = {
      id: 'i',
      kind: 'hung' as const,
      group: '/disk',
      isOwn: false,
      paths: { a: '/disk/a' },
      failing: {},
      sentence: message('problem.other', { reason: '' }),
      startedAt: Date.now() - 14_400_000,
      endedAt: null,
      tellAtMs: 0,
      told: true,
      isSilent: true,
      repeatAtMs: 0,
      repeats: 0,
    }
    const { startedAt } = incident
    const trouble = { id: 'i', times: 3, lastings: 0, startedAt, incident, quietSinceMs: null }
    const said = (what: 'unstable' | 'lasting') =>
      notificationOf({ what, incident, trouble }, englishWords).body
    expect(said('unstable')).toMatch(/^It has failed 3 times since .*\d\d:\d\d\. /)
    expect(said('lasting')).toMatch(/^It has lasted for 4 hr, since .*\d\d:\d\d\.$/)
  })

  it('takes nothing back that was never shown', () => {
    const { running, withdrawn } = alerts()
    running.observe(checked('hung'))
    running.observe(checked('ok'))
    vi.advanceTimersByTime(5_000)
    expect(withdrawn).toEqual([])
  })
})
