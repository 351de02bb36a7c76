import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { openIncidentFile } from '../../../core/alerts/alerts.ts'
import { logDroppedErrors } from '../../../core/dropped-errors.ts'
import { alerts, checked } from '../../support/alerts/agent-alerts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

describe('alerts after a restart', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  const start = () => {
    const directory = temporaryDirectory('incidents')
    /** One run after another; the end of each is waited for as far as it writes. */
    const run = (file = openIncidentFile(directory)) => alerts(file)
    return { directory, run }
  }

  it('repeat no notification, and send the recovery of a notified incident', async () => {
    const { run } = start()
    const first = run()
    first.running.observe(checked('read-only', 'a'))
    vi.advanceTimersByTime(2_000)
    const begun = first.running.incidents()[0]?.startedAt
    await first.running.stop()
    vi.advanceTimersByTime(3_600_000)
    const second = run()
    expect(second.running.incidents()).toMatchObject([
      { paths: { a: '/disk/a' }, startedAt: begun, endedAt: null },
    ])
    second.running.observe(checked('read-only', 'a'))
    vi.advanceTimersByTime(2_000)
    expect(second.told()).toEqual([])
    await second.running.stop()
    const third = run()
    third.running.observe(checked('ok', 'a'))
    vi.advanceTimersByTime(2_000)
    expect(third.told()).toEqual(['Recovered: /disk/a'])
    await third.running.stop()
    const fourth = run()
    expect(fourth.running.incidents()).toHaveLength(1)
    vi.advanceTimersByTime(2_000)
    expect(fourth.told()).toEqual([])
    await fourth.running.stop()
  })

  it('report a deletion as accepted that a person accepted before the restart', async () => {
    const { run } = start()
    const first = run()
    first.running.observe(checked('deleted', 'a'))
    vi.advanceTimersByTime(2_000)
    first.running.accept('a')
    await first.running.stop()
    const second = run()
    second.running.observe(checked('ok', 'a'))
    vi.advanceTimersByTime(2_000)
    expect(second.told()).toEqual(['Accepted: /disk/a'])
    await second.running.stop()
  })

  it('send a pending notification if the failure persists, and drop it if not', async () => {
    const { run } = start()
    const first = run()
    for (const id of ['a', 'b']) first.running.observe(checked('read-only', id, { group: id }))
    vi.advanceTimersByTime(500)
    await first.running.stop()
    const second = run()
    vi.advanceTimersByTime(2_000)
    expect(second.told()).toEqual([])
    second.running.observe(checked('read-only', 'a'))
    second.running.observe(checked('ok', 'b'))
    vi.advanceTimersByTime(2_000)
    expect(second.told()).toEqual(['Read-only: /disk/a'])
    await second.running.stop()
  })

  it('send no notification for a path that is no longer checked', async () => {
    const { run } = start()
    const first = run()
    first.running.observe(checked('read-only', 'a'))
    vi.advanceTimersByTime(2_000)
    await first.running.stop()
    const second = run()
    second.running.keepOnly(new Set(['b']))
    vi.advanceTimersByTime(2_000)
    expect(second.told()).toEqual([])
    expect(second.running.incidents()).toMatchObject([{ endedAt: expect.any(Number) }])
    await second.running.stop()
  })

  it('continue a flapping series, and send its recovery after a minute of observation', async () => {
    const { run } = start()
    const first = run()
    const flap = ({ running }: ReturnType<typeof run>) => {
      for (const kind of ['hung', 'ok'] as const) {
        running.observe(checked(kind))
        vi.advanceTimersByTime(10_000)
      }
    }
    for (let time = 0; time < 4; time += 1) flap(first)
    expect(first.told().slice(4)).toEqual(['Unstable: /disk/a (Not responding)'])
    await first.running.stop()
    const second = run()
    flap(second)
    expect(second.told()).toEqual([])
    await second.running.stop()
    // Nobody knows how it was meanwhile.
    vi.advanceTimersByTime(3_600_000)
    const third = run()
    vi.advanceTimersByTime(59_000)
    expect(third.told()).toEqual([])
    vi.advanceTimersByTime(2_000)
    expect(third.told()).toEqual(['Recovered: /disk/a'])
    await third.running.stop()
    expect(run().running.incidents()).toHaveLength(5)
  })

  it('repeat a lasting incident after 4 and 28 hours, not at each start', async () => {
    const { run } = start()
    const told: string[] = []
    for (let hours = 0; hours < 36; hours += 1) {
      const one = run()
      one.running.observe(checked('read-only'))
      vi.advanceTimersByTime(3_600_000)
      told.push(...one.told().map((title) => `${hours} ${title}`))
      await one.running.stop()
    }
    const again = 'Read-only: /disk/a'
    expect(told).toEqual([`0 ${again}`, `4 ${again}`, `28 ${again}`])
  })

  it('start empty if the incident file is broken, and notify if it cannot be written', async () => {
    const { directory, run } = start()
    writeFileSync(path.join(directory, 'incidents.json'), '{"open":[{}],')
    const first = run()
    expect(first.running.incidents()).toEqual([])
    const away = run(openIncidentFile(path.join(directory, 'not there')))
    away.running.observe(checked('read-only', 'a'))
    vi.advanceTimersByTime(2_000)
    await away.running.stop()
    expect(away.told()).toEqual(['Read-only: /disk/a'])
  })

  it('set an unreadable incident file aside before the first write, and log its new name', async () => {
    const { directory, run } = start()
    const lines: string[] = []
    logDroppedErrors((level, text) => lines.push(`${level} ${text}`))
    const broken = '{"open":[{}],'
    writeFileSync(path.join(directory, 'incidents.json'), broken)
    const first = run()
    first.running.observe(checked('read-only', 'a'))
    vi.advanceTimersByTime(2_000)
    await first.running.stop()
    const [aside = '', ...others] = readdirSync(directory).filter((name) => name !== 'incidents.json')
    expect([aside, others]).toEqual([expect.stringMatching(/^incidents\.set-aside-.*\.json$/), []])
    expect(readFileSync(path.join(directory, aside), 'utf8')).toBe(broken)
    expect(lines.filter((line) => line.includes(`renamed to ${path.join(directory, aside)}`))).toEqual([
      expect.stringMatching(/^warn SyntaxError dropped: /),
    ])
    const second = run()
    expect(second.running.incidents()).toMatchObject([{ paths: { a: '/disk/a' } }])
    await second.running.stop()
    expect(readdirSync(directory)).toHaveLength(2)
  })

  it('leave an unreadable incident file as it is if it cannot be set aside', async () => {
    const { directory: base, run } = start()
    // PATH_MAX is 4,096 bytes (limits.h): the longer name does not fit.
    const length = 4_095 - '/incidents.json'.length
    let directory = base
    while (length - directory.length > 250) directory = path.join(directory, 'd'.repeat(200))
    directory = path.join(directory, 'd'.repeat(length - directory.length - 1))
    mkdirSync(directory, { recursive: true })
    const file = path.join(directory, 'incidents.json')
    writeFileSync(file, 'broken')
    const first = run(openIncidentFile(directory))
    first.running.observe(checked('read-only', 'a'))
    vi.advanceTimersByTime(2_000)
    await first.running.stop()
    expect(first.told()).toEqual(['Read-only: /disk/a'])
    expect(readFileSync(file, 'utf8')).toBe('broken')
  })
})
