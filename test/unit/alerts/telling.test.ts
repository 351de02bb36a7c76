import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createHandoverQueue } from '../../../core/alerts/alerts.ts'
import type { Incident } from '../../../core/alerts/incident.ts'
import { exampleNotice, type Notice } from '../../../core/alerts/incident.ts'

/** A notifier that takes what it is given when, and if, it wants to. */
function notifier() {
  const took: string[] = []
  const shown: string[] = []
  const how = { tellMs: 0, recordMs: 0, isAway: false }
  const take = (what: string, inMs: number, of: readonly (Notice | Incident)[]) =>
    new Promise<void>((resolve, reject) => {
      if (how.isAway) return reject(new Error('away'))
      setTimeout(() => {
        took.push(`${what} ${of.map((one) => ('what' in one ? one.what : one.endedAt)).join(' ')}`)
        resolve()
      }, inMs)
    })
  const telling = createHandoverQueue(
    {
      tell: (notices) => take('told', how.tellMs, notices),
      record: (incidents) => take('recorded', how.recordMs, incidents),
    },
    ({ what }) => shown.push(what),
  )
  return { telling, took, shown, how }
}

const failed = exampleNotice('failed', 1)
const recovered = exampleNotice('recovered', 1)
const wait = (ms: number) => vi.advanceTimersByTimeAsync(ms)

describe('notification handover queue', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('delivers each notification once', async () => {
    const { telling, took, shown } = notifier()
    telling.tell([failed])
    telling.tell([recovered])
    await wait(10_000)
    expect(took).toEqual(['told failed', 'told recovered'])
    expect(shown).toEqual([])
  })

  it('does not delay a notification behind an incident record', async () => {
    const { telling, took, shown, how } = notifier()
    how.recordMs = 14_000
    telling.record([failed.incident])
    telling.tell([failed])
    await wait(500)
    expect(took).toEqual(['told failed'])
    await wait(30_000)
    expect(took).toEqual(['told failed', 'recorded '])
    expect(shown).toEqual([])
  })

  it('shows a notification here once while the notifier is away, and delivers it afterwards', async () => {
    const { telling, took, shown, how } = notifier()
    how.isAway = true
    telling.tell([failed])
    await wait(2_900)
    expect(shown).toEqual([])
    await wait(20_000)
    expect(shown).toEqual(['failed'])
    telling.tell([recovered])
    await wait(1_000)
    how.isAway = false
    await wait(10_000)
    expect(took).toEqual(['told failed recovered'])
    expect(shown).toEqual(['failed'])
  })

  it('records only the latest state of an incident after the notifier was away', async () => {
    const { telling, took, how } = notifier()
    how.recordMs = 1_000
    telling.record([failed.incident])
    telling.record([{ ...failed.incident, endedAt: 7 }])
    await wait(5_000)
    expect(took).toEqual(['recorded ', 'recorded 7'])
    how.isAway = true
    telling.record([{ ...failed.incident, endedAt: 8 }])
    telling.record([{ ...failed.incident, endedAt: 9 }])
    await wait(1_000)
    how.isAway = false
    await wait(5_000)
    expect(took.slice(2)).toEqual(['recorded 9'])
  })

  it('keeps at most 1,000 notifications', async () => {
    const { telling, took, how } = notifier()
    how.isAway = true
    for (let index = 0; index < 1_100; index += 1) telling.tell([exampleNotice('failed', index)])
    how.isAway = false
    await wait(2_000)
    expect(took.join().match(/failed/g)).toHaveLength(1_000)
  })
})
