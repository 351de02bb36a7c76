import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { logDroppedErrors } from '../../../core/dropped-errors.ts'
import { message } from '../../../core/lib/i18n/message.ts'
import { alerts, checked } from '../../support/alerts/agent-alerts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

describe('alerts after a restart', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  const start = () => {
    const directory = temporaryDirectory('incidents')
    /** Starts a run on the directory of the run before. */
    const run = (loads = true) => alerts(directory, loads)
    return { directory, run }
  }

  it('repeat no notification, and send the recovery of a notified incident', async () => {
    const { run } = start()
    const first = run()
    first.running.observe(checked('read-only', 'a'))
    vi.advanceTimersByTime(2_000)
    const begun = first.running.incidents()[0]?.startedAt
    first.stop()
    vi.advanceTimersByTime(3_600_000)
    const second = run()
    expect(second.running.incidents()).toMatchObject([
      { paths: { a: '/disk/a' }, startedAt: begun, endedAt: null },
    ])
    second.running.observe(checked('read-only', 'a'))
    vi.advanceTimersByTime(2_000)
    expect(second.told()).toEqual([])
    second.stop()
    const third = run()
    third.running.observe(checked('ok', 'a'))
    vi.advanceTimersByTime(2_000)
    expect(third.told()).toEqual(['Recovered: /disk/a'])
    third.stop()
    const fourth = run()
    expect(fourth.running.incidents()).toHaveLength(1)
    vi.advanceTimersByTime(2_000)
    expect(fourth.told()).toEqual([])
    fourth.stop()
  })

  it.each([
    ['sender-silent', 'silent:pc', 'sender:silent:pc'],
    ['sender-failing', 'failing:pc', 'sender:failing:pc'],
    ['full', 'store', 'receiving'],
  ] as const)('notify the end of an incident %s of a receiver of 0.1.0', (kind, before, now) => {
    const { run } = start()
    const of = (id: string) => ({ group: id, path: 'pc', source: null })
    const first = run()
    // Some kinds need a second sample.
    for (let samples = 0; samples < 2; samples += 1) {
      first.running.observe(checked(kind, before, of(before)))
      vi.advanceTimersByTime(2_000)
    }
    first.stop()
    const second = run()
    second.running.keepOnly(new Set([now]))
    second.running.observe(checked(kind, now, of(now)))
    vi.advanceTimersByTime(2_000)
    expect(second.told()).toEqual([])
    second.running.observe(checked('ok', now, of(now)))
    vi.advanceTimersByTime(2_000)
    expect(second.told()).toEqual(['Recovered: pc'])
    second.stop()
  })

  it('report a deletion as accepted that a person accepted before the restart', async () => {
    const { run } = start()
    const first = run()
    first.running.observe(checked('deleted', 'a'))
    vi.advanceTimersByTime(2_000)
    first.running.accept('a')
    first.stop()
    const second = run()
    second.running.observe(checked('ok', 'a'))
    vi.advanceTimersByTime(2_000)
    expect(second.told()).toEqual(['Accepted: /disk/a'])
    second.stop()
  })

  it('send a pending notification if the failure persists, and drop it if not', async () => {
    const { run } = start()
    const first = run()
    for (const id of ['a', 'b']) first.running.observe(checked('read-only', id, { group: id }))
    vi.advanceTimersByTime(500)
    first.stop()
    const second = run()
    vi.advanceTimersByTime(2_000)
    expect(second.told()).toEqual([])
    second.running.observe(checked('read-only', 'a'))
    second.running.observe(checked('ok', 'b'))
    vi.advanceTimersByTime(2_000)
    expect(second.told()).toEqual(['Read-only: /disk/a'])
    second.stop()
  })

  it('send no notification for a path that is no longer checked', async () => {
    const { run } = start()
    const first = run()
    first.running.observe(checked('read-only', 'a'))
    vi.advanceTimersByTime(2_000)
    first.stop()
    const second = run()
    second.running.keepOnly(new Set(['b']))
    vi.advanceTimersByTime(2_000)
    expect(second.told()).toEqual([])
    expect(second.running.incidents()).toMatchObject([{ endedAt: expect.any(Number) }])
    second.stop()
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
    first.stop()
    const second = run()
    flap(second)
    expect(second.told()).toEqual([])
    second.stop()
    // Nobody knows how it was meanwhile.
    vi.advanceTimersByTime(3_600_000)
    const third = run()
    vi.advanceTimersByTime(59_000)
    expect(third.told()).toEqual([])
    vi.advanceTimersByTime(2_000)
    expect(third.told()).toEqual(['Recovered: /disk/a'])
    third.stop()
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
      one.stop()
    }
    const again = 'Read-only: /disk/a'
    expect(told).toEqual([`0 ${again}`, `4 ${again}`, `28 ${again}`])
  })

  it('apply a result only after the incidents of the last run are loaded', () => {
    const { run } = start()
    const first = run()
    first.running.observe(checked('read-only', 'a'))
    vi.advanceTimersByTime(2_000)
    first.stop()
    const second = run(false)
    second.running.keepOnly(new Set(['a']))
    second.running.observeChanges([checked('ok', 'a')])
    vi.advanceTimersByTime(1_500)
    expect(second.recorded).toEqual([])
    second.load()
    vi.advanceTimersByTime(2_000)
    expect(second.told()).toEqual(['Recovered: /disk/a'])
    second.stop()
  })

  it('send the recovery of an incident whose subject was known only by it before it was loaded', () => {
    const { run } = start()
    const first = run()
    first.running.observe(checked('sender-silent', 'a'))
    vi.advanceTimersByTime(2_000)
    first.stop()
    const second = run(false)
    second.running.keepOnly(new Set())
    second.load()
    second.running.keepOnly(new Set(['a']))
    second.running.observeChanges([checked('ok', 'a')])
    vi.advanceTimersByTime(2_000)
    expect(second.told()).toEqual(['Recovered: /disk/a'])
    second.stop()
  })

  it('add incidents that are loaded late to those that were found until then', () => {
    const { run } = start()
    const first = run()
    first.running.observe(checked('read-only', 'a'))
    vi.advanceTimersByTime(2_000)
    first.stop()
    const late = run(false)
    late.running.resume(null)
    late.running.observeChanges([checked('ok', 'a'), checked('hung', 'b')])
    vi.advanceTimersByTime(2_000)
    expect(late.told()).toEqual(['Not responding: /disk/b'])
    expect(late.confirmed).toEqual([])
    late.load()
    expect(late.running.incidents()).toMatchObject([{ kind: 'read-only' }, { kind: 'hung' }])
    expect(late.confirmed).toEqual([['a']])
    late.running.observeChanges([checked('ok', 'a'), checked('ok', 'b')])
    vi.advanceTimersByTime(2_000)
    expect(late.told().slice(1).sort()).toEqual(['Recovered: /disk/a', 'Recovered: /disk/b'])
    late.stop()
  })

  it('record the files that an incident names, without another notification, and those that its end names', () => {
    const { running, told, bodies, recorded, stop } = start().run()
    const missing = (files: string) =>
      checked('expected', 'a', {
        isOwn: true,
        sentence: message('condition.lacksAny', { pattern: files }),
      })
    running.observeChanges([missing('A')])
    vi.advanceTimersByTime(2_000)
    running.observeChanges([missing('B, A')])
    vi.advanceTimersByTime(2_000)
    expect(recorded.at(-1)?.sentence.params).toEqual({ pattern: 'B, A' })
    expect(told()).toHaveLength(1)
    const end = message('condition.gapsAny', { count: 2, pattern: 'A*', name: 'data' })
    running.observeChanges([{ ...checked('ok', 'a'), end }])
    vi.advanceTimersByTime(2_000)
    expect(bodies().at(-1)).toContain('Files of A* come to data again. 2 files are still missing.')
    expect(recorded.at(-1)?.end).toEqual(end)
    stop()
  })

  it.each(['lasts', 'has ended'])('continue an incident that is loaded late and %s by then', (state) => {
    const { run } = start()
    const first = run()
    first.running.observe(checked('read-only', 'a'))
    vi.advanceTimersByTime(2_000)
    const [{ id } = { id: '' }] = first.running.incidents()
    first.stop()
    const late = run(false)
    late.running.resume(null)
    late.running.observeChanges([checked('read-only', 'a')])
    vi.advanceTimersByTime(2_000)
    if (state === 'has ended') late.running.observeChanges([checked('ok', 'a')])
    late.load()
    expect(late.running.incidents()).toMatchObject([{ id, endedAt: null }])
    late.running.observeChanges([checked('ok', 'a')])
    vi.advanceTimersByTime(2_000)
    late.stop()
    const after = run()
    expect(after.running.incidents()).toMatchObject([{ id, endedAt: expect.any(Number) }])
    after.stop()
  })

  it('store a decision that a full disk refused with the next result', async () => {
    const { run } = start()
    const first = run()
    first.disk.isFull = true
    first.running.observe(checked('read-only', 'a'))
    await vi.advanceTimersByTimeAsync(2_000)
    expect(first.told()).toEqual(['Read-only: /disk/a'])
    first.disk.isFull = false
    first.running.observe(checked('read-only', 'a'))
    await vi.advanceTimersByTimeAsync(2_000)
    first.stop()
    const second = run()
    expect(second.running.incidents()).toMatchObject([{ paths: { a: '/disk/a' }, told: true }])
    second.stop()
  })

  it('take over the incident file of an earlier version, and remove it', () => {
    const { directory, run } = start()
    const first = run()
    for (const id of ['a', 'b']) first.running.observe(checked('read-only', id, { group: id }))
    vi.advanceTimersByTime(2_000)
    first.running.observe(checked('ok', 'b'))
    vi.advanceTimersByTime(2_000)
    first.stop()
    const [open, past] = first.running.incidents()
    // The file of an earlier version is newer than the database: no notice was lost in between.
    const file = path.join(directory, 'incidents.json')
    const plans = { tellAfterMs: 0, toldAt: Date.now(), named: ['a'] }
    writeFileSync(
      file,
      JSON.stringify({ open: [{ ...open, ...plans }], past: [past], owed: [], troubles: [] }),
    )
    for (const name of readdirSync(directory))
      if (name.startsWith('alerts.db')) rmSync(path.join(directory, name))
    const second = run()
    expect(second.running.incidents()).toEqual([open, past])
    expect(readdirSync(directory)).not.toContain('incidents.json')
    vi.advanceTimersByTime(10_000)
    second.running.observe(checked('read-only', 'a', { group: 'a' }))
    vi.advanceTimersByTime(2_000)
    expect(second.told()).toEqual([])
    second.stop()
    const third = run()
    expect(third.running.incidents()).toEqual([open, past])
    third.running.observe(checked('ok', 'a'))
    vi.advanceTimersByTime(2_000)
    expect(third.told()).toEqual(['Recovered: /disk/a'])
    third.stop()
  })

  it('set an unreadable incident file aside, and log its new name', () => {
    const { directory, run } = start()
    const lines: string[] = []
    logDroppedErrors((level, text) => lines.push(`${level} ${text}`))
    const broken = '{"open":[{}],'
    writeFileSync(path.join(directory, 'incidents.json'), broken)
    const first = run()
    first.running.observe(checked('read-only', 'a'))
    vi.advanceTimersByTime(2_000)
    first.stop()
    const [aside = '', ...others] = readdirSync(directory).filter((name) => name.startsWith('incidents'))
    expect([aside, others]).toEqual([expect.stringMatching(/^incidents\.set-aside-.*\.json$/), []])
    expect(readFileSync(path.join(directory, aside), 'utf8')).toBe(broken)
    expect(lines.filter((line) => line.includes(`renamed to ${path.join(directory, aside)}`))).toEqual([
      expect.stringMatching(/^warn SyntaxError dropped: /),
    ])
    const second = run()
    expect(second.running.incidents()).toMatchObject([{ paths: { a: '/disk/a' } }])
    second.stop()
  })
})
