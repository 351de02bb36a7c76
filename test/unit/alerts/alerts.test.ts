import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { getSubjects } from '../../../core/alerts/kinds.ts'
import { alerts, checked } from '../../support/alerts/agent-alerts.ts'

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
    expect(told()).toEqual(['Full: /disk/a and 1 more'])
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

  it('takes what stays as it is for one sample, and tells sooner what is to be told sooner', () => {
    const { running, notices, confirmed } = alerts()
    const away = (tellAfterMs: number) => checked('unreachable', 'nas', { tellAfterMs })
    running.observeChanges([away(300_000), checked('full')])
    running.observeChanges([away(300_000), checked('full')])
    vi.advanceTimersByTime(20_000)
    expect([notices.length, confirmed]).toEqual([0, [['a']]])
    running.observeChanges([away(25_000), checked('full')])
    vi.advanceTimersByTime(5_000)
    expect(notices.map(({ incident }) => incident.kind)).toEqual(['unreachable'])
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
    expect(told()).toEqual(['Not responding: /disk/a', 'Read-only: /disk/a', 'Recovered: /disk/a'])
  })

  it('tells of a path that goes missing on a disk where another one is missing already', () => {
    const { running, told } = alerts()
    for (const id of ['a', 'b']) {
      running.observe(checked('missing', id, { isOwn: true }))
      running.observe(checked('missing', id, { isOwn: true }))
      vi.advanceTimersByTime(2_000)
    }
    expect(told()).toEqual(['Missing: /disk/a', 'Missing: /disk/b'])
  })

  it('tells of a disk that is not mounted once, whenever its paths are looked at', () => {
    const { running, told } = alerts()
    for (const id of ['a', 'b']) {
      running.observe(checked('missing', id))
      running.observe(checked('missing', id))
      vi.advanceTimersByTime(2_000)
    }
    expect(told()).toEqual(['Missing: /disk/a'])
  })

  it('shows the paths that fail now, and after the end all that were part of it', () => {
    const { running } = alerts()
    for (const id of ['a', 'b']) running.observe(checked('hung', id))
    running.observe(checked('ok', 'a'))
    expect(running.incidents().map(getSubjects)).toEqual([['/disk/b']])
    running.observe(checked('ok', 'b'))
    expect(running.incidents().map(getSubjects)).toEqual([['/disk/a', '/disk/b']])
  })

  it('are told in a second though the clock is set back', () => {
    const { running, told } = alerts()
    running.observe(checked('hung'))
    vi.setSystemTime(Date.now() - 3_600_000)
    vi.advanceTimersByTime(1_000)
    expect(told()).toEqual(['Not responding: /disk/a'])
  })

  it('tells of a disk that fails although its ext4 errors were told, also of the very path', () => {
    const { running, told, withdrawn } = alerts()
    const observe = (isOwn: boolean, id: string) => {
      running.observe(checked('io-error', id, { isOwn }))
      running.observe(checked('io-error', id, { isOwn }))
      vi.advanceTimersByTime(2_000)
    }
    observe(true, 'a')
    // A single one is a suspicion still.
    running.observe(checked('io-error', 'a'))
    vi.advanceTimersByTime(2_000)
    expect(told()).toHaveLength(1)
    observe(true, 'a')
    const before = Date.now()
    observe(false, 'a')
    expect(running.incidents()[0]?.startedAt).toBe(before)
    observe(false, 'b')
    observe(true, 'a')
    expect(told()).toEqual(['Input/output error: /disk/a', 'Input/output error: /disk/a'])
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
    expect(told()).toHaveLength(5)
    expect(unstable()).toEqual([])
    running.observe(checked('hung'))
    vi.advanceTimersByTime(310_000)
    expect(told().slice(5)).toEqual(['Not responding: /disk/a'])
    expect(unstable()).toHaveLength(1)
  })

  it('says how often and since when, and how long in all', () => {
    const { running, bodies, notices } = alerts()
    for (let time = 0; time < 3; time += 1) {
      running.observe(checked('hung'))
      vi.advanceTimersByTime(10_000)
      running.observe(checked('ok'))
      vi.advanceTimersByTime(10_000)
    }
    expect(bodies()[4]).toMatch(/^It has failed 3 times since .*\d\d:\d\d\. /)
    vi.advanceTimersByTime(900_000)
    expect(notices.at(-1)?.what).toBe('over')
    expect(bodies().at(-1)).toMatch(/ lasted 50 sec\.$/)
    running.observe(checked('read-only'))
    vi.advanceTimersByTime(14_402_000)
    expect(bodies().at(-1)).toMatch(/^It has lasted for 4 hr, since .*\d\d:\d\d\.$/)
  })

  it('takes nothing back that was never shown', () => {
    const { running, withdrawn } = alerts()
    running.observe(checked('hung'))
    running.observe(checked('ok'))
    vi.advanceTimersByTime(5_000)
    expect(withdrawn).toEqual([])
  })
})
