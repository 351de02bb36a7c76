import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { EVERYTHING, getSubjects } from '../../../core/alerts/kinds.ts'
import { message } from '../../../core/lib/i18n/message.ts'
import { alerts, checked } from '../../support/alerts/agent-alerts.ts'

describe('alerting', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('requests a second sample after one second, and notifies after it', () => {
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

  it('requests no second sample if one is enough or the path is ok again', () => {
    const { running, confirmed } = alerts()
    running.observe(checked('read-only', 'a'))
    running.observe(checked('missing', 'b'))
    running.observe(checked('ok', 'b'))
    vi.advanceTimersByTime(10_000)
    expect(confirmed).toEqual([])
  })

  it('counts an unchanged report as one sample, and notifies sooner when the delay is shortened', () => {
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

  it('has the cause of an incident in its notification, and keeps the evidence until it is stored', async () => {
    const { running, notices, disk, recorded } = alerts()
    const cause = [message('cause.outOfMemory', { program: 'sshfs' })]
    running.observe(checked('read-only'))
    const [{ id } = expect.fail()] = running.incidents()
    disk.isFull = true
    running.explain(id, cause, 'lines')
    vi.advanceTimersByTime(1_000)
    expect(notices.map(({ incident }) => incident.cause)).toEqual([cause])
    await vi.advanceTimersByTimeAsync(1_000)
    expect(running.unstoredEvidence(id)).toBe('lines')
    disk.isFull = false
    await vi.advanceTimersByTimeAsync(10_000)
    expect(running.unstoredEvidence(id)).toBeNull()
    expect(recorded.at(-1)?.cause).toEqual(cause)
  })

  it('a muted destination or disk sends no notifications, and other ones do', () => {
    const { running, notices, muted } = alerts()
    muted.add('nas')
    muted.add('serial:7')
    for (const [id, kind] of [
      ['destination:nas', 'refused'],
      ['disk:serial:7', 'disk-health'],
      ['destination:usb', 'refused'],
      ['unfit:nas:photos', 'incomplete'],
      ['unfit:usb:photos', 'incomplete'],
    ] as const)
      running.observeChanges([checked(kind, id, { group: id, source: null })])
    vi.advanceTimersByTime(60_000)
    expect(notices.map(({ incident }) => Object.keys(incident.paths))).toEqual([
      ['destination:usb'],
      ['unfit:usb:photos'],
    ])
  })

  it('muted everything sends no notifications, and those that last when it ends', () => {
    const { running, notices, muted } = alerts()
    muted.add(EVERYTHING)
    const fails = (id: string) =>
      running.observeChanges([checked('refused', id, { group: id, source: null })])
    fails('destination:usb')
    vi.advanceTimersByTime(60_000)
    expect(notices).toEqual([])
    muted.delete(EVERYTHING)
    fails('destination:nas')
    vi.advanceTimersByTime(60_000)
    expect(notices.map(({ incident }) => incident.group).sort()).toEqual([
      'destination:nas',
      'destination:usb',
    ])
  })

  it('waits some seconds with the notification for a cause that is being read, and no longer', async () => {
    const { running, notices } = alerts()
    const cause = [message('cause.outOfMemory', { program: 'sshfs' })]
    const reading = (seconds: number, id: string) => {
      running.observe(checked('read-only', id, { group: id }))
      const incident = running.incidents().find(({ paths }) => id in paths) ?? expect.fail()
      const read = new Promise<void>((resolve) => setTimeout(resolve, seconds * 1_000))
      void running.waitForCause(
        incident.id,
        read.then(() => running.explain(incident.id, cause, 'lines')),
      )
    }
    reading(3, 'a')
    await vi.advanceTimersByTimeAsync(2_900)
    expect(notices).toEqual([])
    await vi.advanceTimersByTimeAsync(200)
    expect(notices.map(({ incident }) => incident.cause)).toEqual([cause])
    reading(60, 'b')
    await vi.advanceTimersByTimeAsync(5_100)
    expect(notices.map(({ incident }) => incident.cause)).toEqual([cause, undefined])
  })

  it('keeps a cause that is found after the end, and no empty one', () => {
    const { running } = alerts()
    running.observe(checked('read-only'))
    const [{ id } = expect.fail()] = running.incidents()
    running.explain(id, [], 'none')
    expect(running.incidents()[0]).not.toHaveProperty('cause')
    running.observe(checked('ok'))
    running.explain(id, [message('cause.outOfMemory', { program: 'sshfs' })], 'lines')
    expect(running.incidents()[0]?.cause).toHaveLength(1)
    expect(running.unstoredEvidence(id)).toBe('lines')
    expect(running.unstoredEvidence('another')).toBeNull()
  })

  it('has the cause that another computer reports with its failure, also a later one and none any more', () => {
    const { running, notices } = alerts()
    const cause = [message('cause.stoppedWriting', { type: 'ext4' })]
    const now = () => running.incidents().map((one) => one.cause)
    running.observeChanges([checked('sender-failing', 'roof', { cause: [] })])
    expect(now()).toEqual([[]])
    running.observeChanges([checked('sender-failing', 'roof', { cause })])
    expect(now()).toEqual([cause])
    vi.advanceTimersByTime(2_000)
    expect(notices.map(({ incident }) => incident.cause)).toEqual([cause])
    running.observeChanges([checked('sender-failing', 'roof', { cause: [] })])
    expect(now()).toEqual([[]])
    running.observeChanges([checked('sender-failing', 'shed', { cause, group: 'shed' })])
    expect(now()).toEqual([[], cause])
  })

  it('withdraws a shown notification when its incident ends or becomes another one', () => {
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

  it('notifies of a path that goes missing on a disk where another one is missing already', () => {
    const { running, told } = alerts()
    for (const id of ['a', 'b']) {
      running.observe(checked('missing', id, { isOwn: true }))
      running.observe(checked('missing', id, { isOwn: true }))
      vi.advanceTimersByTime(2_000)
    }
    expect(told()).toEqual(['Missing: /disk/a', 'Missing: /disk/b'])
  })

  it('notifies once of an unmounted disk, whenever its paths are checked', () => {
    const { running, told } = alerts()
    for (const id of ['a', 'b']) {
      running.observe(checked('missing', id))
      running.observe(checked('missing', id))
      vi.advanceTimersByTime(2_000)
    }
    expect(told()).toEqual(['Missing: /disk/a'])
  })

  it('lists the failing paths of an open incident, and all its paths after the end', () => {
    const { running } = alerts()
    for (const id of ['a', 'b']) running.observe(checked('hung', id))
    running.observe(checked('ok', 'a'))
    expect(running.incidents().map(getSubjects)).toEqual([['/disk/b']])
    running.observe(checked('ok', 'b'))
    expect(running.incidents().map(getSubjects)).toEqual([['/disk/a', '/disk/b']])
  })

  it('notifies within a second although the clock is set back', () => {
    const { running, told } = alerts()
    running.observe(checked('hung'))
    vi.setSystemTime(Date.now() - 3_600_000)
    vi.advanceTimersByTime(1_000)
    expect(told()).toEqual(['Not responding: /disk/a'])
  })

  it('notifies of a failing disk although its ext4 errors were notified for the same path', () => {
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

  it('keeps an unstable notification on the screen until the failure lasts', () => {
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

  it('states the count and start of a flapping series, and the duration at its end', () => {
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
    expect(bodies().at(-1)).toBe('/disk/a is back. It did not respond for 50 sec.')
    running.observe(checked('read-only'))
    vi.advanceTimersByTime(14_402_000)
    expect(bodies().at(-1)).toMatch(/^It has lasted for 4 hr, since .*\d\d:\d\d\.$/)
  })

  it('withdraws no notification that was never shown', () => {
    const { running, withdrawn } = alerts()
    running.observe(checked('hung'))
    running.observe(checked('ok'))
    vi.advanceTimersByTime(5_000)
    expect(withdrawn).toEqual([])
  })
})
