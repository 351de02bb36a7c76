import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { probeKinds } from '../../../core/check/checker-messages.ts'
import { startCheckerProcess } from '../../support/check/client.ts'
import { canMount, mountExt4, mountTmpfs } from '../../support/faults/mounts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

const createChecks = (...paths: string[]) =>
  paths.map((at, index) => ({ id: `p${index}`, path: at, probes: [...probeKinds] }))

const lastHour = (id: string) => ({ id, from: Date.now() - 3_600_000, to: Date.now() + 1_000, points: 500 })

describe('check history of the worker', () => {
  it('the history contains the reported checks, also after the worker was killed', async () => {
    const historyPath = path.join(temporaryDirectory('history'), 'history.db')
    const well = temporaryDirectory('well')
    const config = { paths: createChecks(well, path.join(well, 'absent')), historyPath }
    const checker = await startCheckerProcess(config)
    await until('some checks', () => checker.reports('p0').length >= 3 && checker.reports('p1').length >= 3)
    const { points, spanMs } = await checker.askHistory(lastHour('p0'))
    expect(spanMs).toBe(0)
    const reported = checker.reports('p0').slice(0, points.length)
    expect(points.length).toBeGreaterThanOrEqual(3)
    expect(points.map(({ at, gravest }) => [at, gravest])).toEqual(
      reported.map(({ at, overall }) => [Math.round(at), overall.kind]),
    )
    expect(points.map(({ delays }) => delays?.median ?? 0)).toEqual(
      reported.map(({ delayMs }) => expect.closeTo(delayMs ?? -1, 2)),
    )
    const absent = await checker.askHistory(lastHour('p1'))
    expect(absent.points[0]).toMatchObject({ gravest: 'missing', delays: null, kinds: { missing: 1 } })
    process.kill(checker.pid, 'SIGKILL')
    const again = await startCheckerProcess({ ...config, paths: [] })
    const later = await until('the history of the first worker', async () => {
      const answer = await again.askHistory(lastHour('p0'))
      return answer.points.length > 0 && answer
    })
    expect(later.points.slice(0, points.length)).toEqual(points)
  })

  it('a worker without a history path stores no history until a path is configured', async () => {
    const well = temporaryDirectory('well')
    const checker = await startCheckerProcess({ paths: createChecks(well) })
    await checker.sees('p0', 'ok')
    expect(await checker.askHistory(lastHour('p0'))).toEqual({ points: [], spanMs: 0 })
    checker.configure({ historyPath: path.join(temporaryDirectory('history'), 'history.db') })
    await until(
      'a check to be kept',
      async () => (await checker.askHistory(lastHour('p0'))).points.length > 0,
    )
  })

  it('a damaged history file is reported and does not stop the checks', async () => {
    const historyPath = path.join(temporaryDirectory('history'), 'history.db')
    writeFileSync(historyPath, 'no database')
    const checker = await startCheckerProcess({
      paths: createChecks(temporaryDirectory('well')),
      historyPath,
    })
    await checker.sees('p0', 'ok')
    await checker.askHistory(lastHour('p0'))
    expect(checker.notices()).toEqual(['check.historyBroken'])
  })
})

describe.skipIf(!canMount)('check history on a failing disk (mounting needs root)', () => {
  it('a full disk is reported once, checks continue, and its recovery is reported', async () => {
    const disk = await mountTmpfs(onTestFinished, { megabytes: 1 })
    writeFileSync(path.join(disk.point, 'fill'), Buffer.alloc(2 ** 20 - 8_192))
    const historyPath = path.join(disk.point, 'history.db')
    const checker = await startCheckerProcess({
      paths: createChecks(temporaryDirectory('well')),
      historyPath,
    })
    await until('the trouble to be told', () => checker.notices().length > 0, 120_000)
    expect(checker.notices()).toEqual(['check.historyLost'])
    const told = checker.reports('p0').length
    await until('four further checks', () => checker.reports('p0').length >= told + 4)
    writeFileSync(path.join(disk.point, 'fill'), '')
    await until('the end of the trouble to be told', () => checker.notices().length > 1, 120_000)
    expect(checker.notices()).toEqual(['check.historyLost', 'check.historyBack'])
    expect((await checker.askHistory(lastHour('p0'))).points.length).toBeGreaterThan(0)
  })

  it('checks continue while the disk is frozen, and all their results are stored after the thaw', async () => {
    const disk = await mountExt4(onTestFinished)
    const historyPath = path.join(disk.point, 'history.db')
    const checker = await startCheckerProcess({
      paths: createChecks(temporaryDirectory('well')),
      historyPath,
    })
    await checker.sees('p0', 'ok')
    await checker.askHistory(lastHour('p0'))
    const before = checker.reports('p0').length
    try {
      await disk.freeze()
      void checker.askHistory(lastHour('p0')).catch(() => undefined)
      await until('twenty further checks', () => checker.reports('p0').length >= before + 20, 100_000)
    } finally {
      await disk.thaw()
    }
    await until(
      'all checks to be kept',
      async () => (await checker.askHistory(lastHour('p0'))).points.length >= before + 20,
    )
    expect(checker.notices()).toEqual([])
  })
})
